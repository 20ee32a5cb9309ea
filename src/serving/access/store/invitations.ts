import { EngineError } from '../../../model/errors.ts';
import type { WriteContext } from '../../ports.ts';
import { boundedCount, forgetEnded, knownId, notFound, type RunSql, type StoreContext } from './accounts-database.ts';
import { checkedEmail, checkedOrg, type MemberRole, memberRoles } from './people.ts';

/** A place that an organization keeps for an address; the token that takes it is stored nowhere. */
export interface Invitation {
  readonly orgId: string;
  readonly id: string;
  readonly email: string;
  readonly role: MemberRole;
  readonly createdBy: string;
  readonly createdMs: number;
  readonly expiresMs: number;
}

const invitationsPerOrganizationMax = 500;

export class Invitations {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Takes back what the same address was sent before. Throws NOT_FOUND for an unknown organization. */
  async add(
    by: WriteContext,
    invitation: {
      readonly orgId: string;
      readonly email: string;
      readonly role: MemberRole;
      readonly tokenHash: Uint8Array;
      readonly expiresMs: number;
    },
  ): Promise<Invitation> {
    const { database, newId, nowMs } = this.#context;
    const { orgId, role, tokenHash, expiresMs } = invitation;
    const email = checkedEmail(invitation.email);
    const now = nowMs();
    if (!memberRoles.includes(role))
      throw new EngineError('REQUEST_INVALID', `role must be one of ${memberRoles.join(', ')}`);
    const id = newId();
    await database.write(by, async (run) => {
      await run(
        `UPDATE paceline.invitations SET revoked_at = ${database.instant('$3')}
         WHERE org_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL`,
        [checkedOrg(orgId), email, now],
      );
      await database.admitOrganization(run, orgId);
      const made = await run(
        `INSERT INTO paceline.invitations (org_id, id, email, role, token_hash, created_by, created_at, expires_at)
         SELECT o.id, $2, $3, $4, $5, $6, ${database.instant('$7')}, ${database.instant('$8')} FROM paceline.organizations o WHERE o.id = $1
         RETURNING id`,
        [orgId, id, email, role, tokenHash, by.actor, now, expiresMs],
      );
      if (made.length === 0) throw notFound('organization');
      const [{ open }] = await run<{ open: number | string }>(
        `SELECT count(*) AS open FROM paceline.invitations
         WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ${database.instant('$2')}`,
        [orgId, now],
      );
      if (Number(open) > invitationsPerOrganizationMax)
        throw new EngineError('REQUEST_INVALID', `at most ${invitationsPerOrganizationMax} invitations may be open`);
    });
    return { orgId, id, email, role, createdBy: by.actor, createdMs: now, expiresMs };
  }

  /** An open one by its token; null for any other. */
  async find(tokenHash: Uint8Array): Promise<Invitation | null> {
    return await this.#find(this.#context.database.read, tokenHash);
  }

  /**
   * Makes the user a member, in one step with using up the token: it can be taken once. A member of a higher
   * role keeps it. Throws NOT_FOUND for a token that is not open, or no longer.
   */
  async accept(by: WriteContext, tokenHash: Uint8Array, userId: string): Promise<Invitation> {
    const { database, nowMs } = this.#context;
    const user = knownId(userId, 'user');
    return await database.write(by, async (run) => {
      const found = await this.#find(run, tokenHash);
      if (found === null) throw notFound('invitation');
      const taken = await run(
        `UPDATE paceline.invitations SET accepted_at = ${database.instant('$3')}
         WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL RETURNING id`,
        [found.orgId, found.id, nowMs()],
      );
      if (taken.length === 0) throw notFound('invitation');
      const [held] = await run<{ role: MemberRole }>(
        'SELECT role FROM paceline.org_memberships WHERE org_id = $1 AND user_id = $2',
        [found.orgId, user],
      );
      const isMore = held === undefined || memberRoles.indexOf(held.role) < memberRoles.indexOf(found.role);
      if (isMore)
        await run(
          `INSERT INTO paceline.org_memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, ${database.instant('$4')})
           ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role`,
          [found.orgId, user, found.role, nowMs()],
        );
      return found;
    });
  }

  /** The open ones, oldest first. */
  async list(orgId: string, page: { count?: number } = {}): Promise<Invitation[]> {
    const { database, nowMs } = this.#context;
    const rows = await database.readOf(checkedOrg(orgId))<InvitationRow>(
      `${this.#select} WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ${database.instant('$2')}
       ORDER BY created_at, id LIMIT ${boundedCount(page.count)}`,
      [orgId, nowMs()],
    );
    return rows.map(toInvitation);
  }

  async revoke(by: WriteContext, orgId: string, invitationId: string): Promise<void> {
    const { database, nowMs } = this.#context;
    const ended = await database.write(by, (run) =>
      run(
        `UPDATE paceline.invitations SET revoked_at = ${database.instant('$3')}
         WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL RETURNING id`,
        [checkedOrg(orgId), knownId(invitationId, 'invitation'), nowMs()],
      ),
    );
    if (ended.length === 0) throw notFound('invitation');
  }

  /** Forgets those that were taken up, taken back or over before `beforeMs`; says how many they were. */
  async forget(by: WriteContext, beforeMs: number): Promise<number> {
    const { database } = this.#context;
    const ends = ['revoked_at', 'accepted_at', 'expires_at'] as const;
    return await forgetEnded(database, by, beforeMs, { table: 'invitations', ends });
  }

  get #select(): string {
    const { ms } = this.#context.database;
    return `SELECT org_id, id, email, role, created_by, ${ms('created_at')} AS created_ms, ${ms('expires_at')} AS expires_ms
       FROM paceline.invitations`;
  }

  async #find(run: RunSql, tokenHash: Uint8Array): Promise<Invitation | null> {
    const { database, nowMs } = this.#context;
    const [row] = await run<InvitationRow>(
      `${this.#select} WHERE token_hash = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ${database.instant('$2')}`,
      [tokenHash, nowMs()],
    );
    return row === undefined ? null : toInvitation(row);
  }
}

interface InvitationRow {
  readonly org_id: string;
  readonly id: string;
  readonly email: string;
  readonly role: MemberRole;
  readonly created_by: string;
  readonly created_ms: number;
  readonly expires_ms: number;
}

function toInvitation(row: InvitationRow): Invitation {
  return {
    orgId: row.org_id,
    id: row.id,
    email: row.email,
    role: row.role,
    createdBy: row.created_by,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
  };
}
