import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProgram } from '../src/adapters/lake/open-bronze.ts';
import { openLake } from '../src/adapters/lake/open-lake.ts';
import { maintenanceOf, tendLake } from '../src/adapters/lake/tend-lake.ts';
import { writeSilverLayer } from '../src/adapters/lake/write-layers.ts';
import { makeEventCodec } from '../src/adapters/log/event-codec.ts';
import { type Config, configSchema } from '../src/adapters/settings.ts';
import { systemClock } from '../src/control/system-clock.ts';
import type { DataFile } from '../src/lakehouse/format/manifest.ts';
import { loadTable, SnapshotProducer } from '../src/lakehouse/operations/snapshot-producer.ts';
import { randomIds } from '../src/lakehouse/storage/id-source.ts';
import { localPath } from '../src/lakehouse/storage/local-file-io.ts';
import { eventsTopic } from '../src/model/ids.ts';
import { createRunner } from '../src/runtime/runner.ts';
import { openRecordedLog } from '../src/sources/recorded/recorded-log.ts';
import { cpuSecondsOf, describeMachine, peakRssMb } from './machine.ts';

/**
 * What work over the lake costs, in processor seconds of this process and of ClickHouse's engine beside it: silver
 * from bronze, the merge of a thousand files, the expiry and the sweep of a hundred thousand. One JSON line at the end.
 */
const million = Number(process.env.BENCH_LAKE_IMPRESSIONS ?? 1_000_000);
const organizations = 50;
const bronzeTable = 'bronze.events';
const dayMs = 86_400_000;
const start = Date.UTC(2026, 2, 10);
const location = (folder: string) => mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), `paceline-bench-${folder}-`));
const configOf = (data: string): Config => configSchema.parse({ data_directory: data });

interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

/** With the children that it waited for. */
async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const [cpu, from] = [cpuSecondsOf(process.pid), performance.now()];
  await work();
  return { wall: (performance.now() - from) / 1_000, cpu: cpuSecondsOf(process.pid) - cpu };
}

/** A log of one day of impressions, evenly over the organizations. */
async function makeLog(data: string, events: number): Promise<void> {
  mkdirSync(join(data, 'log'), { recursive: true });
  const options = {
    dir: join(data, 'log'),
    topic: eventsTopic,
    partitions: 2,
    mode: 'replayed',
    encoding: 'binary',
  } as const;
  const log = await openRecordedLog({ ...options, clock: systemClock });
  const { encoder } = makeEventCodec('binary');
  const id = Buffer.alloc(16);
  for (let n = 0; n < events; n++) {
    const at = start + Math.floor((n * dayMs) / events);
    const org = `org-${String(n % organizations).padStart(4, '0')}`;
    id.writeUInt32BE(Math.imul(n, 0x9e3779b1) >>> 0, 0);
    id.writeUInt32BE(n, 4);
    const value = encoder.encode('impression', {
      ...{
        event_id: Buffer.from(id),
        org_id: org,
        campaign_id: `campaign-${n % 400}`,
        event_time: at,
        source: 'adserver',
      },
      ...{ currency: 'EUR', cost_micros: 1_000 + (n % 977), cost_basis: 'MEDIA' },
    });
    const key = Buffer.from(org);
    log.add(log.partitionOf(key), at, key, value);
    if (log.bufferedBytes > 16 * 1024 * 1024) await log.flush();
  }
  // Every lane is past the day's end, so that it is closed.
  for (let partition = 0; partition < 2; partition++)
    log.add(partition, start + 2 * dayMs, null, encoder.encode('tick', {}));
  await log.flush();
  await log.close();
}

async function fileBronze(data: string, commitRecords: number): Promise<void> {
  const config = configOf(data);
  const parts = await openProgram({ config, generation: 1, isNewGeneration: false }, { onChange: () => {} });
  const failed = Promise.withResolvers<never>();
  const settings = {
    ...parts.runner.settings,
    pollRecordsMax: Math.min(commitRecords, parts.runner.settings.pollRecordsMax),
  };
  const runner = createRunner({ ...parts.runner, settings, onError: (error) => failed.reject(error) });
  await runner.start();
  await Promise.race([failed.promise, runner.catchUp()]);
  await runner.stop();
  await parts.close();
}

async function measureSilver() {
  const data = location('silver');
  try {
    await makeLog(data, million);
    const bronze = await costOf(() => fileBronze(data, 1_000_000));
    let rows = 0;
    const silver = await costOf(async () => {
      ({ rows } = await writeSilverLayer(configOf(data), { isDryRun: false, onProgress: () => {} }));
    });
    return {
      rows,
      bronze_cpu_seconds_per_million: (bronze.cpu * 1e6) / million,
      silver_rows_per_cpu_second: rows / silver.cpu,
      silver_wall_seconds: silver.wall,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** A file that only its name and its entry in a manifest make one. */
function fileAt(path: string, org: string): DataFile {
  writeFileSync(localPath(path), 'x');
  const none = new Map<number, never>();
  const bounds = { columnSizes: none, valueCounts: none, nullCounts: none, lowerBounds: none, upperBounds: none };
  return { path, partition: [org, 20_500], recordCount: 1, sizeBytes: 1, splitOffsets: [4], ...bounds };
}

async function measureFiles(count: number) {
  const data = location('files');
  try {
    const config = configOf(data);
    await makeLog(data, 1_000);
    await fileBronze(data, 1_000);
    const lake = await openLake(config);
    const catalog = lake.catalog.table({ namespace: 'bronze', table: 'events' });
    const { metadata } = await loadTable(catalog);
    const folder = `${metadata.location}/data/bench`;
    mkdirSync(localPath(folder), { recursive: true });
    // Long ago, so that its snapshots are due.
    let now = systemClock.wallMs();
    const producer = new SnapshotProducer({
      catalog,
      io: lake.io,
      ids: randomIds,
      nowMs: () => now++,
      attemptsMax: 3,
      pause: async () => {},
    });
    const each = 1_000;
    for (let from = 0; from < count; from += each) {
      const added = Array.from({ length: each }, (_, n) => fileAt(`${folder}/${from + n}.parquet`, `org-${n % 100}`));
      const change = { specId: 0, marks: () => ({}), check: () => 'go' as const };
      await producer.commit({ ...change, operation: 'append', added });
      await producer.commit({ ...change, operation: 'delete', added: [], removed: added });
    }
    await lake.close();
    const tend = (steps: readonly ('expire' | 'sweep')[]) =>
      tendLake(config, {
        ...maintenanceOf(),
        table: bronzeTable,
        steps,
        snapshotsOlderThanMs: 0,
        snapshotsToKeep: 1,
        onProgress: () => {},
        onDone: ({ gone }) => gone,
      });
    const expire = await costOf(() => tend(['expire']));
    const old = (systemClock.wallMs() - 5 * dayMs) / 1_000;
    for (let n = 0; n < count; n++) {
      const path = join(localPath(folder), `orphan-${n}.parquet`);
      writeFileSync(path, 'x');
      utimesSync(path, old, old);
    }
    const sweep = await costOf(() => tend(['sweep']));
    return { files: count, expire_seconds: expire.wall, sweep_seconds: sweep.wall };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** Files of a few records each, as small organizations leave them. */
async function measureCompaction() {
  const data = location('compact');
  try {
    const config = configOf(data);
    const commits = 1_000 / organizations;
    for (let n = 0; n < commits; n++) {
      if (n === 0) await makeLog(data, 20_000);
      else await appendMore(data, n);
      await fileBronze(data, 1_000_000);
    }
    let gone = 0;
    const onDone = (report: { readonly gone: number }) => {
      gone += report.gone;
    };
    const options = {
      ...maintenanceOf(),
      table: bronzeTable,
      steps: ['compact'],
      onProgress: () => {},
      onDone,
    } as const;
    const compact = await costOf(() => tendLake(config, options));
    return { merged_files: gone, compact_seconds: compact.wall, compact_cpu_seconds: compact.cpu };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** Twenty thousand more impressions of the same day, a little later in the log. */
async function appendMore(data: string, n: number): Promise<void> {
  const log = await openRecordedLog({
    dir: join(data, 'log'),
    topic: eventsTopic,
    partitions: 2,
    mode: 'replayed',
    encoding: 'binary',
    clock: systemClock,
  });
  const { encoder } = makeEventCodec('binary');
  for (let row = 0; row < 20_000; row++) {
    const org = `org-${String(row % organizations).padStart(4, '0')}`;
    const id = Buffer.alloc(16);
    id.writeUInt32BE(n, 0);
    id.writeUInt32BE(row, 4);
    const value = encoder.encode('impression', {
      ...{
        event_id: id,
        org_id: org,
        campaign_id: `campaign-${row % 400}`,
        event_time: start + row,
        source: 'adserver',
      },
      ...{ currency: 'EUR', cost_micros: 1_000, cost_basis: 'MEDIA' },
    });
    const key = Buffer.from(org);
    log.add(log.partitionOf(key), start + 2 * dayMs + n, key, value);
  }
  await log.flush();
  await log.close();
}

const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
console.log(describeMachine());
const tell = (measured: Record<string, number>) => console.log(JSON.stringify({ ...measured, rss_mb: peakRssMb() }));
if (isWanted('silver')) tell(await measureSilver());
if (isWanted('files')) tell(await measureFiles(Number(process.env.BENCH_LAKE_FILES ?? 100_000)));
if (isWanted('compact')) tell(await measureCompaction());
