import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLake, withLake } from '../../src/adapters/open-lake.ts';
import { queryLake } from '../../src/adapters/query-lake.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { ParquetEncoder } from '../../src/lakehouse/format/parquet-encoder.ts';
import { BronzeTable } from '../../src/lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../../src/lakehouse/storage/id-source.ts';
import { makeRun } from '../lakehouse/layers/bronze-rows.ts';

const folder = process.cwd();
const data = mkdtempSync(join(tmpdir(), "paceline-lake's "));
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: data } });
const startMs = Date.UTC(2026, 5, 1);

beforeAll(async () => {
  const lake = await openLake(config);
  let now = startMs;
  const table = new BronzeTable({
    catalog: lake.catalog,
    io: lake.io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic: 'ads.events.v1',
    identity: { clusterId: 'c', topicId: 't', partitions: 1, mode: 'live' },
    location: lake.bronzeLocation,
    nowMs: () => now,
    pause: async () => {},
  });
  await table.open();
  for (let i = 0; i < 3; i++) {
    now += 60_000;
    table.add(makeRun(0, i * 10, i * 10 + 10));
    await table.commit();
  }
  await lake.close();
});
afterAll(() => {
  process.chdir(folder);
  rmSync(data, { recursive: true });
});

const count = async (atMs: number | null) =>
  (await queryLake(config, { sql: 'SELECT count() FROM bronze', atMs })).rows;

test('the table is asked as it is, and as it was at an instant', async () => {
  expect(await count(null)).toEqual([[30]]);
  // The table's own time is at least that of its making, so the instants are those of its snapshots.
  const at = await withLake(config, async (_, { metadata }) => metadata.snapshots.map((one) => one['timestamp-ms']));
  expect(await count(at[0])).toEqual([[10]]);
  expect(await count(at[1])).toEqual([[20]]);
  expect(await count(at[2] - 1)).toEqual([[20]]);
  await expect(count(at[0] - 1)).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: /no snapshot of .* or before/,
  });
});

test('what cannot be asked says so in the words of the engine', async () => {
  const wrong = queryLake(config, { sql: 'SELECT nope FROM bronze', atMs: null });
  await expect(wrong).rejects.toMatchObject({ code: 'QUERY_FAILED', message: expect.stringContaining('nope') });
  const formatted = await queryLake(config, { sql: 'SELECT 1 FORMAT CSV', atMs: null });
  expect(formatted).toEqual({ text: '1\n', columns: [], rows: null });
});
