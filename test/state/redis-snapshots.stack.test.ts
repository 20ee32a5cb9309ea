import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FactName, type Facts, onFact } from '../../src/model/facts.ts';
import { blob, commitOf, fillLane, plain } from './lane-commits.ts';
import { ManualClock } from './manual-clock.ts';
import { openRedisBench, type RedisBench } from './redis-bench.ts';
import { isRedisHere, type RedisServer, startRedisServer } from './redis-server.ts';

/** The facts of one name from now on. */
function listen<Name extends FactName>(
  name: Name,
): { seen: Facts[Name][]; next: () => Promise<Facts[Name]> } & Disposable {
  const seen: Facts[Name][] = [];
  let wake: (fact: Facts[Name]) => void = () => undefined;
  const stop = onFact(name, (fact) => {
    seen.push(fact);
    wake(fact);
  });
  const next = () =>
    new Promise<Facts[Name]>((resolve) => {
      wake = resolve;
    });
  return { seen, next, [Symbol.dispose]: stop };
}

const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' } as const;

describe.skipIf(!isRedisHere)('snapshots of the state in Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const open = async (hasHistory = false) => {
    const clock = new ManualClock();
    const bench = await openRedisBench(server.endpoint, { clock, hasHistory: async () => hasHistory });
    return { bench, clock };
  };
  const laneDirectory = ({ options }: RedisBench, partition = 0) =>
    join(options.snapshots.directory, encodeURIComponent(options.keyPrefix), 'ads', String(partition));
  const snapshotsOf = (bench: RedisBench) => readdirSync(laneDirectory(bench)).sort();
  const takeNext = async (clock: ManualClock, ms: number) => {
    using written = listen('snapshot.written');
    using failed = listen('snapshot.failed');
    const facts = [written.next(), failed.next().then(({ error }) => Promise.reject(error as Error))];
    await clock.advance(ms);
    return await Promise.race(facts);
  };

  test('everything gone: the newest snapshot comes back, with output and generation', async () => {
    const { bench, clock } = await open(true);
    await using _ = bench;
    await bench.store.writeGeneration('ads', 3, identity);
    // A lane that somebody remembers does not begin by itself, so it begins before there is a history.
    await using other = await openRedisBench(server.endpoint, { ...bench.options, hasHistory: async () => false });
    await fillLane(other.store, 'ads:0', 'first', 1);
    await fillLane(bench.store, 'ads:0', 'a', 6);
    expect(await takeNext(clock, 1_000)).toMatchObject({ lane: 'ads:0', seq: 7, nextOffset: 70 });
    const before = plain(await (await bench.another()).claim('ads:0', 'look'));
    await server.admin.flushall();
    await bench.reopen();
    using restored = listen('state.restored');
    expect(await bench.store.readGeneration('ads')).toEqual({ generation: 3, identity });
    expect(plain(await bench.store.claim('ads:0', 'b'))).toEqual(before);
    expect(restored.seen).toMatchObject([{ lane: 'ads:0', seq: 7, nextOffset: 70, takenAtMs: 1_800_000_001_000 }]);
    expect(await bench.store.commit([commitOf('ads:0', 'b', 8, { prevOffset: 70 })])).toEqual(['OK']);
  });

  test('everything gone and no snapshot: it does not start empty', async () => {
    const { bench } = await open(true);
    await using _ = bench;
    await expect(bench.store.claim('ads:0', 'a')).rejects.toMatchObject({
      code: 'STATE_LOST',
      message: expect.stringMatching(/lane ads:0.*committed before.*no whole snapshot/),
    });
    // And it says so again: the refusal left nothing behind that looks like a lane.
    await expect(bench.store.claim('ads:0', 'b')).rejects.toMatchObject({ code: 'STATE_LOST' });
  });

  test('a lane that begins after everything was lost says again to which stream it belongs', async () => {
    const { bench } = await open();
    await using _ = bench;
    await bench.store.writeGeneration('ads', 3, identity);
    await server.admin.flushall();
    // No snapshot was taken yet: the lane begins anew, and so must what others know it by.
    await fillLane(bench.store, 'ads:0', 'a', 1);
    await bench.reopen();
    expect(await bench.store.readGeneration('ads')).toEqual({ generation: 3, identity });
    expect((await bench.store.claim('ads:0', 'b')).meta).toEqual({ seq: 1, nextOffset: 10 });
  });

  test('the live owner is fenced by the loss, claims again and goes on from the snapshot', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await fillLane(bench.store, 'ads:0', 'a', 2);
    await takeNext(clock, 1_000);
    expect(await bench.store.commit([commitOf('ads:0', 'a', 3)])).toEqual(['OK']);
    await server.admin.flushall();
    expect(await bench.store.commit([commitOf('ads:0', 'a', 4)])).toEqual(['FENCED']);
    expect((await bench.store.claim('ads:0', 'b')).meta).toEqual({ seq: 2, nextOffset: 20 });
  });

  test('a snapshot is taken at the first commit, then once in an interval; two are kept', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await bench.store.claim('ads:0', 'a');
    await clock.advance(1_000);
    const seqs: number[] = [];
    for (let seq = 1; seq <= 4; seq++) {
      expect(await bench.store.commit([commitOf('ads:0', 'a', seq)])).toEqual(['OK']);
      seqs.push((await takeNext(clock, seq === 1 ? 1_000 : 60_000)).seq);
    }
    expect(seqs).toEqual([1, 2, 3, 4]);
    expect(snapshotsOf(bench).map((name) => Number(name.split('-')[1]))).toEqual([30, 40]);
  });

  test.each([
    ['truncated', (path: string) => truncateSync(path, readFileSync(path).length - 20)],
    ['cut in a record', (path: string) => truncateSync(path, 60)],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['with a flipped byte', (path: string) => writeFileSync(path, flipMiddle(readFileSync(path)))],
  ])('a newest snapshot that is %s is passed over, and named', async (_title, damage) => {
    const { bench, clock } = await open(true);
    await using other = await openRedisBench(server.endpoint, { ...bench.options, hasHistory: async () => false });
    await using _ = bench;
    await other.store.claim('ads:0', 'begin');
    await fillLane(bench.store, 'ads:0', 'a', 2);
    await takeNext(clock, 1_000);
    await fillLane(bench.store, 'ads:0', 'b', 2);
    await takeNext(clock, 60_000);
    const [older, newest] = snapshotsOf(bench).map((name) => join(laneDirectory(bench), name));
    damage(newest);
    await server.admin.flushall();
    using refused = listen('snapshot.refused');
    expect((await bench.store.claim('ads:0', 'c')).meta).toEqual({ seq: 2, nextOffset: 20 });
    expect(refused.seen).toMatchObject([{ lane: 'ads:0', path: newest, error: { code: 'STATE_CORRUPT' } }]);
    damage(older);
    await server.admin.flushall();
    await expect(bench.store.claim('ads:0', 'd')).rejects.toMatchObject({ code: 'STATE_LOST' });
  });

  test.each(['m', 'd', 'o', 'b:1'])('key %s missing alone is a loss: restored, else refused', async (key) => {
    const { bench, clock } = await open(true);
    await using other = await openRedisBench(server.endpoint, { ...bench.options, hasHistory: async () => false });
    await using _ = bench;
    await other.store.claim('ads:0', 'begin');
    await fillLane(bench.store, 'ads:0', 'a', 5);
    const name = `${bench.options.keyPrefix}{ads:0}:${key}`;
    // Without a snapshot there is nothing to mend it with.
    const held = await server.admin.dumpBuffer(name);
    await server.admin.del(name);
    await expect(bench.store.claim('ads:0', 'b')).rejects.toMatchObject({
      code: key === 'm' ? 'STATE_LOST' : 'STATE_CORRUPT',
      message: expect.stringContaining('ads:0'),
    });
    await server.admin.restore(name, 0, held as Buffer, 'REPLACE');
    const before = plain(await bench.store.claim('ads:0', 'c'));
    await takeNext(clock, 1_000);
    await server.admin.del(name);
    using restored = listen('state.restored');
    expect(plain(await bench.store.claim('ads:0', 'd'))).toEqual(before);
    expect(restored.seen).toMatchObject([{ reason: expect.stringMatching(key === 'm' ? /Redis/ : /STATE_CORRUPT/) }]);
  });

  test.each([
    ['a seq beyond all numbers', (m: string) => [['hset', m, 'seq', '9007199254740993']]],
    ['a seq far beyond its deltas', (m: string) => [['hset', m, 'seq', '9007199254740000']]],
    ['an offset that is no number', (m: string) => [['hset', m, 'off', 'x']]],
    ['no oldest delta', (m: string) => [['hset', m, 'dlo', '']]],
    ['a generation that is no number', (m: string) => [['hset', m, 'gen', 'x']]],
    ['a format that is no number', (m: string) => [['hset', m, 'fmt', '{}']]],
    ['a base of nonsense', (m: string) => [['hset', m, 'b:x', '1']]],
    [
      'a text',
      (m: string) => [
        ['del', m],
        ['set', m, 'hello'],
      ],
    ],
    [
      'a list',
      (m: string) => [
        ['del', m],
        ['rpush', m, 'hello'],
      ],
    ],
  ])('a lane record with %s is restored from its snapshot, for its owner too', async (_, harm) => {
    const { bench, clock } = await open(true);
    await using other = await openRedisBench(server.endpoint, { ...bench.options, hasHistory: async () => false });
    await using _bench = bench;
    await other.store.writeGeneration('ads', 1, identity);
    await other.store.claim('ads:0', 'begin');
    await fillLane(bench.store, 'ads:0', 'a', 5);
    await takeNext(clock, 1_000);
    const before = plain(await bench.store.claim('ads:0', 'b'));
    using restored = listen('state.restored');
    for (const [command, ...args] of harm(`${bench.options.keyPrefix}{ads:0}:m`))
      await server.admin.call(command, ...args);
    // Its owner hears of it as of any other loss, and does not end of it.
    await bench.store.check('ads:0', 'b', 5);
    await bench.store.trim('ads:0', 'b', []);
    expect(plain(await bench.store.claim('ads:0', 'c'))).toEqual(before);
    expect(restored.seen).toMatchObject([{ lane: 'ads:0', reason: expect.stringContaining('STATE_CORRUPT') }]);
  });

  test('leftovers without their record are no new lane, even when nobody remembers it', async () => {
    const { bench } = await open(false);
    await using _ = bench;
    await fillLane(bench.store, 'ads:0', 'a', 2);
    await server.admin.del(`${bench.options.keyPrefix}{ads:0}:m`);
    await expect(bench.store.claim('ads:0', 'b')).rejects.toMatchObject({ code: 'STATE_LOST' });
  });

  test('a changed blob, a blob of another commit and one of another kind are noticed', async () => {
    const { bench } = await open();
    await using _ = bench;
    await fillLane(bench.store, 'ads:0', 'a', 4);
    const key = `${bench.options.keyPrefix}{ads:0}:d`;
    const delta = (await server.admin.hgetBuffer(key, '3')) as Buffer;
    const chunk = (await server.admin.hgetBuffer(`${bench.options.keyPrefix}{ads:0}:o`, '4')) as Buffer;
    for (const wrong of [flipMiddle(delta), chunk, (await server.admin.hgetBuffer(key, '4')) as Buffer]) {
      await server.admin.hset(key, '3', wrong);
      await expect(bench.store.claim('ads:0', 'b')).rejects.toMatchObject({
        code: 'STATE_CORRUPT',
        message: expect.stringMatching(/delta 3/),
      });
    }
    await server.admin.hset(key, '3', delta);
    expect((await bench.store.claim('ads:0', 'c')).deltas.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  test('a restore that was cut short is begun again by whoever claims next', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await fillLane(bench.store, 'ads:0', 'a', 4);
    await takeNext(clock, 1_000);
    const before = plain(await bench.store.claim('ads:0', 'b'));
    const key = `${bench.options.keyPrefix}{ads:0}:m`;
    // What a process leaves that dies between two blobs.
    await server.admin.hset(key, 'phase', 'restoring', 'seq', '0', 'off', '0');
    await server.admin.del(`${bench.options.keyPrefix}{ads:0}:d`);
    expect(await bench.store.commit([commitOf('ads:0', 'b', 1)])).toEqual(['GAP']);
    expect(plain(await bench.store.claim('ads:0', 'c'))).toEqual(before);
  });

  test('a snapshot of an earlier generation is not for this one', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await bench.store.writeGeneration('ads', 1, identity);
    await fillLane(bench.store, 'ads:0', 'a', 2);
    await takeNext(clock, 1_000);
    await bench.store.writeGeneration('ads', 2, identity);
    expect((await bench.store.claim('ads:0', 'b')).meta).toBeNull();
    await expect((await bench.another()).readGeneration('ads')).resolves.toEqual({ generation: 2, identity });
    // A process that still believes in the first one must not take the lane back.
    await server.admin.set(`${bench.options.keyPrefix}generation:{ads}`, JSON.stringify({ generation: 1, identity }));
    const old = await bench.another();
    await expect(old.claim('ads:0', 'c')).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
    await server.admin.del(`${bench.options.keyPrefix}generation:{ads}`);
  });

  test('copied while its owner commits, a snapshot is one commit, whole', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await bench.store.claim('ads:0', 'a');
    // As with a real owner, a group is rewritten once in many commits.
    const groups = 48;
    const large = (seq: number) => new Uint8Array(20_000).fill(seq % 251);
    await bench.store.commit([commitOf('ads:0', 'a', 1, { delta: large(1), outbox: large(1) })]);
    let isStopping = false;
    const committing = (async () => {
      for (let seq = 2; !isStopping; seq++) {
        const bases = [{ group: seq % groups, bytes: large(seq) }];
        const more = {
          bases,
          oldestDeltaSeq: seq - groups,
          outbox: large(seq),
          acknowledged: [seq - 2],
          delta: large(seq),
        };
        const outcome = await bench.store.commit([commitOf('ads:0', 'a', seq, more)]);
        if (outcome[0] !== 'OK') return outcome[0];
        // A real owner waits much longer between two commits.
        for (let i = 0; i < 20; i++) await server.admin.ping();
      }
      return 'OK';
    })();
    const taken = [];
    try {
      for (let i = 0; i < 8; i++) taken.push(await takeNext(clock, i === 0 ? 1_000 : 60_000));
    } finally {
      isStopping = true;
      expect(await committing).toBe('OK');
    }
    await server.admin.flushall();
    const { seq } = taken[taken.length - 1];
    const found = await bench.store.claim('ads:0', 'b');
    expect(found.meta).toEqual({ seq, nextOffset: seq * 10 });
    // Every group is at its last rewrite, and each delta since the oldest base is there.
    for (const [group, bytes] of found.bases) {
      const at = seq - ((((seq - group) % groups) + groups) % groups);
      expect(Buffer.compare(bytes, large(at)), `group ${group}`).toBe(0);
    }
    expect(found.deltas.map((delta) => delta.seq)).toEqual(
      Array.from({ length: Math.min(seq, groups + 1) }, (__, i) => Math.max(1, seq - groups) + i),
    );
    for (const delta of found.deltas) expect(Buffer.compare(delta.bytes, large(delta.seq))).toBe(0);
    // What was acknowledged while we copied may be left out, and nothing else.
    expect([[seq - 1, seq], [seq], []]).toContainEqual(found.outbox.map((chunk) => chunk.seq));
  });

  test('a directory that cannot be written is told, and the lane goes on', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    const directory = join(bench.options.snapshots.directory, 'later');
    await using other = await openRedisBench(server.endpoint, { clock, snapshots: { directory, intervalMs: 60_000 } });
    await fillLane(other.store, 'ads:0', 'a', 1);
    writeFileSync(directory, 'a file where a directory should be');
    using failed = listen('snapshot.failed');
    const fact = failed.next();
    await clock.advance(1_000);
    expect(await fact).toMatchObject({ lane: 'ads:0', error: { code: 'STATE_UNAVAILABLE' } });
    expect(await other.store.commit([commitOf('ads:0', 'a', 2)])).toEqual(['OK']);
  });

  test('a copy that failed leaves nothing behind, and the next one is tried in its time', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await fillLane(bench.store, 'ads:0', 'a', 4);
    const key = `${bench.options.keyPrefix}{ads:0}:b:1`;
    const held = (await server.admin.dumpBuffer(key)) as Buffer;
    await server.admin.del(key);
    await expect(takeNext(clock, 1_000)).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringContaining('base 1'),
    });
    expect(readdirSync(laneDirectory(bench))).toEqual([]);
    await server.admin.restore(key, 0, held);
    expect(await takeNext(clock, 60_000)).toMatchObject({ seq: 4 });
    expect(readdirSync(laneDirectory(bench))).toHaveLength(1);
  });

  test('nobody is told of a lane before a snapshot can bring it back', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    const told = () => bench.store.isRecoverable?.('ads:0');
    expect(told()).toBe(false);
    await fillLane(bench.store, 'ads:0', 'a', 2);
    expect(told()).toBe(false);
    await takeNext(clock, 1_000);
    expect(told()).toBe(true);
    expect(bench.store.isRecoverable?.('ads:1')).toBe(false);
    // A new claim is another beginning.
    await bench.store.claim('ads:0', 'b');
    expect(told()).toBe(false);
  });

  test('a snapshot that fails is tried again soon; after a minute of it, its loss must be told', async () => {
    const clock = new ManualClock();
    const directory = join(server.directory, 'full');
    await using bench = await openRedisBench(server.endpoint, { clock, snapshots: { directory, intervalMs: 60_000 } });
    await fillLane(bench.store, 'ads:0', 'a', 1);
    writeFileSync(directory, 'a file where a directory should be');
    using failed = listen('snapshot.failed');
    const attempts = async (ms: number, times: number) => {
      for (let i = 0; i < times; i++) {
        const fact = failed.next();
        await clock.advance(ms);
        await fact;
      }
    };
    await attempts(1_000, 1);
    await attempts(5_000, 11);
    expect(bench.store.isRecoverable?.('ads:0')).toBe(false);
    await attempts(5_000, 1);
    expect(bench.store.isRecoverable?.('ads:0')).toBe(true);
  });

  test('what we no longer own we do not copy', async () => {
    const { bench, clock } = await open();
    await using _ = bench;
    await fillLane(bench.store, 'ads:0', 'a', 2);
    await fillLane(bench.store, 'ads:1', 'a', 2);
    const thief = await bench.another({ clock: new ManualClock() });
    await thief.claim('ads:0', 'b');
    await thief.commit([commitOf('ads:0', 'b', 3, { delta: blob('theirs') })]);
    using written = listen('snapshot.written');
    await takeNext(clock, 1_000);
    expect(written.seen.map(({ lane }) => lane)).toEqual(['ads:1']);
  });
});

function flipMiddle(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[flipped.length >> 1] ^= 0xff;
  return flipped;
}
