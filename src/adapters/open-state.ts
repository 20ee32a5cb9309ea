import { join } from 'node:path';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import { openRedisStateStore } from '../state/redis/open-redis-state-store.ts';
import type { RedisEndpoint } from '../state/redis/redis-options.ts';
import type { DataDirectory } from '../state/sqlite/data-directory.ts';
import { EmbeddedStateStore } from '../state/sqlite/embedded-state-store.ts';
import type { StateStore } from '../state/state-store.ts';
import { readPem } from './servers/pem.ts';
import type { Config } from './settings.ts';

/** The state store that the configuration names: Redis, else SQLite in the data directory. */
export async function openState(
  config: Config,
  directory: DataDirectory,
  ports: { readonly clock: Clock; readonly hasHistory: (lane: string) => Promise<boolean> },
): Promise<StateStore> {
  const state = stateEndpoint(config);
  if (state === null) return new EmbeddedStateStore(directory.statePath, ports.hasHistory);
  const { redis, snapshots, data_directory } = config;
  return await openRedisStateStore({
    endpoint: state,
    keyPrefix: redis.key_prefix,
    cache: cacheEndpoint(config),
    snapshots: {
      directory: snapshots.directory ?? join(data_directory, 'snapshots'),
      intervalMs: snapshots.interval_ms,
    },
    ...ports,
  });
}

/** Null when the state is kept in the data directory. */
export function stateEndpoint({ redis }: Pick<Config, 'redis'>): RedisEndpoint | null {
  if (redis.url === null) return null;
  const { url, kind, nodes } = redis;
  if (kind === 'sentinel' && redis.sentinel_master === null)
    throw new EngineError('CONFIG_INVALID', 'redis.sentinel_master is needed for redis.kind sentinel');
  const ca = redis.ca_file === null ? null : readPem(redis.ca_file, 'redis.ca_file');
  return { url, kind, nodes, sentinelMaster: redis.sentinel_master, ca };
}

export function cacheEndpoint({ redis }: Pick<Config, 'redis'>): RedisEndpoint | null {
  if (redis.cache_url === null) return null;
  const ca = redis.ca_file === null ? null : readPem(redis.ca_file, 'redis.ca_file');
  return { url: redis.cache_url, kind: 'single', nodes: [], sentinelMaster: null, ca };
}
