import { expect, test } from 'vitest';
import { EngineError } from '../../src/model/errors.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import { BronzeTopology, type BronzeTopologyOptions } from '../../src/runtime/bronze-topology.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import type { LaneAssignment } from '../../src/sources/source.ts';
import { MemoryLog, MemoryStore, makeDecoder } from './bronze-doubles.ts';

class StillClock implements Clock {
  now = 1_000_000;
  slept: number[] = [];
  wallMs() {
    return this.now as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  async sleep(ms: number, _signal?: AbortSignal) {
    this.slept.push(ms);
  }
}

function setUp(lengths: number[], more: Partial<BronzeTopologyOptions> = {}) {
  const log = new MemoryLog(lengths);
  const store = new MemoryStore();
  const clock = new StillClock();
  const topology = new BronzeTopology({
    source: log,
    decoder: makeDecoder(),
    store,
    clock,
    assignment: allLanes(lengths.length),
    commitIntervalMs: 60_000,
    commitBytes: 1e9,
    commitRecords: 20,
    ...more,
  });
  return { log, store, clock, topology };
}

/** Runs until all that the log holds is stored. */
async function runToEnd(topology: BronzeTopology): Promise<void> {
  const running = topology.run();
  await Promise.race([running, topology.drain()]);
  topology.stop();
  await running;
}

function offsets(store: MemoryStore, partition: number): number[] {
  return store.rows.filter((row) => row.partition === partition).map((row) => row.offset);
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);

test('a drain stores every record of every partition once, in commits of bounded size', async () => {
  const { store, topology } = setUp([100, 33, 0]);
  await runToEnd(topology);
  expect(offsets(store, 0)).toEqual(upTo(100));
  expect(offsets(store, 1)).toEqual(upTo(33));
  expect(Math.max(...store.commits)).toBeLessThan(20 + 7);
});

test('rejected records and ticks belong to the system organization at their log time', async () => {
  const { store, topology } = setUp([8]);
  await runToEnd(topology);
  expect(store.rows[0]).toEqual({ partition: 0, offset: 0, org: '_system', time: 1_000, kind: 'rejected' });
  expect(store.rows[1]).toEqual({ partition: 0, offset: 1, org: 'acme', time: 500, kind: 'spend' });
  expect(store.rows[7]).toEqual({ partition: 0, offset: 7, org: '_system', time: 1_007, kind: 'tick' });
});

test("a record under another's key, or far ahead of the log, is not filed where it says", async () => {
  const { store, topology } = setUp([14]);
  await runToEnd(topology);
  expect(store.rows[12]).toMatchObject({ org: '_system', time: 1_012, kind: 'spend' });
  expect(store.rows[13]).toMatchObject({ org: '_system', time: 1_013, kind: 'spend' });
  expect(store.rows[11]).toMatchObject({ org: 'acme', time: 500 });
});

test('trouble with the registry or the table is waited out, a fence reads again: still once each', async () => {
  const told: string[] = [];
  const { store, clock, topology } = setUp([60], {
    decoder: makeDecoder(2),
    onTrouble: (error) => told.push(error.code),
  });
  store.troubles.push('unavailable', 'unavailable', 'fenced', 'unavailable');
  await runToEnd(topology);
  expect(offsets(store, 0)).toEqual(upTo(60));
  expect(told.filter((code) => code === 'REGISTRY_UNAVAILABLE').length).toBe(2);
  expect(told.filter((code) => code === 'SINK_UNAVAILABLE').length).toBe(3);
  expect(clock.slept).toEqual([100, 200, 100, 200, 100]);
});

test('a commit is due after the interval even when little waits', async () => {
  const { store, clock, topology } = setUp([3]);
  const running = topology.run();
  await new Promise((resolve) => setImmediate(resolve));
  expect(store.rows.length).toBe(0);
  clock.now += 60_000;
  while (store.rows.length === 0) await new Promise((resolve) => setImmediate(resolve));
  topology.stop();
  await running;
  expect(offsets(store, 0)).toEqual(upTo(3));
});

test('trouble that no waiting ends stops the run', async () => {
  const { store, topology } = setUp([30]);
  store.commit = async () => {
    throw new EngineError('BRONZE_ROLLED_BACK', 'set back');
  };
  await expect(topology.run()).rejects.toMatchObject({ code: 'BRONZE_ROLLED_BACK' });
});

test('a stop ends a wait for better times, and leaves nothing half done', async () => {
  const { store, clock, topology } = setUp([30]);
  store.troubles.push('unavailable');
  clock.sleep = (_ms, signal?: AbortSignal) => {
    const asleep = new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    topology.stop();
    return asleep;
  };
  store.troubles.push('unavailable');
  await topology.run();
  expect(store.rows).toEqual([]);
});

test('a drain does not wait for a lane that moved to another instance meanwhile', async () => {
  let tell: (partitions: readonly number[]) => void = () => undefined;
  const assignment: LaneAssignment = {
    start: async ({ assigned }) => {
      tell = assigned;
      assigned([0, 1]);
    },
    stop: async () => undefined,
  };
  const { log, store, topology } = setUp([30, 100_000], { assignment });
  const poll = log.poll.bind(log);
  let polls = 0;
  // By then the drain has its targets, and the second lane is far from its own.
  log.poll = async (partition, max) => {
    polls += 1;
    if (polls === 40) tell([0]);
    return await poll(partition, max);
  };
  const running = topology.run();
  await topology.drain();
  topology.stop();
  await running;
  expect(offsets(store, 0)).toEqual(upTo(30));
  expect(offsets(store, 1).length).toBeLessThan(1_000);
}, 5_000);
