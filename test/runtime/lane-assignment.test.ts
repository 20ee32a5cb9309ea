import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EngineError } from '../../src/model/errors.ts';
import type { AssignmentListener, LaneAssignment } from '../../src/sources/source.ts';
import { CalmWorld } from '../topology/calm-world.ts';

/** A group whose coordinator is the test. */
class SteeredGroup implements LaneAssignment {
  listener!: AssignmentListener;
  isLeft = false;
  async start(listener: AssignmentListener): Promise<void> {
    this.listener = listener;
  }
  async stop(): Promise<void> {
    this.isLeft = true;
  }
}

async function startIn(world: CalmWorld, settings = {}) {
  const group = new SteeredGroup();
  const runner = world.runner({ tickIntervalMs: 1_000_000, ...settings }, group);
  await world.settle(runner.start());
  return { group, runner };
}

const lanesOf = (runner: { status(): { lanes: readonly { partition: number }[] } }) =>
  runner.status().lanes.map(({ partition }) => partition);

test('nothing runs before the group says what is ours', async () => {
  const world = new CalmWorld();
  world.produce(0, 10);
  const { group, runner } = await startIn(world);
  await world.pass(2_000);
  expect(runner.isReady()).toBe(false);
  expect(world.commits).toEqual([]);
  group.listener.assigned([0]);
  await world.pass(2_000);
  expect(runner.isReady()).toBe(true);
  expect(lanesOf(runner)).toEqual([0]);
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(10);
});

test('a lane that may be taken away commits at once, reads no more, and goes on when it stays', async () => {
  const world = new CalmWorld();
  const { group, runner } = await startIn(world, { commitIntervalMs: 60_000, alertCommitSpacingMs: 60_000 });
  group.listener.assigned([0, 1]);
  world.produce(0, 10);
  await world.pass(1_000);
  expect(world.commits).toEqual([]);
  await world.settle(group.listener.revoking([0]));
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(10);
  world.produce(0, 10);
  world.produce(1, 10);
  await world.pass(1_000);
  const [held, free] = runner.status().lanes;
  expect(held).toMatchObject({ nextOffset: 10, pausedReason: 'revoking' });
  expect(free.nextOffset).toBe(10);
  group.listener.assigned([0, 1]);
  await world.pass(1_000);
  expect(runner.status().lanes[0]).toMatchObject({ nextOffset: 20, seq: 1 });
});

test('a lane that is taken away leaves no trace, and comes back from where its next owner left it', async () => {
  const world = new CalmWorld();
  const { group, runner } = await startIn(world);
  group.listener.assigned([0, 1]);
  world.produce(0, 10);
  await world.pass(2_000);
  group.listener.assigned([1]);
  expect(lanesOf(runner)).toEqual([1]);
  world.produce(0, 10);
  const other = await startIn(world);
  other.group.listener.assigned([0]);
  await world.pass(3_000);
  expect(other.runner.status().lanes[0].committedOffset).toBe(20);
  await world.settle(other.runner.drain(5_000));
  expect(other.group.isLeft).toBe(true);
  world.produce(0, 10);
  group.listener.assigned([0, 1]);
  await world.pass(3_000);
  expect(runner.status().lanes[0].committedOffset).toBe(30);
  expect(world.errors).toEqual([]);
});

/** A run to the end whose group gave it lane 1 alone; `isOver` once it ended. */
async function halfARun(world: CalmWorld) {
  world.produce(0, 20);
  world.produce(1, 20);
  const group = new SteeredGroup();
  const run = { group, runner: world.runner({}, group), isOver: false, end: Promise.resolve() };
  run.end = run.runner.untilEnd().finally(() => {
    run.isOver = true;
  });
  run.end.catch(() => undefined);
  await world.pass(5_000);
  expect(world.commits).toEqual([]);
  group.listener.assigned([1]);
  await world.pass(5_000);
  expect(world.server.snapshot('simulated:1').meta?.nextOffset).toBe(20);
  expect(run.isOver).toBe(false);
  return run;
}

test('a bounded run waits until another has brought its lane to where it ended, and delivered it', async () => {
  const world = new CalmWorld();
  const run = await halfARun(world);
  world.tables.trouble = new EngineError('SINK_UNAVAILABLE', 'away');
  const other = await startIn(world);
  other.group.listener.assigned([0]);
  await world.pass(5_000);
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(20);
  expect(run.isOver, 'committed, not delivered').toBe(false);
  world.tables.trouble = null;
  await world.settle(run.end);
  expect(world.server.snapshot('simulated:0').outbox).toEqual([]);
  expect(run.runner.status().failure).toBeNull();
});

test('a bounded run takes over the lane of a member that was killed, up to where the log ended', async () => {
  const world = new CalmWorld();
  const { group, end } = await halfARun(world);
  world.produce(0, 5);
  group.listener.assigned([0, 1]);
  await world.settle(end);
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(20);
});

test('a bounded run that waits for a lane which nobody moves says so, and gives up', async () => {
  const world = new CalmWorld();
  const { end, runner } = await halfARun(world);
  await world.pass(10_000);
  await expect(world.settle(end)).rejects.toMatchObject({
    code: 'RUN_INCOMPLETE',
    message: expect.stringMatching(/^our own lanes .* simulated:0 \(0 of 20\) belong .* for 2\d s$/),
  });
  expect(runner.status().failure).toContain('simulated:0');
});

test('lanes of others with nothing in them are not waited for', async () => {
  const world = new CalmWorld();
  world.produce(1, 20);
  const group = new SteeredGroup();
  const end = world.runner({}, group).untilEnd();
  await world.pass(1_000);
  group.listener.assigned([1]);
  await world.settle(end);
});

test('whoever catches up everywhere waits for the lanes of others too', async () => {
  const world = new CalmWorld();
  const { group, runner } = await startIn(world);
  world.produce(0, 10);
  world.produce(1, 10);
  group.listener.assigned([1]);
  let isOver = false;
  const all = runner.catchUpEverywhere().finally(() => {
    isOver = true;
  });
  await world.settle(runner.catchUp());
  await world.pass(3_000);
  expect(isOver).toBe(false);
  group.listener.assigned([0, 1]);
  await world.settle(all);
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBe(10);
});

test('a group that refuses us stops the runner loudly', async () => {
  const world = new CalmWorld();
  const { group, runner } = await startIn(world);
  group.listener.assigned([0, 1]);
  group.listener.failed(new Error('no such group'));
  expect(world.errors).toMatchObject([{ isFatal: true }]);
  expect(runner.isReady()).toBe(false);
});

test('whatever a group gives and takes, two members together process each record as one would', async () => {
  const step = fc.record({
    member: fc.constantFrom(0, 1),
    lanes: fc.subarray([0, 1]),
    asks: fc.boolean(),
    waitMs: fc.integer({ min: 0, max: 1_200 }),
    records: fc.integer({ min: 0, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const world = new CalmWorld();
      const members = [await startIn(world), await startIn(world)];
      for (const { member, lanes, asks, waitMs, records } of steps) {
        world.produce(0, records);
        world.produce(1, records);
        if (asks) await world.settle(members[member].group.listener.revoking([0, 1]));
        members[member].group.listener.assigned(lanes);
        await world.pass(waitMs);
      }
      members[1].group.listener.assigned([]);
      members[0].group.listener.assigned([0, 1]);
      await world.pass(20_000);
      const ends = world.log.partitions.map(({ length }) => length);
      const committed = ends.map((_, lane) => world.server.snapshot(`simulated:${lane}`).meta?.nextOffset ?? 0);
      expect(committed).toEqual(ends);
      expect(world.errors).toEqual([]);
      for (const [lane, end] of ends.entries()) {
        const state = world.program.describeSnapshot(world.server.snapshot(`simulated:${lane}`), lane);
        expect(state).toBe(world.program.fold(world.log.partitions[lane].slice(0, end), lane).state);
      }
    }),
    { numRuns: 60, seed: 20_261_125 },
  );
});
