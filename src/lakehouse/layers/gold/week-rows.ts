import type { TableState } from '../../catalog/catalog.ts';
import { type CellValue, readParquetColumns } from '../../format/parquet-reader.ts';
import type { Field, PartitionValue } from '../../format/schema.ts';
import { currentSchema } from '../../format/table-metadata.ts';
import { filesOfPartitions } from '../../operations/overwrite-partitions.ts';
import type { FileIO } from '../../storage/file-io.ts';
import type { GoldColumn, GoldTable } from './gold-tables.ts';
import { digestOf } from './row-digest.ts';
import { monthsOf, type Week } from './weeks.ts';

/** A row as far as it is compared. */
export interface WeekRow {
  readonly version: bigint;
  /** Of the text of all its columns. */
  readonly digest: bigint;
}

/** Rows by the text of their key. */
export type WeekRows = ReadonlyMap<string, WeekRow>;

const rowsAtOnce = 50_000;
const microsPerMilli = 1_000;
const dayMs = 86_400_000;
const millionth = 1_000_000;

/** What gold has of a week of an organization, read from the store by our own reader. */
export async function readWeekRows(
  table: GoldTable,
  { org, week }: { readonly org: string; readonly week: Week },
  { io, state }: { readonly io: FileIO; readonly state: TableState },
): Promise<WeekRows> {
  const months = new Set(monthsOf(week));
  const includes = ([own, month]: readonly PartitionValue[]): boolean => own === org && months.has(Number(month));
  const rows = new Map<string, WeekRow>();
  for await (const values of readRows(table, { io, state, includes }))
    if (isInWeek(table, values, week)) rows.set(...weekRow(table, values));
  return rows;
}

/** Rows of some partitions of a table of gold: the values of each, in the order of its columns. */
export async function* readRows(
  { columns }: GoldTable,
  {
    io,
    state,
    includes,
  }: {
    readonly io: FileIO;
    readonly state: TableState;
    readonly includes: (partition: readonly PartitionValue[]) => boolean;
  },
): AsyncGenerator<readonly CellValue[]> {
  const { fields } = currentSchema(state.metadata);
  // A column that gold has not got yet is nothing in all its files.
  const read = columns.map(({ name }): Field | undefined => fields.find((field) => field.name === name));
  const present = read.filter((field) => field !== undefined);
  for (const file of await filesOfPartitions({ io }, state, includes)) {
    const bytes = await io.read(file.path);
    for (let at = 0; at < file.recordCount; at += rowsAtOnce) {
      const cells = await readParquetColumns(bytes, present, { from: at, to: at + rowsAtOnce });
      const values = read.map((field) => (field === undefined ? [] : (cells.get(field.id) ?? [])));
      const count = cells.get(present[0].id)?.length ?? 0;
      for (let row = 0; row < count; row++) yield values.map((column) => column[row] ?? null);
    }
  }
}

/** The same row as the engine's own tables have it: instants in ms, decimals in millionths. */
export function valuesOfRow({ columns }: GoldTable, row: Readonly<Record<string, CellValue>>): readonly CellValue[] {
  return columns.map((column) => storedValue(column, row[column.name] ?? null));
}

function storedValue({ type }: GoldColumn, value: CellValue): CellValue {
  if (value === null || value instanceof Uint8Array) return value;
  if (type === 'timestamptz') return BigInt(value) * BigInt(microsPerMilli);
  return type.startsWith('decimal') ? Number(value) / millionth : value;
}

export function isInWeek(table: GoldTable, values: readonly CellValue[], { startMs, endMs }: Week): boolean {
  const at = table.columns.findIndex(({ name }) => name === table.partitionBy);
  const value = Number(values[at]);
  const ms = table.columns[at].type === 'date' ? value * dayMs : value / microsPerMilli;
  return startMs <= ms && ms < endMs;
}

export function weekRow(table: GoldTable, values: readonly CellValue[]): [key: string, row: WeekRow] {
  const cellOf = (name: string): CellValue => values[table.columns.findIndex((column) => column.name === name)];
  const key = table.key.map((name) => textOf(cellOf(name))).join('/');
  const version = BigInt.asUintN(64, BigInt(cellOf('version') as bigint | number));
  return [key, { version, digest: digestOf(table.columns, values).readBigUInt64LE() }];
}

function textOf(value: CellValue): string {
  return value instanceof Uint8Array
    ? Buffer.from(value).toString('latin1')
    : Buffer.from(String(value)).toString('latin1');
}
