import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bronzeTableName } from '../../src/adapters/lake/bronze-catalog.ts';
import { listHistory, listPartitions, listSnapshots, listTables } from '../../src/adapters/lake/look-at-lake.ts';
import { type Lake, openLake, tablesOf, withLake } from '../../src/adapters/lake/open-lake.ts';
import { queryLake } from '../../src/adapters/lake/query-lake.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import type { TableName } from '../../src/lakehouse/catalog/catalog.ts';
import { ParquetEncoder } from '../../src/lakehouse/format/parquet-encoder.ts';
import { BronzeTable } from '../../src/lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../../src/lakehouse/storage/id-source.ts';
import { makeRun } from '../lakehouse/layers/bronze-rows.ts';
import { silent } from '../lakehouse/layers/worked-directory.ts';

const folder = process.cwd();
const data = mkdtempSync(join(tmpdir(), "paceline-lake's "));
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: data } });
const startMs = Date.UTC(2026, 5, 1);

let now = startMs;

function bronzeTableIn({ catalog, io, root }: Lake, name: TableName): BronzeTable {
  return new BronzeTable({
    catalog: catalog.table(name),
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic: 'ads.events.v1',
    identity: { clusterId: 'c', topicId: 't', partitions: 1, mode: 'live' },
    location: `${root}/${name.namespace}/${name.table}`,
    nowMs: () => now,
    pause: async () => {},
  });
}

beforeAll(async () => {
  const lake = await openLake(config);
  const table = bronzeTableIn(lake, bronzeTableName);
  await table.open();
  for (let i = 0; i < 3; i++) {
    now += 60_000;
    table.add(makeRun(0, i * 10, i * 10 + 10));
    await table.commit();
  }
  const other = bronzeTableIn(lake, { namespace: 'silver', table: 'clicks' });
  await other.open();
  other.add(makeRun(0, 0, 7));
  await other.commit();
  await lake.close();
});
afterAll(() => {
  process.chdir(folder);
  rmSync(data, { recursive: true });
});

const ask = (sql: string, atMs: number | null = null) => queryLake(config, { sql, atMs }, silent);
const count = async (atMs: number | null) => (await ask('SELECT count() FROM bronze', atMs)).rows;

test('the table is asked as it is, and as it was at an instant', async () => {
  expect(await count(null)).toEqual([['30']]);
  // The table's own time is at least that of its making, so the instants are those of its snapshots.
  const at = await withLake(config, async (lake) => {
    const [{ state }] = await tablesOf(lake);
    return state.metadata.snapshots.map((one) => one['timestamp-ms']);
  });
  expect(await count(at[0])).toEqual([['10']]);
  expect(await count(at[1])).toEqual([['20']]);
  expect(await count(at[2] - 1)).toEqual([['20']]);
  await expect(count(at[0] - 1)).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: /no snapshot of .* or before/,
  });
});

test('tables of all namespaces are listed, and asked by their names beside each other', async () => {
  const tables = (await listTables(config)).map(({ table, rows, snapshots }) => [table, rows, snapshots]);
  expect(tables).toEqual([
    ['bronze.events', 30, 3],
    ['silver.clicks', 7, 1],
  ]);
  const sql = 'SELECT count() FROM bronze.events WHERE log_offset IN (SELECT log_offset FROM silver.clicks)';
  expect((await ask(sql)).rows).toEqual([['7']]);
  expect(await listSnapshots(config, 'silver.clicks')).toHaveLength(1);
  expect(await listHistory(config, 'silver.clicks')).toMatchObject([{ state: 'current', operation: 'append' }]);
  const partitions = await listPartitions(config, 'bronze.events');
  expect(partitions[0].partition).toMatch(/^org_id=[^/]+\/event_time_day=\d{4}-\d\d-\d\d$/);
  expect(partitions.reduce((sum, { rows }) => sum + rows, 0)).toBe(30);
  await expect(listSnapshots(config, 'silver.nope')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'the lake has no table silver.nope; it has bronze.events, silver.clicks',
  });
});

test('what cannot be asked says so in the words of the engine', async () => {
  const wrong = ask('SELECT nope FROM bronze');
  await expect(wrong).rejects.toMatchObject({ code: 'QUERY_FAILED', message: expect.stringContaining('nope') });
  const formatted = await ask('SELECT 1 FORMAT CSV');
  expect(formatted).toEqual({ text: '1\n', columns: [], rows: null });
});

test('the history of a table tells what was rolled back', async () => {
  await withLake(config, async ({ catalog }) => {
    const table = catalog.table(bronzeTableName);
    const state = await table.load();
    if (state === null) throw new Error('no table');
    const [, second] = state.metadata.snapshots;
    const main = { type: 'branch', 'ref-name': 'main', 'snapshot-id': second['snapshot-id'] } as const;
    await table.commit(state, [], [{ action: 'set-snapshot-ref', ...main }]);
  });
  const history = await listHistory(config, 'bronze.events');
  expect(history.map(({ state }) => state)).toEqual(['current', 'rolled back', 'current', 'past']);
  expect(history[0].id).toBe(history[2].id);
});
