import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../../control/logs/logger.ts';
import type { Metrics } from '../../control/metrics/metrics.ts';
import type { Clock } from '../../model/time.ts';
import { AccountsAuthenticator } from '../../serving/access/accounts-authenticator.ts';
import type { Authenticator } from '../../serving/access/authenticate.ts';
import type { AllowancesSettings } from '../../serving/access/config.ts';
import { Passwords } from '../../serving/access/passwords.ts';
import { SignIn } from '../../serving/access/sign-in.ts';
import { type Accounts, openAccounts } from '../../serving/access/store/accounts.ts';
import type { AccountsDatabase } from '../../serving/access/store/accounts-database.ts';
import type { ApiKey } from '../../serving/access/store/keys.ts';
import { SqliteAccountsDatabase } from '../../serving/access/store/sqlite/sqlite-accounts-database.ts';
import { NoTokenCache, RedisTokenCache, type TokenCache } from '../../serving/access/token-cache.ts';
import { makeKey } from '../../serving/access/tokens.ts';
import type { CacheServer } from '../../serving/cache/cache-server.ts';
import { KeptAnswers } from '../../serving/cache/kept-answers.ts';
import type { QueryCache } from '../../serving/cache/query-cache.ts';
import { SharedQueryCache } from '../../serving/cache/shared-query-cache.ts';
import type { Permission } from '../../serving/caller.ts';
import { type Allowances, LocalRateLimiter } from '../../serving/limits/local-rate-limiter.ts';
import type { RateLimiter } from '../../serving/limits/rate-limiter.ts';
import { halved, RedisRateLimiter } from '../../serving/limits/redis-rate-limiter.ts';
import type { WriteContext } from '../../serving/ports.ts';
import { cacheEndpoint } from '../open-state.ts';
import type { Config } from '../settings.ts';
import { postgresAccountsDatabase } from './postgres-accounts.ts';
import { openRedisCacheServer } from './redis-cache-server.ts';

export interface AccessContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Null for a command, which counts nothing. */
  readonly metrics: Metrics | null;
}

/** Everything that says who may ask, how often, and what was answered before. */
export interface Access {
  readonly accounts: Accounts;
  readonly signIn: SignIn;
  readonly passwords: Passwords;
  readonly authenticator: Authenticator;
  readonly tokens: TokenCache;
  readonly limiter: RateLimiter;
  readonly answers: QueryCache;
  /** Null where no cache is configured. */
  readonly server: CacheServer | null;
  readonly nowMs: () => number;
  /** Makes a key; its text is shown to whoever asked for it, and to nobody again. */
  issueKey(by: WriteContext, key: NewKey): Promise<{ key: string; made: ApiKey }>;
  close(): Promise<void>;
}

export interface NewKey {
  readonly orgId: string;
  readonly name: string;
  /** Checked when it is made. */
  readonly scopes: readonly string[];
  readonly expiresMs: number | null;
}

export const accountsFile = 'access.sqlite';

/** Over PostgreSQL and the cache Redis where the configuration names them, else over the data directory and memory. */
export function openAccess(config: Config, context: AccessContext): Access {
  const { clock, log, metrics } = context;
  const { access } = config.serving;
  const nowMs = () => clock.wallMs();
  const server = openCacheServer(config, context);
  const tokens =
    server === null
      ? new NoTokenCache()
      : new RedisTokenCache({ server, clock, ttlMs: access.remembered_ms, newId: randomUUID });
  const onTouched = (hashes: readonly Uint8Array[]) => tokens.drop(hashes);
  const accounts = openAccounts({ database: openDatabase(config, nowMs), nowMs, newId: randomUUID, onTouched });
  const passwords = new Passwords(randomBytes);
  const limiter = openLimiter(config.serving.limits, server, context);
  return {
    accounts,
    tokens,
    limiter,
    passwords,
    server,
    nowMs,
    async issueKey(by, { orgId, name, scopes, expiresMs }) {
      const { key, prefix, hash } = makeKey(randomBytes);
      const checked = scopes as readonly Permission[];
      return { key, made: await accounts.keys.add(by, { orgId, name, prefix, hash, scopes: checked, expiresMs }) };
    },
    answers: openAnswers(config, server, metrics),
    authenticator: new AccountsAuthenticator({
      ...{ accounts, cache: tokens, nowMs },
      onTrouble: (error) => log.warn('access.key_use_not_noted', { error }),
      onOutcome: (outcome) => metrics?.add('paceline_access_checks_total', { outcome }),
    }),
    signIn: new SignIn({
      ...{ accounts, limiter, nowMs, passwords, random: randomBytes },
      sessionMs: access.session_hours * 3_600_000,
      invitationMs: access.invitation_hours * 3_600_000,
      allowsPasswords: access.passwords,
    }),
    async close() {
      await accounts.close();
      await server?.close();
    },
  };
}

function openDatabase(config: Pick<Config, 'data_directory' | 'postgres'>, nowMs: () => number): AccountsDatabase {
  if (config.postgres.url !== null) return postgresAccountsDatabase(config.postgres);
  const path = join(config.data_directory, accountsFile);
  return new SqliteAccountsDatabase(path, nowMs, { takesAnyOrganization: true });
}

function openCacheServer(config: Config, { log, metrics }: AccessContext): CacheServer | null {
  const endpoint = cacheEndpoint(config);
  if (endpoint === null) return null;
  let wasThere: boolean | null = null;
  metrics?.set('paceline_cache_up', {}, 0);
  return openRedisCacheServer({
    endpoint,
    prefix: `${config.redis.key_prefix}cache:`,
    onState(isThere) {
      metrics?.set('paceline_cache_up', {}, isThere ? 1 : 0);
      if (isThere === wasThere) return;
      wasThere = isThere;
      if (isThere) log.info('cache.there', {});
      else log.warn('cache.away', {});
    },
  });
}

function openLimiter(settings: AllowancesSettings, server: CacheServer | null, context: AccessContext): RateLimiter {
  const { clock, metrics } = context;
  const steadyMs = () => clock.steadyMs();
  const allowances = allowancesOf(settings);
  const limiter =
    server === null
      ? new LocalRateLimiter({ allowances, steadyMs })
      : new RedisRateLimiter({
          ...{ server, allowances, twin: new LocalRateLimiter({ allowances: halved(allowances), steadyMs }) },
          onVerdict: (by) => by === 'twin' && metrics?.add('paceline_limits_by_twin_total'),
        });
  return {
    async take(subject, cost) {
      const verdict = await limiter.take(subject, cost);
      if (!verdict.isAllowed) metrics?.add('paceline_limits_refused_total', { kind: subject.kind });
      return verdict;
    },
  };
}

function allowancesOf(settings: AllowancesSettings): Allowances {
  const of = (kind: 'organization' | 'actor' | 'address' | 'login') => ({
    burst: settings[`${kind}_burst`],
    perSecond: settings[`${kind}_per_second`],
  });
  return { organization: of('organization'), actor: of('actor'), address: of('address'), login: of('login') };
}

function openAnswers(
  { serving }: Pick<Config, 'serving'>,
  server: CacheServer | null,
  metrics: Metrics | null,
): QueryCache {
  const { memory_mb, answer_kb_max, ttl_s } = serving.cache;
  return new SharedQueryCache({
    ...{ memory: new KeptAnswers(memory_mb * 1_048_576), server, ttlMs: ttl_s * 1_000 },
    answerBytesMax: answer_kb_max * 1_024,
    onOutcome: (from) => metrics?.add('paceline_answers_total', { from }),
  });
}
