import { parseArgs } from 'node:util';
import { soak } from '../test/serving/soak/soak.ts';

const usage = `npm run soak:serving -- --requests 1000000 --seed 7

Two servers of the API over Redis, PostgreSQL and ClickHouse of their own, asked by people, keys and strangers of four
organizations over REST, GraphQL, Connect and gRPC, while those three die, hang and come back. Every answer must be the
right one, a refusal to whom it is due, or say that something is unavailable; what an answered write says must hold.
Exit code 1 when one was wrong, showed something of another organization, or a server did not recover.

  --requests N   how many (100000)
  --seed N       seed of what is asked and of the faults (a new one)
  --callers N    at a time (16)
  --json         one JSON object at the end
  --help         this text
`;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    callers: { type: 'string', default: '16' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [requests, seed, callers] = [values.requests, values.seed, values.callers].map(Number);
const areNumbers = [requests, callers].every((each) => Number.isSafeInteger(each) && each > 0);
if (values.help || !areNumbers || !Number.isSafeInteger(seed)) {
  (values.help ? process.stdout : process.stderr).write(usage);
  process.exit(values.help ? 0 : 64);
}
const tell = (line: string) => void process.stderr.write(`${line}\n`);
tell(`seed ${seed}`);
const report = await soak({ requests, seed, callers, tell });
for (const line of report.wrong) tell(`WRONG, seed ${seed}, ${line}`);
process.stdout.write(`${values.json ? JSON.stringify(report) : shown()}\n`);
process.exitCode = report.wrong.length === 0 ? 0 : 1;

function shown(): string {
  const { seconds, right, refused, unavailable, writes, faults, recoveryMsMax, wrong } = report;
  return `${report.requests} requests in ${seconds.toFixed(0)} s: ${right} right, ${refused} refused, ${unavailable} unavailable, ${writes} writes; ${faults} faults, all well at most ${recoveryMsMax} ms after each; ${wrong.length} wrong`;
}
