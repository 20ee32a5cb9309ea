import { expect, test } from 'vitest';
import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../../src/lakehouse/catalog/sqlite-rows.ts';
import { readManifestList } from '../../../src/lakehouse/format/manifest.ts';
import { ParquetEncoder } from '../../../src/lakehouse/format/parquet-encoder.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import {
  type MaintenanceOptions,
  maintainTable,
  maintenanceSteps,
} from '../../../src/lakehouse/jobs/maintain-table.ts';
import { bronzeLayout } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { BronzeTable } from '../../../src/lakehouse/layers/bronze/bronze-table.ts';
import { liveFilesOf } from '../../../src/lakehouse/operations/live-files.ts';
import { MemoryIO } from '../format/memory-io.ts';
import { seededIds } from '../format/seeded.ts';
import { tableRows } from '../format/table-reading.ts';
import { makeRun } from '../layers/bronze-rows.ts';

const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' as const };
const location = 'file:///lake/bronze/events';

/** A bronze table with its writer, and whoever looks after it. */
class Lake {
  readonly io = new MemoryIO();
  readonly ids = seededIds(3);
  now = Date.UTC(2026, 5, 1);
  readonly catalog: CatalogTable = new SqlCatalog({
    rows: new CatalogRows(new SqliteRows(':memory:'), 'paceline'),
    io: this.io,
    ids: this.ids,
    nowMs: () => this.now,
  }).table({ namespace: 'bronze', table: 'events' });
  readonly writer = new BronzeTable({
    catalog: this.catalog,
    io: this.io,
    ids: this.ids,
    encoder: new ParquetEncoder(),
    topic: 'ads.events.v1',
    identity,
    location,
    nowMs: () => this.now++,
    pause: async () => {},
  });

  async write(from: number, commits: number): Promise<void> {
    for (let i = from; i < from + commits; i++) {
      for (const partition of [0, 1]) this.writer.add(makeRun(partition, i * 8, i * 8 + 8));
      expect(await this.writer.commit()).toBe('committed');
    }
  }

  options(more: Partial<MaintenanceOptions> = {}): MaintenanceOptions {
    return {
      catalog: this.catalog,
      io: this.io,
      ids: this.ids,
      encoder: new ParquetEncoder(),
      layout: bronzeLayout,
      nowMs: () => this.now++,
      pause: async () => {},
      compaction: { targetBytes: 1_000_000, rowsMax: 100_000, filesMin: 2 },
      orphansOlderThanMs: 1_000,
      snapshotsOlderThanMs: 0,
      snapshotsToKeep: 1,
      isDryRun: false,
      ...more,
    };
  }

  async state() {
    const state = await this.catalog.load();
    if (state === null) throw new Error('no table');
    return state;
  }

  /** Every row as text, in one order. */
  async rows(): Promise<string[]> {
    const rows = await tableRows(this.io, await this.state());
    return rows
      .map((row) => JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}` : value)))
      .sort();
  }

  async files() {
    const { metadata } = await this.state();
    const paths: { path: string; rows: number; partition: string }[] = [];
    for await (const { file } of liveFilesOf(this.io, metadata, currentSnapshot(metadata)!))
      paths.push({ path: file.path, rows: file.recordCount, partition: file.partition.join('/') });
    return paths;
  }
}

async function open(): Promise<Lake> {
  const lake = new Lake();
  await lake.writer.open();
  return lake;
}

test('all steps together leave one file a partition, the same rows, and nothing else on disk', async () => {
  const lake = await open();
  await lake.write(0, 12);
  const before = await lake.rows();
  const many = (await lake.files()).length;
  await lake.io.create(`${location}/data/orphan.parquet`, new Uint8Array(9));
  lake.now += 10_000;
  const reports = [];
  for (const step of maintenanceSteps) reports.push(await maintainTable(step, lake.options()));
  expect(await lake.rows()).toEqual(before);
  const files = await lake.files();
  expect(files.length).toBe(new Set(files.map(({ partition }) => partition)).size);
  expect(reports.map(({ step, gone, made }) => [step, gone > 0, made > 0])).toEqual([
    ['compact', true, true],
    ['cluster', true, true],
    ['expire', true, false],
    ['sweep', true, false],
  ]);
  expect(reports[0]).toMatchObject({ gone: many, made: files.length });
  // What is on disk is what the table reaches: its files, manifests, the list, and the metadata kept for its log.
  const { metadata, metadataLocation } = await lake.state();
  expect(metadata.snapshots).toHaveLength(1);
  const list = metadata.snapshots[0]['manifest-list'];
  const reached = [
    ...files.map(({ path }) => path),
    ...readManifestList(await lake.io.read(list)).map(({ path }) => path),
    list,
    metadataLocation,
    ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
  ];
  expect([...lake.io.files.keys()].sort()).toEqual(reached.sort());
  // The writer goes on where it was, exactly once.
  await lake.write(12, 2);
  expect((await lake.rows()).length).toBe(before.length + 2 * 16);
});

test('rows of a merged file come in the order of the log, with their bounds', async () => {
  const lake = await open();
  await lake.write(0, 5);
  await maintainTable('compact', lake.options());
  const rows = await tableRows(lake.io, await lake.state());
  const byOrg = Map.groupBy(rows, (row) => `${row.org_id}/${String(row.event_time).slice(0, 15)}`);
  for (const one of byOrg.values()) {
    const keys = one.map((row) => Number(row.partition) * 1e6 + Number(row.log_offset));
    expect(keys).toEqual(keys.toSorted((a, b) => a - b));
  }
});

test('a dry run says what would go and changes nothing', async () => {
  const lake = await open();
  await lake.write(0, 6);
  lake.now += 10_000;
  const before = [...lake.io.files.keys()].sort();
  const files = (await lake.files()).length;
  for (const step of maintenanceSteps) {
    const report = await maintainTable(step, lake.options({ isDryRun: true }));
    if (step === 'compact') expect(report.gone).toBe(files);
    if (step === 'expire') expect(report.gone).toBe(5);
  }
  expect([...lake.io.files.keys()].sort()).toEqual(before);
});

test('a merge gives way when somebody changes its files, and leaves nothing behind', async () => {
  const lake = await open();
  await lake.write(0, 4);
  const rows = await lake.rows();
  const other = lake.options();
  let isFirst = true;
  const catalog: CatalogTable = {
    load: () => lake.catalog.load(),
    create: (table) => lake.catalog.create(table),
    commit: async (...args) => {
      if (isFirst) {
        isFirst = false;
        await maintainTable('compact', other);
      }
      return lake.catalog.commit(...args);
    },
  };
  expect(await maintainTable('compact', lake.options({ catalog }))).toMatchObject({ gone: 0, made: 0 });
  expect(await lake.rows()).toEqual(rows);
  const parquet = [...lake.io.files.keys()].filter((path) => path.includes('/data/merged/'));
  const live = (await lake.files()).map(({ path }) => path).filter((path) => path.includes('/data/merged/'));
  expect(parquet.sort()).toEqual(live.sort());
});

test('a second compaction finds nothing to do', async () => {
  const lake = await open();
  await lake.write(0, 4);
  await maintainTable('compact', lake.options());
  expect(await maintainTable('compact', lake.options())).toMatchObject({ gone: 0, made: 0 });
});

test('files are merged up to the target and the rows that fit in memory, never across partitions', async () => {
  const lake = await open();
  await lake.write(0, 12);
  await maintainTable('compact', lake.options({ compaction: { targetBytes: 1e6, rowsMax: 9, filesMin: 2 } }));
  const files = await lake.files();
  for (const { rows } of files) expect(rows).toBeLessThanOrEqual(9);
  expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBe(12 * 16);
});
