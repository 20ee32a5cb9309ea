import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { isDecodable } from '../../model/decodable.ts';
import { EngineError } from '../../model/errors.ts';
import { isReplyError, toStateError } from './redis-errors.ts';
import type { RedisEndpoint } from './redis-options.ts';

export type RedisClient = Redis | Cluster;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The parts of a url. Its text never enters a message: it may hold the password. */
function parseRedisUrl(url: string): { address: Address; isTls: boolean; access: RedisOptions } {
  // A password that is not encoded may hold what a URL cannot.
  const parsed = URL.canParse(url) && isDecodable(url) ? new URL(url) : null;
  const db = parsed === null ? Number.NaN : Number(parsed.pathname.slice(1) || 0);
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '' || !Number.isInteger(db))
    throw new EngineError(
      'STATE_REFUSED',
      'redis.url must begin with redis:// or rediss:// and name host and port; what is special in a password is written as %XX',
    );
  const access: RedisOptions = { db };
  if (parsed.username !== '') access.username = decodeURIComponent(parsed.username);
  if (parsed.password !== '') access.password = decodeURIComponent(parsed.password);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  return { address: { host, port: Number(parsed.port || 6_379) }, isTls: parsed.protocol === 'rediss:', access };
}

/** How a message names the server. */
export function describeEndpoint({ url, kind, sentinelMaster }: RedisEndpoint): string {
  const { host, port } = parseRedisUrl(url).address;
  return kind === 'sentinel' ? `redis ${sentinelMaster} of sentinel ${host}:${port}` : `redis ${host}:${port}`;
}

/**
 * A connection on which a call is sent once: no queue while away, nothing sent again by the library.
 * Whoever calls knows what may be repeated. Throws STATE_UNAVAILABLE and STATE_REFUSED.
 */
export async function connectRedis(endpoint: RedisEndpoint, timeoutMs: number): Promise<RedisClient> {
  const what = describeEndpoint(endpoint);
  const client = makeClient(endpoint, timeoutMs, 'paceline-state');
  let seen: unknown = null;
  // What a server said outweighs that the line then went dead. A Cluster leaves it to its nodes to say.
  const notice = (error: unknown) => {
    if (!isReplyError(seen)) seen = error;
  };
  client.on('error', notice);
  client.on('node error', notice);
  const ready = Promise.withResolvers<void>();
  client.once('ready', () => ready.resolve());
  client.once('close', () => ready.reject(seen ?? new Error('the connection was closed')));
  // A Sentinel that names no master is asked for ever; its errors end the wait here.
  if (endpoint.kind === 'sentinel') client.once('error', ready.reject);
  client.connect().catch((error: unknown) => ready.reject(seen ?? error));
  try {
    await ready.promise;
    return client;
  } catch (error) {
    client.disconnect();
    // A Cluster says that no node let it in, not why; a node alone does.
    if (endpoint.kind === 'cluster' && !isReplyError(seen))
      (await connectRedis({ ...endpoint, kind: 'single' }, timeoutMs)).disconnect();
    throw toStateError(seen ?? error, what);
  }
}

/**
 * A client that is not yet connected. Whoever cannot wait for the server connects it and goes on: it tries again
 * by itself, and meanwhile every call fails at once.
 */
export function makeClient(endpoint: RedisEndpoint, timeoutMs: number, connectionName: string): RedisClient {
  const { address, isTls, access } = parseRedisUrl(endpoint.url);
  const tls = isTls ? (endpoint.ca === null ? {} : { ca: endpoint.ca }) : null;
  const node = {
    ...access,
    ...(tls && { tls }),
    // Replies keep one shape whatever the server speaks.
    protocol: 2,
    replyMapping: 'legacy',
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // A server that went silent: the socket is given up, and with Sentinel the master asked for again.
    socketTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectionName,
    // The master that we knew is a replica now: connect again, which asks the Sentinel.
    reconnectOnError: ({ message }: Error) => /\bREADONLY\b/.test(message),
  } as const satisfies RedisOptions;
  const nodes = [address, ...endpoint.nodes.map(parseHostPort)];
  if (endpoint.kind === 'cluster')
    return new Cluster(nodes, {
      redisOptions: node,
      enableOfflineQueue: false,
      lazyConnect: true,
      scaleReads: 'master',
      slotsRefreshTimeout: timeoutMs,
      // A call that may have been applied is not sent again behind our back.
      retryDelayOnFailover: 0,
      clusterRetryStrategy: reconnectDelayMs,
    });
  const single = { ...node, enableOfflineQueue: false, lazyConnect: true, retryStrategy: reconnectDelayMs };
  if (endpoint.kind === 'single') return new Redis(address.port, address.host, single);
  if (endpoint.sentinelMaster === null)
    throw new EngineError('STATE_REFUSED', 'redis.kind is sentinel: set redis.sentinel_master');
  return new Redis({
    ...single,
    sentinels: nodes,
    name: endpoint.sentinelMaster,
    sentinelCommandTimeout: timeoutMs,
    sentinelRetryStrategy: reconnectDelayMs,
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    failoverDetector: true,
  });
}

function reconnectDelayMs(attempts: number): number {
  return Math.min(50 * attempts, 1_000);
}

function parseHostPort(node: string): Address {
  const colon = node.lastIndexOf(':');
  return { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
}

/** The servers that hold data: one, or the masters of a Cluster. */
export function masterNodes(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}
