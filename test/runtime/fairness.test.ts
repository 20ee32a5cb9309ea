import { expect, onTestFinished, test } from 'vitest';
import { onFact } from '../../src/model/facts.ts';
import { CalmWorld } from '../topology/calm-world.ts';

// Lanes take turns. Work is counted in records, which is what a turn is bounded by: a clock would measure this machine.

const perPoll = 50;

/**
 * Of how many records of lane 0 each record of lane 1 waits for, from when it is in the log: the most of all.
 * Lane 0 has `noise` records before the first of lane 1 comes, and ten more for each of them.
 */
async function mostWaited(noise: number): Promise<number> {
  const world = new CalmWorld();
  const applied = [0, 0];
  const waits: number[] = [];
  /** Records of lane 0 that were applied when each record of lane 1 came. */
  const cameAt: number[] = [];
  onTestFinished(
    onFact('batch.applied', ({ partition, records }) => {
      applied[partition] += records;
      while (partition === 1 && waits.length < applied[1] && waits.length < cameAt.length)
        waits.push(applied[0] - cameAt[waits.length]);
    }),
  );
  world.produce(0, noise);
  const runner = world.runner({ pollRecordsMax: perPoll, tickIntervalMs: 3_600_000 });
  await world.settle(runner.start());
  for (let i = 0; i < 60; i++) {
    cameAt.push(applied[0]);
    world.produce(1, 1);
    if (noise > 0) world.produce(0, 10);
    await world.pass(1);
  }
  await world.pass(60_000);
  expect(waits).toHaveLength(60);
  expect(await world.settle(runner.drain(5_000))).toBe(true);
  return Math.max(...waits);
}

test('a lane with a backlog without end delays the others by two of its polls at most', async () => {
  expect(await mostWaited(0)).toBe(0);
  const waited = await mostWaited(40_000);
  expect(waited).toBeGreaterThan(0);
  expect(waited).toBeLessThanOrEqual(2 * perPoll);
});
