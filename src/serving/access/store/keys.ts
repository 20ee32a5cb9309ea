import { EngineError } from '../../../model/errors.ts';
import type { Permission } from '../../caller.ts';
import type { WriteContext } from '../../ports.ts';
import { boundedCount, forgetEnded, knownId, notFound, type StoreContext } from './accounts-database.ts';
import { checkedOrg, isPermission, readPermissions } from './people.ts';

/** A key as people see it; its secret is stored nowhere. */
export interface ApiKey {
  readonly orgId: string;
  readonly id: string;
  readonly name: string;
  /** The part of the key that may be shown: it finds the key. */
  readonly prefix: string;
  readonly scopes: readonly Permission[];
  readonly createdBy: string;
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
  /** To the minute. */
  readonly usedMs: number | null;
}

/** What comparing needs. */
interface KeyFacts {
  readonly orgId: string;
  readonly id: string;
  readonly scopes: readonly Permission[];
  readonly expiresMs: number | null;
  readonly hash: Uint8Array;
}

/** Keys that an organization may hold at once. */
const keysPerOrganizationMax = 200;

/** Keys of programs, each of one organization. */
export class ApiKeys {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Throws REQUEST_INVALID for scopes that no key may have, NOT_FOUND for an unknown organization. */
  async add(
    by: WriteContext,
    key: {
      readonly orgId: string;
      readonly name: string;
      readonly prefix: string;
      readonly hash: Uint8Array;
      readonly scopes: readonly Permission[];
      readonly expiresMs: number | null;
    },
  ): Promise<ApiKey> {
    const { database, newId, nowMs } = this.#context;
    const { orgId, prefix, hash, expiresMs } = key;
    const name = key.name.trim();
    const scopes = checkedScopes(key.scopes);
    const now = nowMs();
    if (name === '' || name.length > 200 || name.includes('\0'))
      throw new EngineError('REQUEST_INVALID', 'name must have 1 to 200 characters');
    if (expiresMs !== null && !(expiresMs > now))
      throw new EngineError('REQUEST_INVALID', 'the expiry must lie in the future');
    const id = newId();
    await database.write(by, async (run) => {
      await database.admitOrganization(run, checkedOrg(orgId));
      const made = await run(
        `INSERT INTO paceline.api_keys (org_id, id, name, prefix, key_hash, scopes, created_by, created_at, expires_at)
         SELECT o.id, $2, $3, $4, $5, $6, $7, ${database.instant('$8')}, ${database.instant('$9')} FROM paceline.organizations o WHERE o.id = $1
         RETURNING id`,
        [checkedOrg(orgId), id, name, prefix, hash, scopes.join(' '), by.actor, now, expiresMs],
      );
      if (made.length === 0) throw notFound('organization');
      const [{ live }] = await run<{ live: number | string }>(
        'SELECT count(*) AS live FROM paceline.api_keys WHERE org_id = $1 AND revoked_at IS NULL',
        [orgId],
      );
      if (Number(live) > keysPerOrganizationMax)
        throw new EngineError(
          'REQUEST_INVALID',
          `an organization has at most ${keysPerOrganizationMax} keys; revoke one`,
        );
    });
    const facts = { orgId, id, name, prefix, scopes, createdBy: by.actor, createdMs: now, expiresMs };
    return { ...facts, revokedMs: null, usedMs: null };
  }

  /** A live key by its prefix; the caller compares the hash. */
  async find(prefix: string): Promise<KeyFacts | null> {
    const { database, nowMs } = this.#context;
    const [row] = await database.read<FactsRow>(
      `SELECT org_id, id, key_hash, scopes, ${database.ms('expires_at')} AS expires_ms FROM paceline.api_keys
       WHERE prefix = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${database.instant('$2')})`,
      [prefix, nowMs()],
    );
    if (row === undefined) return null;
    const scopes = readPermissions(row.scopes);
    return { orgId: row.org_id, id: row.id, scopes, expiresMs: row.expires_ms, hash: row.key_hash };
  }

  async list(orgId: string, page: { after?: string; count?: number } = {}): Promise<ApiKey[]> {
    const { database } = this.#context;
    const rows = await database.readOf(checkedOrg(orgId))<KeyRow>(
      `SELECT k.org_id, k.id, k.name, k.prefix, k.scopes, k.created_by, ${database.ms('k.created_at')} AS created_ms,
         ${database.ms('k.expires_at')} AS expires_ms, ${database.ms('k.revoked_at')} AS revoked_ms, ${database.ms('x.used_at')} AS used_ms
       FROM paceline.api_keys k LEFT JOIN paceline.api_key_uses x ON x.org_id = k.org_id AND x.id = k.id
       WHERE k.org_id = $1 AND k.prefix > $2 ORDER BY k.prefix LIMIT ${boundedCount(page.count)}`,
      [orgId, page.after ?? ''],
    );
    return rows.map((row) => ({
      orgId: row.org_id,
      id: row.id,
      name: row.name,
      prefix: row.prefix,
      scopes: readPermissions(row.scopes),
      createdBy: row.created_by,
      createdMs: row.created_ms,
      expiresMs: row.expires_ms,
      revokedMs: row.revoked_ms,
      usedMs: row.used_ms,
    }));
  }

  /** Throws NOT_FOUND where the organization has no such key. */
  async revoke(by: WriteContext, orgId: string, keyId: string): Promise<void> {
    const { database, nowMs, onTouched } = this.#context;
    const ended = await database.write(by, (run) =>
      run<{ key_hash: Uint8Array }>(
        `UPDATE paceline.api_keys SET revoked_at = ${database.instant('$3')}
         WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING key_hash`,
        [checkedOrg(orgId), knownId(keyId, 'key'), nowMs()],
      ),
    );
    if (ended.length === 0) throw notFound('key');
    await onTouched(ended.map(({ key_hash }) => key_hash));
  }

  /** Forgets those that were revoked or ran out before `beforeMs`, the oldest first; says how many they were. */
  async forget(by: WriteContext, beforeMs: number): Promise<number> {
    const { database } = this.#context;
    return await forgetEnded(database, by, beforeMs, { table: 'api_keys', ends: ['revoked_at', 'expires_at'] });
  }

  async noteUse(key: { orgId: string; id: string }): Promise<void> {
    const { database, nowMs } = this.#context;
    await database.write({ actor: `key:${key.id}`, requestId: 'use' }, (run) =>
      run(
        `INSERT INTO paceline.api_key_uses (org_id, id, used_at)
         SELECT org_id, id, ${database.instant('$3')} FROM paceline.api_keys WHERE org_id = $1 AND id = $2
         ON CONFLICT (org_id, id) DO UPDATE SET used_at = excluded.used_at`,
        [key.orgId, key.id, nowMs()],
      ),
    );
  }
}

function checkedScopes(scopes: readonly string[]): Permission[] {
  const wrong = scopes.find((scope) => !isPermission(scope) || scope === 'engine.read');
  if (wrong !== undefined) throw new EngineError('REQUEST_INVALID', `${wrong} is no scope of a key`);
  if (scopes.length === 0) throw new EngineError('REQUEST_INVALID', 'a key needs at least one scope');
  return [...new Set(scopes)].filter(isPermission);
}

interface FactsRow {
  readonly org_id: string;
  readonly id: string;
  readonly key_hash: Uint8Array;
  readonly scopes: string;
  readonly expires_ms: number | null;
}

interface KeyRow {
  readonly org_id: string;
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: string;
  readonly created_by: string;
  readonly created_ms: number;
  readonly expires_ms: number | null;
  readonly revoked_ms: number | null;
  readonly used_ms: number | null;
}
