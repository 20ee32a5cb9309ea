import type { TableState } from '../../catalog/catalog.ts';
import type { CellValue } from '../../format/parquet-reader.ts';
import type { Field, PartitionSpec, Schema } from '../../format/schema.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import { longOf } from '../../operations/one-row-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import { dayOfMonth } from './gold-tables.ts';
import type { Verified } from './verify-gold.ts';

const id = {
  table_name: 1,
  month: 2,
  rows: 3,
  organizations: 4,
  money: 5,
  hash: 6,
  snapshot: 7,
  verified_at: 8,
} as const;

/** Fields of a receipt, in order. */
export const receiptFields: readonly Field[] = [
  { id: id.table_name, name: 'table_name', required: true, type: 'string', doc: 'Table of ClickHouse.' },
  { id: id.month, name: 'month', required: true, type: 'date', doc: 'First day of the month whose rows went.' },
  { id: id.rows, name: 'rows', required: true, type: 'long', doc: 'Rows that two readers found the same.' },
  { id: id.organizations, name: 'organizations', required: true, type: 'long', doc: 'Of so many organizations.' },
  { id: id.money, name: 'money', required: true, type: 'string', doc: 'Sum of each money column, as JSON.' },
  { id: id.hash, name: 'hash', required: true, type: 'string', doc: 'Exclusive or of the digests of the rows, hex.' },
  { id: id.snapshot, name: 'snapshot', required: true, type: 'long', doc: 'Snapshot of gold that was read back.' },
  { id: id.verified_at, name: 'verified_at', required: true, type: 'timestamptz', doc: 'When.' },
];

/** The table that proves of each month that ClickHouse let go that its copy was there. */
export const receiptsSchema: Schema = { type: 'struct', 'schema-id': 0, fields: receiptFields };

export const receiptsSpec: PartitionSpec = {
  'spec-id': 0,
  fields: [
    { 'source-id': id.table_name, 'field-id': 1000, name: 'table_name', transform: 'identity' },
    { 'source-id': id.month, 'field-id': 1001, name: 'month_month', transform: 'month' },
  ],
};

export function receiptValues(
  table: string,
  month: number,
  { rows, organizations, money, hash }: Verified,
  { snapshotId, nowMs }: { snapshotId: bigint; nowMs: number },
): Readonly<Record<string, string | number | bigint>> {
  return {
    table_name: table,
    month: dayOfMonth(month),
    rows: BigInt(rows),
    organizations: BigInt(organizations),
    money: JSON.stringify(money),
    hash,
    snapshot: snapshotId,
    verified_at: BigInt(Math.round(nowMs)) * 1_000n,
  };
}

/** What was found the same when a month of a table left. */
export interface Receipt {
  readonly table: string;
  /** Since 1970. */
  readonly month: number;
  readonly rows: number;
  readonly organizations: number;
  readonly hash: string;
  readonly verifiedAtMs: number;
}

/** A receipt as it is read back from its file. */
export function receiptOf(table: string, month: number, cells: ReadonlyMap<number, readonly CellValue[]>): Receipt {
  const cellOf = (field: number): CellValue => cells.get(field)?.[0] ?? null;
  const hash = cellOf(id.hash);
  return {
    ...{ table, month, rows: Number(cellOf(id.rows)), organizations: Number(cellOf(id.organizations)) },
    hash: hash instanceof Uint8Array ? Buffer.from(hash).toString() : String(hash),
    verifiedAtMs: Number(cellOf(id.verified_at)) / 1_000,
  };
}

/** When two readers last found a month the same, epoch ms; null where none has left yet. */
export async function readLastVerified(io: FileIO, { metadata }: TableState): Promise<number | null> {
  let last: number | null = null;
  for await (const { file } of liveFilesOf(io, metadata))
    last = Math.max(last ?? 0, Number(longOf(file, id.verified_at)) / 1_000);
  return last;
}

/** The newest month that left each table, since 1970: every row of it, and of months before it, is in gold. */
export async function readNewestReceipts(io: FileIO, { metadata }: TableState): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  for await (const { file } of liveFilesOf(io, metadata)) {
    const [table, month] = file.partition;
    newest.set(String(table), Math.max(Number(month), newest.get(String(table)) ?? Number.NEGATIVE_INFINITY));
  }
  return newest;
}
