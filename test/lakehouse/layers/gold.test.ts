import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayerTools } from '../../../src/adapters/layer-tools.ts';
import { openLake } from '../../../src/adapters/open-lake.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { writeSimulatedLog } from '../../../src/adapters/simulated-log.ts';
import { embeddedTablesDirectory } from '../../../src/adapters/tables.ts';
import { openTablesForReading } from '../../../src/adapters/visits.ts';
import { writeGoldLayer } from '../../../src/adapters/write-layers.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../../src/control/query-client.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { tables } from '../../../src/rows/tables.ts';

const root = join(import.meta.dirname, '../../..');
const directory = mkdtempSync(join(tmpdir(), 'paceline-gold-'));
const { config } = loadConfig([], {
  shippedConfigDirectory: join(root, 'config'),
  overrides: { data_directory: directory },
});
const log = makeLogger({ level: 'silent', clock: systemClock });
const quiet = { isDryRun: false, onProgress: () => {} };
const seed = 41;

/** A data directory that an engine has worked off, in the past of this machine's clock. */
beforeAll(async () => {
  const world = { seed, days: 2, campaigns: 12, partitions: 2, encoding: 'binary' } as const;
  await writeSimulatedLog({ dir: directory, ...world, plans: config.plans, clock: systemClock });
  const settings = join(directory, 'paceline.yaml');
  writeFileSync(settings, 'http:\n  port: 0\nclickhouse:\n  port: 0\n');
  const main = ['--disable-warning=ExperimentalWarning', join(root, 'src/main.ts')];
  const engine = spawnSync(
    process.execPath,
    [...main, 'run', '--config', settings, '--data', directory, '--until-end'],
    { encoding: 'utf8', cwd: root },
  );
  expect(engine.status, engine.stderr.slice(-2_000)).toBe(0);
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Row = Record<string, string>;

/** Rows in text, by key; instants without the digits that only one of the two has. */
function plain(rows: readonly Readonly<Record<string, unknown>>[], key: readonly string[]): Row[] {
  const texts = rows.map((row) => {
    const values = Object.entries(row).map(([name, value]) => [name, String(value).replace(/(\.\d{3})000$/, '$1')]);
    return Object.fromEntries(values) as Row;
  });
  const keyOf = (row: Row) => key.map((name) => row[name]).join('/');
  return texts.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

async function hotRows(name: string, key: readonly string[]): Promise<Row[]> {
  const reading = await openTablesForReading(config, { clock: systemClock, log });
  try {
    return plain(rowsOf(await askClickHouse(reading.endpoint, `SELECT * FROM ads.${name} FINAL`)), key);
  } finally {
    await reading.close();
  }
}

async function goldRows(name: string, key: readonly string[]): Promise<Row[]> {
  await using tools = await openLayerTools(config);
  const lake = await openLake(config);
  try {
    const state = (await lake.catalog.table({ namespace: 'gold', table: name }).load())!;
    if (state.metadata.snapshots.length === 0) return [];
    const quotedWide = 'SETTINGS output_format_json_quote_64bit_integers = 1';
    return plain(await tools.engine.run(`SELECT * FROM ${tools.sqlOf(state)} ${quotedWide}`), key);
  } finally {
    await lake.close();
  }
}

test(`gold is what the tables say, row for row, and writing it again does nothing (seed ${seed})`, async () => {
  const planned = await writeGoldLayer(config, { ...quiet, isDryRun: true }, log);
  const report = await writeGoldLayer(config, quiet, log);
  expect(report).toMatchObject({ months: planned.months, overtaken: 0 });
  let total = 0;
  for (const { name, key } of tables) {
    const rows = await goldRows(name, key);
    expect(rows, name).toEqual(await hotRows(name, key));
    total += rows.length;
  }
  expect(report.rows).toBe(total);
  expect(total).toBeGreaterThan(1_000);
  expect(await writeGoldLayer(config, quiet, log)).toMatchObject({ months: 0, rows: 0 });
});

test('a month that ClickHouse has no longer takes in what still changes in it', async () => {
  const { name, key } = tables[0];
  const before = await goldRows(name, key);
  const server = await startEmbeddedClickHouse({
    dir: embeddedTablesDirectory(directory),
    port: 0,
    clock: systemClock,
  });
  const restated = before.find((row) => Number(row.impressions) > 0)!;
  try {
    const write = { url: server.url, headers: { 'x-clickhouse-key': server.writeToken } };
    await askClickHouse(write, `CREATE TABLE ads.kept AS ads.${name}`);
    await askClickHouse(
      write,
      `INSERT INTO ads.kept SELECT * REPLACE (version + 1 AS version, impressions + 7 AS impressions) FROM ads.${name} FINAL
       WHERE org_id = '${restated.org_id}' AND campaign_id = '${restated.campaign_id}' AND date = '${restated.date}'`,
    );
    await askClickHouse(write, `TRUNCATE TABLE ads.${name}`);
    await askClickHouse(write, `INSERT INTO ads.${name} SELECT * FROM ads.kept`);
    await askClickHouse(write, 'DROP TABLE ads.kept');
  } finally {
    await server.stop();
  }
  expect(await hotRows(name, key)).toHaveLength(1);
  expect(await writeGoldLayer(config, quiet, log)).toMatchObject({ months: 1, overtaken: 0 });
  const expected = before.map((row) =>
    row === restated
      ? { ...row, impressions: String(Number(row.impressions) + 7), version: String(BigInt(row.version) + 1n) }
      : row,
  );
  expect(await goldRows(name, key)).toEqual(expected);
});
