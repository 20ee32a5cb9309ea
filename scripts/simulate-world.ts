import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { bronzeMutantNamed, bronzeMutants } from '../test/simulation/bronze/mutants/bronze-mutants.ts';
import { explainSeed } from '../test/simulation/fleet/explain.ts';
import { explainBronzeSeed } from '../test/simulation/fleet/explain-bronze.ts';
import { type Job, type Outcome, runJobs } from '../test/simulation/fleet/fleet.ts';
import { mutantNamed, mutants } from '../test/simulation/mutants/mutants.ts';

const usage = `usage: npm run simulate:world -- [--bronze] [--from N] [--seeds N] [--threads N]
       one seed:     --from N --seeds 1 [--mutant NAME] [--faults 0,3,7 | none]
       every mutant: --mutants [--from N] [--seeds N]   (seeds = the most that one may need)
       --bronze: worlds of the bronze table instead
`;
const seedsPerJob = 25;

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '100' },
    threads: { type: 'string', default: String(Math.min(8, availableParallelism())) },
    mutant: { type: 'string' },
    faults: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    bronze: { type: 'boolean', default: false },
  },
});
const [from, seeds, threads] = [Number(values.from), Number(values.seeds), Number(values.threads)];
const isBronze = values.bronze;
const all = isBronze ? bronzeMutants : mutants;
const mutant = values.mutant ?? null;
const isKnown = mutant === null || all.some(({ name }) => name === mutant);
if (!isKnown || ![from, seeds, threads].every((each) => Number.isInteger(each) && each > 0)) {
  process.stderr.write(`${usage}mutants: ${all.map(({ name }) => name).join(', ')}\n`);
  process.exit(64);
}

if (values.mutants) process.exitCode = await killMutants();
else if (seeds === 1) process.exitCode = await explainOne();
else process.exitCode = await simulate();

async function explainOne(): Promise<number> {
  const kept = values.faults === undefined ? null : values.faults.split(',').map(Number);
  const lines = await explain(from, kept);
  process.stdout.write(
    lines.length === 0 ? `${isBronze ? 'bronze world' : 'universe'} ${from} holds\n` : `${lines.join('\n')}\n`,
  );
  return lines.length === 0 ? 0 : 1;
}

async function explain(seed: number, kept: readonly number[] | null): Promise<string[]> {
  if (isBronze)
    return await explainBronzeSeed(seed, mutant === null ? null : (bronzeMutantNamed(mutant) ?? null), kept);
  return await explainSeed(seed, mutant === null ? null : (mutantNamed(mutant) ?? null), kept);
}

async function simulate(): Promise<number> {
  const beganMs = Date.now();
  const totals: Outcome = { failing: [], universes: 0, events: 0, records: 0, commits: 0, inserts: 0, alerts: 0 };
  let lastMs = beganMs;
  await runJobs(jobsOf(mutant), threads, (_, outcome) => {
    for (const { seed, first } of outcome.failing) process.stdout.write(`seed ${seed} ${first}\n`);
    totals.failing.push(...outcome.failing);
    for (const name of ['universes', 'events', 'records', 'commits', 'inserts', 'alerts'] as const)
      totals[name] += outcome[name];
    if (Date.now() - lastMs < 5_000) return;
    lastMs = Date.now();
    const leftS = Math.round(((lastMs - beganMs) / totals.universes) * (seeds - totals.universes)) / 1_000;
    process.stderr.write(
      `${totals.universes} of ${seeds} universes, ${totals.failing.length} failing, about ${Math.ceil(leftS)} s left\n`,
    );
  });
  const { failing, ...counts } = totals;
  const { user, system } = process.cpuUsage();
  const cpuMs = ((user + system) / 1_000 / totals.universes).toFixed(1);
  const tookS = ((Date.now() - beganMs) / 1_000).toFixed(1);
  process.stdout.write(`${JSON.stringify(counts)}: ${failing.length} failing, ${tookS} s, ${cpuMs} CPU ms each\n`);
  const [first] = failing.sort((a, b) => a.seed - b.seed);
  if (first === undefined) return 0;
  process.stdout.write(`\nseed ${first.seed}:\n${(await explain(first.seed, null)).join('\n')}\n`);
  return 1;
}

/** How many universes each mutant needs; 1 when one survives them all. */
async function killMutants(): Promise<number> {
  const jobs: Job[] = all.map(({ name }) => ({ seeds: seedsFrom(from, seeds), mutant: name, isBronze }));
  let survivors = 0;
  process.stdout.write('| mutant | universes until it is caught | caught by |\n|---|---|---|\n');
  await runJobs(jobs, threads, ({ mutant: name }, { failing, universes }) => {
    const [kill] = failing;
    if (kill === undefined) survivors += 1;
    const caught = kill === undefined ? `survives ${universes}` : `${universes} (seed ${kill.seed})`;
    process.stdout.write(`| ${name} | ${caught} | ${kill?.checks.join(', ') ?? '–'} |\n`);
  });
  return survivors === 0 ? 0 : 1;
}

function jobsOf(name: string | null): Job[] {
  const jobs: Job[] = [];
  for (let at = from; at < from + seeds; at += seedsPerJob) {
    jobs.push({ seeds: seedsFrom(at, Math.min(seedsPerJob, from + seeds - at)), mutant: name, isBronze });
  }
  return jobs;
}

function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
