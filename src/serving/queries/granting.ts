import { EngineError } from '../../model/errors.ts';
import { type Caller, type Permission, permissionsOfRole, type Role } from '../caller.ts';

/** Nobody gives, or takes from others, what they may not do themselves. Throws FORBIDDEN. */
export function requireAll(caller: Caller, needed: readonly Permission[]): void {
  const lacking = needed.find((permission) => !caller.permissions.has(permission));
  if (lacking !== undefined)
    throw new EngineError('FORBIDDEN', `you may not decide about ${lacking}, which you do not have`);
}

export function requireRole(caller: Caller, role: Role): void {
  requireAll(caller, permissionsOfRole[role]);
}

/** The person of a session. Throws FORBIDDEN for keys and machines, which have no account. */
export function personOf({ actor }: Caller): string {
  if (actor.kind !== 'user' && actor.kind !== 'operator')
    throw new EngineError('FORBIDDEN', 'only a person has an account; a key has none');
  return actor.id;
}
