import { isWorthRetrying } from '../../model/errors.ts';
import type { StateStore } from '../state-store.ts';
import { inspectClient, inspectRedis, requireApart, requireFitForState } from './inspect-redis.ts';
import { RedisCalls } from './redis-calls.ts';
import { connectRedis, describeEndpoint } from './redis-client.ts';
import { defaultCommandTimeoutMs, type RedisEndpoint, type RedisStateOptions } from './redis-options.ts';
import { RedisStateStore } from './redis-state-store.ts';
import { SnapshotArchive } from './snapshot-archive.ts';
import { SnapshotKeeper } from './snapshot-keeper.ts';

/**
 * Opens the state store in Redis and starts to keep snapshots of what it owns. Throws
 * STATE_UNAVAILABLE when nobody answers, and STATE_REFUSED for wrong credentials, for a server that
 * evicts, and for one that is the cache as well.
 */
export async function openRedisStateStore(options: RedisStateOptions): Promise<StateStore> {
  const { endpoint, keyPrefix, snapshots, hasHistory, clock, cache } = options;
  const timeoutMs = options.commandTimeoutMs ?? defaultCommandTimeoutMs;
  const what = describeEndpoint(endpoint);
  await using opened = new AsyncDisposableStack();
  const client = opened.adopt(await connectRedis(endpoint, timeoutMs), async (each) => each.disconnect());
  const servers = await inspectClient(client, what);
  requireFitForState(servers);
  if (cache !== null) requireApart(servers, await inspectCache(cache, timeoutMs));
  // Copying a lane moves megabytes: on its own connection no commit waits behind them.
  const copier = opened.adopt(await connectRedis(endpoint, timeoutMs), async (each) => each.disconnect());
  const archive = new SnapshotArchive(snapshots.directory, keyPrefix);
  const resources = opened.move();
  const store: RedisStateStore = new RedisStateStore(keyPrefix, {
    calls: new RedisCalls(client, what),
    archive,
    hasHistory,
    isSettled: (token) => keeper.isSettled(token),
    close: () => resources.disposeAsync(),
  });
  const keeper = new SnapshotKeeper({
    calls: new RedisCalls(copier, what),
    archive,
    clock,
    keyPrefix,
    intervalMs: snapshots.intervalMs,
    owned: () => store.owned,
    fail: (error) => store.fail(error),
  });
  keeper.start();
  resources.defer(() => keeper.close());
  return store;
}

/** A cache that is away is not our trouble: it cannot be the server that just answered us. */
async function inspectCache(cache: RedisEndpoint, timeoutMs: number) {
  try {
    return await inspectRedis(cache, timeoutMs);
  } catch (error) {
    if (!isWorthRetrying(error)) throw error;
    return [];
  }
}
