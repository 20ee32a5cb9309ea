import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSimulatedLog } from '../src/adapters/log/simulated-log.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { type Engine, startEngine } from '../src/app.ts';
import { makeLogger } from '../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../src/control/query-client.ts';
import { systemClock } from '../src/control/system-clock.ts';
import { tables } from '../src/rows/tables.ts';

// The whole embedded engine over a small simulated log, by the door that the command line uses.
const shippedConfigDirectory = join(import.meta.dirname, '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
let data = '';

function load() {
  const overrides = { data_directory: data, http: { port: 0 }, clickhouse: { port: 0 } };
  return loadConfig([], { shippedConfigDirectory, overrides });
}

async function runUntilEnd<T>(look: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await startEngine(load(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  try {
    await engine.drain();
    return await look(engine);
  } finally {
    await engine.stop();
  }
}

/** Every row of every table as ClickHouse shows it, once each. */
async function readAll(engine: Engine): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const { name, key } of tables) {
    const query = `SELECT * FROM ${name} FINAL ORDER BY ${key.join(', ')}`;
    all[name] = rowsOf(await askClickHouse(engine.parts.queries!, query));
  }
  return all;
}

/** The delivered addresses of a topic of results. */
function deliveries(topic: string): string[] {
  const directory = join(data, 'log', topic);
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));
  return files.flatMap((name) =>
    readFileSync(join(directory, name), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { value: { version: string; delivery: unknown } }).value)
      .map(({ version, delivery }) => JSON.stringify([version, delivery])),
  );
}

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'paceline-e2e-'));
  await writeSimulatedLog({
    dir: data,
    seed: 11,
    days: 2,
    campaigns: 4,
    partitions: 2,
    encoding: 'binary',
    plans: load().config.plans,
    clock: systemClock,
  });
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

// What the rows must be, and that kills change nothing, is proven in test/chaos/prove.long.test.ts.
test('a simulated log becomes tables, alert records and dead letters, and a second run changes nothing', {
  timeout: 180_000,
}, async () => {
  const first = await runUntilEnd(readAll);
  for (const name of ['campaign_metrics_daily', 'pacing_snapshots', 'rule_evaluations', 'alert_events', 'dead_letters'])
    expect(first[name].length, name).toBeGreaterThan(0);
  const alerts = deliveries('ads.alerts.v1');
  expect(new Set(alerts).size).toBe(alerts.length);
  expect(alerts.length).toBe(first.alert_events.length);
  // Plans have no event time of their own: they lie under the day of the log, never in 1970.
  const days = readdirSync(join(data, 'lake'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /day=/.test(path),
  );
  expect(days.length).toBeGreaterThan(0);
  expect(days.filter((path) => path.includes('day=1970'))).toEqual([]);
  expect(deliveries('ads.dead-letters.v1').length).toBe(first.dead_letters.length);
  expect(await runUntilEnd(readAll)).toEqual(first);
  expect(deliveries('ads.alerts.v1')).toEqual(alerts);
});

test('status and metrics tell the same number of records', { timeout: 180_000 }, async () => {
  const engine = await startEngine(load(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  try {
    await engine.drain();
    const metrics = await (await fetch(`${engine.addresses.http}/metrics`)).text();
    expect(engine.status().records).toBe(0);
    expect(metrics).not.toMatch(/^paceline_records_in_total\{.*\} [1-9]/m);
    expect(engine.status().lanes.every(({ next_offset }) => next_offset > 0)).toBe(true);
  } finally {
    await engine.stop();
  }
});

/** Of an answer of the API. */
// biome-ignore lint/suspicious/noExplicitAny: what it must be is said where it is looked at.
type Body = any;

test('the API of the engine shows what the tables hold, to the owner of the directory alone', {
  timeout: 180_000,
}, async () => {
  const engine = await startEngine(load(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  try {
    await engine.drain();
    const { addresses, tokens } = JSON.parse(readFileSync(join(data, 'engine.json'), 'utf8'));
    const ask = async (path: string, token = tokens.http) => {
      const response = await fetch(`${addresses.api}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
      const body: Body = await response.json();
      return { status: response.status, body };
    };
    expect((await ask('/organizations', 'guess')).status).toBe(401);
    const { body: organizations } = await ask('/organizations');
    const [{ organization }] = organizations.data;
    const { body: flights } = await ask(`/organizations/${organization}/flights?limit=500`);
    const query = `SELECT count() AS flights FROM pacing_latest FINAL WHERE org_id = '${organization}'`;
    const [{ flights: wanted }] = rowsOf(await askClickHouse(engine.parts.queries!, query));
    expect(flights.data).toHaveLength(Number(wanted));
    expect(flights.data.length).toBeGreaterThan(0);
    expect((await ask('/engine')).body.data.lanes).toHaveLength(2);
    expect((await ask(`/organizations/${organization}/plan`)).body.data.number).toBeGreaterThan(0);
    expect((await ask(`/organizations/${organization}/rules`)).body.data.length).toBeGreaterThan(5);
    const metrics = await (await fetch(`${engine.addresses.http}/metrics`)).text();
    expect(metrics).toMatch(/paceline_serving_calls_total\{door="rest",operation="listFlights",status="2xx"\} 1/);
  } finally {
    await engine.stop();
  }
});
