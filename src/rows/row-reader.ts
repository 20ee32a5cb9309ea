import { EngineError } from '../model/errors.ts';
import type { Column, ColumnType, ColumnValue, Table } from './tables.ts';

/** A length of five bytes or more is longer than any chunk. */
const lengthBytesMax = 5;

/**
 * The rows in `bytes`, which hold `columns` in this order. Text of the columns named in `rawColumns`
 * comes as bytes. Bytes of other columns than these throw STATE_CORRUPT with the place where they stop
 * to fit; they never read beyond their end.
 */
export function readColumns(
  table: string,
  columns: readonly Column[],
  bytes: Uint8Array,
  rawColumns: readonly string[],
): Record<string, ColumnValue>[] {
  const reader = new RowReader(bytes);
  const plans = columns.map(({ name, type }) => ({ name, type, isRaw: rawColumns.includes(name) }));
  const rows: Record<string, ColumnValue>[] = [];
  while (!reader.isAtEnd) {
    const row: Record<string, ColumnValue> = {};
    for (const { name, type, isRaw } of plans) {
      const start = reader.at;
      const value = isRaw ? reader.raw() : reader.value(type);
      if (value === undefined) throw misfit(table, name, { row: rows.length, at: start, length: bytes.length });
      row[name] = value;
    }
    rows.push(row);
  }
  return rows;
}

/** Where each row of the table lies in `bytes`, and what it says in one column. */
export function locateRows(
  { name: table, columns }: Table,
  bytes: Uint8Array,
  column: string,
): { start: number; end: number; value: ColumnValue }[] {
  const reader = new RowReader(bytes);
  const rows: { start: number; end: number; value: ColumnValue }[] = [];
  while (!reader.isAtEnd) {
    const start = reader.at;
    let found: ColumnValue = null;
    for (const { name, type } of columns) {
      const at = reader.at;
      const value = reader.value(type);
      if (value === undefined) throw misfit(table, name, { row: rows.length, at, length: bytes.length });
      if (name === column) found = value;
    }
    rows.push({ start, end: reader.at, value: found });
  }
  return rows;
}

function misfit(table: string, column: string, place: { row: number; at: number; length: number }): EngineError {
  const { row, at, length } = place;
  const message = `rows of ${table} do not fit its columns: no ${column} of row ${row + 1} at byte ${at} of ${length}`;
  return new EngineError('STATE_CORRUPT', message);
}

/** Every value is `undefined` where the bytes end inside it, or cannot be of its type. */
class RowReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }
  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  value(type: ColumnType): ColumnValue | undefined {
    if (!type.startsWith('Nullable(')) return this.#plain(type);
    const isNull = this.#bytes[this.#at++];
    if (isNull === 0) return this.#plain(type.slice(9, -1) as ColumnType);
    return isNull === 1 ? null : undefined;
  }

  /** The bytes of a string column, copied. */
  raw(): Uint8Array | undefined {
    const range = this.#stringRange();
    return range === undefined ? undefined : this.#bytes.slice(range.start, range.end);
  }

  #plain(type: ColumnType): ColumnValue | undefined {
    switch (type) {
      case 'String':
      case 'LowCardinality(String)':
        return this.#string();
      case 'UInt8':
        return this.#bytes[this.#at++];
      case 'UInt16':
        return this.#advance(2) ? this.#view.getUint16(this.#at - 2, true) : undefined;
      case 'UInt32':
        return this.#advance(4) ? this.#view.getUint32(this.#at - 4, true) : undefined;
      case 'Int32':
      case 'Date32':
        return this.#advance(4) ? this.#view.getInt32(this.#at - 4, true) : undefined;
      case 'UInt64':
        return this.#advance(8) ? this.#view.getBigUint64(this.#at - 8, true) : undefined;
      default:
        return this.#advance(8) ? this.#view.getBigInt64(this.#at - 8, true) : undefined;
    }
  }

  #string(): string | undefined {
    const range = this.#stringRange();
    if (range === undefined) return undefined;
    const { start, end } = range;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString('utf8');
  }

  #stringRange(): { start: number; end: number } | undefined {
    let length = 0;
    let unit = 1;
    for (let i = 0; i < lengthBytesMax; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      length += (byte & 127) * unit;
      unit *= 128;
      if (byte >= 128) continue;
      return this.#advance(length) ? { start: this.#at - length, end: this.#at } : undefined;
    }
    return undefined;
  }

  /** False where the bytes end before. */
  #advance(by: number): boolean {
    this.#at += by;
    return this.#at <= this.#bytes.length;
  }
}
