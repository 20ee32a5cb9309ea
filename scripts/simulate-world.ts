import { parseArgs } from 'node:util';
import { runUniverse } from '../test/simulation/universe/run-universe.ts';
import { drawUniverse } from '../test/simulation/universe/universe.ts';

/** Simulates universes seed by seed: `npm run simulate:world -- --from 1 --seeds 1000`. */
const { values } = parseArgs({
  options: { from: { type: 'string', default: '1' }, seeds: { type: 'string', default: '100' } },
});
const from = Number(values.from);
const seeds = Number(values.seeds);
if (!Number.isInteger(from) || !Number.isInteger(seeds)) {
  process.stderr.write('usage: --from N --seeds N\n');
  process.exit(64);
}

const failing: number[] = [];
const totals = { events: 0, records: 0, commits: 0, inserts: 0, alerts: 0 };
const cpu = process.cpuUsage();
for (let seed = from; seed < from + seeds; seed++) {
  const report = await runUniverse(drawUniverse(seed));
  for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += report[name];
  if (report.violations.length === 0) continue;
  failing.push(seed);
  const shown = report.violations.slice(0, seeds === 1 ? 20 : 1);
  for (const { check, atMs, text } of shown) process.stdout.write(`seed ${seed} at ${atMs} ms, ${check}: ${text}\n`);
}
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(
  `${seeds} universes, ${JSON.stringify(totals)}, ${((user + system) / 1_000 / seeds).toFixed(1)} CPU ms each: ` +
    `${failing.length} failing${failing.length > 0 ? ` (${failing.slice(0, 20).join(', ')})` : ''}\n`,
);
process.exitCode = failing.length > 0 ? 1 : 0;
