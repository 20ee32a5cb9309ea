import { expect, test } from 'vitest';
import { isSoak, seedsFrom } from '../soak.ts';
import { type Failing, type Job, runJobs } from './fleet/fleet.ts';
import { keptSeeds } from './kept-seeds.ts';
import { runUniverse } from './universe/run-universe.ts';
import { drawUniverse } from './universe/universe.ts';

const seeds = seedsFrom(1, 150, 5_000);
const universes = seeds.length;
const perJob = 10;

test(`${universes} universes: nothing lost, wrong or extra`, { timeout: isSoak ? 3_600_000 : 180_000 }, async () => {
  const jobs = Array.from({ length: universes / perJob }, (_, job): Job => {
    return { seeds: seeds.slice(job * perJob, (job + 1) * perJob), mutant: null, isBronze: false };
  });
  const failing: Failing[] = [];
  const totals = { universes: 0, commits: 0, inserts: 0, alerts: 0 };
  await runJobs(jobs, 2, (_, outcome) => {
    failing.push(...outcome.failing);
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += outcome[name];
  });
  expect(failing, 'replay: npm run simulate:world -- --seeds 1 --from SEED').toEqual([]);
  expect(totals.universes).toBe(universes);
  // Universes in which little happens would prove little.
  expect(totals.commits).toBeGreaterThan(20 * universes);
  expect(totals.inserts).toBeGreaterThan(20 * universes);
  expect(totals.alerts).toBeGreaterThan(5 * universes);
});

test.each(keptSeeds)('universe $seed holds: $found', async ({ seed }) => {
  const { violations } = await runUniverse(drawUniverse(seed));
  expect(violations).toEqual([]);
});

test('a seed decides the whole universe', async () => {
  const first = await runUniverse(drawUniverse(7));
  const second = await runUniverse(drawUniverse(7));
  expect(second).toEqual(first);
});
