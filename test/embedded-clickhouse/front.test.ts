import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runQuery } from '../../src/sinks/clickhouse/run-query.ts';
import { views } from '../../src/sinks/clickhouse/views.ts';
import { openTestEngine, type TestEngine } from './embedded.ts';

let engine: TestEngine;
let readToken: string;
beforeAll(async () => {
  engine = await openTestEngine();
  readToken = engine.engine.readToken;
  const sink = engine.sinkAt();
  await sink.migrate();
  await sink.close();
  await engine.ask('CREATE TABLE ads.t (a UInt64, s String) ENGINE = MergeTree ORDER BY a');
});
afterAll(() => engine.close());

const hazard = "x\n\n\nDROP TABLE ads.t; \\ ' `";

test.each([
  ['VALUES', `INSERT INTO ads.t VALUES (1, 'x\n\n\nDROP TABLE ads.t')`],
  [
    'JSON in the body',
    `INSERT INTO ads.t FORMAT JSONEachRow\n${JSON.stringify({ a: 2, s: hazard })}\n\n\nDROP TABLE ads.t`,
  ],
])('inserted text never runs as SQL: %s', async (_, sql) => {
  await engine.ask(sql);
  expect(await engine.ask('EXISTS TABLE ads.t')).toMatchObject({ status: 200, text: '1\n' });
});

test('a packed body is unpacked, and text arrives as it was', async () => {
  const query = new URLSearchParams({ query: 'INSERT INTO ads.t (a, s) SETTINGS max_threads = 1 FORMAT JSONEachRow' });
  const response = await fetch(`${engine.engine.url}/?${query}`, {
    method: 'POST',
    headers: { 'X-ClickHouse-Key': engine.engine.writeToken, 'Content-Encoding': 'gzip' },
    body: gzipSync(JSON.stringify({ a: 7, s: hazard })),
  });
  expect(response.status).toBe(200);
  const { text } = await engine.ask('SELECT s FROM t WHERE a = 7 FORMAT JSONCompactEachRow', readToken);
  expect(JSON.parse(text)).toEqual([hazard]);
});

test('a reader sees tables, parameters and formats; 64-bit numbers keep their digits', async () => {
  expect(
    (await engine.ask('SELECT {p:UInt64} AS p FORMAT JSONEachRow', readToken, { param_p: '18446744073709551615' }))
      .text,
  ).toBe('{"p":"18446744073709551615"}\n');
  expect((await engine.ask('SELECT 1 AS x', readToken, { default_format: 'CSVWithNames' })).text).toBe('"x"\n1\n');
  expect((await engine.ask("SELECT '; -- drop' /* ; */ -- x", readToken)).status).toBe(200);
});

test.each([
  'INSERT INTO t VALUES (1, 2)',
  'DROP TABLE t',
  'SET readonly = 0',
  'USE default',
  'SELECT 1; SELECT 2',
  'SELECT 1 -- x\n; DROP TABLE t',
  'WITH 1 AS x INSERT INTO t SELECT x, 1',
  "SELECT * FROM file('/etc/hostname', 'LineAsString')",
  "SELECT * FROM `file`('/etc/hostname', 'LineAsString')",
  "SELECT * FROM/**/FiLe /**/ ('/etc/hostname', 'LineAsString')",
  "SELECT file('/etc/hostname')",
  "SELECT * FROM url('http://127.0.0.1:1/', 'CSV')",
  "SELECT * FROM s3('http://127.0.0.1:1/x')",
  "SELECT * FROM remote('127.0.0.1', ads.t)",
  "SELECT * FROM executable('x', 'CSV', 'a String')",
  "SELECT * FROM merge('default', '.*')",
  "SELECT dictGet('d', 'a', 1)",
  'SELECT * FROM default.`/etc/hostname`',
  'SELECT * FROM "default"."/etc/hostname"',
  'SELECT * FROM default.hostname',
  'SELECT * FROM `\\x2fetc\\x2fhostname`',
  "SELECT * FROM '/etc/hostname'",
  'SELECT * FROM {d:Identifier}.{t:Identifier}',
  "SELECT 1 INTO OUTFILE '/tmp/paceline-must-not-exist'",
  "SELECT 1 INTO/* */OUTFILE '/tmp/paceline-must-not-exist'",
  "EXPLAIN INSERT INTO t SELECT 1, '2'",
  'DESCRIBE file(`/etc/hostname`)',
  'SELECT $$a$$',
  'SELECT ‘a’',
  "SELECT 'a",
  'SELECT 1 /* open',
  '',
])('a reader may not: %s', async (sql) => {
  expect(await engine.ask(sql, readToken)).toMatchObject({ status: 403, code: '497' });
});

test.each([
  ['a setting in the query', 'SELECT 1 SETTINGS max_threads = 16', {}],
  ['a setting in the address', 'SELECT 1', { allow_introspection_functions: '1' }],
])('a reader may not change %s', async (_, sql, query) => {
  expect(await engine.ask(sql, readToken, query)).toMatchObject({ status: 403, code: '164' });
});

test('a reader stays in the tables, whatever database they name', async () => {
  const file = join(engine.directory, 'secret.csv');
  writeFileSync(file, 'secret\n');
  expect((await engine.ask('SELECT currentDatabase()', readToken, { database: 'default' })).text).toBe('ads\n');
  expect((await engine.ask('SELECT 1', readToken, { database: engine.directory })).status).toBe(403);
});

test('settings of one call never reach the next', async () => {
  await engine.ask('SELECT 1', undefined, { max_threads: '3', readonly: '1' });
  const { text } = await engine.ask("SELECT getSetting('max_threads') = 3, getSetting('readonly')");
  expect(text).toBe('0\t0\n');
});

test('a long query holds up neither writes nor other reads', async () => {
  const order: string[] = [];
  const long = engine
    .ask('SELECT sum(sleepEachRow(0.1)) FROM numbers(10) SETTINGS max_block_size = 1')
    .then(() => order.push('long'));
  await Promise.all([
    engine.ask('SELECT 1', readToken).then(() => order.push('read')),
    engine.ask("INSERT INTO ads.t VALUES (50, 'w')").then(() => order.push('write')),
  ]);
  await long;
  expect(order.at(-1)).toBe('long');
});

test('nobody gets in without a token; anybody may ask whether it lives', async () => {
  expect(await engine.ask('SELECT 1', 'wrong')).toMatchObject({ status: 401, code: '516' });
  expect(await (await fetch(`${engine.engine.url}/ping`)).text()).toBe('Ok.\n');
});

test('a statement that is too long is refused, not gathered', async () => {
  const answer = await engine.ask(`SELECT '${'x'.repeat(2_000_000)}'`, readToken);
  expect(answer).toMatchObject({ status: 413 });
});

test('the official client reads through the front, packed', async () => {
  const client = createClient({
    url: engine.engine.url,
    password: readToken,
    database: 'ads',
    compression: { response: true },
  });
  expect(await client.ping()).toMatchObject({ success: true });
  const answer = await client.query({ query: 'SELECT {n:UInt8} AS n', query_params: { n: 5 }, format: 'JSONEachRow' });
  expect(await answer.json()).toEqual([{ n: 5 }]);
  await client.close();
});

test('runQuery writes three formats and says whose fault an error is', async () => {
  const ask = (sql: string, format: 'json' | 'pretty' | 'csv', token = readToken): Promise<string> =>
    runQuery({ url: engine.engine.url, token, sql, format });
  expect(await ask('SELECT toUInt64(5) AS n', 'json')).toBe('{"n":"5"}\n');
  expect(await ask('SELECT 5 AS n', 'csv')).toBe('"n"\n5\n');
  expect(await ask('SELECT 5 AS n', 'pretty')).toContain('│ 5 │');
  await expect(ask('SELECT nope', 'json')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  await expect(ask('DROP TABLE t', 'json')).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
  await expect(ask('SELECT 1', 'json', 'wrong')).rejects.toMatchObject({ code: 'QUERY_REFUSED' });
});

test.each(views)('view $name can be read', async ({ name, values }) => {
  const call = values === undefined ? name : `${name}(${values})`;
  expect(await engine.ask(`SELECT * FROM ${call} LIMIT 1`, readToken)).toMatchObject({ status: 200 });
});
