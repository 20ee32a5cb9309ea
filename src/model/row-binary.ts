import { assert } from './errors.ts';
import type { Column, ColumnType, ColumnValue, Row, Table } from './tables.ts';

/**
 * ClickHouse RowBinary (https://clickhouse.com/docs/interfaces/formats/RowBinary): values in column
 * order, little-endian, strings with a LEB128 length, nullables with a flag byte. Operators encode a
 * row once; the same bytes lie in the outbox and go to the sink.
 */
export class RowWriter {
  #bytes = new Uint8Array(4_096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #rows = 0;
  readonly table: Table;

  constructor(table: Table) {
    this.table = table;
  }

  get rows(): number {
    return this.#rows;
  }
  get byteLength(): number {
    return this.#length;
  }

  /** Appends a row; every column of the table must be present. */
  write(row: Row): void {
    for (const column of this.table.columns) this.#value(column, row[column.name]);
    this.#rows += 1;
  }

  /** The rows so far; the writer is empty afterwards. */
  take(): { rows: number; bytes: Uint8Array } {
    const taken = { rows: this.#rows, bytes: this.#bytes.slice(0, this.#length) };
    this.#length = 0;
    this.#rows = 0;
    return taken;
  }

  #value(column: Column, value: ColumnValue | undefined): void {
    assert(value !== undefined, `row of ${this.table.name} has column ${column.name}`);
    if (column.type.startsWith('Nullable(')) {
      this.#reserve(1);
      this.#bytes[this.#length++] = value === null ? 1 : 0;
      if (value !== null) this.#plain(column.type.slice(9, -1) as ColumnType, value);
      return;
    }
    assert(value !== null, `column ${column.name} is not null`);
    this.#plain(column.type, value);
  }

  #plain(type: ColumnType, value: ColumnValue): void {
    switch (type) {
      case 'String':
      case 'LowCardinality(String)':
        return this.#string(value as string | Uint8Array);
      case 'UInt8':
        return this.#int(1, value as number);
      case 'UInt16':
        return this.#int(2, value as number);
      case 'UInt32':
      case 'Int32':
      case 'Date32':
        return this.#int(4, value as number);
      default:
        return this.#long(value as number | bigint);
    }
  }

  #string(value: string | Uint8Array): void {
    const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length;
    this.#reserve(length + 5);
    let rest = length;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    if (typeof value === 'string') textEncoder.encodeInto(value, this.#bytes.subarray(this.#length));
    else this.#bytes.set(value, this.#length);
    this.#length += length;
  }

  #int(width: 1 | 2 | 4, value: number): void {
    assert(Number.isInteger(value), 'integer column holds an integer');
    this.#reserve(4);
    this.#view.setInt32(this.#length, value, true);
    this.#length += width;
  }

  #long(value: number | bigint): void {
    this.#reserve(8);
    if (typeof value === 'number') {
      assert(Number.isSafeInteger(value), 'integer column holds a safe integer');
      this.#view.setUint32(this.#length, value >>> 0, true);
      this.#view.setInt32(this.#length + 4, Math.floor(value / 4_294_967_296), true);
    } else this.#view.setBigInt64(this.#length, BigInt.asIntN(64, value), true);
    this.#length += 8;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const next = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    next.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = next;
    this.#view = new DataView(next.buffer);
  }
}

const textEncoder = new TextEncoder();

/**
 * The rows of a chunk as objects: for record sinks, tests and explanations. 64-bit values are bigint.
 * String columns named in `rawColumns` come as bytes, because a dead letter need not be UTF-8.
 */
export function decodeRows(table: Table, bytes: Uint8Array, rawColumns: readonly string[] = []): Row[] {
  const reader = new RowReader(bytes);
  const rows: Row[] = [];
  while (!reader.isAtEnd) {
    const row: Record<string, ColumnValue> = {};
    for (const { name, type } of table.columns)
      row[name] = rawColumns.includes(name) ? reader.raw() : reader.value(type);
    rows.push(row);
  }
  return rows;
}

class RowReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  value(type: ColumnType): ColumnValue {
    if (!type.startsWith('Nullable(')) return this.#plain(type);
    return this.#bytes[this.#at++] === 1 ? null : this.#plain(type.slice(9, -1) as ColumnType);
  }

  /** The bytes of a string column, copied. */
  raw(): Uint8Array {
    const [start, end] = this.#stringRange();
    return this.#bytes.slice(start, end);
  }

  #plain(type: ColumnType): ColumnValue {
    switch (type) {
      case 'String':
      case 'LowCardinality(String)':
        return this.#string();
      case 'UInt8':
        return this.#bytes[this.#at++];
      case 'UInt16':
        return this.#view.getUint16(this.#advance(2), true);
      case 'UInt32':
        return this.#view.getUint32(this.#advance(4), true);
      case 'Int32':
      case 'Date32':
        return this.#view.getInt32(this.#advance(4), true);
      case 'UInt64':
        return this.#view.getBigUint64(this.#advance(8), true);
      default:
        return this.#view.getBigInt64(this.#advance(8), true);
    }
  }

  #string(): string {
    const [start, end] = this.#stringRange();
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString('utf8');
  }

  #stringRange(): [start: number, end: number] {
    let length = 0;
    let shift = 0;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      length |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    const start = this.#advance(length);
    return [start, start + length];
  }

  #advance(by: number): number {
    const at = this.#at;
    this.#at += by;
    return at;
  }
}
