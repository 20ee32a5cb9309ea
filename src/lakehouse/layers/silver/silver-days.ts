import { dayText } from '../../../model/day-text.ts';
import type { TableState } from '../../catalog/catalog.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import type { Field, PartitionSpec, Schema } from '../../format/schema.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import { longOf, writeOneRow } from '../../operations/one-row-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import type { IdSource } from '../../storage/id-source.ts';

/** What silver has made of a day of an organization. */
interface SilverDay {
  readonly org: string;
  /** Days since 1970-01-01. */
  readonly day: number;
  /** Records of bronze that it was made from: bronze only grows, so as many are the same. */
  readonly bronzeRecords: number;
  readonly bronzeSnapshot: bigint;
  readonly events: number;
  /** Without what was sent again. */
  readonly rows: number;
  readonly builtAtMs: number;
}

const field = { org_id: 1, day: 2, bronze_records: 3, bronze_snapshot: 4, events: 5, rows: 6, built_at: 7 } as const;

const fields: readonly Field[] = [
  { id: field.org_id, name: 'org_id', required: true, type: 'string', doc: 'Organization.' },
  { id: field.day, name: 'day', required: true, type: 'date', doc: 'Day of the events, in UTC.' },
  {
    id: field.bronze_records,
    name: 'bronze_records',
    required: true,
    type: 'long',
    doc: 'Records of bronze that silver read; when bronze has others, the day is written anew.',
  },
  {
    id: field.bronze_snapshot,
    name: 'bronze_snapshot',
    required: true,
    type: 'long',
    doc: 'Snapshot of bronze that was read.',
  },
  { id: field.events, name: 'events', required: true, type: 'long', doc: 'Events among them.' },
  { id: field.rows, name: 'rows', required: true, type: 'long', doc: 'Rows of silver: events, each once.' },
  { id: field.built_at, name: 'built_at', required: true, type: 'timestamptz', doc: 'When.' },
];

/** The table that says which days silver has, and from what; written last, so that what it names is complete. */
export const silverDaysSchema: Schema = { type: 'struct', 'schema-id': 0, fields };

export const silverDaysSpec: PartitionSpec = {
  'spec-id': 0,
  fields: [
    { 'source-id': field.org_id, 'field-id': 1000, name: 'org_id', transform: 'identity' },
    { 'source-id': field.day, 'field-id': 1001, name: 'day_day', transform: 'day' },
  ],
};

/** How many records of bronze each day was made from, by `dayKey`. A file is one row: its bounds tell it. */
export async function readSilverDays(io: FileIO, { metadata }: TableState): Promise<Map<string, number>> {
  const days = new Map<string, number>();
  for await (const { file } of liveFilesOf(io, metadata)) {
    const [org, day] = file.partition;
    days.set(dayKey(String(org), Number(day)), Number(longOf(file, field.bronze_records)));
  }
  return days;
}

export function dayKey(org: string, day: number): string {
  return `${org}/${day}`;
}

export async function writeSilverDays(
  days: readonly SilverDay[],
  { io, ids, encoder, location }: { io: FileIO; ids: IdSource; encoder: DataFileEncoder; location: string },
): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const one of days) {
    const values = {
      org_id: one.org,
      day: one.day,
      bronze_records: BigInt(one.bronzeRecords),
      bronze_snapshot: one.bronzeSnapshot,
      events: BigInt(one.events),
      rows: BigInt(one.rows),
      built_at: BigInt(Math.round(one.builtAtMs)) * 1_000n,
    };
    const path = `${location}/data/${partitionFolder(one.org, 'day_day', one.day)}/${ids.uuid()}.parquet`;
    files.push(await writeOneRow(fields, values, { path, partition: [one.org, one.day] }, { io, encoder }));
  }
  return files;
}

export function partitionFolder(org: string, name: string, day: number): string {
  return `org_id=${encodeURIComponent(org)}/${name}=${dayText(day)}`;
}

/** The newest day that silver has of any organization, since 1970-01-01; null while it has none. */
export async function readNewestDay(io: FileIO, { metadata }: TableState): Promise<number | null> {
  let newest: number | null = null;
  for await (const { file } of liveFilesOf(io, metadata)) newest = Math.max(newest ?? 0, Number(file.partition[1]));
  return newest;
}
