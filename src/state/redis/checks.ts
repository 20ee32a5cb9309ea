import { EngineError } from '../../model/errors.ts';
import { type CheckResult, notReached, ok, warning, worstOf } from '../../model/finding.ts';
import { inspectRedis, type RedisServerFacts, requireApart, requireFitForState } from './inspect-redis.ts';
import type { RedisEndpoint } from './redis-options.ts';

/** The Redis of the state, and the one that may evict, where there is one. */
export async function checkRedis(state: RedisEndpoint, cache: RedisEndpoint | null): Promise<CheckResult[]> {
  let servers: readonly RedisServerFacts[];
  try {
    servers = await inspectRedis(state);
  } catch (error) {
    return [notReached('redis.reachable', error)];
  }
  return [
    ok('redis.reachable', servers.map(({ address, version, mode }) => `${address}, ${version}, ${mode}`).join('; ')),
    worstOf(servers.map(judgeFitness)),
    worstOf(servers.map(judgePersistence)),
    worstOf(servers.map(judgeReplicas)),
    worstOf(servers.map(judgeMemory)),
    ...(cache === null ? [] : await checkCache(cache, servers)),
  ];
}

/** The same words with which the engine would refuse to start. */
function judgeFitness(server: RedisServerFacts): CheckResult {
  try {
    requireFitForState([server]);
    return ok('redis.policy', `${server.address} keeps what it is given (${server.evictionPolicy})`);
  } catch (error) {
    return notReached('redis.policy', error);
  }
}

function judgePersistence({ address, isAppendOnly, appendFsync }: RedisServerFacts): CheckResult {
  const id = 'redis.persistence';
  const fix = 'Set appendonly yes and appendfsync everysec; without them a restart falls back to the last snapshot.';
  if (!isAppendOnly) return warning(id, `${address} writes no append-only file`, fix);
  if (appendFsync === 'no') return warning(id, `${address} leaves it to the system when its file is safe`, fix);
  return ok(id, `${address} writes its append-only file (appendfsync ${appendFsync ?? 'not shown'})`);
}

function judgeReplicas({ address, replicas }: RedisServerFacts): CheckResult {
  if (replicas > 0) return ok('redis.replicas', `${address} has ${replicas}`);
  return warning(
    'redis.replicas',
    `${address} has none`,
    'Give it a replica: without one a lost disk means a restore.',
  );
}

/** Past this share of its bound, a server soon refuses commits. */
const memoryShareMax = 0.8;

function judgeMemory({ address, maxMemoryBytes, usedMemoryBytes }: RedisServerFacts): CheckResult {
  const mib = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;
  const detail = `${address} uses ${mib(usedMemoryBytes)}${maxMemoryBytes === 0 ? ', no bound' : ` of ${mib(maxMemoryBytes)}`}`;
  if (maxMemoryBytes === 0 || usedMemoryBytes <= memoryShareMax * maxMemoryBytes) return ok('redis.memory', detail);
  return warning('redis.memory', detail, 'Raise maxmemory: at the bound commits are refused and the lanes pause.');
}

async function checkCache(endpoint: RedisEndpoint, state: readonly RedisServerFacts[]): Promise<CheckResult[]> {
  const id = 'redis.cache';
  let cache: readonly RedisServerFacts[];
  try {
    cache = await inspectRedis(endpoint);
    requireApart(state, cache);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'STATE_UNAVAILABLE')
      return [warning(id, error.message, 'Bring the cache back; the engine runs without it.')];
    return [notReached(id, error)];
  }
  return [worstOf(cache.map(judgeCache))];
}

/** The Redis that may evict, where the state is kept elsewhere. */
export async function checkCacheAlone(endpoint: RedisEndpoint): Promise<CheckResult[]> {
  return await checkCache(endpoint, []);
}

function judgeCache({ address, evictionPolicy, maxMemoryBytes }: RedisServerFacts): CheckResult {
  const id = 'redis.cache';
  if (maxMemoryBytes > 0 && evictionPolicy === 'noeviction')
    return warning(
      id,
      `${address} refuses writes when it is full (noeviction)`,
      'Set maxmemory-policy allkeys-lru on it.',
    );
  return ok(id, `${address} is another server, ${evictionPolicy}`);
}
