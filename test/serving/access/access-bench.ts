import { randomBytes, randomUUID } from 'node:crypto';
import { AccountsAuthenticator } from '../../../src/serving/access/accounts-authenticator.ts';
import type { Admission, Credentials } from '../../../src/serving/access/authenticate.ts';
import { Passwords } from '../../../src/serving/access/passwords.ts';
import { SignIn } from '../../../src/serving/access/sign-in.ts';
import { type Accounts, openAccounts } from '../../../src/serving/access/store/accounts.ts';
import type { AccountsDatabase } from '../../../src/serving/access/store/accounts-database.ts';
import { SqliteAccountsDatabase } from '../../../src/serving/access/store/sqlite/sqlite-accounts-database.ts';
import { NoTokenCache, type TokenCache } from '../../../src/serving/access/token-cache.ts';
import { makeKey, makeToken } from '../../../src/serving/access/tokens.ts';
import type { Permission } from '../../../src/serving/caller.ts';
import { LocalRateLimiter } from '../../../src/serving/limits/local-rate-limiter.ts';
import { by } from '../../exams/accounts-exam.ts';
import { allowances } from '../../exams/rate-limiter-exam.ts';

/** As little work as argon2 does: what is hashed matters here, not how dearly. */
export const cheapCost = { memoryKib: 64, passes: 1 };
export const goodPassword = 'correct horse battery';

export interface AccessBench {
  readonly accounts: Accounts;
  readonly database: AccountsDatabase;
  readonly cache: TokenCache;
  readonly signIn: SignIn;
  readonly passwords: Passwords;
  readonly authenticator: AccountsAuthenticator;
  readonly troubles: Error[];
  now: number;
  /** A user with a password, a member of the organizations that are named. */
  addUser(email: string, roles?: Readonly<Record<string, 'viewer' | 'editor' | 'admin'>>): Promise<{ id: string }>;
  addKey(orgId: string, scopes: readonly Permission[], expiresMs?: number | null): Promise<{ key: string; id: string }>;
  logIn(email: string): Promise<string>;
}

/** Accounts in memory with the organizations acme and bolt, and all that lets people in. */
export async function makeAccessBench(
  options: { cache?: TokenCache; database?: AccountsDatabase; loginBurst?: number } = {},
): Promise<AccessBench> {
  const { cache = new NoTokenCache() } = options;
  let now = Date.parse('2026-11-30T12:00:00Z');
  const nowMs = () => now;
  const database = options.database ?? (await ownDatabase(nowMs));
  const accounts = openAccounts({ database, nowMs, newId: randomUUID, onTouched: (hashes) => cache.drop(hashes) });
  const troubles: Error[] = [];
  const passwords = new Passwords(randomBytes, cheapCost);
  const login = { burst: options.loginBurst ?? 1_000, perSecond: 0.01 };
  const signIn = new SignIn({
    accounts,
    passwords,
    limiter: new LocalRateLimiter({ allowances: { ...allowances, login }, steadyMs: nowMs }),
    random: randomBytes,
    nowMs,
    sessionMs: 3_600_000,
    invitationMs: 3_600_000,
    allowsPasswords: true,
  });
  const onTrouble = (error: Error) => void troubles.push(error);
  const bench: AccessBench = {
    accounts,
    database,
    cache,
    signIn,
    passwords,
    troubles,
    authenticator: new AccountsAuthenticator({ accounts, cache, nowMs, onTrouble }),
    get now() {
      return now;
    },
    set now(ms) {
      now = ms;
    },
    async addUser(email, roles = {}) {
      const user = await accounts.people.add(by, { email, name: email });
      await accounts.people.setPassword(by, user.id, await passwords.hash(goodPassword));
      for (const [orgId, role] of Object.entries(roles)) await accounts.people.setRole(by, orgId, user.id, role);
      return user;
    },
    async addKey(orgId, scopes, expiresMs = null) {
      const { key, prefix, hash } = makeKey(randomBytes);
      const { id } = await accounts.keys.add(by, { orgId, name: 'k', prefix, hash, scopes, expiresMs });
      return { key, id };
    },
    logIn: async (email) => (await signIn.byPassword({ email, password: goodPassword }, visit)).token,
  };
  return bench;
}

async function ownDatabase(nowMs: () => number): Promise<AccountsDatabase> {
  const database = new SqliteAccountsDatabase(':memory:', nowMs);
  await database.keepOrganizations(by, ['acme', 'bolt']);
  return database;
}

export const visit = { address: '10.0.0.1', requestId: 'call' };
export const withSession = (session: string, more: Partial<Credentials> = {}): Credentials => ({
  bearer: null,
  session,
  isCrossSite: false,
  address: '10.0.0.1',
  ...more,
});
export const withBearer = (bearer: string): Credentials => ({ ...withSession(''), session: null, bearer });
export const reading = (orgId: string | null): Admission => ({ orgId, isWrite: false, requestId: 'call' });
export const writing = (orgId: string | null): Admission => ({ orgId, isWrite: true, requestId: 'call' });
export const anySession = () => makeToken('session', randomBytes);
