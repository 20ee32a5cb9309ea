import { parentPort } from 'node:worker_threads';
import { drawBronzeWorld } from '../bronze/bronze-world.ts';
import { bronzeMutantNamed } from '../bronze/mutants/bronze-mutants.ts';
import { runBronzeWorld } from '../bronze/run-bronze-world.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { mutantNamed } from '../mutants/mutants.ts';
import { runUniverse } from '../universe/run-universe.ts';
import { drawUniverse } from '../universe/universe.ts';
import type { Job, Outcome } from './fleet.ts';

/** Runs the universes of each job and tells what came of them. */
parentPort?.on('message', (job: Job) => {
  work(job).then(
    (outcome) => parentPort?.postMessage(outcome),
    (error: unknown) => {
      throw error;
    },
  );
});

async function work({ seeds, mutant, isBronze }: Job): Promise<Outcome> {
  const outcome: Outcome = { failing: [], universes: 0, events: 0, records: 0, commits: 0, inserts: 0, alerts: 0 };
  for (const seed of seeds) {
    const report = await (isBronze
      ? runBronze(seed, mutant)
      : runUniverse(drawUniverse(seed), { mutant: mutantOf(mutant) }));
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

function mutantOf(name: string | null): Mutant | null {
  return name === null ? null : (mutantNamed(name) ?? null);
}

/** Bronze feeds no warehouse and no alerts. */
async function runBronze(seed: number, name: string | null) {
  const mutant = name === null ? null : (bronzeMutantNamed(name) ?? null);
  return { ...(await runBronzeWorld(drawBronzeWorld(seed), { mutant })), inserts: 0, alerts: 0 };
}
