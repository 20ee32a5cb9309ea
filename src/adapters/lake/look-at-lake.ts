import { fullName } from '../../lakehouse/catalog/catalog.ts';
import { type FieldType, type PartitionSpec, type PartitionValue, resultType } from '../../lakehouse/format/schema.ts';
import {
  ancestry,
  currentSnapshot,
  schemaOfSpec,
  snapshotById,
  specById,
  type TableMetadata,
} from '../../lakehouse/format/table-metadata.ts';
import { liveFilesOf } from '../../lakehouse/operations/live-files.ts';
import { dayText } from '../../model/day-text.ts';
import type { Config } from '../settings.ts';
import { tableOf, tablesOf, withLake } from './open-lake.ts';

export interface TableFacts {
  readonly table: string;
  readonly location: string;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly newest: string | null;
}

/** What the lake holds, table by table, as the newest snapshot of each counts it. */
export async function listTables(config: Config): Promise<TableFacts[]> {
  return withLake(config, async (lake) =>
    (await tablesOf(lake)).map(({ name, state: { metadata } }) => {
      const newest = currentSnapshot(metadata);
      const total = (counter: string) => Number(newest?.summary?.[counter] ?? 0);
      return {
        table: fullName(name),
        location: metadata.location,
        rows: total('total-records'),
        files: total('total-data-files'),
        bytes: total('total-files-size'),
        snapshots: metadata.snapshots.length,
        newest: newest === null ? null : new Date(newest['timestamp-ms']).toISOString(),
      };
    }),
  );
}

export interface SnapshotFacts {
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
export async function listSnapshots(config: Config, table: string): Promise<SnapshotFacts[]> {
  return withLake(config, async (lake) => {
    const { metadata } = (await tableOf(lake, table)).state;
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

export interface HistoryFacts {
  /** When the snapshot became what the table says. */
  readonly at: string;
  readonly id: string;
  readonly operation: string;
  /** `rolled back`: it is no longer in the past of what the table says now. */
  readonly state: 'current' | 'past' | 'rolled back';
  /** What a job of ours made it from, as its summary says: days, months, the snapshot that was read. */
  readonly made_from: string;
}

/** Marks of our jobs in a summary; offsets are bronze's own business and long. */
const mark = /^paceline\.(?!offsets)/;

/** What the table said when, newest first, as far as snapshots are kept: rollbacks of other tools stand there too. */
export async function listHistory(config: Config, table: string): Promise<HistoryFacts[]> {
  return withLake(config, async (lake) => {
    const { metadata } = (await tableOf(lake, table)).state;
    const past = new Set([...ancestry(metadata)].map((one) => one['snapshot-id']));
    const current = currentSnapshot(metadata)?.['snapshot-id'];
    return metadata['snapshot-log'].toReversed().map(({ 'snapshot-id': id, 'timestamp-ms': ms }) => {
      const summary = Object.entries(snapshotById(metadata, id)?.summary ?? {});
      return {
        at: new Date(ms).toISOString(),
        id: String(id),
        operation: Object.fromEntries(summary).operation ?? 'unknown',
        state: id === current ? 'current' : past.has(id) ? 'past' : 'rolled back',
        made_from: summary
          .filter(([name]) => mark.test(name))
          .map(([name, value]) => `${name.replace(mark, '')}=${value}`)
          .join(', '),
      };
    });
  });
}

export interface PartitionFacts {
  /** As Iceberg writes it: `org_id=acme/event_time_day=2026-06-01`. */
  readonly partition: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Files of the newest snapshot by partition: where a compaction is worth it. */
export async function listPartitions(config: Config, table: string): Promise<PartitionFacts[]> {
  return withLake(config, async (lake) => {
    const { metadata } = (await tableOf(lake, table)).state;
    const found = new Map<string, { partition: string; files: number; rows: number; bytes: number }>();
    for await (const { file, specId } of liveFilesOf(lake.io, metadata)) {
      const partition = partitionText(metadata, specById(metadata, specId), file.partition);
      const one = found.get(partition) ?? { partition, files: 0, rows: 0, bytes: 0 };
      found.set(partition, one);
      one.files += 1;
      one.rows += file.recordCount;
      one.bytes += file.sizeBytes;
    }
    return [...found.values()].sort((a, b) => (a.partition < b.partition ? -1 : 1));
  });
}

function partitionText(metadata: TableMetadata, spec: PartitionSpec, values: readonly PartitionValue[]): string {
  const schema = schemaOfSpec(metadata, spec);
  return spec.fields.map((field, at) => `${field.name}=${valueText(resultType(schema, field), values[at])}`).join('/');
}

function valueText(type: FieldType, value: PartitionValue): string {
  if (value === null) return 'null';
  return type === 'date' ? dayText(Number(value)) : String(value);
}
