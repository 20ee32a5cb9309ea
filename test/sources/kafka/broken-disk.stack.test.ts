import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chooseDir, dataDir, downloadsDir } from '../../../scripts/stack/places.ts';
import { portDefaults } from '../../../scripts/stack/ports.ts';
import { type Stack, startStack } from '../../../scripts/stack/stack.ts';
import { bronzeTableName } from '../../../src/adapters/lake/bronze-catalog.ts';
import { bronzeRunner } from '../../../src/adapters/lake/open-bronze.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import type { RecordRun } from '../../../src/events/record-run.ts';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../../src/lakehouse/catalog/sqlite-rows.ts';
import { ParquetEncoder } from '../../../src/lakehouse/format/parquet-encoder.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { BronzeTable } from '../../../src/lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../../../src/lakehouse/storage/id-source.ts';
import { LocalFileIO, localUri } from '../../../src/lakehouse/storage/local-file-io.ts';
import { allLanes } from '../../../src/runtime/fixed-assignment.ts';
import { createRunner } from '../../../src/runtime/runner.ts';
import { TableStore } from '../../../src/runtime/table-store.ts';
import type { KafkaConnectionOptions } from '../../../src/sources/kafka/connection.ts';
import { KafkaSource } from '../../../src/sources/kafka/kafka-source.ts';
import type { Source } from '../../../src/sources/source.ts';
import { plainRecords } from '../../exams/source-exam.ts';
import { makeDecoder } from '../../runtime/bronze-doubles.ts';
import { KafkaBench, readTo } from './kafka-bench.ts';

/** A broker of our own, whose files we may spoil. */
const dir = mkdtempSync(join(tmpdir(), 'paceline-broken-disk-'));
const port = 26_292;
const options: KafkaConnectionOptions = { brokers: [`127.0.0.1:${port}`], clientId: 'test', tls: null, sasl: null };
let stack: Stack;

beforeAll(async () => {
  symlinkSync(downloadsDir(chooseDir()), downloadsDir(dir));
  stack = await startStack(['kafka'], {
    dir,
    ports: {
      ...portDefaults,
      kafka: port,
      'kafka-controller': port + 1,
      'kafka-sasl': port + 2,
      'kafka-tls': port + 3,
    },
  });
});
afterAll(async () => {
  await stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The files of a partition, wherever the broker keeps them. */
function partitionFiles(topic: string): { log: string; folder: string } {
  const found = readdirSync(dataDir(dir, 'kafka'), { recursive: true, encoding: 'utf8' });
  const log = found.find((path) => path.includes(`${topic}-0/`) && path.endsWith('.log'));
  if (log === undefined) throw new Error(`no log of ${topic} among ${found.length} files`);
  const path = join(dataDir(dir, 'kafka'), log);
  return { log: path, folder: join(path, '..') };
}

/** Where the batch of an offset begins, by the lengths in the heads. */
function placeOf(log: string, offset: number): number {
  const bytes = readFileSync(log);
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8))
    if (Number(bytes.readBigInt64BE(at)) === offset) return at;
  throw new Error(`no batch begins at offset ${offset}`);
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: string }).code !== 'SOURCE_UNAVAILABLE' || tries > 100) throw error;
      await sleep(100);
    }
  }
}

async function fill(source: Source, from: number, to: number, word: string): Promise<void> {
  for (let i = from; i < to; i++) await patiently(() => source.append(0, null, Buffer.from(`${word} ${i}`)));
}

/** Reads to `end`, waiting out what passes; the runs themselves are copied. */
async function runsTo(source: Source, end: number): Promise<{ run: RecordRun; values: (string | null)[] }[]> {
  const runs: { run: RecordRun; values: (string | null)[] }[] = [];
  for (let at = 0; at < end; ) {
    const run = await patiently(() => source.poll(0, { records: 100, bytes: 100_000 }));
    if (run === null) await source.waitForRecords([0], 500);
    else {
      runs.push({ run: { ...run, offsets: run.offsets.slice() }, values: plainRecords(run).map(({ value }) => value) });
      at = run.nextOffset;
    }
  }
  return runs;
}

test('a partition that lost its tail is not taken for the one that was read, neither live nor after a restart', async () => {
  await using bench = await KafkaBench.open({}, options);
  const source = bench.source(options);
  await fill(source, 0, 20, 'old');
  const runs = await runsTo(source, 20);
  const leaderEpoch = runs[runs.length - 1].run.leaderEpoch;
  expect(leaderEpoch).toBeGreaterThanOrEqual(0);
  await stack.kill('kafka');
  const { log, folder } = partitionFiles(bench.topic);
  truncateSync(log, placeOf(log, 12));
  for (const name of readdirSync(folder)) if (/index$|snapshot$/.test(name)) rmSync(join(folder, name));
  await stack.start('kafka');
  const writer = bench.source(options);
  await fill(writer, 0, 15, 'new');
  expect(await writer.bounds(0)).toEqual({ start: 0, end: 27 });

  const readOn = async () => {
    for (;;) {
      await patiently(() => source.poll(0, { records: 10, bytes: 1_000 }));
      await patiently(() => source.waitForRecords([0], 500));
    }
  };
  await expect(readOn()).rejects.toMatchObject({
    code: 'LOG_TRUNCATED',
    message: expect.stringContaining('--new-generation'),
  });
  const restarted = bench.source(options);
  await expect(restarted.seek(0, 20, leaderEpoch)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  await expect(restarted.seek(0, 28, leaderEpoch)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  // What was committed before the cut is still of this log, and goes on with it.
  await restarted.seek(0, 12, leaderEpoch);
  const values = (await readTo(restarted, 0, 27)).map(({ value }) => value);
  expect(values).toEqual(Array.from({ length: 15 }, (_, i) => `new ${i}`));
  // The state of a release before knows no epoch.
  await restarted.seek(0, 20);
});

test('bronze puts no records of another log behind those that it holds, and says so', async () => {
  await using bench = await KafkaBench.open({}, options);
  const lake = mkdtempSync(join(tmpdir(), 'paceline-lake-'));
  bench.onDispose(async () => rmSync(lake, { recursive: true, force: true }));
  await fill(bench.source(options), 0, 20, 'old');
  await fileInto(lake, bench.source(options));
  await stack.kill('kafka');
  const { log, folder } = partitionFiles(bench.topic);
  truncateSync(log, placeOf(log, 12));
  for (const name of readdirSync(folder)) if (/index$|snapshot$/.test(name)) rmSync(join(folder, name));
  await stack.start('kafka');
  await fill(bench.source(options), 0, 15, 'new');
  await expect(fileInto(lake, bench.source(options))).rejects.toMatchObject({
    code: 'LOG_TRUNCATED',
    message: expect.stringContaining('--new-generation'),
  });
  const catalog = new CatalogRows(new SqliteRows(join(lake, 'catalog.sqlite')), 'paceline');
  const io = new LocalFileIO();
  const names = new SqlCatalog({ rows: catalog, io, ids: randomIds, nowMs: () => Date.now() });
  const state = await names.table(bronzeTableName).load();
  await names.close();
  expect(currentSnapshot(state!.metadata)?.summary['total-records']).toBe('20');
});

/** Files what the topic holds in the bronze table of a folder, as the engine does. */
async function fileInto(lake: string, source: Source): Promise<void> {
  const rows = new CatalogRows(new SqliteRows(join(lake, 'catalog.sqlite')), 'paceline');
  const io = new LocalFileIO();
  const names = new SqlCatalog({ rows, io, ids: randomIds, nowMs: () => Date.now() });
  const identity = await patiently(() => source.identity());
  const table = new BronzeTable({
    catalog: names.table(bronzeTableName),
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic: source.topic,
    identity,
    location: localUri(join(lake, 'events')),
    nowMs: () => Date.now(),
    pause: (attempt) => sleep(10 * attempt),
  });
  const runner = createRunner({
    ...bronzeRunner({ commit_interval_ms: 100, commit_mb: 16 }),
    source,
    decoder: makeDecoder(),
    store: new TableStore(table),
    assignment: allLanes(1),
    onError: () => {},
  });
  await runner.start();
  try {
    await runner.catchUp();
  } finally {
    await runner.stop();
    await names.close();
  }
}

test('a batch whose bytes have changed on the disk is reported, or its lane waits', async () => {
  await using bench = await KafkaBench.open({}, options);
  await fill(bench.source(options), 0, 9, 'value');
  // In order: after a crash the broker itself would look, and cut the log there.
  await stack.stop();
  const { log } = partitionFiles(bench.topic);
  const file = openSync(log, 'r+');
  writeSync(file, Buffer.from('X'), 0, 1, placeOf(log, 4) + 70);
  closeSync(file);
  await stack.start('kafka');
  const source = bench.source(options);
  await patiently(() => source.seek(0, 0));
  const runs = await runsTo(source, 9);
  const report = runs.find(({ run }) => run.unreadable !== null)?.run;
  expect(report?.unreadable).toMatchObject({ reason: 'damaged_batch', offsets: 1 });
  expect(report?.offsets[0]).toBe(4);
  expect(runs.flatMap(({ run, values }) => (run.unreadable === null ? values : []))).toEqual(
    [0, 1, 2, 3, 5, 6, 7, 8].map((i) => `value ${i}`),
  );
  const back: number[] = [];
  for await (const run of source.readBack(0, 2, 7)) back.push(...run.offsets);
  expect(back).toEqual([2, 3, 4, 5, 6]);

  const careful = new KafkaSource(bench.connection, {
    topic: bench.topic,
    mode: 'live',
    clock: systemClock,
    onDamagedBatch: 'stop',
  });
  bench.onDispose(() => careful.close());
  const polls = async () => {
    for (let at = 0; at < 9; )
      at = (await patiently(() => careful.poll(0, { records: 1, bytes: 1_000 })))?.nextOffset ?? at;
  };
  for (let tries = 0; tries < 2; tries++) await expect(polls()).rejects.toMatchObject({ code: 'BATCH_DAMAGED' });
});
