import { expect, onTestFinished, test, vi } from 'vitest';
import { EngineError } from '../../src/model/errors.ts';
import { type FactName, type Facts, onFact } from '../../src/model/facts.ts';
import { SimulatedSource } from '../simulation/simulated-log.ts';
import { CalmWorld } from '../topology/calm-world.ts';
import { makeToyProgram } from './toy-program.ts';

/** Facts published while `work` runs. */
async function factsOf<Name extends FactName>(name: Name, work: () => Promise<void>): Promise<Facts[Name][]> {
  const facts: Facts[Name][] = [];
  const stop = onFact(name, (fact) => facts.push(fact));
  await work().finally(stop);
  return facts;
}

test('a bounded run commits and delivers all it saw at the start, and appends nothing', async () => {
  const world = new CalmWorld();
  world.produce(0, 100);
  world.produce(1, 30);
  await world.settle(world.runner().untilEnd());
  expect(world.log.partitions.map(({ length }) => length)).toEqual([100, 30]);
  for (const [partition, end] of [100, 30].entries()) {
    const { meta, outbox } = world.server.snapshot(`simulated:${partition}`);
    expect(meta?.nextOffset).toBe(end);
    expect(outbox).toEqual([]);
  }
  expect(world.tables.rows).toBeGreaterThan(0);
});

test('a bounded run over an empty log ends at once', async () => {
  const world = new CalmWorld();
  await world.settle(world.runner().untilEnd());
  expect(world.commits).toEqual([]);
});

test('a bounded run ends behind a marker that no record follows', async () => {
  const world = new CalmWorld();
  world.produce(0, 20);
  for (const partition of [0, 1]) world.log.skip(partition, 1);
  await world.settle(world.runner().untilEnd());
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(21);
  expect(world.server.snapshot('simulated:1').meta?.nextOffset).toBe(1);
});

test('records that come during a bounded run wait for the next one', async () => {
  const world = new CalmWorld();
  world.produce(0, 50);
  const runner = world.runner();
  const end = runner.untilEnd();
  await world.pass(20);
  world.produce(0, 50);
  await world.settle(end);
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(50);
});

test('a live run ticks every lane and is ready once all lanes are open', async () => {
  const world = new CalmWorld();
  const runner = world.runner({ tickIntervalMs: 1_000 });
  expect(runner.isReady()).toBe(false);
  await world.settle(runner.start());
  await world.pass(3_500);
  expect(runner.isReady()).toBe(true);
  for (const { length } of world.log.partitions) expect([3, 4]).toContain(length);
  expect(runner.status().lanes[0].clockMs).toBeGreaterThan(1_000_000);
  expect(await world.settle(runner.drain(5_000))).toBe(true);
  expect(runner.isReady()).toBe(false);
});

test('lanes that are due together commit in one round, once per interval', async () => {
  const world = new CalmWorld();
  const rounds = await factsOf('round.committed', async () => {
    const runner = world.runner({ alertCommitSpacingMs: 500 });
    await world.settle(runner.start());
    for (let i = 0; i < 40; i++) {
      world.produce(0, 1);
      world.produce(1, 1);
      await world.pass(100);
    }
    await world.settle(runner.drain(5_000));
  });
  const both = rounds.filter(({ lanes }) => lanes === 2);
  expect(both.length).toBeGreaterThanOrEqual(6);
  expect(rounds.length).toBeLessThanOrEqual(10);
});

const catchUp = { pollRecordsMax: 10, commitIntervalMs: 50, catchUpIntervalMs: 50 };

test('what a lane that is behind commits travels together, and a fresh row takes it along at once', async () => {
  const world = new CalmWorld();
  world.tables.gathersOldRows = true;
  world.produce(0, 20_000);
  const runner = world.runner(catchUp);
  await world.settle(runner.start());
  await world.pass(2_000);
  expect(runner.status().lanes[0].committedOffset).toBeLessThan(20_000 - catchUp.pollRecordsMax);
  // The first goes at once, what follows waits for company; a sink for which calls are cheap has it all.
  expect(world.tables.calls.map((chunks) => chunks.length)).toEqual([1]);
  expect(world.alerts.calls.length).toBeGreaterThan(5);
  expect(world.commits.length).toBeGreaterThan(10);
  world.produce(1, 1);
  await world.pass(500);
  expect(world.tables.calls.length).toBeGreaterThan(1);
  expect(world.tables.calls[1].length).toBeGreaterThan(10);
  expect(await world.settle(runner.drain(5_000))).toBe(true);
});

test('no lane pauses for what a sink gathers', async () => {
  const committed = async (gathersOldRows: boolean) => {
    const world = new CalmWorld();
    world.tables.gathersOldRows = gathersOldRows;
    world.produce(0, 20_000);
    const runner = world.runner({ ...catchUp, commitBytesMax: 2_000, undeliveredBytesMax: 8_000 });
    await world.settle(runner.start());
    await world.pass(10_000);
    const [{ committedOffset }] = runner.status().lanes;
    expect(await world.settle(runner.drain(5_000))).toBe(true);
    return committedOffset;
  };
  expect(await committed(true)).toBeGreaterThan(0.9 * (await committed(false)));
});

/** How often each partition was polled in a row, in order. */
function turnsOf(poll: { mock: { calls: [partition: number, ...rest: unknown[]][] } }): number[] {
  const turns: number[] = [];
  let last = -1;
  for (const [partition] of poll.mock.calls) {
    if (partition === last) turns[turns.length - 1] += 1;
    else turns.push(1);
    last = partition;
  }
  return turns;
}

test('lanes that all catch up take turns of several runs', async () => {
  const world = new CalmWorld();
  for (const partition of [0, 1]) world.produce(partition, 400);
  const poll = vi.spyOn(SimulatedSource.prototype, 'poll');
  onTestFinished(() => poll.mockRestore());
  await world.settle(world.runner({ pollRecordsMax: 10 }).untilEnd());
  // At the end one lane has all turns to itself.
  const turns = turnsOf(poll).slice(0, -1);
  expect(Math.max(...turns)).toBe(8);
  expect(turns.filter((runs) => runs === 8).length).toBeGreaterThanOrEqual(6);
});

test('a lane that catches up does not keep one waiting whose rows are fresh', async () => {
  const world = new CalmWorld();
  world.produce(0, 20_000);
  world.produce(1, 1);
  const runner = world.runner({ pollRecordsMax: 10, tickIntervalMs: 1_000_000 });
  await world.settle(runner.start());
  while (!runner.isReady()) await world.pass(1);
  const poll = vi.spyOn(SimulatedSource.prototype, 'poll');
  onTestFinished(() => poll.mockRestore());
  await world.pass(200);
  const [behind, fresh] = runner.status().lanes.map(({ nextOffset }) => nextOffset);
  expect([behind < 20_000, fresh]).toEqual([true, 1]);
  expect(poll.mock.calls.length).toBeGreaterThan(20);
  expect(Math.max(...turnsOf(poll))).toBe(1);
  await world.settle(runner.drain(5_000));
});

test('a lane whose log ends in markers is not behind: its alerts do not wait', async () => {
  const world = new CalmWorld();
  world.produce(0, 50);
  world.log.skip(0, 1_000);
  const runner = world.runner({ ...catchUp, catchUpIntervalMs: 60_000 });
  await world.settle(runner.start());
  await world.pass(1_000);
  expect(runner.status().lanes[0].committedOffset).toBeGreaterThanOrEqual(50);
  expect(await world.settle(runner.drain(5_000))).toBe(true);
});

test('a wall clock set back holds no output', async () => {
  const world = new CalmWorld();
  const runner = world.runner({ commitIntervalMs: 50 });
  await world.settle(runner.start());
  world.produce(0, 10);
  await world.pass(1_000);
  const calls = world.tables.calls.length;
  world.wallBackMs = 3_600_000;
  world.produce(0, 10);
  await world.pass(5_000);
  expect(world.tables.calls.length).toBeGreaterThan(calls);
  expect(await world.settle(runner.drain(5_000))).toBe(true);
});

test('drain commits what was applied and leaves nothing undelivered', async () => {
  const world = new CalmWorld();
  const runner = world.runner({ commitIntervalMs: 60_000, alertCommitSpacingMs: 60_000 });
  await world.settle(runner.start());
  world.produce(0, 20);
  await world.pass(1_000);
  expect(world.commits).toEqual([]);
  expect(await world.settle(runner.drain(5_000))).toBe(true);
  expect(world.server.snapshot('simulated:0')).toMatchObject({ outbox: [], meta: { seq: 1 } });
  expect(world.tables.rows).toBeGreaterThan(0);
});

test('a dead sink delays no other, loses nothing, and stops the lanes at the bound', async () => {
  const world = new CalmWorld();
  world.tables.trouble = new EngineError('SINK_UNAVAILABLE', 'down');
  const runner = world.runner({ undeliveredBytesMax: 3_000 });
  await world.settle(runner.start());
  for (let i = 0; i < 60; i++) {
    world.produce(0, 20);
    await world.pass(500);
  }
  expect(world.alerts.rows).toBeGreaterThan(0);
  const stuck = runner.status();
  expect(stuck.lanes[0].pausedReason).toBe('undelivered_bound');
  expect(stuck.lanes[0].nextOffset).toBeLessThan(1_000);
  expect(stuck.undeliveredBytes).toBeLessThan(6_000);
  world.tables.trouble = null;
  await world.pass(30_000);
  expect(runner.status().lanes[0].committedOffset).toBeGreaterThanOrEqual(1_200);
  expect(await world.settle(runner.drain(10_000))).toBe(true);
  const seqs = world.tables.calls.flat().map(({ seq, lane }) => (lane === 'simulated:0' ? seq : 0));
  expect(seqs.filter((seq) => seq > 0)).toEqual([...new Set(seqs)].filter((seq) => seq > 0));
});

test('a sink that refuses is loud, ends a bounded run, and is not tried again', async () => {
  const world = new CalmWorld();
  world.produce(0, 50);
  world.tables.trouble = new EngineError('SINK_REJECTED', 'no such column');
  const runner = world.runner();
  await expect(world.settle(runner.untilEnd())).rejects.toThrow('no such column');
  expect(world.errors).toEqual([{ error: world.tables.trouble, isFatal: false }]);
  expect(world.tables.attempts).toBe(1);
  expect(runner.isReady()).toBe(false);
  expect(world.server.snapshot('simulated:0').outbox.length).toBeGreaterThan(0);
});

test('an unreachable registry holds its own lane alone', async () => {
  const world = new CalmWorld();
  const plain = world.decoder;
  let isRegistryUp = false;
  let isKnown = false;
  world.decoder = {
    decode: (run, batch) => (run.partition === 0 && !isKnown ? 7 : plain.decode(run, batch)),
    async learn() {
      if (!isRegistryUp) throw new EngineError('REGISTRY_UNAVAILABLE', 'down');
      isKnown = true;
    },
  };
  world.produce(0, 30);
  world.produce(1, 30);
  const runner = world.runner();
  await world.settle(runner.start());
  const pauses = await factsOf('lane.paused', () => world.pass(4_000));
  const [held, free] = runner.status().lanes;
  expect(held).toMatchObject({ nextOffset: 0, pausedReason: 'registry_unavailable', trouble: 'down' });
  // Said once, and not taken back by each attempt.
  expect(pauses.filter(({ partition }) => partition === 0).map(({ reason }) => reason)).toEqual([
    null,
    'registry_unavailable',
  ]);
  expect(free.committedOffset).toBeGreaterThanOrEqual(30);
  isRegistryUp = true;
  await world.pass(10_000);
  expect(runner.status().lanes[0].committedOffset).toBeGreaterThanOrEqual(30);
});

test.each(['BATCH_DAMAGED', 'LOG_CORRUPT', 'LOG_TRUNCATED'] as const)(
  'a log that is damaged (%s) halts its own lane alone, until somebody has mended it',
  async (code) => {
    const world = new CalmWorld();
    let isMended = false;
    const { poll } = SimulatedSource.prototype;
    const spoilt = vi.spyOn(SimulatedSource.prototype, 'poll').mockImplementation(async function (
      this: SimulatedSource,
      partition,
      max,
    ) {
      if (partition === 0 && !isMended) throw new EngineError(code, 'what lies at offset 0 cannot be read');
      return await poll.call(this, partition, max);
    });
    const { seek } = SimulatedSource.prototype;
    const lost = vi.spyOn(SimulatedSource.prototype, 'seek').mockImplementation(async function (
      this: SimulatedSource,
      partition,
      ...where
    ) {
      if (partition === 0 && !isMended && code === 'LOG_TRUNCATED') throw new EngineError(code, 'its tail is gone');
      await seek.call(this, partition, ...where);
    });
    onTestFinished(() => {
      spoilt.mockRestore();
      lost.mockRestore();
    });
    for (const partition of [0, 1]) world.produce(partition, 30);
    const runner = world.runner();
    await world.settle(runner.start());
    const pauses = await factsOf('lane.paused', () => world.pass(40_000));
    const [held, free] = runner.status().lanes;
    expect(held).toMatchObject({ nextOffset: 0, pausedReason: 'halted' });
    expect(held.trouble).not.toBeNull();
    expect(pauses.filter(({ reason }) => reason === 'halted')).toHaveLength(1);
    expect(runner.isReady()).toBe(false);
    expect(world.errors).toEqual([]);
    expect(free.committedOffset).toBeGreaterThanOrEqual(30);
    isMended = true;
    await world.pass(20_000);
    expect(runner.status().lanes[0].committedOffset).toBeGreaterThanOrEqual(30);
    expect(runner.isReady()).toBe(true);
  },
);

test('a run that steps over an offset is never committed', async () => {
  const world = new CalmWorld();
  const { poll } = SimulatedSource.prototype;
  const spoilt = vi.spyOn(SimulatedSource.prototype, 'poll').mockImplementation(async function (
    this: SimulatedSource,
    partition,
    max,
  ) {
    const run = await poll.call(this, partition, max);
    return run && { ...run, nextOffset: run.nextOffset + 1 };
  });
  onTestFinished(() => spoilt.mockRestore());
  world.produce(0, 30);
  const runner = world.runner();
  await expect(world.settle(runner.untilEnd())).rejects.toThrow('accounts for each of the');
  expect(world.server.snapshot('simulated:0').meta).toBeNull();
});

test('the log is told of commits once the store could bring the lane back', async () => {
  const world = new CalmWorld();
  world.recoverable.delete('simulated:1');
  for (const partition of [0, 1]) world.produce(partition, 30);
  const runner = world.runner();
  await world.settle(runner.start());
  await world.pass(2_000);
  expect([...world.advised.keys()]).toEqual([0]);
  world.recoverable.add('simulated:1');
  world.produce(1, 10);
  await world.pass(2_000);
  expect(world.advised.get(1)).toBeGreaterThanOrEqual(40);
});

test('a log that lost the committed offset stops the runner loudly', async () => {
  const world = new CalmWorld();
  world.produce(0, 50);
  await world.settle(world.runner().untilEnd());
  world.log.truncate(0, 10);
  const runner = world.runner();
  await expect(world.settle(runner.untilEnd())).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  expect(world.errors).toMatchObject([{ isFatal: true }]);
});

/** While ours stands still, another owner commits up to an offset, and the log forgets what that one needs no more. */
function goOnElsewhere(world: CalmWorld, nextOffset: number): void {
  const lane = 'simulated:0';
  const token = 'another owner';
  const { meta } = world.server.snapshot(lane);
  const { seq: prevSeq, nextOffset: prevOffset } = meta ?? { seq: 0, nextOffset: 0 };
  world.server.claim(lane, token);
  const delta = Buffer.from(JSON.stringify({ nextOffset, clockMs: world.scheduler.nowMs, changed: [] }));
  const place = { lane, token, prevSeq, seq: prevSeq + 1, prevOffset, nextOffset, oldestDeltaSeq: 0 };
  expect(world.server.commit({ ...place, delta, bases: [], outbox: null, acknowledged: [] })).toBe('OK');
  world.log.trim(0, nextOffset - 45);
}

test('who stood still while the log forgot its offset goes on where others have come to', async () => {
  const world = new CalmWorld();
  const dropped = await factsOf('lane.dropped', async () => {
    const runner = world.runner({ tickIntervalMs: 1_000_000 });
    await world.settle(runner.start());
    world.produce(0, 20);
    await world.pass(1_500);
    world.process.stopFor(3_000);
    world.produce(0, 200);
    goOnElsewhere(world, 220);
    await world.pass(6_000);
    expect(runner.status().lanes[0].committedOffset).toBe(220);
  });
  expect(dropped).toEqual([{ lane: 'simulated:0', partition: 0, outcome: 'GAP', while: 'poll' }]);
  expect(world.errors).toEqual([]);
});

test('nor does one give up that stood still between its claim and its first look at the log', async () => {
  const program = makeToyProgram();
  const { makeProgram } = program;
  let restores = 0;
  const meanwhile = (): void => {
    restores += 1;
    if (restores > 1) return;
    world.produce(0, 200);
    goOnElsewhere(world, 200);
  };
  const world = new CalmWorld({
    ...program,
    makeProgram: (lane) => {
      const made = makeProgram(lane);
      const { restore } = made;
      made.restore = (snapshot) => {
        restore.call(made, snapshot);
        if (lane.partition === 0) meanwhile();
      };
      return made;
    },
  });
  world.produce(0, 20);
  world.server.claim('simulated:0', 'the first owner');
  const lane = { lane: 'simulated:0', token: 'the first owner', prevSeq: 0, seq: 1, prevOffset: 0, nextOffset: 20 };
  const delta = Buffer.from(JSON.stringify({ nextOffset: 20, clockMs: 1, changed: [] }));
  world.server.commit({ ...lane, delta, bases: [], oldestDeltaSeq: 0, outbox: null, acknowledged: [] });
  const runner = world.runner({ tickIntervalMs: 1_000_000 });
  await world.settle(runner.start());
  await world.pass(3_000);
  expect(restores).toBe(2);
  expect(runner.status().lanes[0].committedOffset).toBeGreaterThanOrEqual(200);
  expect(world.errors).toEqual([]);
});

test('whose lane stands at an offset that the log has forgotten gives up', async () => {
  const world = new CalmWorld();
  world.produce(0, 50);
  await world.settle(world.runner().untilEnd());
  world.produce(0, 50);
  world.log.trim(0, 60);
  const runner = world.runner();
  await expect(world.settle(runner.untilEnd())).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
});

test('a fenced owner drops its memory, claims again and goes on', async () => {
  const world = new CalmWorld();
  const dropped = await factsOf('lane.dropped', async () => {
    const runner = world.runner();
    await world.settle(runner.start());
    world.produce(0, 20);
    await world.pass(1_500);
    world.server.claim('simulated:0', 'another owner');
    world.produce(0, 20);
    await world.pass(3_000);
    expect(runner.status().lanes[0].committedOffset).toBeGreaterThanOrEqual(40);
  });
  expect(dropped).toEqual([{ lane: 'simulated:0', partition: 0, outcome: 'FENCED', while: 'commit' }]);
});

test('an idle owner notices that it was fenced', async () => {
  const world = new CalmWorld();
  const dropped = await factsOf('lane.dropped', async () => {
    await world.settle(world.runner({ tickIntervalMs: 1_000_000 }).start());
    await world.pass(1_000);
    world.server.claim('simulated:1', 'another owner');
    await world.pass(8_000);
  });
  expect(dropped).toMatchObject([{ lane: 'simulated:1', outcome: 'FENCED', while: 'check' }]);
});

test('a hard stop ends a bounded run too, and a runner that never ran drains at once', async () => {
  const world = new CalmWorld();
  world.produce(0, 50);
  world.tables.trouble = new EngineError('SINK_UNAVAILABLE', 'down');
  const runner = world.runner();
  const end = runner.untilEnd();
  await world.pass(2_000);
  await world.settle(runner.stop());
  await world.settle(end);
  expect(await world.settle(world.runner().drain(60_000_000))).toBe(true);
});
