import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from './embedded.ts';

// Answers in Arrow, read by a library that is not ours.
let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.close());

async function ask(sql: string, query = ''): Promise<Response> {
  const { url, readToken } = engine.engine;
  return await fetch(`${url}/${query}`, { method: 'POST', headers: { 'X-ClickHouse-Key': readToken }, body: sql });
}

const rows =
  'SELECT number AS n, toString(number) AS text, toInt64(9007199254740993) AS micros, if(number = 1, NULL, 0.5) AS half FROM numbers(3)';

test.each([
  ['ArrowStream', 'application/vnd.apache.arrow.stream'],
  ['Arrow', 'application/vnd.apache.arrow.file'],
])('apache-arrow opens %s, with all digits and what is unknown', async (format, type) => {
  const response = await ask(`${rows} FORMAT ${format}`);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
  const table = tableFromIPC(new Uint8Array(await response.arrayBuffer()));
  expect(table.numRows).toBe(3);
  expect([...table.getChild('micros')!]).toEqual(Array.from({ length: 3 }, () => 9_007_199_254_740_993n));
  expect([...table.getChild('half')!]).toEqual([0.5, null, 0.5]);
});

test('who reads packed Arrow says so, and what is no such setting stays refused', async () => {
  const many = 'SELECT 7 AS n FROM numbers(100000) FORMAT ArrowStream';
  const plain = await (await ask(many)).arrayBuffer();
  const packed = await (await ask(many, '?output_format_arrow_compression_method=lz4_frame')).arrayBuffer();
  expect(packed.byteLength).toBeLessThan(plain.byteLength / 4);
  expect((await ask('SELECT 1', '?output_format_arrow_compression_method=rot13')).status).toBeGreaterThanOrEqual(400);
  expect((await ask('SELECT 1', '?output_format_schema=/etc/passwd')).status).toBe(403);
});
