import { expect, test } from 'vitest';
import { type BronzeThread, FailureRelay, type OpenedDoors, RunningParts } from '../../src/adapters/running-engine.ts';
import type { Runner } from '../../src/runtime/runner.ts';
import type { RunnerStatus } from '../../src/runtime/runner-options.ts';

/** Doors that write down in which order they are used. */
function openDoors(
  options: {
    isUntilEnd?: boolean;
    full?: string;
    status?: (calm: RunnerStatus) => RunnerStatus;
    halts?: ReadonlyMap<number, Error>;
    trouble?: Error;
  } = {},
) {
  const calls: string[] = [];
  let onError: (error: unknown, isFatal: boolean) => void = () => {};
  const call = (name: string) => async (): Promise<void> => void calls.push(name);
  const lane = {
    lane: 't:0',
    partition: 0,
    nextOffset: 0,
    endOffset: 0,
    clockMs: null,
    seq: 0,
    records: 0,
    commits: 0,
  };
  const calm: RunnerStatus = {
    lanes: ['t:0', 't:1'].map((name, partition) => {
      return { ...lane, lane: name, partition, committedOffset: 0, pausedReason: null, isOpen: true, trouble: null };
    }),
    sinks: [],
    undeliveredBytes: 0,
    failure: null,
  };
  const runner: Runner = {
    start: call('runner.start'),
    untilEnd: call('runner.untilEnd'),
    catchUp: call('runner.catchUp'),
    catchUpEverywhere: call('runner.catchUpEverywhere'),
    stop: call('runner.stop'),
    drain: async () => {
      calls.push('runner.drain');
      return true;
    },
    status: () => options.status?.(calm) ?? calm,
    isReady: () => options.status === undefined,
  };
  const stats = {
    location: 'x',
    snapshots: 1,
    records: 2,
    commits: 1,
    conflicts: 0,
    unknown: 0,
    fenced: 0,
    files: 1,
    bytes: 1,
  };
  const halts = options.halts ?? new Map<number, Error>();
  const bronze: BronzeThread = {
    stats: () => stats,
    halts: () => halts,
    trouble: () => options.trouble ?? null,
    drain: call('bronze.drain'),
    stop: call('bronze.stop'),
  };
  const stack = new AsyncDisposableStack();
  stack.defer(call('close directory'));
  stack.defer(call('close tables'));
  const doors: OpenedDoors = {
    generation: 1,
    isUntilEnd: options.isUntilEnd ?? false,
    makeRunner: (report) => {
      onError = report;
      return runner;
    },
    bronze,
    failures: new FailureRelay(),
    whyDiskFull: () => options.full ?? null,
    queries: null,
    drainDeadlineMs: 1_000,
    announce: async () => {},
    serve: async () => null,
    applyDrafts: async () => [],
    appendRecords: async () => ({ appended: 0 }),
    producer: null,
    stack,
  };
  return {
    engine: new RunningParts(doors),
    calls,
    report: (error: unknown, isFatal: boolean) => onError(error, isFatal),
  };
}

test('a live engine drains to the ends of that moment and closes from the lanes outwards', async () => {
  const { engine, calls } = openDoors();
  engine.start(() => {});
  await engine.drain();
  await engine.close();
  expect(calls).toEqual([
    'runner.start',
    'runner.catchUp',
    'bronze.drain',
    'runner.drain',
    'bronze.drain',
    'bronze.stop',
    'close tables',
    'close directory',
  ]);
});

test('a bounded run reads only when it is drained', async () => {
  const { engine, calls } = openDoors({ isUntilEnd: true });
  engine.start(() => {});
  expect(calls).toEqual([]);
  await engine.drain();
  expect(calls).toEqual(['runner.untilEnd', 'bronze.drain']);
});

test('a fatal failure is told once, and closing does not drain any more', async () => {
  const { engine, calls, report } = openDoors();
  const told: unknown[] = [];
  engine.start((error) => told.push(error));
  report(new Error('a sink refuses'), false);
  report(new Error('state is gone'), true);
  report(new Error('again'), true);
  expect(told.map(String)).toEqual(['Error: state is gone']);
  expect(engine.whyNotLive()).toBe('Error: state is gone');
  await engine.close();
  expect(calls).not.toContain('runner.drain');
  expect(calls).not.toContain('bronze.drain');
  expect(calls).toContain('close directory');
});

test('an engine whose bronze waits for its store is not ready, says for what, and ends without waiting for it', async () => {
  const { engine, calls } = openDoors({ trouble: new Error('the catalog answers 500') });
  engine.start(() => {});
  expect(engine.whyNotReady()).toBe('bronze waits: the catalog answers 500');
  expect(engine.standing().trouble?.message).toBe('the catalog answers 500');
  await engine.close();
  expect(calls).not.toContain('bronze.drain');
  expect(calls).toContain('bronze.stop');
});

test('an engine whose disk is full is not ready, and says which', () => {
  const { engine } = openDoors({ full: 'the disk of /data (data) is full' });
  expect(engine.whyNotReady()).toBe('the disk of /data (data) is full');
});

type Lane = RunnerStatus['lanes'][number];

/** The second of two lanes is like this. */
const second = (change: Partial<Lane>) => (calm: RunnerStatus) => ({
  ...calm,
  lanes: [calm.lanes[0], { ...calm.lanes[1], ...change }],
});
const refusing: RunnerStatus['sinks'][number] = {
  name: 'clickhouse',
  chunksQueued: 1,
  rowsDelivered: 0,
  isUp: false,
  isRejected: true,
  lastError: 'no such table',
};

test.each<[string, (calm: RunnerStatus) => RunnerStatus]>([
  ['lane t:1 is being restored', second({ isOpen: false, pausedReason: 'opening' })],
  [
    'lane t:1 waits (state_unavailable): Redis does not answer',
    second({ isOpen: false, pausedReason: 'state_unavailable', trouble: 'Redis does not answer' }),
  ],
  // Open, and yet it stands still until somebody acts.
  [
    'lane t:1 waits (halted): 0000.seg is damaged at byte 7',
    second({ isOpen: true, pausedReason: 'halted', trouble: '0000.seg is damaged at byte 7' }),
  ],
  // Of two that wait, the one that no waiting heals.
  [
    'lane t:1 waits (halted): the log was cut',
    (calm) => {
      const [first, other] = calm.lanes;
      const lanes = [
        { ...first, isOpen: false },
        { ...other, pausedReason: 'halted' as const, trouble: 'the log was cut' },
      ];
      return { ...calm, lanes };
    },
  ],
  ['sink clickhouse refuses: no such table', (calm) => ({ ...calm, sinks: [refusing] })],
  // What ended everything comes before what followed from it.
  [
    'the state is gone',
    (calm) => ({ ...second({ isOpen: false })(calm), sinks: [refusing], failure: 'the state is gone' }),
  ],
  ['the lanes are not running', (calm) => calm],
])('an engine that is not ready says why: %s', (why, status) => {
  expect(openDoors({ status }).engine.whyNotReady()).toBe(why);
});

test('an engine that is ready says nothing', () => {
  expect(openDoors().engine.whyNotReady()).toBeNull();
});

test('an engine whose bronze waits for a person is not ready, and does not wait for it when it closes', async () => {
  const halts = new Map([[3, new Error('the log was cut')]]);
  const { engine, calls } = openDoors({ halts });
  engine.start(() => {});
  expect(engine.whyNotReady()).toBe('bronze waits at partition 3 (halted): the log was cut');
  await engine.close();
  expect(calls).not.toContain('bronze.drain');
  expect(calls).toContain('bronze.stop');
});
