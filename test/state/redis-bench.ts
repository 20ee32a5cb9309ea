import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/control/system-clock.ts';
import { openRedisStateStore } from '../../src/state/redis/open-redis-state-store.ts';
import type { RedisEndpoint, RedisStateOptions } from '../../src/state/redis/redis-options.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import type { StoreBench } from '../exams/state-store-exam.ts';

let benches = 0;

export interface RedisBench extends StoreBench, AsyncDisposable {
  readonly options: RedisStateOptions;
  /** Another process over the same Redis. */
  another(more?: Partial<RedisStateOptions>): Promise<StateStore>;
}

/** A store with a key prefix and a snapshot directory of its own. */
export async function openRedisBench(
  endpoint: RedisEndpoint,
  more: Partial<RedisStateOptions> = {},
): Promise<RedisBench> {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-snapshots-'));
  const options: RedisStateOptions = {
    endpoint,
    // Other processes have benches too, and a server may be theirs as well.
    keyPrefix: `bench-${process.pid}-${benches++}:`,
    cache: null,
    snapshots: { directory, intervalMs: 60_000 },
    hasHistory: async () => false,
    clock: systemClock,
    commandTimeoutMs: 10_000,
    ...more,
  };
  const others: StateStore[] = [];
  const dispose = async () => {
    await bench.store.close();
    for (const other of others) await other.close();
    rmSync(directory, { recursive: true, force: true });
  };
  const bench: RedisBench = {
    store: await openRedisStateStore(options),
    options,
    reopen: async () => {
      await bench.store.close();
      bench.store = await openRedisStateStore(options);
    },
    another: async (change = {}) => {
      const other = await openRedisStateStore({ ...options, ...change });
      others.push(other);
      return other;
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  return bench;
}
