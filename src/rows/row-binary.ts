import { giveBuffer, takeUsedBuffer } from '../model/buffer-pool.ts';
import { assert } from '../model/errors.ts';
import type { Column, ColumnType, ColumnValue, Row, Table } from './tables.ts';

/**
 * ClickHouse RowBinary (https://clickhouse.com/docs/interfaces/formats/RowBinary): values in column
 * order, little-endian, strings with a LEB128 length, nullables with a flag byte. Operators encode a
 * row once; the same bytes lie in the outbox and go to the sink.
 */
export class RowWriter {
  readonly #bytes = new RowBytes();
  #rows = 0;
  readonly table: Table;
  readonly #writeRow: WriteRow;

  constructor(table: Table) {
    this.table = table;
    this.#writeRow = rowWriterOf(table);
  }

  get rows(): number {
    return this.#rows;
  }
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Appends a row; every column of the table must be present. */
  write(row: Row): void {
    if (this.#rows === 0) this.#bytes.begin();
    this.#writeRow(this.#bytes, row);
    this.#rows += 1;
  }

  /** The rows so far, in the writer's own memory: good until the next row. The writer is empty afterwards. */
  take(): { rows: number; bytes: Uint8Array } {
    const taken = { rows: this.#rows, bytes: this.#bytes.take() };
    this.#rows = 0;
    return taken;
  }
}

type WriteRow = (out: RowBytes, row: Row) => void;

/** Every lane writes the same tables: code that is shared is compiled, and made fast, once. */
const rowWriters = new WeakMap<Table, WriteRow>();

function rowWriterOf(table: Table): WriteRow {
  let writeRow = rowWriters.get(table);
  if (writeRow === undefined) {
    writeRow = compileRowWriter(table);
    rowWriters.set(table, writeRow);
  }
  return writeRow;
}

/**
 * Straight-line code for the columns of a table: each is asked for by its name, which a loop over
 * columns would look up anew for every value. Nothing but the names of our own tables enters the text.
 */
function compileRowWriter(table: Table): WriteRow {
  const lines = table.columns.map((column) => {
    assert(/^[a-z0-9_]+$/.test(column.name), 'a column name is a plain word');
    const { name, isNullable, width } = planColumn(column);
    const method = width === 0 ? 'text(v)' : width === 8 ? 'long(v)' : `int(${width}, v)`;
    if (!isNullable) return `v = row.${name}; out.${method};`;
    return `v = row.${name}; if (v === null) out.byte(1); else { out.byte(0); out.${method}; }`;
  });
  return new Function('out', 'row', `let v; ${lines.join('\n')}`) as WriteRow;
}

/** A writer's own memory. What its rows need beyond is lent, until it writes again. */
const keptBytes = 4_096;

/** The bytes of rows to be. A value that is missing or null where it must not be fits no method. */
class RowBytes {
  readonly #own = new Uint8Array(keptBytes);
  #bytes = this.#own;
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; good until `begin`, which is due before anything else is written. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Nobody holds what was taken any more. */
  begin(): void {
    if (this.#bytes !== this.#own) this.#use(this.#own);
  }

  text(value: string | Uint8Array): void {
    if (typeof value !== 'string') {
      assert(value instanceof Uint8Array, 'a text column holds text or its bytes');
      return this.#raw(value);
    }
    if (value.length > asciiTextMax || !this.#ascii(value)) this.#raw(textEncoder.encode(value));
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  int(width: 1 | 2 | 4, value: number): void {
    assert(Number.isInteger(value), 'integer column holds an integer');
    this.#reserve(4);
    this.#view.setInt32(this.#length, value, true);
    this.#length += width;
  }

  long(value: number | bigint): void {
    this.#reserve(8);
    if (typeof value === 'number') {
      assert(Number.isSafeInteger(value), 'integer column holds a safe integer');
      this.#view.setUint32(this.#length, value >>> 0, true);
      this.#view.setInt32(this.#length + 4, Math.floor(value / 4_294_967_296), true);
    } else {
      assert(typeof value === 'bigint', 'integer column holds an integer');
      this.#view.setBigInt64(this.#length, BigInt.asIntN(64, value), true);
    }
    this.#length += 8;
  }

  /** Ids, states, codes and receipts: written without a call into the encoder. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.#reserve(length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    if (length > 127) bytes[at++] = (length & 127) | 128;
    bytes[at++] = length > 127 ? length >> 7 : length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  #raw(value: Uint8Array): void {
    this.#reserve(value.length + 5);
    let rest = value.length;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const next = new Uint8Array(takeUsedBuffer(Math.max(this.#bytes.length * 2, this.#length + more)));
    next.set(this.#bytes.subarray(0, this.#length));
    this.#use(next);
  }

  /** Gives back what it had, unless that was its own. */
  #use(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#bytes !== this.#own) giveBuffer(this.#bytes.buffer);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** A column as the writer needs it: bytes of an integer, 0 for text. */
interface ColumnPlan {
  readonly name: string;
  readonly isNullable: boolean;
  readonly width: 0 | 1 | 2 | 4 | 8;
}

/** Longer ones are worth the call; their length has at most two bytes. */
const asciiTextMax = 1_024;

function planColumn({ name, type }: Column): ColumnPlan {
  const isNullable = type.startsWith('Nullable(');
  return { name, isNullable, width: widthOf(isNullable ? (type.slice(9, -1) as ColumnType) : type) };
}

function widthOf(type: ColumnType): ColumnPlan['width'] {
  switch (type) {
    case 'String':
    case 'LowCardinality(String)':
      return 0;
    case 'UInt8':
      return 1;
    case 'UInt16':
      return 2;
    case 'UInt32':
    case 'Int32':
    case 'Date32':
      return 4;
    default:
      return 8;
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
