import { systemClock } from '../control/system-clock.ts';
import { ParquetEncoder } from '../lakehouse/format/parquet-encoder.ts';
import { ancestry, currentSnapshot } from '../lakehouse/format/table-metadata.ts';
import { type MaintenanceStep, maintainTable, type StepReport } from '../lakehouse/jobs/maintain-table.ts';
import { bronzeLayout } from '../lakehouse/layers/bronze/bronze-schema.ts';
import { relocateTimeless } from '../lakehouse/layers/bronze/relocate-timeless.ts';
import { liveFilesOf } from '../lakehouse/operations/live-files.ts';
import { randomIds } from '../lakehouse/storage/id-source.ts';
import { type Lake, withLake } from './open-lake.ts';
import type { Config } from './settings.ts';

/** What the lake can be asked to have done. */
export type TendStep = MaintenanceStep | 'relocate';
export type TendReport = Omit<StepReport, 'step'> & { readonly step: TendStep; readonly rows?: number };

export interface TendOptions {
  readonly steps: readonly TendStep[];
  readonly isDryRun: boolean;
  /** Merged files get about this size. */
  readonly targetBytes: number;
  readonly orphansOlderThanMs: number;
  /** Undefined: as the table's properties say. */
  readonly snapshotsOlderThanMs: number | undefined;
  readonly snapshotsToKeep: number | undefined;
  onProgress(step: MaintenanceStep, done: number, total: number): void;
  onDone(report: TendReport): void;
}

/** Rows of one merged file: about 600 MB of values in memory at most. */
const mergedRowsMax = 500_000;
/** As Iceberg's own compaction: fewer small files are not worth a rewrite. */
const filesMin = 5;
const pauseStepMs = 100;
const relocateAttemptsMax = 10;

/** What every step works with. */
function toolsOf({ catalog, io }: Lake, isDryRun: boolean) {
  return {
    catalog,
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    nowMs: () => systemClock.wallMs(),
    pause: (attempt: number) => systemClock.sleep(pauseStepMs * attempt),
    isDryRun,
  };
}

/** Moves rows of bronze that lie in 1970 to the day of the log. */
async function relocate(tools: ReturnType<typeof toolsOf>): Promise<TendReport> {
  const { rows, files, made } = await relocateTimeless({ ...tools, attemptsMax: relocateAttemptsMax });
  return { step: 'relocate', gone: files, made, bytes: 0, rows };
}

/** Looks after the bronze table, beside the engine that writes to it. */
export async function tendLake(config: Config, options: TendOptions): Promise<void> {
  const { snapshotsOlderThanMs, snapshotsToKeep, targetBytes } = options;
  await withLake(config, async (lake) => {
    const tools = toolsOf(lake, options.isDryRun);
    const tended = {
      ...tools,
      layout: bronzeLayout,
      compaction: { targetBytes, rowsMax: mergedRowsMax, filesMin },
      orphansOlderThanMs: options.orphansOlderThanMs,
      ...(snapshotsOlderThanMs === undefined ? {} : { snapshotsOlderThanMs }),
      ...(snapshotsToKeep === undefined ? {} : { snapshotsToKeep }),
      onProgress: options.onProgress,
    };
    for (const step of options.steps)
      options.onDone(step === 'relocate' ? await relocate(tools) : await maintainTable(step, tended));
  });
}

export interface LakeTable {
  readonly table: string;
  readonly location: string;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly newest: string | null;
}

/** What the lake holds, as the newest snapshot counts it. */
export async function describeLake(config: Config): Promise<LakeTable[]> {
  return withLake(config, async (_, { metadata }) => {
    const newest = currentSnapshot(metadata);
    const total = (name: string) => Number(newest?.summary?.[name] ?? 0);
    return [
      {
        table: 'bronze.events',
        location: metadata.location,
        rows: total('total-records'),
        files: total('total-data-files'),
        bytes: total('total-files-size'),
        snapshots: metadata.snapshots.length,
        newest: newest === null ? null : new Date(newest['timestamp-ms']).toISOString(),
      },
    ];
  });
}

export interface LakeSnapshot {
  /** 63 bits: text, because numbers of JSON would round it. */
  readonly id: string;
  readonly at: string;
  readonly operation: string;
  readonly added: number;
  readonly removed: number;
  readonly rows: number;
  readonly names: readonly string[];
}

/** The past of `main`, newest first: what time travel can reach. */
export async function listSnapshots(config: Config): Promise<LakeSnapshot[]> {
  return withLake(config, async (_, { metadata }) => {
    return [...ancestry(metadata)].map((one) => ({
      id: String(one['snapshot-id']),
      at: new Date(one['timestamp-ms']).toISOString(),
      operation: one.summary?.operation ?? 'unknown',
      added: Number(one.summary?.['added-records'] ?? 0),
      removed: Number(one.summary?.['deleted-records'] ?? 0),
      rows: Number(one.summary?.['total-records'] ?? 0),
      names: Object.entries(metadata.refs)
        .filter(([, ref]) => ref['snapshot-id'] === one['snapshot-id'])
        .map(([name]) => name),
    }));
  });
}

export interface LakePartition {
  readonly org: string;
  readonly day: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Files of the newest snapshot by organization and day: where a compaction is worth it. */
export async function listPartitions(config: Config): Promise<LakePartition[]> {
  return withLake(config, async (lake, { metadata }) => {
    const snapshot = currentSnapshot(metadata);
    const found = new Map<string, { org: string; day: string; files: number; rows: number; bytes: number }>();
    if (snapshot !== null) {
      for await (const { file } of liveFilesOf(lake.io, metadata, snapshot)) {
        const [org, day] = file.partition;
        const key = `${org}/${day}`;
        const dayText = new Date(Number(day) * 86_400_000).toISOString().slice(0, 10);
        const one = found.get(key) ?? { org: String(org), day: dayText, files: 0, rows: 0, bytes: 0 };
        found.set(key, one);
        one.files += 1;
        one.rows += file.recordCount;
        one.bytes += file.sizeBytes;
      }
    }
    return [...found.values()].sort((a, b) => (a.org === b.org ? (a.day < b.day ? -1 : 1) : a.org < b.org ? -1 : 1));
  });
}
