import { randomBytes } from 'node:crypto';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { openRedisCacheServer } from '../src/adapters/serving/redis-cache-server.ts';
import { pacingSnapshots } from '../src/rows/tables.ts';
import { KeptAnswers } from '../src/serving/cache/kept-answers.ts';
import { SharedQueryCache } from '../src/serving/cache/shared-query-cache.ts';
import { LocalRateLimiter } from '../src/serving/limits/local-rate-limiter.ts';
import { RedisRateLimiter } from '../src/serving/limits/redis-rate-limiter.ts';
import { nowMs, openShop, rowOf, type Shop } from '../test/serving/shop.ts';
import { isRedisHere, startRedisServer, waitFor } from '../test/state/redis-server.ts';
import { describeMachine } from './machine.ts';
import type { CallersResult, CallersTask } from './serving-callers.ts';
import { runTask } from './task.ts';

const help = `npm run bench:serving -- --flights 20000 --seconds 10

How many calls a second the doors answer from kept answers, how long the board takes when it is asked of the
embedded ClickHouse by 4 callers, and what a session and a limit take on a Redis of our own. Callers are a
process of their own. Only a quiet machine gives numbers that mean anything.

  --flights N   flights of the organization that is asked for (20000)
  --seconds N   how long each is measured (10)
  --callers N   at a time, of kept answers (8)
  --json        one line of JSON at the end
`;

const { values } = parseArgs({
  options: {
    flights: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '10' },
    callers: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [flights, seconds, callers] = [values.flights, values.seconds, values.callers].map(Number);
if (values.help || !(flights > 0) || !(seconds > 0) || !(callers > 0)) {
  (values.help ? process.stdout : process.stderr).write(help);
  process.exit(values.help ? 0 : 64);
}

const loadBefore = loadavg()[0];
const results: Record<string, unknown> = { machine: describeMachine(), load_before: loadBefore, flights };
const freshnessMs = 500;

const cached = await openFilled({
  cache: new SharedQueryCache({
    ...{ memory: new KeptAnswers(64 * 1_048_576), server: null, ttlMs: 600_000, answerBytesMax: 1_048_576 },
  }),
});
try {
  for (const [name, task] of Object.entries(doors(cached))) note(`cached ${name}`, await measure(task, callers));
} finally {
  await cached.close();
}

const uncached = await openFilled({});
try {
  note('uncached rest', await measure(doors(uncached).rest, 4));
} finally {
  await uncached.close();
}

if (isRedisHere) await measureRedis();
else results.redis = 'no redis-server on the PATH: not measured';

if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
else for (const [key, value] of Object.entries(results)) process.stdout.write(`${key.padEnd(26)} ${value}\n`);

/** The doors over an organization with so many flights, each with a snapshot. */
async function openFilled(options: Parameters<typeof openShop>[0]): Promise<Shop> {
  const shop = await openShop({ ...options, freshnessMs });
  const pieceMax = 5_000;
  for (let from = 0; from < flights; from += pieceMax) {
    const count = Math.min(pieceMax, flights - from);
    await shop.write(
      pacingSnapshots,
      Array.from({ length: count }, (_, index) => flight(from + index)),
    );
  }
  return shop;
}

function flight(n: number) {
  return rowOf(pacingSnapshots, {
    ...{ org_id: 'acme', campaign_id: `campaign-${n}`, flight_id: 'flight', currency: 'EUR', mode: 'EVEN' },
    ...{ status: n % 7 === 0 ? 'behind' : 'on_track', as_of: nowMs - 60_000, evaluated_at: nowMs - 30_000 },
    ...{ budget_micros: 1_000_000_000n + BigInt(n), spend_micros: BigInt(n) * 1_000n, osi_bp: 9_700n },
    ...{ projected_micros: 990_000_000n, completeness: `adserver=${nowMs - 60_000}`, version: (1n << 48n) + BigInt(n) },
  });
}

/** The same board of 50 flights at each door. */
function doors({
  server,
}: Shop): Readonly<Record<'rest' | 'graphql' | 'connect', Omit<CallersTask, 'callers' | 'seconds' | 'warmUpSeconds'>>> {
  const authorization = 'Bearer operator';
  const json = { authorization, 'content-type': 'application/json' };
  const members =
    'campaignId flightId status currency budgetMicros spendMicros expectedMicros projectedMicros osiBp asOf version';
  const query = `{ flights(organization: "acme", limit: 50) { data { ${members} } dataVersion asOf } }`;
  return {
    rest: {
      ...{ url: `${server.url}/api/v1/organizations/acme/flights?limit=50`, method: 'GET', body: null },
      headers: { authorization },
    },
    graphql: { url: `${server.url}/graphql`, method: 'POST', headers: json, body: JSON.stringify({ query }) },
    connect: {
      ...{ url: `${server.url}/paceline.v1.PacingService/ListFlights`, method: 'POST', headers: json },
      body: '{"organization":"acme","limit":50}',
    },
  };
}

function measure(task: ReturnType<typeof doors>['rest'], count: number): Promise<CallersResult> {
  return runTask<CallersResult>('./serving-callers.ts', { ...task, callers: count, seconds, warmUpSeconds: 2 });
}

function note(name: string, { calls, failed, seconds: took, p50Ms, p95Ms, p99Ms }: CallersResult): void {
  if (failed > 0) throw new Error(`${name}: ${failed} of ${calls} calls were not answered`);
  const ms = (value: number) => value.toFixed(1);
  results[name] = `${Math.round(calls / took)} calls/s, p50 ${ms(p50Ms)}, p95 ${ms(p95Ms)}, p99 ${ms(p99Ms)} ms`;
}

/** One caller, one call after the other: what each request pays. */
async function measureRedis(): Promise<void> {
  await using redis = await startRedisServer();
  const server = openRedisCacheServer({ endpoint: redis.endpoint, prefix: 'bench:', onState: () => undefined });
  try {
    await waitFor(async () => (await server.getBytes('none')) === null);
    const wide = { burst: 1_000_000, perSecond: 1_000_000 };
    const allowances = { organization: wide, actor: wide, address: wide, login: wide };
    const twin = new LocalRateLimiter({ allowances, steadyMs: () => performance.now() });
    const limiter = new RedisRateLimiter({ server, allowances, twin });
    const session = randomBytes(200);
    await server.setBytes('bench:session', session, 600_000);
    results['redis session'] = await timesOf(() => server.getBytes('bench:session'));
    results['redis limit'] = await timesOf(() => limiter.take({ kind: 'actor', id: 'user:bench' }, 1));
  } finally {
    await server.close();
  }
}

async function timesOf(call: () => Promise<unknown>): Promise<string> {
  const took: number[] = [];
  const until = performance.now() + seconds * 1_000;
  for (let at = performance.now(); at < until; ) {
    await call();
    const end = performance.now();
    took.push(end - at);
    at = end;
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.floor(share * took.length)].toFixed(3);
  return `${took.length} calls, p50 ${at(0.5)}, p99 ${at(0.99)} ms`;
}
