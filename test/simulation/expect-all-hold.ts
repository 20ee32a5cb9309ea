import { expect } from 'vitest';
import { type Failing, type Job, runJobs } from './fleet/fleet.ts';

const perJob = 10;

/** Runs that many universes from seed `first` on, tens of them: in none is anything lost, wrong or extra. */
export async function expectAllHold(universes: number, first: number): Promise<void> {
  const seeds = Array.from({ length: universes }, (_, index) => first + index);
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
}
