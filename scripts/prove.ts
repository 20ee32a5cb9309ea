import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isExact, printFindings } from '../test/chaos/compare-directory.ts';
import { prove } from '../test/chaos/prove.ts';
import { proveServers } from '../test/servers/prove-servers.ts';

const usage = `npm run prove -- --days 3 --campaigns 300 --kills 20 --batches 1,0

Simulates a log with duplicates, lateness, corrections and a change of the clocks, and works it off
whole, killed (-9) at random moments, and in batches of the given sizes (0: another random size each
time). Each time all six tables, the records of alerts and dead letters, and bronze must equal the
oracle's fold of the log. Exit code 1 when anything is lost, wrong or extra.

  --seed N         seed of the world and of the kills (1)
  --days N         simulated days (3)
  --campaigns N    campaigns (300)
  --partitions N   partitions (8)
  --kills N        kills; 0 = none (20)
  --batches A,B    batch sizes; empty = none (1,0,100)
  --directory DIR  where to work; kept (default: a new one, removed when all is exact)
  --servers        instead: two engines on Kafka, a registry, Redis, PostgreSQL and ClickHouse of their own, in
                   peace, then killed, then with Redis, Kafka and ClickHouse hurt, then all of it at once;
                   --kills and --batches do not apply. What is needed: npm run stack -- --install
  --json           one JSON object at the end
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    days: { type: 'string', default: '3' },
    campaigns: { type: 'string', default: '300' },
    partitions: { type: 'string', default: '8' },
    kills: { type: 'string', default: '20' },
    batches: { type: 'string', default: '1,0,100' },
    directory: { type: 'string' },
    servers: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const numbers = [values.seed, values.days, values.campaigns, values.partitions, values.kills].map(Number);
const batches = values.batches.split(',').filter(Boolean).map(Number);
if (values.help || [...numbers, ...batches].some((number) => !Number.isInteger(number) || number < 0)) {
  (values.help ? process.stdout : process.stderr).write(usage);
  process.exit(values.help ? 0 : 64);
}

const [seed, days, campaigns, partitions, kills] = numbers;
const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'paceline-prove-'));
// Where we are root, PostgreSQL runs as a user of its own, who must get through to its data.
if (values.directory === undefined) chmodSync(directory, 0o711);
const start = performance.now();
let last = 0;
const tell = (line: string): void => {
  const seconds = (performance.now() - start) / 1_000;
  if (seconds - last < 5 && last > 0) return;
  last = seconds;
  process.stderr.write(`${seconds.toFixed(0).padStart(5)} s  ${line}\n`);
};

const proofs: Record<string, unknown> = {};
let isAllExact = true;
const world = { directory, seed, days, campaigns, partitions, tell };
const proving = values.servers ? proveServers(world) : prove({ ...world, kills, batches });
for await (const { name, findings } of proving) {
  isAllExact &&= isExact(findings);
  proofs[name] = findings;
  if (!values.json)
    process.stdout.write(`${name}: ${isExact(findings) ? 'exact' : 'NOT EXACT'}\n${printFindings(findings)}\n\n`);
}
const seconds = Math.round((performance.now() - start) / 1_000);
if (values.json) process.stdout.write(`${JSON.stringify({ seed, exact: isAllExact, seconds, proofs })}\n`);
else process.stdout.write(`${isAllExact ? 'exact' : 'NOT EXACT'} after ${seconds} s, seed ${seed}\n`);
if (isAllExact && values.directory === undefined) rmSync(directory, { recursive: true, force: true });
else process.stderr.write(`the data is in ${directory}\n`);
process.exitCode = isAllExact ? 0 : 1;
