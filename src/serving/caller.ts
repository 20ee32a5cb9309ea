/** What a call may need, as the `permissions` of PostgreSQL spell it: an area, a dot, a verb. */
export const permissions = [
  'pacing.read',
  'alerts.read',
  'records.read',
  'records.write',
  'sources.read',
  'rules.read',
  'rules.write',
  'members.read',
  'members.write',
  'keys.read',
  'keys.write',
  'configurations.read',
  'configurations.write',
  'audit.read',
  /** Lanes, sinks and addresses: of the engine, and so of no organization. */
  'engine.read',
] as const;

export type Permission = (typeof permissions)[number];

/** From the least to the most; the operator works for all organizations, and what it does is audited. */
export const roles = ['viewer', 'editor', 'admin', 'operator'] as const;

export type Role = (typeof roles)[number];

const viewer: readonly Permission[] = ['pacing.read', 'alerts.read', 'records.read', 'sources.read', 'rules.read'];
const editor: readonly Permission[] = [...viewer, 'rules.write', 'configurations.read'];
const admin: readonly Permission[] = permissions.filter((permission) => permission !== 'engine.read');

/** What a role may do; a membership or a key may have more, or be cut to less. */
export const permissionsOfRole: Readonly<Record<Role, readonly Permission[]>> = {
  viewer,
  editor,
  admin,
  operator: permissions,
};

/** Who acts: a person's session, an API key, the operator of the installation, or this machine's owner. */
export interface Actor {
  readonly kind: 'user' | 'key' | 'operator' | 'local';
  readonly id: string;
}

/** Who calls, for which organization, and what that one may: known before any query is made. */
export interface Caller {
  readonly actor: Actor;
  /** The one organization of this call, which the caller was found to belong to; null where the call asks of none. */
  readonly orgId: string | null;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  /** Of the call, for the access log and the audit. */
  readonly requestId: string;
}
