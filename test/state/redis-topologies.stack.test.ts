import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectRedis } from '../../src/state/redis/inspect-redis.ts';
import { stateStoreExam } from '../exams/state-store-exam.ts';
import { commitOf, fillLane } from './lane-commits.ts';
import { openRedisBench } from './redis-bench.ts';
import { endpointOf, freePort, isRedisHere, type RedisServer, startRedisServer, waitFor } from './redis-server.ts';

function redisCli(...args: string[]): string {
  return execFileSync('redis-cli', args, { encoding: 'utf8' });
}

describe.skipIf(!isRedisHere)('with a Redis Cluster of three', () => {
  const servers: RedisServer[] = [];
  beforeAll(async () => {
    for (let i = 0; i < 3; i++) {
      const bus = await freePort();
      servers.push(await startRedisServer(['--cluster-enabled', 'yes', '--cluster-port', String(bus)]));
    }
    const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
    redisCli('--cluster', 'create', ...nodes, '--cluster-yes');
    for (const { admin } of servers)
      await waitFor(async () => String(await admin.cluster('INFO')).includes('cluster_state:ok'));
  });
  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });

  const endpoint = () => endpointOf(servers[0].port, { kind: 'cluster', nodes: [`127.0.0.1:${servers[1].port}`] });

  stateStoreExam('the store in a Cluster', () => openRedisBench(endpoint()));

  test('lanes spread over the nodes, each whole in one slot, and the doctor sees all three', async () => {
    await using bench = await openRedisBench(endpoint());
    const lanes = Array.from({ length: 12 }, (_, i) => `ads:${i}`);
    for (const lane of lanes) await fillLane(bench.store, lane, 'a', 2);
    const round = lanes.map((lane) => commitOf(lane, 'a', 3));
    expect(await bench.store.commit(round)).toEqual(lanes.map(() => 'OK'));
    const held = await Promise.all(servers.map(({ admin }) => admin.keys(`${bench.options.keyPrefix}*:m`)));
    expect(held.flat()).toHaveLength(lanes.length);
    for (const keys of held) expect(keys.length).toBeGreaterThan(0);
    expect(await inspectRedis(endpoint())).toHaveLength(3);
  });

  test('a slot that moves while its lane commits takes the lane along', async () => {
    await using bench = await openRedisBench(endpoint());
    await fillLane(bench.store, 'ads:0', 'a', 3);
    const meta = `${bench.options.keyPrefix}{ads:0}:m`;
    const slot = Number(redisCli('-p', String(servers[0].port), 'CLUSTER', 'KEYSLOT', meta));
    const ids = await Promise.all(servers.map(async ({ admin }) => String(await admin.cluster('MYID'))));
    const held = await Promise.all(
      servers.map(async ({ admin }) => (await admin.cluster('COUNTKEYSINSLOT', slot)) as number),
    );
    const from = held.findIndex((count) => count > 0);
    const to = (from + 1) % 3;
    await servers[to].admin.cluster('SETSLOT', slot, 'IMPORTING', ids[from]);
    await servers[from].admin.cluster('SETSLOT', slot, 'MIGRATING', ids[to]);
    // One key of the lane has gone over: a script over all of them is told TRYAGAIN.
    await servers[from].admin.migrate('127.0.0.1', servers[to].port, meta, 0, 5_000);
    const commit = commitOf('ads:0', 'a', 4, { prevOffset: 30 });
    const waiting = bench.store.commit([commit]).catch((error: { code: string }) => [error.code]);
    for (const key of (await servers[from].admin.cluster('GETKEYSINSLOT', slot, 100_000)) as string[])
      await servers[from].admin.migrate('127.0.0.1', servers[to].port, key, 0, 5_000);
    for (const i of [to, from, 3 - to - from]) await servers[i].admin.cluster('SETSLOT', slot, 'NODE', ids[to]);
    expect([['OK'], ['STATE_UNAVAILABLE']]).toContainEqual(await waiting);
    let outcome = '';
    await waitFor(async () => {
      [outcome] = await bench.store.commit([commit]);
      return true;
    });
    expect(['OK', 'DUP']).toContain(outcome);
    expect((await bench.store.claim('ads:0', 'b')).meta).toEqual({ seq: 4, nextOffset: 40 });
    expect(await servers[to].admin.hget(meta, 'seq')).toBe('4');
  });
});

test.skipIf(!isRedisHere)('a Sentinel names the next master, and the owner goes on there', async () => {
  await using master = await startRedisServer();
  await using replica = await startRedisServer(['--replicaof', '127.0.0.1', String(master.port)]);
  await waitFor(async () => (await replica.admin.info('replication')).includes('master_link_status:up'));
  const port = await freePort();
  const config = join(master.directory, 'sentinel.conf');
  const watch = `sentinel monitor state 127.0.0.1 ${master.port} 1`;
  const quick = 'sentinel down-after-milliseconds state 300\nsentinel failover-timeout state 2000';
  writeFileSync(config, `port ${port}\nbind 127.0.0.1\ndir ${master.directory}\n${watch}\n${quick}\n`);
  const sentinel = spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' });
  const asked = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20 });
  // It may not be up yet.
  asked.on('error', () => undefined);
  try {
    await waitFor(async () => String(await asked.call('SENTINEL', 'replicas', 'state')).includes(String(replica.port)));
    const endpoint = endpointOf(port, { kind: 'sentinel', sentinelMaster: 'state' });
    await using bench = await openRedisBench(endpoint, { commandTimeoutMs: 500 });
    await fillLane(bench.store, 'ads:0', 'a', 3);
    await waitFor(async () => (await replica.admin.hget(`${bench.options.keyPrefix}{ads:0}:m`, 'seq')) === '3');
    await master.kill();
    const commit = commitOf('ads:0', 'a', 4, { prevOffset: 30 });
    let outcome = '';
    await waitFor(async () => {
      [outcome] = await bench.store.commit([commit]);
      return true;
    }, 40_000);
    expect(outcome).toBe('OK');
    expect(await replica.admin.hget(`${bench.options.keyPrefix}{ads:0}:m`, 'seq')).toBe('4');
    // The old master comes back as a replica; nothing of ours goes to it.
    await master.start();
    expect(await bench.store.commit([commitOf('ads:0', 'a', 5, { prevOffset: 40 })])).toEqual(['OK']);
    expect(await replica.admin.hget(`${bench.options.keyPrefix}{ads:0}:m`, 'seq')).toBe('5');
  } finally {
    asked.disconnect();
    sentinel.kill('SIGKILL');
    await once(sentinel, 'exit');
  }
});
