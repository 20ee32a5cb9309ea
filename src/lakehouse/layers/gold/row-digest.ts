import { createHash } from 'node:crypto';
import { identifier } from '../../engine/sql-places.ts';
import type { CellValue } from '../../format/parquet-reader.ts';
import type { TableColumn } from '../../operations/table-columns.ts';

/**
 * A row as text, the same whoever reads it: integers as they are, days since 1970, instants in microseconds,
 * decimals in millionths. ClickHouse writes it from its own table, we from the files of the store.
 */
const separator = '\u001f';
const nothing = '\\N';
const digestBytes = 8;
const microsPerMilli = 1_000;
const millionth = 1_000_000;

/** The first eight bytes of the SHA-256 of a row's text, in ClickHouse's words. */
export function digestSql(columns: readonly TableColumn[]): string {
  const texts = columns.map((column) => `ifNull(${textSql(column)}, '\\\\N')`);
  return `substring(SHA256(concat(${texts.join(", '\\x1f', ")})), 1, ${digestBytes})`;
}

function textSql({ name, type }: TableColumn): string {
  const read = identifier(name);
  if (type === 'string' || type === 'binary') return `toString(${read})`;
  if (type === 'date') return `toString(toInt32(${read}))`;
  if (type === 'timestamptz') return `toString(toUnixTimestamp64Milli(${read}) * ${microsPerMilli})`;
  if (type.startsWith('decimal')) return `toString(toInt64(toDecimal128(${read}, 6) * ${millionth}))`;
  return `toString(${read})`;
}

/** The same of a row that was read from a file. Values in the order of the columns. */
export function digestOf(columns: readonly TableColumn[], values: readonly CellValue[]): Buffer {
  const hash = createHash('sha256');
  for (const [at, { type }] of columns.entries()) {
    if (at > 0) hash.update(separator);
    const value = values[at];
    hash.update(value instanceof Uint8Array ? value : textOf(type, value));
  }
  return hash.digest().subarray(0, digestBytes);
}

function textOf(type: TableColumn['type'], value: Exclude<CellValue, Uint8Array>): string {
  if (value === null) return nothing;
  // Our reader gives decimals as numbers; one that is not exact any more makes another digest, and that is noticed.
  if (type.startsWith('decimal')) return String(Math.round(Number(value) * millionth));
  return String(value);
}
