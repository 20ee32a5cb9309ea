import { EngineError } from '../../../model/errors.ts';
import { idPattern } from '../../../model/ids.ts';
import { type Permission, permissions } from '../../caller.ts';
import type { WriteContext } from '../../ports.ts';
import {
  boundedCount,
  hashesOf,
  knownId,
  notFound,
  type RunSql,
  type StoreContext,
  type TokenRow,
} from './accounts-database.ts';

/** Roles of a membership; the operator is no member of anything. */
export const memberRoles = ['viewer', 'editor', 'admin'] as const;
export type MemberRole = (typeof memberRoles)[number];

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly createdMs: number;
  readonly disabledMs: number | null;
  readonly isOperator: boolean;
}

interface Membership {
  readonly orgId: string;
  readonly role: MemberRole;
}

export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
  /** Beyond the role. */
  readonly permissions: readonly Permission[];
  readonly sinceMs: number;
  readonly disabledMs: number | null;
}

interface StoredPassword {
  readonly user: User;
  /** Null: this person has no password and comes by an OpenID provider. */
  readonly passwordHash: string | null;
}

const emailMax = 254;

/** As it is stored and compared. Throws REQUEST_INVALID. */
export function checkedEmail(text: string): string {
  const email = text.trim().toLowerCase();
  if (email.length > emailMax || !/^[^@\s\0]+@[^@\s\0]+$/.test(email))
    throw new EngineError('REQUEST_INVALID', 'email must read name@host, at most 254 characters');
  return email;
}

function checkedName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > 200 || name.includes('\0'))
    throw new EngineError('REQUEST_INVALID', 'name must have 1 to 200 characters');
  return name;
}

/** Throws NOT_FOUND for what cannot be the id of an organization. */
export function checkedOrg(orgId: string): string {
  if (!idPattern.test(orgId) || orgId.startsWith('_')) throw notFound('organization');
  return orgId;
}

export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}

/** Names that an older or newer version wrote, and we do not know, permit nothing. */
export function readPermissions(text: string | null): Permission[] {
  return (text ?? '').split(' ').filter(isPermission);
}

/** Who there is, what proves it, and where each belongs. */
export class People {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Throws EDIT_CONFLICT for an address that somebody has, REQUEST_INVALID for what is none. */
  async add(by: WriteContext, person: { email: string; name: string }): Promise<User> {
    const { database, newId, nowMs } = this.#context;
    const user = { id: newId(), email: checkedEmail(person.email), name: checkedName(person.name), at: nowMs() };
    await database.write(by, async (run) => {
      const made = await run(
        `INSERT INTO paceline.users (id, email, name, created_at) VALUES ($1, $2, $3, ${database.instant('$4')})
         ON CONFLICT (email) DO NOTHING RETURNING id`,
        [user.id, user.email, user.name, user.at],
      );
      if (made.length === 0) throw new EngineError('EDIT_CONFLICT', `${user.email} is a user already`);
    });
    const { id, email, name, at } = user;
    return { id, email, name, createdMs: at, disabledMs: null, isOperator: false };
  }

  async find(userId: string): Promise<User | null> {
    const id = knownId(userId, 'user');
    return (await this.#users('u.id = $1', [id], 1))[0] ?? null;
  }

  async findByEmail(text: string): Promise<User | null> {
    return (await this.#users('u.email = $1', [checkedEmail(text)], 1))[0] ?? null;
  }

  /** In the order of their addresses, after that of `after`. */
  async list(page: { after?: string; count?: number } = {}): Promise<User[]> {
    return await this.#users('u.email > $1', [page.after ?? ''], boundedCount(page.count));
  }

  async hasAny(): Promise<boolean> {
    return (await this.#context.database.read('SELECT 1 AS one FROM paceline.users LIMIT 1')).length > 0;
  }

  /** Null for an unknown address; never says anything else about it. */
  async findPassword(email: string): Promise<StoredPassword | null> {
    const user = await this.findByEmail(email);
    if (user === null) return null;
    const found = await this.#context.database.read<{ password_hash: string }>(
      'SELECT password_hash FROM paceline.credentials WHERE user_id = $1',
      [user.id],
    );
    return { user, passwordHash: found[0]?.password_hash ?? null };
  }

  /** Ends all sessions of the user but `keptSessionId`: who learnt the old password is out. */
  async setPassword(
    by: WriteContext,
    userId: string,
    hash: string,
    keptSessionId: string | null = null,
  ): Promise<void> {
    const { database, nowMs, onTouched } = this.#context;
    const id = knownId(userId, 'user');
    const kept = keptSessionId === null ? '' : knownId(keptSessionId, 'session');
    const ended = await database.write(by, async (run) => {
      await run(
        `INSERT INTO paceline.credentials (user_id, password_hash, changed_at) VALUES ($1, $2, ${database.instant('$3')})
         ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = excluded.changed_at`,
        [id, hash, nowMs()],
      );
      return await run<TokenRow>(
        `UPDATE paceline.sessions SET revoked_at = ${database.instant('$2')}
         WHERE user_id = $1 AND revoked_at IS NULL AND CAST(id AS text) <> $3 RETURNING token_hash`,
        [id, nowMs(), kept],
      );
    });
    await onTouched(hashesOf(ended));
  }

  /** A better way of hashing the same password, while it is at hand: nothing that ends a session. */
  async refreshPassword(by: WriteContext, userId: string, hash: string): Promise<void> {
    await this.#context.database.write(by, (run) =>
      run('UPDATE paceline.credentials SET password_hash = $2 WHERE user_id = $1', [knownId(userId, 'user'), hash]),
    );
  }

  async findByIdentity(issuer: string, subject: string): Promise<User | null> {
    const where = 'u.id = (SELECT user_id FROM paceline.identities WHERE issuer = $1 AND subject = $2)';
    return (await this.#users(where, [issuer, subject], 1))[0] ?? null;
  }

  /** Throws EDIT_CONFLICT where the identity is another user's. */
  async linkIdentity(by: WriteContext, userId: string, identity: { issuer: string; subject: string }): Promise<void> {
    const { database, nowMs } = this.#context;
    const { issuer, subject } = identity;
    const id = knownId(userId, 'user');
    await database.write(by, async (run) => {
      await run(
        `INSERT INTO paceline.identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, ${database.instant('$4')})
         ON CONFLICT (issuer, subject) DO NOTHING`,
        [issuer, subject, id, nowMs()],
      );
      const held = await run<{ user_id: string }>(
        'SELECT user_id FROM paceline.identities WHERE issuer = $1 AND subject = $2',
        [issuer, subject],
      );
      if (held[0]?.user_id !== id) throw new EngineError('EDIT_CONFLICT', 'this identity is linked to another user');
    });
  }

  /** A disabled user is let in nowhere, from this moment on. */
  async setDisabled(by: WriteContext, userId: string, isDisabled: boolean): Promise<void> {
    const { database, nowMs } = this.#context;
    await this.#change(by, userId, (run, id) =>
      run(`UPDATE paceline.users SET disabled_at = ${database.instant('$2')} WHERE id = $1 RETURNING id`, [
        id,
        isDisabled ? nowMs() : null,
      ]),
    );
  }

  /** An operator may enter every organization. */
  async setOperator(by: WriteContext, userId: string, isOperator: boolean): Promise<void> {
    const { database, nowMs } = this.#context;
    await this.#change(by, userId, async (run, id) => {
      if (isOperator)
        await run(
          `INSERT INTO paceline.operators (user_id, created_at) VALUES ($1, ${database.instant('$2')}) ON CONFLICT (user_id) DO NOTHING`,
          [id, nowMs()],
        );
      else await run('DELETE FROM paceline.operators WHERE user_id = $1', [id]);
      return await run('SELECT id FROM paceline.users WHERE id = $1', [id]);
    });
  }

  /** Makes a member, or changes the role of one. Throws NOT_FOUND for an unknown organization or user. */
  async setRole(by: WriteContext, orgId: string, userId: string, role: MemberRole): Promise<void> {
    const { database, nowMs } = this.#context;
    const org = checkedOrg(orgId);
    if (!memberRoles.includes(role))
      throw new EngineError('REQUEST_INVALID', `role must be one of ${memberRoles.join(', ')}`);
    await this.#change(by, userId, async (run, id) => {
      await database.admitOrganization(run, org);
      if ((await run('SELECT id FROM paceline.organizations WHERE id = $1', [org])).length === 0)
        throw notFound('organization');
      return await run(
        `INSERT INTO paceline.org_memberships (org_id, user_id, role, created_at)
         SELECT $1, id, $3, ${database.instant('$4')} FROM paceline.users WHERE id = $2
         ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role RETURNING user_id`,
        [org, id, role, nowMs()],
      );
    });
  }

  async removeMember(by: WriteContext, orgId: string, userId: string): Promise<void> {
    await this.#change(
      by,
      userId,
      (run, id) =>
        run('DELETE FROM paceline.org_memberships WHERE org_id = $1 AND user_id = $2 RETURNING user_id', [
          checkedOrg(orgId),
          id,
        ]),
      'member',
    );
  }

  /** What the member may do beyond the role: these, and no others. */
  async setPermissions(by: WriteContext, orgId: string, userId: string, actions: readonly Permission[]): Promise<void> {
    const { database, nowMs } = this.#context;
    const org = checkedOrg(orgId);
    const wrong = actions.find((action) => !isPermission(action) || action === 'engine.read');
    if (wrong !== undefined) throw new EngineError('REQUEST_INVALID', `${wrong} is no permission of an organization`);
    await this.#change(
      by,
      userId,
      async (run, id) => {
        const member = await run('SELECT user_id FROM paceline.org_memberships WHERE org_id = $1 AND user_id = $2', [
          org,
          id,
        ]);
        if (member.length === 0) return [];
        await run('DELETE FROM paceline.permissions WHERE org_id = $1 AND user_id = $2', [org, id]);
        for (const action of new Set(actions))
          await run(
            `INSERT INTO paceline.permissions (org_id, user_id, action, created_at) VALUES ($1, $2, $3, ${database.instant('$4')})`,
            [org, id, action, nowMs()],
          );
        return member;
      },
      'member',
    );
  }

  /** Throws NOT_FOUND for who is no member, whoever it is. */
  async findMember(orgId: string, userId: string): Promise<Member> {
    const [member] = await this.#members(orgId, 'u.id = $2', knownId(userId, 'member'), 1);
    if (member === undefined) throw notFound('member');
    return member;
  }

  /** In the order of their addresses, after that of `after`. */
  async membersOf(orgId: string, page: { after?: string; count?: number } = {}): Promise<Member[]> {
    return await this.#members(orgId, 'u.email > $2', page.after ?? '', boundedCount(page.count));
  }

  async #members(orgId: string, where: string, value: string, count: number): Promise<Member[]> {
    const { database } = this.#context;
    const rows = await database.readOf(checkedOrg(orgId))<MemberRow>(
      `SELECT u.id, u.email, u.name, m.role, ${database.ms('m.created_at')} AS since_ms, ${database.ms('u.disabled_at')} AS disabled_ms,
         (SELECT string_agg(p.action, ' ') FROM paceline.permissions p WHERE p.org_id = m.org_id AND p.user_id = m.user_id) AS actions
       FROM paceline.org_memberships m JOIN paceline.users u ON u.id = m.user_id
       WHERE m.org_id = $1 AND ${where} ORDER BY u.email LIMIT ${count}`,
      [orgId, value],
    );
    return rows.map((row) => ({
      userId: row.id,
      email: row.email,
      name: row.name,
      role: row.role,
      permissions: readPermissions(row.actions),
      sinceMs: row.since_ms,
      disabledMs: row.disabled_ms,
    }));
  }

  async membershipsOf(userId: string): Promise<Membership[]> {
    const rows = await this.#context.database.read<{ org_id: string; role: MemberRole }>(
      'SELECT org_id, role FROM paceline.org_memberships WHERE user_id = $1 ORDER BY org_id LIMIT 1000',
      [knownId(userId, 'user')],
    );
    return rows.map(({ org_id, role }) => ({ orgId: org_id, role }));
  }

  async organizations(): Promise<string[]> {
    const rows = await this.#context.database.read<{ id: string }>(
      "SELECT id FROM paceline.organizations WHERE id <> '_default' ORDER BY id LIMIT 10000",
    );
    return rows.map(({ id }) => id);
  }

  /** A change of what a user may: whoever keeps answers about the user's tokens forgets them. */
  async #change(
    by: WriteContext,
    userId: string,
    change: (run: RunSql, id: string) => Promise<object[]>,
    what = 'user',
  ): Promise<void> {
    const { database, onTouched } = this.#context;
    const id = knownId(userId, what);
    const touched = await database.write(by, async (run) => {
      if ((await change(run, id)).length === 0) throw notFound(what);
      return await run<TokenRow>('SELECT token_hash FROM paceline.sessions WHERE user_id = $1 AND revoked_at IS NULL', [
        id,
      ]);
    });
    await onTouched(hashesOf(touched));
  }

  async #users(where: string, values: readonly string[], count: number): Promise<User[]> {
    const { database } = this.#context;
    const rows = await database.read<UserRow>(
      `SELECT u.id, u.email, u.name, ${database.ms('u.created_at')} AS created_ms, ${database.ms('u.disabled_at')} AS disabled_ms,
         o.user_id AS operator_id
       FROM paceline.users u LEFT JOIN paceline.operators o ON o.user_id = u.id
       WHERE ${where} ORDER BY u.email LIMIT ${count}`,
      values,
    );
    return rows.map((row) => ({
      id: row.id,
      email: row.email,
      name: row.name,
      createdMs: row.created_ms,
      disabledMs: row.disabled_ms,
      isOperator: row.operator_id !== null,
    }));
  }
}

interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly created_ms: number;
  readonly disabled_ms: number | null;
  readonly operator_id: string | null;
}

interface MemberRow extends Omit<UserRow, 'created_ms' | 'operator_id'> {
  readonly role: MemberRole;
  readonly since_ms: number;
  readonly actions: string | null;
}
