import type { TableState } from '../../catalog/catalog.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import type { Field, PartitionSpec, Schema } from '../../format/schema.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import { longOf, writeOneRow } from '../../operations/one-row-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import type { IdSource } from '../../storage/id-source.ts';
import { dayOfMonth } from './gold-tables.ts';

/** What a month of an organization is in a table of ClickHouse: a row that comes or changes changes both numbers. */
export interface MonthMark {
  readonly rows: number;
  /** Sum of the versions, in 64 bits that run over. */
  readonly versions: bigint;
}

interface GoldMonth extends MonthMark {
  readonly table: string;
  readonly org: string;
  /** Since 1970. */
  readonly month: number;
  /** Rows of gold: with those that ClickHouse no longer has. */
  readonly goldRows: number;
  readonly writtenAtMs: number;
}

const id = { org_id: 1, table_name: 2, month: 3, hot_rows: 4, hot_versions: 5, gold_rows: 6, written_at: 7 } as const;

const fields: readonly Field[] = [
  { id: id.org_id, name: 'org_id', required: true, type: 'string', doc: 'Organization.' },
  { id: id.table_name, name: 'table_name', required: true, type: 'string', doc: 'Table of gold and of ClickHouse.' },
  { id: id.month, name: 'month', required: true, type: 'date', doc: 'First day of the month.' },
  { id: id.hot_rows, name: 'hot_rows', required: true, type: 'long', doc: 'Rows that ClickHouse had of it.' },
  {
    id: id.hot_versions,
    name: 'hot_versions',
    required: true,
    type: 'long',
    doc: 'Sum of their versions, running over.',
  },
  { id: id.gold_rows, name: 'gold_rows', required: true, type: 'long', doc: 'Rows that gold has of it.' },
  { id: id.written_at, name: 'written_at', required: true, type: 'timestamptz', doc: 'When.' },
];

/** The table that says which months gold has, and of what they were made; written last. */
export const goldMonthsSchema: Schema = { type: 'struct', 'schema-id': 0, fields };

export const goldMonthsSpec: PartitionSpec = {
  'spec-id': 0,
  fields: [
    { 'source-id': id.org_id, 'field-id': 1000, name: 'org_id', transform: 'identity' },
    { 'source-id': id.table_name, 'field-id': 1001, name: 'table_name', transform: 'identity' },
    { 'source-id': id.month, 'field-id': 1002, name: 'month_month', transform: 'month' },
  ],
};

export function monthKey(table: string, org: string, month: number): string {
  return `${table}/${org}/${month}`;
}

/** What each month was made of, by `monthKey`. A file is one row: its bounds tell it. */
export async function readGoldMonths(io: FileIO, { metadata }: TableState): Promise<Map<string, MonthMark>> {
  const months = new Map<string, MonthMark>();
  for await (const { file } of liveFilesOf(io, metadata)) {
    const [org, table, month] = file.partition;
    const mark = { rows: Number(longOf(file, id.hot_rows)), versions: longOf(file, id.hot_versions) };
    months.set(monthKey(String(table), String(org), Number(month)), mark);
  }
  return months;
}

/** A month of a table of an organization that gold has. */
export interface GoldMonthMark {
  readonly table: string;
  readonly org: string;
  /** Since 1970. */
  readonly month: number;
  readonly goldRows: number;
  readonly writtenAtMs: number;
}

/** All of them. */
export async function readMonthMarks(io: FileIO, { metadata }: TableState): Promise<GoldMonthMark[]> {
  const marks: GoldMonthMark[] = [];
  for await (const { file } of liveFilesOf(io, metadata)) {
    const [org, table, month] = file.partition;
    marks.push({
      ...{ org: String(org), table: String(table), month: Number(month) },
      goldRows: Number(longOf(file, id.gold_rows)),
      writtenAtMs: Number(longOf(file, id.written_at)) / 1_000,
    });
  }
  return marks;
}

/** The newest month that gold has of each table. */
export async function readNewestMonths(io: FileIO, state: TableState): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  for (const { table, month } of await readMonthMarks(io, state))
    newest.set(table, Math.max(month, newest.get(table) ?? Number.NEGATIVE_INFINITY));
  return newest;
}

export async function writeGoldMonths(
  months: readonly GoldMonth[],
  { io, ids, encoder, location }: { io: FileIO; ids: IdSource; encoder: DataFileEncoder; location: string },
): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const one of months) {
    const values = {
      org_id: one.org,
      table_name: one.table,
      month: dayOfMonth(one.month),
      hot_rows: BigInt(one.rows),
      hot_versions: one.versions,
      gold_rows: BigInt(one.goldRows),
      written_at: BigInt(Math.round(one.writtenAtMs)) * 1_000n,
    };
    const folder = `org_id=${encodeURIComponent(one.org)}/table_name=${one.table}`;
    const place = {
      path: `${location}/data/${folder}/${ids.uuid()}.parquet`,
      partition: [one.org, one.table, one.month],
    };
    files.push(await writeOneRow(fields, values, place, { io, encoder }));
  }
  return files;
}
