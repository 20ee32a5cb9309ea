import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { isRedisHere, startRedisServer } from '../state/redis-server.ts';
import { expectUpgraded } from './expect-upgraded.ts';
import { live, readFixture, unpackRelease } from './release.ts';

type Kept = { readonly key: string; readonly text?: string; readonly fields?: Readonly<Record<string, string>> };

/** The keys as version 0.1 had them when it was killed. */
async function bringBack(redis: Redis): Promise<void> {
  for (const { key, text, fields = {} } of JSON.parse(readFixture('redis.json.gz').toString('utf8')) as Kept[]) {
    if (text !== undefined) await redis.set(key, Buffer.from(text, 'base64'));
    for (const [field, value] of Object.entries(fields)) await redis.hset(key, field, Buffer.from(value, 'base64'));
  }
}

test.skipIf(!isRedisHere)(
  'state of 0.1 in Redis goes on, its outbox too, killed at each claim',
  async () => {
    await using redis = await startRedisServer(['--appendonly', 'yes', '--maxmemory-policy', 'noeviction']);
    await bringBack(redis.admin);
    using release = unpackRelease();
    const { data } = release;
    // The state is in Redis; the directory has the log, and the tables with what was delivered before.
    for (const name of ['state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm'])
      rmSync(join(data, name), { force: true });
    const redisUrl = `redis://127.0.0.1:${redis.port}`;
    for (const killAt of [/"lane.claimed".*:0"/, /"lane.claimed".*:1"/]) {
      const { code, log } = await live(data, { killAt, redisUrl });
      expect(code, log).toBeNull();
    }
    const { code, log } = await live(data, { redisUrl });
    expect(code, log).toBe(0);
    await expectUpgraded(data);
  },
  120_000,
);
