import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { parseReaders } from '../../src/embedded-clickhouse/readers.ts';
import {
  type EmbeddedClickHouse,
  startEmbeddedClickHouse,
} from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { tables, tenantTables } from '../../src/rows/tables.ts';
import { createClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { views } from '../../src/sinks/clickhouse/views.ts';

const acmeToken = 'a-token-of-acme-that-nobody-guesses';
const allToken = 'a-token-of-grafana-that-nobody-guesses';
const readers = `# those who look from outside\ngrafana ${allToken}\n\nacme-bi   ${acmeToken} acme\n`;

const directory = mkdtempSync(join(tmpdir(), 'paceline-tenant-'));
let server: EmbeddedClickHouse;

async function start(): Promise<void> {
  server = await startEmbeddedClickHouse({
    ...{ dir: join(directory, 'db'), port: 0, clock: systemClock },
    readers: parseReaders(readers, 'clickhouse.readers'),
    tenantTables,
  });
}

async function ask(sql: string, token = acmeToken): Promise<{ status: number; text: string }> {
  const response = await fetch(server.url, { method: 'POST', headers: { 'X-ClickHouse-Key': token }, body: sql });
  return { status: response.status, text: await response.text() };
}

beforeAll(async () => {
  await start();
  const sink = createClickHouseSink({ url: server.url, password: server.writeToken, buckets: 1, clock: systemClock });
  await sink.migrate();
  await sink.close();
  for (const { name, columns } of tables) {
    const texts = columns.filter(({ type, name: column }) => type.includes('String') && column !== 'org_id');
    for (const org of ['acme', 'globex']) {
      const values = texts.map(({ name: column }) => (column === 'to_state' ? "'firing'" : `'${org}-secret'`));
      const sql = `INSERT INTO ads.${name} (org_id, ${texts.map(({ name: column }) => column).join(', ')}, version) SELECT '${org}', ${values.join(', ')}, 1`;
      expect((await ask(sql, server.writeToken)).status).toBe(200);
    }
    // Both organizations in one granule: nothing but the filter keeps them apart.
    await ask(`OPTIMIZE TABLE ads.${name} FINAL`, server.writeToken);
  }
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

// Others are there when something has left for the lake, or was brought back: tests of the lake read them.
const present = tenantTables.filter((name) => !/^(gold|restored)_/.test(name));
test.each([...present, ...views.filter(({ values }) => values === undefined).map(({ name }) => name)])(
  'a reader of one organization sees its own rows of %s, and no others',
  async (name) => {
    expect(await ask(`SELECT groupUniqArray(org_id) FROM ads.${name}`)).toMatchObject({
      status: 200,
      text: "['acme']\n",
    });
    expect((await ask(`SELECT count() FROM ${name} WHERE org_id = 'globex'`)).text).toBe('0\n');
    const all = await ask(`SELECT uniqExact(org_id) FROM ads.${name}`, allToken);
    expect(all.text).toBe('2\n');
  },
);

const secret = "throwIf(status = 'globex-secret', 'LEAKED') = 0";
test.each([
  "SELECT * FROM v_org_pacing(org = 'globex')",
  "SELECT * FROM v_org_campaign_days(org = 'globex', since = '1900-01-01', until = '2100-01-01')",
  "SELECT * FROM v_org_alert_history(org = 'globex', since = '1970-01-01 00:00:00', until = '2100-01-01 00:00:00')",
  'SELECT count() > 1 FROM pacing_snapshots',
  'SELECT DISTINCT org_id FROM pacing_snapshots FINAL ORDER BY org_id DESC',
  'SELECT max(org_id), min(status) FROM pacing_snapshots',
  "SELECT 'globex' IN (SELECT org_id FROM pacing_snapshots)",
  'WITH t AS (SELECT * FROM pacing_snapshots) SELECT groupArray(status) FROM t',
  'SELECT groupArray(status) FROM view(SELECT * FROM ads.pacing_snapshots)',
  'SELECT groupArray(b.status) FROM numbers(1) AS a, ads.pacing_snapshots AS b',
  'SELECT groupArray(org_id) FROM (SELECT org_id FROM late_events UNION ALL SELECT org_id FROM dead_letters)',
  'SELECT (SELECT groupArray(status) FROM pacing_snapshots)',
  `SELECT count() FROM pacing_snapshots WHERE ${secret}`,
  `SELECT count() FROM pacing_snapshots FINAL WHERE ${secret}`,
  `SELECT count() FROM v_pacing_latest WHERE ${secret}`,
  `SELECT count() FROM pacing_snapshots PREWHERE ${secret}`,
  `SELECT count() FROM numbers(1) AS n JOIN pacing_snapshots ON ${secret}`,
  `SELECT 1 WHERE '1' IN (SELECT status FROM pacing_snapshots WHERE ${secret})`,
  `SELECT countIf(${secret}) FROM pacing_snapshots`,
  "SELECT ('globex', 'x') IN ads.pacing_snapshots",
  'EXPLAIN ESTIMATE SELECT * FROM pacing_snapshots',
  'EXPLAIN indexes = 1 SELECT * FROM pacing_snapshots',
  'SELECT total_rows FROM system.tables',
  'SELECT sum(rows) FROM system.parts',
  'SELECT table_rows FROM information_schema.tables',
  'SELECT count() FROM pacing_snapshots SETTINGS additional_table_filters = {}',
])('nothing of others, not even by an error: %s', async (sql) => {
  const { text } = await ask(sql);
  expect(text.replace(sql, '')).not.toMatch(/LEAKED:|globex-secret'?[\],\n]|\bglobex\n|^2\n/);
  const own = await ask(sql.replaceAll('globex', 'acme'), allToken);
  expect(own.text.length).toBeGreaterThan(0);
});

test('named tokens outlive a restart; another token opens nothing', async () => {
  await server.stop();
  await start();
  expect(await ask('SELECT 1')).toMatchObject({ status: 200 });
  expect(await ask('SELECT 1', allToken)).toMatchObject({ status: 200 });
  expect(await ask('SELECT 1', `${acmeToken}x`)).toMatchObject({ status: 401 });
  expect(await ask('SELECT 1', '')).toMatchObject({ status: 401 });
});

test.each([
  ['acme', 'line 1: wants NAME TOKEN'],
  ['\n# x\nacme short', 'line 3: the token of acme is shorter than 20'],
  [`a ${acmeToken} x'y`, 'line 1: a is bound to no organization'],
  [`a ${acmeToken}\nb ${acmeToken}`, 'line 2: b has the token of another'],
  [`a ${acmeToken}\na ${allToken}`, 'line 2: a is there already'],
  [`a ${acmeToken} acme more`, 'line 1: wants NAME TOKEN'],
])('a list of readers that is none is refused with its line, without the token: %s', (text, message) => {
  expect(() => parseReaders(text, 'clickhouse.readers')).toThrow(message);
  expect(() => parseReaders(text, 'clickhouse.readers')).not.toThrow(acmeToken);
});
