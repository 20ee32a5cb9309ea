import { EngineError } from '../../model/errors.ts';
import { connectRedis, describeEndpoint, masterNodes, type RedisClient } from './redis-client.ts';
import { toStateError } from './redis-errors.ts';
import { defaultCommandTimeoutMs, type RedisEndpoint } from './redis-options.ts';

/** What one server says about itself. */
export interface RedisServerFacts {
  readonly address: string;
  /** Differs for every start of every server: two endpoints with the same one are the same server. */
  readonly runId: string;
  readonly version: string;
  readonly mode: string;
  readonly role: string;
  readonly replicas: number;
  readonly evictionPolicy: string;
  /** 0 = no bound. */
  readonly maxMemoryBytes: number;
  readonly usedMemoryBytes: number;
  readonly isAppendOnly: boolean;
  /** Null where the server does not show its configuration. */
  readonly appendFsync: string | null;
}

/** Asks every server behind the endpoint. Throws STATE_UNAVAILABLE when none answers, STATE_REFUSED for wrong credentials. */
export async function inspectRedis(
  endpoint: RedisEndpoint,
  timeoutMs = defaultCommandTimeoutMs,
): Promise<RedisServerFacts[]> {
  const client = await connectRedis(endpoint, timeoutMs);
  try {
    return await inspectClient(client, describeEndpoint(endpoint));
  } finally {
    client.disconnect();
  }
}

export async function inspectClient(client: RedisClient, what: string): Promise<RedisServerFacts[]> {
  try {
    return await Promise.all(
      masterNodes(client).map(async (node) => {
        const { host, port } = node.stream instanceof Object ? address(node.stream) : { host: '?', port: 0 };
        return readFacts(`${host}:${port}`, await node.info(), await readAppendFsync(node));
      }),
    );
  } catch (error) {
    throw toStateError(error, what);
  }
}

function address(stream: { remoteAddress?: string | undefined; remotePort?: number | undefined }) {
  return { host: stream.remoteAddress ?? '?', port: stream.remotePort ?? 0 };
}

/** Managed servers hide CONFIG; INFO has all the rest. */
async function readAppendFsync(node: { config(word: 'GET', name: string): Promise<unknown> }): Promise<string | null> {
  try {
    const reply = await node.config('GET', 'appendfsync');
    return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null;
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return null;
    throw error;
  }
}

function readFacts(at: string, info: unknown, appendFsync: string | null): RedisServerFacts {
  if (typeof info !== 'string') throw new EngineError('STATE_UNAVAILABLE', `what answers at ${at} is no Redis`);
  const fields = new Map(
    info.split('\r\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)] as const;
    }),
  );
  const text = (name: string) => fields.get(name) ?? '';
  return {
    address: at,
    runId: text('run_id'),
    version: text('redis_version'),
    mode: text('redis_mode'),
    role: text('role'),
    replicas: Number(text('connected_slaves') || 0),
    evictionPolicy: text('maxmemory_policy'),
    maxMemoryBytes: Number(text('maxmemory') || 0),
    usedMemoryBytes: Number(text('used_memory') || 0),
    isAppendOnly: text('aof_enabled') === '1',
    appendFsync,
  };
}

/** Oldest version with all that our scripts and the client need. */
const oldestMajor = 6;

/** Throws STATE_REFUSED when a server must not hold the state, saying what to do. */
export function requireFitForState(servers: readonly RedisServerFacts[]): void {
  for (const { address: at, evictionPolicy, version } of servers) {
    if (evictionPolicy !== 'noeviction')
      throw new EngineError(
        'STATE_REFUSED',
        `redis ${at} has maxmemory-policy ${evictionPolicy}: it would drop state when memory is short; set noeviction`,
      );
    if (Number.parseInt(version, 10) < oldestMajor)
      throw new EngineError('STATE_REFUSED', `redis ${at} is version ${version}; ${oldestMajor} or newer is needed`);
  }
}

/** Throws STATE_REFUSED when state and cache are one server: a cache evicts, and evicted state is lost state. */
export function requireApart(state: readonly RedisServerFacts[], cache: readonly RedisServerFacts[]): void {
  const both = state.find(({ runId }) => cache.some((other) => other.runId === runId));
  if (both)
    throw new EngineError(
      'STATE_REFUSED',
      `redis.url and redis.cache_url are the same server (${both.address}); give the cache one of its own`,
    );
}
