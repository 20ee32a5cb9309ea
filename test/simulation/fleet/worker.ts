import { parentPort } from 'node:worker_threads';
import { mutantNamed } from '../mutants/mutants.ts';
import { runUniverse } from '../universe/run-universe.ts';
import { drawUniverse } from '../universe/universe.ts';
import type { Job, Outcome } from './fleet.ts';

/** Runs the universes of each job and tells what came of them. */
parentPort?.on('message', ({ seeds, mutant: name }: Job) => {
  work(seeds, name).then(
    (outcome) => parentPort?.postMessage(outcome),
    (error: unknown) => {
      throw error;
    },
  );
});

async function work(seeds: readonly number[], name: string | null): Promise<Outcome> {
  const mutant = name === null ? null : (mutantNamed(name) ?? null);
  const outcome: Outcome = { failing: [], universes: 0, events: 0, records: 0, commits: 0, inserts: 0, alerts: 0 };
  for (const seed of seeds) {
    const report = await runUniverse(drawUniverse(seed), { mutant });
    outcome.universes += 1;
    for (const name of ['events', 'records', 'commits', 'inserts', 'alerts'] as const) outcome[name] += report[name];
    const [first] = report.violations;
    if (first === undefined) continue;
    const checks = [...new Set(report.violations.map(({ check }) => check))];
    outcome.failing.push({ seed, checks, first: `at ${first.atMs} ms, ${first.check}: ${first.text.slice(0, 300)}` });
    // One universe that kills a mutant is enough.
    if (mutant !== null) break;
  }
  return outcome;
}
