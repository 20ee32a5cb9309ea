import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateStore } from '../../src/state/state-store.ts';
import { blob, commitOf, fillLane, plain } from './lane-commits.ts';
import { openRedisBench } from './redis-bench.ts';
import { endpointOf, isRedisHere, type RedisServer, startRedisServer, waitFor } from './redis-server.ts';
import { startProxy } from './tcp-proxy.ts';

const unavailable = { code: 'STATE_UNAVAILABLE' };

/** Sends the same commit until somebody says what became of it, as an owner does. */
async function commitUntilKnown(store: StateStore, commit: ReturnType<typeof commitOf>): Promise<string> {
  let outcome = '';
  await waitFor(async () => {
    [outcome] = await store.commit([commit]);
    return true;
  });
  return outcome;
}

describe.skipIf(!isRedisHere)('a Redis that answers badly', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('a commit whose answer was lost is there once, and says so when it is sent again', async () => {
    await using proxy = await startProxy(server.port);
    await using bench = await openRedisBench(endpointOf(proxy.port));
    await bench.store.claim('ads:0', 'a');
    await bench.store.commit([commitOf('ads:0', 'a', 1)]);
    const commit = commitOf('ads:0', 'a', 2, { outbox: blob('rows') });
    proxy.loseNextAnswer();
    await expect(bench.store.commit([commit])).rejects.toMatchObject(unavailable);
    // The library must not have sent it again by itself, nor may we find it missing.
    expect(await server.admin.hget(`${bench.options.keyPrefix}{ads:0}:m`, 'seq')).toBe('2');
    expect(await commitUntilKnown(bench.store, commit)).toBe('DUP');
    expect(plain(await bench.store.claim('ads:0', 'b')).outbox).toEqual([[2, 'rows']]);
  });

  test('one lane without an answer makes the round unknown; sent again, each lane says what it is', async () => {
    await using proxy = await startProxy(server.port);
    await using bench = await openRedisBench(endpointOf(proxy.port));
    for (const lane of ['ads:0', 'ads:1']) await bench.store.claim(lane, 'a');
    const round = [commitOf('ads:0', 'a', 1), commitOf('ads:1', 'old', 1)];
    proxy.loseNextAnswer();
    await expect(bench.store.commit(round)).rejects.toMatchObject(unavailable);
    let outcomes: string[] = [];
    await waitFor(async () => {
      outcomes = await bench.store.commit(round);
      return true;
    });
    expect(outcomes).toEqual([expect.stringMatching(/OK|DUP/), 'FENCED']);
  });

  test('a server that went silent is given up in time, and found again', async () => {
    await using proxy = await startProxy(server.port);
    await using bench = await openRedisBench(endpointOf(proxy.port), { commandTimeoutMs: 300 });
    await bench.store.claim('ads:0', 'a');
    proxy.setSilent(true);
    await expect(bench.store.commit([commitOf('ads:0', 'a', 1)])).rejects.toMatchObject(unavailable);
    await expect(bench.store.check('ads:0', 'a', 0)).rejects.toMatchObject(unavailable);
    proxy.setSilent(false);
    expect(await commitUntilKnown(bench.store, commitOf('ads:0', 'a', 1))).toMatch(/OK|DUP/);
  });

  test('a server that forgot the scripts is told them again', async () => {
    await using bench = await openRedisBench(server.endpoint);
    await bench.store.claim('ads:0', 'a');
    await server.admin.script('FLUSH');
    expect(await bench.store.commit([commitOf('ads:0', 'a', 1)])).toEqual(['OK']);
    await server.admin.script('FLUSH');
    expect(await bench.store.check('ads:0', 'a', 1)).toBe('OK');
    expect(await bench.store.trim('ads:0', 'a', [1])).toBe('OK');
    expect((await bench.store.claim('ads:0', 'b')).meta).toEqual({ seq: 1, nextOffset: 10 });
  });

  test('memory that is used up changes nothing, and names what to raise', async () => {
    await using bench = await openRedisBench(server.endpoint);
    await bench.store.claim('ads:0', 'a');
    await bench.store.commit([commitOf('ads:0', 'a', 1)]);
    await server.admin.config('SET', 'maxmemory', '1mb');
    try {
      const commit = commitOf('ads:0', 'a', 2, { bases: [{ group: 1, bytes: blob('base') }], outbox: blob('rows') });
      await expect(bench.store.commit([commit])).rejects.toMatchObject({
        ...unavailable,
        message: expect.stringContaining('raise maxmemory'),
      });
      expect(await server.admin.hgetall(`${bench.options.keyPrefix}{ads:0}:m`)).toMatchObject({ seq: '1', out: '0' });
      expect(await server.admin.keys(`${bench.options.keyPrefix}{ads:0}:[bo]*`)).toEqual([]);
      await server.admin.config('SET', 'maxmemory', '0');
      expect(await bench.store.commit([commit])).toEqual(['OK']);
    } finally {
      await server.admin.config('SET', 'maxmemory', '0');
    }
  });

  test('a replica that was our master is left alone until it is one again', async () => {
    await using bench = await openRedisBench(server.endpoint);
    await bench.store.claim('ads:0', 'a');
    await server.admin.replicaof('127.0.0.1', 1);
    try {
      await expect(bench.store.commit([commitOf('ads:0', 'a', 1)])).rejects.toMatchObject(unavailable);
    } finally {
      await server.admin.replicaof('NO', 'ONE');
    }
    expect(await commitUntilKnown(bench.store, commitOf('ads:0', 'a', 1))).toBe('OK');
  });
});

test.skipIf(!isRedisHere)('a server that lost the tail of its log sends the owner back to what is left', async () => {
  const settings = ['--appendonly', 'yes', '--appendfsync', 'always'];
  await using server = await startRedisServer(settings);
  await using bench = await openRedisBench(server.endpoint);
  await fillLane(bench.store, 'ads:0', 'a', 5);
  const keptBytes = statSync(incrementalAof(server)).size;
  await bench.store.commit([commitOf('ads:0', 'a', 6, { outbox: blob('rows 6') })]);
  await server.kill();
  // Seven bytes more: a transaction that was written in part.
  truncateSync(incrementalAof(server), keptBytes + 7);
  await server.start();
  // The owner goes on with what it believes to be the seventh.
  expect(await commitUntilKnown(bench.store, commitOf('ads:0', 'a', 7))).toBe('GAP');
  const found = plain(await bench.store.claim('ads:0', 'b'));
  expect(found.meta).toEqual({ seq: 5, nextOffset: 50 });
  expect(found.outbox.map(([seq]) => seq)).toEqual([4, 5]);

  // The claim itself may be in the lost tail: then the token there is the one before it.
  const beforeClaim = statSync(incrementalAof(server)).size;
  await bench.store.claim('ads:0', 'c');
  await server.kill();
  truncateSync(incrementalAof(server), beforeClaim);
  await server.start();
  expect(await commitUntilKnown(bench.store, commitOf('ads:0', 'c', 6))).toBe('FENCED');
});

function incrementalAof(server: RedisServer): string {
  const directory = join(server.directory, 'appendonlydir');
  const name = readdirSync(directory).find((each) => each.endsWith('.incr.aof'));
  return join(directory, name as string);
}
