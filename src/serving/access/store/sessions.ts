import type { Permission } from '../../caller.ts';
import type { WriteContext } from '../../ports.ts';
import {
  boundedCount,
  forgetEnded,
  hashesOf,
  knownId,
  notFound,
  type StoreContext,
  type TokenRow,
} from './accounts-database.ts';
import { type MemberRole, readPermissions } from './people.ts';

export type SessionMethod = 'password' | 'oidc' | 'link' | 'invitation';

/** What a session's token says in one organization, at the moment of asking. */
export interface SessionFacts {
  readonly sessionId: string;
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly isOperator: boolean;
  readonly expiresMs: number;
  /** In the organization that was asked for; null = no member of it. */
  readonly role: MemberRole | null;
  readonly permissions: readonly Permission[];
}

interface SessionEntry {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  readonly email: string;
  readonly method: SessionMethod;
  readonly createdMs: number;
  readonly expiresMs: number;
}

/** Live sessions of a person; one more ends the oldest. */
export const sessionsPerUserMax = 20;

/** Sessions, of whose tokens the store knows the SHA-256 alone. */
export class Sessions {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  async add(
    by: WriteContext,
    session: {
      readonly orgId: string;
      readonly userId: string;
      readonly tokenHash: Uint8Array;
      readonly method: SessionMethod;
      readonly expiresMs: number;
    },
  ): Promise<string> {
    const { database, newId, nowMs, onTouched } = this.#context;
    const { orgId, userId, tokenHash, method, expiresMs } = session;
    const id = newId();
    const now = nowMs();
    const ended = await database.write(by, async (run) => {
      await run(
        `INSERT INTO paceline.sessions (org_id, id, user_id, token_hash, method, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, ${database.instant('$6')}, ${database.instant('$7')})`,
        [orgId, id, knownId(userId, 'user'), tokenHash, method, now, expiresMs],
      );
      return await run<TokenRow>(
        `UPDATE paceline.sessions SET revoked_at = ${database.instant('$2')} WHERE id IN (
           SELECT id FROM paceline.sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > ${database.instant('$2')}
           ORDER BY created_at DESC, id LIMIT 1000 OFFSET ${sessionsPerUserMax}) RETURNING token_hash`,
        [userId, now],
      );
    });
    await onTouched(hashesOf(ended));
    return id;
  }

  /** Null for a token that nobody has, or whose session or person may no longer enter anything. */
  async find(tokenHash: Uint8Array, orgId: string | null): Promise<SessionFacts | null> {
    const { database, nowMs } = this.#context;
    const [row] = await database.read<FactsRow>(
      `SELECT s.id, s.user_id, u.email, u.name, ${database.ms('s.expires_at')} AS expires_ms, o.user_id AS operator_id, m.role,
         (SELECT string_agg(p.action, ' ') FROM paceline.permissions p WHERE p.org_id = m.org_id AND p.user_id = m.user_id) AS actions
       FROM paceline.sessions s JOIN paceline.users u ON u.id = s.user_id
       LEFT JOIN paceline.operators o ON o.user_id = u.id
       LEFT JOIN paceline.org_memberships m ON m.user_id = u.id AND m.org_id = $2
       WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND u.disabled_at IS NULL AND s.expires_at > ${database.instant('$3')}`,
      [tokenHash, orgId ?? '_system', nowMs()],
    );
    if (row === undefined) return null;
    return {
      sessionId: row.id,
      userId: row.user_id,
      email: row.email,
      name: row.name,
      isOperator: row.operator_id !== null,
      expiresMs: row.expires_ms,
      role: row.role,
      permissions: readPermissions(row.actions),
    };
  }

  /** Notes, once a session, that an operator entered an organization: its audit log shows it. */
  async noteVisit(by: WriteContext, visit: { orgId: string; sessionId: string; userId: string }): Promise<void> {
    const { database, nowMs } = this.#context;
    await database.write(by, (run) =>
      run(
        `INSERT INTO paceline.operator_visits (org_id, session_id, user_id, created_at)
         VALUES ($1, $2, $3, ${database.instant('$4')}) ON CONFLICT (org_id, session_id) DO NOTHING`,
        [visit.orgId, visit.sessionId, visit.userId, nowMs()],
      ),
    );
  }

  /** Live ones, newest first: of one person, or of all. */
  async list(page: { userId?: string; count?: number } = {}): Promise<SessionEntry[]> {
    const { database, nowMs } = this.#context;
    const userId = page.userId === undefined ? null : knownId(page.userId, 'user');
    const rows = await database.read<EntryRow>(
      `SELECT s.id, s.org_id, s.user_id, u.email, s.method, ${database.ms('s.created_at')} AS created_ms, ${database.ms('s.expires_at')} AS expires_ms
       FROM paceline.sessions s JOIN paceline.users u ON u.id = s.user_id
       WHERE s.revoked_at IS NULL AND s.expires_at > ${database.instant('$1')}${userId === null ? '' : ' AND s.user_id = $2'}
       ORDER BY s.created_at DESC, s.id LIMIT ${boundedCount(page.count)}`,
      userId === null ? [nowMs()] : [nowMs(), userId],
    );
    return rows.map((row) => ({
      id: row.id,
      orgId: row.org_id,
      userId: row.user_id,
      email: row.email,
      method: row.method,
      createdMs: row.created_ms,
      expiresMs: row.expires_ms,
    }));
  }

  /** Ends one session; with `ownerId`, only where it is that person's. Throws NOT_FOUND. */
  async revoke(by: WriteContext, sessionId: string, ownerId: string | null = null): Promise<void> {
    const ended = await this.#end(by, 'id = $2', knownId(sessionId, 'session'), ownerId);
    if (ended === 0) throw notFound('session');
  }

  /** Ends all sessions of a person; says how many they were. */
  async revokeAllOf(by: WriteContext, userId: string): Promise<number> {
    return await this.#end(by, 'user_id = $2', knownId(userId, 'user'), null);
  }

  /** Forgets those that ended before `beforeMs`, the oldest first; says how many they were. */
  async forget(by: WriteContext, beforeMs: number): Promise<number> {
    const { database } = this.#context;
    return await forgetEnded(database, by, beforeMs, { table: 'sessions', ends: ['revoked_at', 'expires_at'] });
  }

  async #end(by: WriteContext, which: string, id: string, ownerId: string | null): Promise<number> {
    const { database, nowMs, onTouched } = this.#context;
    const owner = ownerId === null ? null : knownId(ownerId, 'session');
    const ended = await database.write(by, (run) =>
      run<TokenRow>(
        `UPDATE paceline.sessions SET revoked_at = ${database.instant('$1')}
         WHERE revoked_at IS NULL AND expires_at > ${database.instant('$1')} AND ${which}${owner === null ? '' : ' AND user_id = $3'} RETURNING token_hash`,
        owner === null ? [nowMs(), id] : [nowMs(), id, owner],
      ),
    );
    await onTouched(hashesOf(ended));
    return ended.length;
  }
}

interface FactsRow {
  readonly id: string;
  readonly user_id: string;
  readonly email: string;
  readonly name: string;
  readonly expires_ms: number;
  readonly operator_id: string | null;
  readonly role: MemberRole | null;
  readonly actions: string | null;
}

interface EntryRow {
  readonly id: string;
  readonly org_id: string;
  readonly user_id: string;
  readonly email: string;
  readonly method: SessionMethod;
  readonly created_ms: number;
  readonly expires_ms: number;
}
