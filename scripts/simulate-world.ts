import { parseArgs } from 'node:util';
import { type Mutant, mutants } from '../test/simulation/mutants.ts';
import { makeToyProgram } from '../test/simulation/toy-program.ts';
import { runWorld } from '../test/simulation/world.ts';

/** Simulates worlds seed by seed: `npm run simulate:world -- --from 1 --seeds 1000 [--mutant name]`. */
const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '100' },
    mutant: { type: 'string' },
  },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
const mutant = mutants.find((name) => name === values.mutant) as Mutant | undefined;
if (!Number.isInteger(from) || !Number.isInteger(seeds) || (values.mutant !== undefined && mutant === undefined)) {
  process.stderr.write(`usage: --from N --seeds N [--mutant ${mutants.join(' | ')}]\n`);
  process.exit(64);
}

const failing: number[] = [];
const totals = { events: 0, commits: 0, deliveries: 0 };
for (let seed = from; seed < from + seeds; seed++) {
  const report = await runWorld({ seed, program: makeToyProgram(), ...(mutant && { mutant }) });
  totals.events += report.events;
  totals.commits += report.commits;
  totals.deliveries += report.deliveries;
  if (report.violations.length > 0) {
    failing.push(seed);
    process.stdout.write(`seed ${seed}: ${report.violations[0]}\n`);
    if (seeds === 1) process.stdout.write(`${report.violations.join('\n')}\n${JSON.stringify(report.faults)}\n`);
  }
  const done = seed - from + 1;
  if (done % 50 === 0) process.stderr.write(`${done} of ${seeds} worlds, ${failing.length} failing\n`);
}
process.stdout.write(
  `${seeds} worlds, ${totals.events} events, ${totals.commits} commits, ${totals.deliveries} deliveries: ` +
    `${failing.length} failing${failing.length > 0 ? ` (${failing.slice(0, 20).join(', ')})` : ''}\n`,
);
process.exitCode = failing.length > 0 ? 1 : 0;
