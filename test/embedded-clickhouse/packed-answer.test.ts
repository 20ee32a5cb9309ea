import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { uncompressSync } from 'lz4-napi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cityHash128 } from '../../src/embedded-clickhouse/city-hash.ts';
import { openTestEngine, type TestEngine } from './embedded.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.close());

/** Blocks as ClickHouse packs them, each with the checksum that stands before it. */
function* blocksOf(bytes: Buffer): Generator<{ checksum: Buffer; block: Buffer }> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 16 + bytes.readUInt32LE(at + 17);
    yield { checksum: bytes.subarray(at, at + 16), block: bytes.subarray(at + 16, end) };
    at = end;
  }
}

test('our checksum is the one that ClickHouse writes before the blocks of its own files, of every length', async () => {
  for (const rows of [1, 2, 3, 9, 20, 150, 4_000, 200_000]) {
    await engine.ask(
      `CREATE TABLE ads.h${rows} (a String, b UInt8) ENGINE = MergeTree ORDER BY tuple() SETTINGS min_bytes_for_wide_part = 0`,
    );
    await engine.ask(`INSERT INTO ads.h${rows} SELECT hex(cityHash64(number)), number FROM numbers(${rows})`);
  }
  const db = join(engine.directory, 'db');
  const files = readdirSync(db, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.bin'));
  const lengths = new Set<number>();
  for (const { checksum, block } of files.flatMap((name) => [...blocksOf(readFileSync(join(db, name)))])) {
    expect(cityHash128(block).toString('hex'), `${block.length} bytes`).toBe(checksum.toString('hex'));
    lengths.add(block.length);
  }
  expect([...lengths].filter((length) => length < 16).length).toBeGreaterThan(0);
  expect([...lengths].filter((length) => length > 16 && length < 128).length).toBeGreaterThan(0);
  expect([...lengths].filter((length) => length > 10_000).length).toBeGreaterThan(0);
});

async function askPacked(sql: string): Promise<{ status: number; text: string; blocks: number }> {
  const headers = { 'X-ClickHouse-Key': engine.engine.readToken };
  const response = await fetch(`${engine.engine.url}/?compress=1`, { method: 'POST', headers, body: sql });
  const blocks = [...blocksOf(Buffer.from(await response.arrayBuffer()))];
  const parts = blocks.map(({ checksum, block }) => {
    expect(cityHash128(block).equals(checksum)).toBe(true);
    expect(block[0]).toBe(0x82);
    // The library wants the size unpacked before the block, where it stands anyway.
    return uncompressSync(block.subarray(5));
  });
  return { status: response.status, text: Buffer.concat(parts).toString('utf8'), blocks: blocks.length };
}

test('a packed answer is the plain one, over several blocks too; errors are packed as well', async () => {
  const sql = 'SELECT number FROM numbers(400000)';
  const { status, text, blocks } = await askPacked(sql);
  expect(status).toBe(200);
  expect(blocks).toBeGreaterThan(1);
  expect(text).toBe((await engine.ask(sql, engine.engine.readToken)).text);
  expect(await askPacked('SELECT 1 WHERE 0')).toEqual({ status: 200, text: '', blocks: 0 });
  expect(await askPacked('SELECT * FROM nowhere')).toMatchObject({
    status: 404,
    text: expect.stringContaining('nowhere'),
  });
});

test('settings that drivers send by habit change nothing and are no reason to refuse', async () => {
  const habits = { async_insert: '0', wait_end_of_query: '0', readonly: '0', max_threads: '64' };
  const { readToken } = engine.engine;
  expect(await engine.ask("SELECT getSetting('readonly')", readToken, habits)).toMatchObject({
    status: 200,
    text: '1\n',
  });
});
