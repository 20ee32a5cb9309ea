import { dayMs } from '../../../model/time.ts';
import type { TableState } from '../../catalog/catalog.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import type { Field, PartitionSpec, Schema } from '../../format/schema.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import { longOf, writeOneRow } from '../../operations/one-row-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import type { IdSource } from '../../storage/id-source.ts';
import { monthsOf, type Week } from './weeks.ts';

/** What came of a drill: 0 = all was equal. */
export interface Drill {
  readonly org: string;
  readonly week: Week;
  readonly seed: number;
  /** Rows of gold that were compared. */
  readonly rows: number;
  /** Records of bronze that were played. */
  readonly records: number;
  readonly differences: number;
  /** Rows that were restated since gold was written. */
  readonly restated: number;
  /** Months whose receipt says what gold has; of others something came later, or they have not left yet. */
  readonly receipts: number;
  /** Exclusive or of the digests of the rows, hex. */
  readonly hash: string;
  readonly drilledAtMs: number;
}

const id = {
  org_id: 1,
  week: 2,
  seed: 3,
  rows: 4,
  records: 5,
  differences: 6,
  restated: 7,
  receipts: 8,
  hash: 9,
  drilled_at: 10,
} as const;

const longs = {
  seed: 'What the draw began with.',
  rows: 'Rows of gold that were compared.',
  records: 'Records of bronze that were played.',
  differences: 'Rows that one of the two lacks, or that are not the same to the byte; 0 = all is well.',
  restated: 'Rows that were restated after gold was written.',
  receipts: 'Months of tables whose receipt says what gold has.',
} as const;

const fields: readonly Field[] = [
  { id: id.org_id, name: 'org_id', required: true, type: 'string', doc: 'Organization.' },
  { id: id.week, name: 'week', required: true, type: 'date', doc: 'Monday of the week.' },
  ...(Object.keys(longs) as (keyof typeof longs)[]).map((name): Field => {
    return { id: id[name], name, required: true, type: 'long', doc: longs[name] };
  }),
  { id: id.hash, name: 'hash', required: true, type: 'string', doc: 'Exclusive or of the digests of the rows, hex.' },
  { id: id.drilled_at, name: 'drilled_at', required: true, type: 'timestamptz', doc: 'When.' },
];

/** The table that says which weeks were read back and played again, and what came of it. */
export const goldDrillsSchema: Schema = { type: 'struct', 'schema-id': 0, fields };

export const goldDrillsSpec: PartitionSpec = {
  'spec-id': 0,
  fields: [
    { 'source-id': id.org_id, 'field-id': 1000, name: 'org_id', transform: 'identity' },
    { 'source-id': id.week, 'field-id': 1001, name: 'week_month', transform: 'month' },
  ],
};

export async function writeDrill(
  drill: Drill,
  { io, ids, encoder, location }: { io: FileIO; ids: IdSource; encoder: DataFileEncoder; location: string },
): Promise<DataFile> {
  const { org, week } = drill;
  const values = {
    org_id: org,
    week: week.startMs / dayMs,
    seed: BigInt(drill.seed),
    rows: BigInt(drill.rows),
    records: BigInt(drill.records),
    differences: BigInt(drill.differences),
    restated: BigInt(drill.restated),
    receipts: BigInt(drill.receipts),
    hash: drill.hash,
    drilled_at: BigInt(Math.round(drill.drilledAtMs)) * 1_000n,
  };
  const path = `${location}/data/org_id=${encodeURIComponent(org)}/${ids.uuid()}.parquet`;
  return await writeOneRow(fields, values, { path, partition: [org, monthsOf(week)[0]] }, { io, encoder });
}

/** When the newest drill was, and how many differences it found; null where there was none. */
export async function readLastDrill(
  io: FileIO,
  { metadata }: TableState,
): Promise<{ readonly drilledAtMs: number; readonly differences: number } | null> {
  let last: { drilledAtMs: number; differences: number } | null = null;
  for await (const { file } of liveFilesOf(io, metadata)) {
    const drilledAtMs = Number(longOf(file, id.drilled_at)) / 1_000;
    if (last === null || drilledAtMs > last.drilledAtMs)
      last = { drilledAtMs, differences: Number(longOf(file, id.differences)) };
  }
  return last;
}
