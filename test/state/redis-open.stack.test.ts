import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { inspectRedis } from '../../src/state/redis/inspect-redis.ts';
import { openRedisStateStore } from '../../src/state/redis/open-redis-state-store.ts';
import type { RedisEndpoint, RedisStateOptions } from '../../src/state/redis/redis-options.ts';
import { endpointOf, freePort, isRedisHere, startRedisServer } from './redis-server.ts';

const secret = 'hunter2-never-shown';

function optionsOf(endpoint: RedisEndpoint, more: Partial<RedisStateOptions> = {}): RedisStateOptions {
  return {
    endpoint,
    keyPrefix: 'open:',
    cache: null,
    snapshots: { directory: '/nonexistent', intervalMs: 60_000 },
    hasHistory: async () => false,
    clock: systemClock,
    commandTimeoutMs: 1_000,
    ...more,
  };
}

async function refusal(options: RedisStateOptions): Promise<{ code: string; message: string }> {
  const error = await openRedisStateStore(options).then(
    (store) => store.close().then(() => new Error('it was opened')),
    (reason: unknown) => reason,
  );
  expect(inspect(error, { depth: 20 })).not.toContain(secret);
  return error as { code: string; message: string };
}

test.skipIf(!isRedisHere)('a server that evicts is refused, and so is the cache itself', async () => {
  await using server = await startRedisServer();
  await using cache = await startRedisServer(['--maxmemory-policy', 'allkeys-lru']);
  expect(await refusal(optionsOf(cache.endpoint))).toMatchObject({
    code: 'STATE_REFUSED',
    message: expect.stringMatching(/allkeys-lru.*set noeviction/),
  });
  // By another name and another database, and yet the same server.
  const alias = endpointOf(server.port, { url: `redis://localhost:${server.port}/3` });
  expect(await refusal(optionsOf(server.endpoint, { cache: alias }))).toMatchObject({
    code: 'STATE_REFUSED',
    message: expect.stringMatching(/redis\.cache_url are the same server/),
  });
  await (await openRedisStateStore(optionsOf(server.endpoint, { cache: cache.endpoint }))).close();
  // A cache that is away keeps nobody from starting.
  const away = endpointOf(await freePort());
  await (await openRedisStateStore(optionsOf(server.endpoint, { cache: away }))).close();
});

test.skipIf(!isRedisHere)('wrong credentials are refused without showing them', async () => {
  await using server = await startRedisServer(['--requirepass', 'right'], 'right');
  const withPassword = (password: string) =>
    endpointOf(server.port, { url: `redis://:${password}@127.0.0.1:${server.port}` });
  await (await openRedisStateStore(optionsOf(withPassword('right')))).close();
  for (const endpoint of [withPassword(secret), server.endpoint, { ...withPassword(secret), kind: 'cluster' as const }])
    expect(await refusal(optionsOf(endpoint))).toMatchObject({
      code: 'STATE_REFUSED',
      message: expect.stringMatching(/correct user and password/),
    });
  await server.admin.acl('SETUSER', 'narrow', 'on', `>${secret}`, '~*', '+@read', '+info', '+client');
  const narrow = endpointOf(server.port, { url: `redis://narrow:${secret}@127.0.0.1:${server.port}` });
  const store = await openRedisStateStore(optionsOf(narrow));
  await expect(store.check('ads:0', 'a', 1)).rejects.toMatchObject({ code: 'STATE_REFUSED' });
  await store.close();
});

test.skipIf(!isRedisHere)('nobody there, something else there, and words that mean nothing', async () => {
  const port = await freePort();
  for (const kind of ['single', 'cluster', 'sentinel'] as const)
    expect(
      await refusal(
        optionsOf(endpointOf(port, { kind, sentinelMaster: 'state', url: `redis://:${secret}@127.0.0.1:${port}` })),
      ),
      kind,
    ).toMatchObject({ code: 'STATE_UNAVAILABLE', message: expect.stringContaining(`127.0.0.1:${port}`) });
  for (const url of [`redis//:${secret}@host`, `http://:${secret}@127.0.0.1:1`, `redis://:${secret}@127.0.0.1:1/x`])
    expect(await refusal(optionsOf(endpointOf(1, { url })))).toMatchObject({
      code: 'STATE_REFUSED',
      message: expect.stringContaining('redis://'),
    });
});

test.skipIf(!isRedisHere)('a server tells the doctor what it is', async () => {
  await using server = await startRedisServer(['--appendonly', 'yes', '--maxmemory', '100mb']);
  const [facts] = await inspectRedis(server.endpoint);
  expect(facts).toMatchObject({
    address: `127.0.0.1:${server.port}`,
    runId: expect.stringMatching(/^[0-9a-f]{40}$/),
    version: expect.stringMatching(/^\d+\.\d+/),
    mode: 'standalone',
    role: 'master',
    replicas: 0,
    evictionPolicy: 'noeviction',
    maxMemoryBytes: 104_857_600,
    isAppendOnly: true,
    appendFsync: 'everysec',
  });
  expect(facts.usedMemoryBytes).toBeGreaterThan(100_000);
  // A managed server hides its configuration.
  await server.admin.acl('SETUSER', 'tenant', 'on', '>pass', '~*', '+@all', '-config');
  const [seen] = await inspectRedis(endpointOf(server.port, { url: `redis://tenant:pass@127.0.0.1:${server.port}` }));
  expect(seen).toEqual({ ...facts, appendFsync: null, usedMemoryBytes: expect.any(Number) });
});
