import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { openShop } from '../test/serving/shop.ts';
import { askAll } from './dashboards/ask.ts';
import { fillTables } from './dashboards/fill.ts';
import { describeMachine } from './machine.ts';

const help = `npm run bench:dashboards -- --share 0.02

How long every query behind the API and the console takes for the largest of 1,000 organizations, and how long what
operators ask over all of them. The embedded ClickHouse is filled with a share of 100 million campaign days, 50 million
snapshots, 10 million transitions and 500 million judgements of 301 days, and asked through REST with nothing kept.
Targets at full size on a quiet machine: p95 below 100 ms for one organization, below 300 ms over all.

  --share S     of the full sizes, above 0 and at most 1 (0.02)
  --full        --share 1: 12 GB of disk, a quarter of an hour to fill
  --rounds N    how often each is asked (20)
  --json        one line of JSON at the end
`;
const { values } = parseArgs({
  options: {
    share: { type: 'string', default: '0.02' },
    full: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [share, rounds] = [values.full ? 1 : Number(values.share), Number(values.rounds)];
if (values.help || !(share > 0 && share <= 1) || !(Number.isInteger(rounds) && rounds > 0)) {
  (values.help ? process.stdout : process.stderr).write(help);
  process.exit(values.help ? 0 : 64);
}

const targetMs = { one: 100, all: 300 };
const say = (line: string) => process.stdout.write(`${line}\n`);
const loadBefore = loadavg()[0];
const shop = await openShop({ freshnessMs: 500 });
try {
  const rows = await fillTables(shop.change, share, values.json ? () => undefined : say);
  const results = await askAll(shop, rounds);
  const tooLong = results.filter(({ isOverAll, p95Ms }) => p95Ms >= (isOverAll ? targetMs.all : targetMs.one));
  if (values.json)
    say(JSON.stringify({ machine: describeMachine(), load_before: loadBefore, share, rows, rounds, results }));
  else {
    say(`${rows.toLocaleString('en')} rows, a share of ${share}; load before ${loadBefore.toFixed(1)}`);
    for (const { name, isOverAll, p50Ms, p95Ms, mostMs } of results.toSorted((a, b) => b.p95Ms - a.p95Ms))
      say(
        `${(isOverAll ? `all: ${name}` : name).padEnd(34)} p50 ${p50Ms.toFixed(0).padStart(5)}  p95 ${p95Ms.toFixed(0).padStart(5)}  at most ${mostMs.toFixed(0).padStart(5)} ms`,
      );
    say(`${tooLong.length} of ${results.length} above their target`);
  }
} finally {
  await shop.close();
}
