import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { produceInto } from '../../src/adapters/log/produce-file.ts';
import { applyFiles } from '../../src/adapters/plans/apply-files.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { type Engine, startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { readEngineInfo } from '../../src/state/sqlite/data-directory.ts';

// A running engine can be fed: it alone writes its log, and takes what the command has.
const dir = mkdtempSync(join(tmpdir(), 'paceline-fed-'));
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const context = { clock: systemClock, log };
const events = join(dir, 'events.jsonl');
const organizations = join(dir, 'organizations.yaml');

function load(data = join(dir, 'data')) {
  const overrides = {
    data_directory: data,
    http: { port: 0 },
    clickhouse: { port: 0 },
    serving: { port: 0 },
    bronze: { enabled: false },
    log: { partitions: 2 },
    plans: { organizations, rules: join(dir, 'rules') },
  };
  return loadConfig([], { shippedConfigDirectory, overrides });
}

let engine: Engine;
beforeAll(async () => {
  mkdirSync(join(dir, 'rules'));
  writeFileSync(organizations, 'defaults: {}\n');
  engine = await startEngine(load(), { version: 'test', clock: systemClock, log });
}, 60_000);
afterAll(async () => {
  await engine.stop();
  rmSync(dir, { recursive: true, force: true });
});

function writeEvents(count: number, from = 0): void {
  const lines = Array.from({ length: count }, (_, i) => {
    const event_id = (from + i).toString(16).padStart(32, '0');
    const event = { type: 'click', event_id, org_id: 'acme', campaign_id: 'c1', source: 'adserver', currency: 'EUR' };
    return JSON.stringify({ key: 'acme', value: { ...event, event_time: Date.now(), cost_micros: 7 } });
  });
  writeFileSync(events, `${lines.join('\n')}\n`);
}

async function ask(sql: string): Promise<unknown[]> {
  await engine.drain();
  return rowsOf(await askClickHouse(engine.parts.queries!, sql));
}

const produce = () => produceInto(events, load().config, context, { onProgress: () => {} });

test('records of a file go through the engine that runs, each once, and their rows are there', async () => {
  // More than one request holds.
  writeEvents(9_000);
  expect(await produce()).toBe(9_000);
  const total = 'SELECT sum(clicks) AS clicks, sum(spend_micros) AS spend FROM campaign_metrics_daily FINAL';
  expect(await ask(total)).toEqual([{ clicks: '9000', spend: '63000' }]);
  // Sent again they are known.
  expect(await produce()).toBe(9_000);
  expect(await ask(total)).toEqual([{ clicks: '9000', spend: '63000' }]);
}, 60_000);

test('a line that is no record stops, and those before it are in the log', async () => {
  writeEvents(3, 20_000);
  writeFileSync(events, '{"key": "acme", "value": 7}\n', { flag: 'a' });
  await expect(produce()).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('events.jsonl:4') });
  expect(await ask('SELECT sum(clicks) AS clicks FROM campaign_metrics_daily FINAL')).toEqual([{ clicks: '9003' }]);
}, 60_000);

test('what is no list of records is refused whole, and who has no token is not heard', async () => {
  const info = readEngineInfo(join(dir, 'data'))!;
  const post = async (body: string, token = info.tokens.http) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${info.addresses.http}/-/append`, { method: 'POST', headers, body });
    return [answer.status, await answer.text()] as const;
  };
  const value = Buffer.from('{}').toString('base64');
  expect((await post('[]', 'another'))[0]).toBe(401);
  expect(await post('{')).toEqual([400, expect.stringContaining('the body is not JSON')]);
  expect(await post('{}')).toEqual([400, expect.stringContaining('a record is [partition, log time, key, value]')]);
  expect(await post(`[[0, 1, null, "${value}"], [2, 1, null, "${value}"]]`)).toEqual([
    400,
    expect.stringContaining('partition 2: the log has 2'),
  ]);
  expect((await post(`[[0, 1, null, "no base64!"]]`))[0]).toBe(400);
  expect((await post(`[[0, 1e99, null, "${value}"]]`))[0]).toBe(400);
  expect(await ask('SELECT count() AS n FROM dead_letters FINAL')).toEqual([{ n: '0' }]);
  // A live log stamps what comes: nobody moves its clock.
  expect(await post(`[[0, 99999999999999, null, "${value}"]]`)).toEqual([200, '{"appended":1}\n']);
  const [letter] = await ask('SELECT log_time < now() + 60 AS is_now FROM dead_letters FINAL');
  expect(letter).toEqual({ is_now: 1 });
}, 60_000);

test('apply says what the running engine appended, by organization, number and offset', async () => {
  writeFileSync(organizations, 'defaults: { zone: Asia/Tokyo }\norganizations: { acme: {} }\n');
  const applied = await applyFiles(load().config, { ...context, actor: 'test' });
  expect(applied.enginePid).toBe(process.pid);
  const appended = applied.plans.filter(({ offset }) => offset !== null);
  expect(appended.map(({ orgId, number }) => `${orgId} ${number}`)).toEqual(['_default 2', '_default 2', 'acme 1']);
  for (const { offset } of appended) expect(offset).toBeGreaterThan(0);
  const again = await applyFiles(load().config, { ...context, actor: 'test' });
  expect(again.plans.every(({ offset }) => offset === null)).toBe(true);
}, 60_000);
