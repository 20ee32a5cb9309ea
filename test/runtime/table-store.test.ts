import { expect, test } from 'vitest';
import { EngineError } from '../../src/model/errors.ts';
import { onFact } from '../../src/model/facts.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import { createRunner } from '../../src/runtime/runner.ts';
import { defaultRunnerSettings, type RunnerOptions } from '../../src/runtime/runner-options.ts';
import { TableStore } from '../../src/runtime/table-store.ts';
import type { LaneAssignment } from '../../src/sources/source.ts';
import { BronzeLane } from '../../src/topology/bronze-topology.ts';
import { MemoryLog, MemoryStore, makeDecoder } from './bronze-doubles.ts';

/** A sleep takes no time of ours, and all of its time of the clock. */
class QuickClock implements Clock {
  now = 1_000_000;
  wallMs() {
    return this.now as WallTimeMs;
  }
  steadyMs(): number {
    return this.now;
  }
  async sleep(ms: number, _signal?: AbortSignal) {
    if (ms > 0) this.now += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function setUp(lengths: number[], more: Partial<RunnerOptions> = {}) {
  const log = new MemoryLog(lengths);
  const store = new MemoryStore();
  const clock = new QuickClock();
  log.waitForRecords = async (_: readonly number[], ms: number) => clock.sleep(ms);
  const failures: unknown[] = [];
  let tokens = 0;
  const runner = createRunner({
    source: log,
    decoder: makeDecoder(),
    store: new TableStore(store),
    sinks: [],
    clock,
    assignment: allLanes(lengths.length),
    entropy: { token: () => `token ${++tokens}` },
    programFactory: () => new BronzeLane({ commitBytes: 1e9, commitRecords: 20 }),
    onError: (error) => failures.push(error),
    settings: {
      ...defaultRunnerSettings,
      generation: 0,
      tickValue: null,
      commitIntervalMs: 60_000,
      catchUpIntervalMs: 60_000,
      commitBytesMax: 1e9,
      commitsTogether: true,
    },
    ...more,
  });
  return { log, store, clock, runner, failures };
}

type SetUp = ReturnType<typeof setUp>;

/** Runs until all that the log holds is stored. */
async function runToEnd({ runner }: SetUp): Promise<void> {
  await runner.start();
  await runner.catchUp();
  await runner.stop();
}

function offsets(store: MemoryStore, partition: number): number[] {
  return store.rows.filter((row) => row.partition === partition).map((row) => row.offset);
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);

test('a drain stores every record of every partition once, in commits of bounded size', async () => {
  const world = setUp([100, 33, 0]);
  await runToEnd(world);
  const { store } = world;
  expect(offsets(store, 0)).toEqual(upTo(100));
  expect(offsets(store, 1)).toEqual(upTo(33));
  expect(Math.max(...store.commits)).toBeLessThan(20 + 7);
});

test('rejected records and ticks belong to the system organization at their log time', async () => {
  const world = setUp([8]);
  await runToEnd(world);
  const { store } = world;
  expect(store.rows[0]).toEqual({ partition: 0, offset: 0, org: '_system', time: 1_000, kind: 'rejected' });
  expect(store.rows[1]).toEqual({ partition: 0, offset: 1, org: 'acme', time: 500, kind: 'spend' });
  expect(store.rows[7]).toEqual({ partition: 0, offset: 7, org: '_system', time: 1_007, kind: 'tick' });
});

test("a record under another's key, or far ahead of the log, is not filed where it says", async () => {
  const world = setUp([14]);
  await runToEnd(world);
  const { store } = world;
  expect(store.rows[12]).toMatchObject({ org: '_system', time: 1_012, kind: 'spend' });
  expect(store.rows[13]).toMatchObject({ org: '_system', time: 1_013, kind: 'spend' });
  expect(store.rows[11]).toMatchObject({ org: 'acme', time: 500 });
});

test('trouble with the registry or the table is waited out, a fence reads again: still once each', async () => {
  const told: unknown[] = [];
  const stops = [
    onFact('lane.paused', ({ error }) => told.push((error as EngineError | null)?.code)),
    onFact('state.failed', ({ error }) => told.push((error as EngineError).code)),
  ];
  const world = setUp([60], { decoder: makeDecoder(2) });
  world.store.troubles.push('unavailable', 'unavailable', 'fenced', 'unavailable');
  await runToEnd(world);
  for (const stop of stops) stop();
  expect(offsets(world.store, 0)).toEqual(upTo(60));
  expect(told).toContain('REGISTRY_UNAVAILABLE');
  expect(told.filter((code) => code === 'SINK_UNAVAILABLE').length).toBe(3);
});

test('a commit is due after the interval even when little waits', async () => {
  const { store, clock, runner } = setUp([3]);
  const beganMs = clock.now;
  await runner.start();
  while (store.rows.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await runner.stop();
  expect(clock.now - beganMs).toBeGreaterThanOrEqual(60_000);
  expect(offsets(store, 0)).toEqual(upTo(3));
});

test('trouble that no waiting ends stops the run', async () => {
  const { store, runner, failures } = setUp([30]);
  store.commit = async () => {
    throw new EngineError('BRONZE_ROLLED_BACK', 'set back');
  };
  await runner.start();
  await expect(runner.catchUp()).rejects.toMatchObject({ code: 'BRONZE_ROLLED_BACK' });
  expect(failures).toMatchObject([{ code: 'BRONZE_ROLLED_BACK' }]);
});

test('a stop ends a wait for better times, and leaves nothing half done', async () => {
  const { store, runner } = setUp([30]);
  const isWaiting = Promise.withResolvers<void>();
  store.commit = async () => {
    isWaiting.resolve();
    throw new EngineError('SINK_UNAVAILABLE', 'disk is away');
  };
  await runner.start();
  const catchingUp = runner.catchUp();
  await isWaiting.promise;
  await runner.stop();
  await expect(catchingUp).rejects.toThrow('stopped');
  expect(store.rows).toEqual([]);
});

test('a lost answer is no second commit, also when the table is looked at before the next attempt', async () => {
  const table = new MemoryStore();
  const store = new TableStore(table);
  await store.claim('ads:0', 'a');
  const run = { ...(await new MemoryLog([5]).poll(0, { records: 5 }))! };
  const filed = [
    {
      ...run,
      orgs: Array(5).fill('acme'),
      kinds: Array(5).fill('spend'),
      eventTimes: run.logTimes,
      schemaIds: new Int32Array(5),
    },
  ];
  const commit = { lane: 'ads:0', token: 'a', prevSeq: 0, seq: 1, prevOffset: 0, nextOffset: 5, filed };
  const round = [{ ...commit, delta: new Uint8Array(0), bases: [], oldestDeltaSeq: 0, outbox: null, acknowledged: [] }];
  const commitNow = table.commit.bind(table);
  table.commit = async () => {
    await commitNow();
    throw new EngineError('SINK_UNAVAILABLE', 'no answer');
  };
  await expect(store.commit(round)).rejects.toThrow('no answer');
  store.assigned([0, 1]);
  await store.claim('ads:1', 'b');
  table.commit = commitNow;
  expect(await store.commit(round)).toEqual(['DUP']);
  expect(offsets(table, 0)).toEqual(upTo(5));
  expect(await store.commit([{ ...round[0], token: 'of another claim' }])).toEqual(['FENCED']);
  expect(await store.commit([{ ...round[0], prevOffset: 3, nextOffset: 9 }])).toEqual(['GAP']);
});

test('a lane whose log was cut halts alone, and whoever waits for its end hears why', async () => {
  const world = setUp([30, 30]);
  world.store.leaderEpochOf = () => 4;
  await runToEnd(world);
  const again = setUp([60, 60], { store: new TableStore(world.store) });
  const asked: unknown[] = [];
  again.log.seek = async (partition, offset, epoch?: number) => {
    asked.push([partition, offset, epoch]);
    if (partition === 0) throw new EngineError('LOG_TRUNCATED', 'others took its offsets');
    again.log.positions[partition] = offset;
  };
  const halted: unknown[] = [];
  const stop = onFact('lane.paused', ({ partition, reason }) => reason === 'halted' && halted.push(partition));
  await again.runner.start();
  await expect(again.runner.catchUp()).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  while (offsets(world.store, 1).length < 60) await new Promise((resolve) => setImmediate(resolve));
  await again.runner.stop();
  stop();
  expect(halted).toEqual([0]);
  expect(asked).toEqual(
    expect.arrayContaining([
      [0, 30, 4],
      [1, 30, 4],
    ]),
  );
  expect(offsets(world.store, 0)).toEqual(upTo(30));
  expect(again.failures).toEqual([]);
});

test('catching up does not wait for a lane that moved to another instance meanwhile', async () => {
  let tell: (partitions: readonly number[]) => void = () => undefined;
  const assignment: LaneAssignment = {
    start: async ({ assigned }) => {
      tell = assigned;
      assigned([0, 1]);
    },
    stop: async () => undefined,
  };
  const { log, store, runner } = setUp([30, 100_000], { assignment });
  const poll = log.poll.bind(log);
  let polls = 0;
  // By then the targets are known, and the second lane is far from its own.
  log.poll = async (partition, max) => {
    polls += 1;
    if (polls === 40) tell([0]);
    return await poll(partition, max);
  };
  await runner.start();
  await runner.catchUp();
  await runner.stop();
  expect(offsets(store, 0)).toEqual(upTo(30));
  expect(offsets(store, 1).length).toBeLessThan(1_000);
}, 5_000);
