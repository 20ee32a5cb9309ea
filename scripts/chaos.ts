import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChaosReport, runChaos } from '../test/chaos/chaos.ts';
import { isExact, printFindings } from '../test/chaos/compare-directory.ts';
import { runServerChaos } from '../test/chaos/server-chaos.ts';

const usage = `npm run chaos -- --for 10m --seed 7

Runs real engines over one data directory and hurts them at random: kill -9 at any moment, also of the
embedded ClickHouse alone, SIGSTOP and SIGCONT, SIGTERM, a second engine on the same directory, a full
disk, plans applied meanwhile. When the time is up the log is worked off in peace; then all six tables,
the records of alerts and dead letters, and bronze must equal the oracle's fold of the log. Exit code 1
when anything is lost, wrong or extra, or an engine behaved as it must not.

  --for TIME       how long to hurt, in s or m (60s)
  --seed N         seed of the world and of the faults (a new one)
  --campaigns N    campaigns of the world (60)
  --days N         simulated days (2)
  --partitions N   partitions (4)
  --servers        two engines on Kafka, Redis and ClickHouse instead, all of them hurt: zombies, rebalances,
                   Redis with the tail of its log cut off, Kafka restarted, calls that fail before and after
                   they were applied, wires cut and held. What is needed: npm run stack -- --install
  --json           one JSON object at the end
`;

const { values } = parseArgs({
  options: {
    for: { type: 'string', default: '60s' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    campaigns: { type: 'string', default: '60' },
    days: { type: 'string', default: '2' },
    partitions: { type: 'string', default: '4' },
    servers: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [, amount, unit] = /^(\d+)(s|m)$/.exec(values.for) ?? [];
const [seed, campaigns, days, partitions] = [values.seed, values.campaigns, values.days, values.partitions].map(Number);
const isUsable = [seed, campaigns, days, partitions].every((number) => Number.isInteger(number) && number > 0);
if (values.help || amount === undefined || !isUsable) {
  (values.help ? process.stdout : process.stderr).write(usage);
  process.exit(values.help ? 0 : 64);
}

const forMs = Number(amount) * (unit === 'm' ? 60_000 : 1_000);
const directory = mkdtempSync(join(tmpdir(), 'paceline-chaos-'));
const again = `npm run chaos -- --for ${values.for} --seed ${seed} --campaigns ${campaigns} --days ${days} --partitions ${partitions}${values.servers ? ' --servers' : ''}`;
const start = performance.now();
let last = Number.NEGATIVE_INFINITY;
const tell = (line: string): void => {
  const seconds = (performance.now() - start) / 1_000;
  if (seconds - last < 5 && !line.startsWith('SKIPPED')) return;
  last = seconds;
  process.stderr.write(`${seconds.toFixed(0).padStart(5)} of ${forMs / 1_000} s  ${line}\n`);
};

process.stderr.write(`seed ${seed}; faults are written down in ${directory}/faults.log\n`);
const report = await (values.servers ? runServerChaos : runChaos)({
  directory,
  forMs,
  seed,
  campaigns,
  days,
  partitions,
  tell,
});
const isGood = isExact(report.findings) && report.violations.length === 0;
if (values.json) process.stdout.write(`${JSON.stringify({ ...report, exact: isGood, again })}\n`);
else process.stdout.write(print(report));
if (!isGood) process.stderr.write(`the data is in ${directory}\n`);
else rmSync(directory, { recursive: true, force: true });
process.exitCode = isGood ? 0 : 1;

function print({ lives, injected, killsAndStops, skipped, violations, records, findings }: ChaosReport): string {
  const sum = (what: 'lost' | 'wrong' | 'extra') => Object.values(findings).reduce((all, each) => all + each[what], 0);
  return `${lives} lives, ${killsAndStops} kills and stops over a log of ${records} records

${Object.entries(injected)
  .sort(([, a], [, b]) => b - a)
  .map(([fault, times]) => `${String(times).padStart(6)}  ${fault}`)
  .join('\n')}
${skipped.map((line) => `SKIPPED ${line}\n`).join('')}
${printFindings(findings)}
${violations.map((violation) => `\nVIOLATION ${violation}`).join('')}
${isExact(findings) ? 'exact' : 'NOT EXACT'}, ${violations.length} violations: ${sum('lost')} lost, ${sum('wrong')} wrong, ${sum('extra')} extra
the same faults again: ${again}
`;
}
