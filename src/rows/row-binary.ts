import { assert } from '../model/errors.ts';
import { RowBytes } from './row-bytes.ts';
import { readColumns } from './row-reader.ts';
import type { Column, ColumnType, ReadRowOf, Row, RowOf, Table } from './tables.ts';

/**
 * ClickHouse RowBinary (https://clickhouse.com/docs/interfaces/formats/RowBinary): values in column
 * order, little-endian, strings with a LEB128 length, nullables with a flag byte. Operators encode a
 * row once; the same bytes lie in the outbox and go to the sink.
 */
export class RowWriter<T extends Table = Table> {
  readonly #bytes = new RowBytes();
  #rows = 0;
  readonly table: T;
  readonly #writeRow: WriteRow;

  constructor(table: T) {
    this.table = table;
    this.#writeRow = rowWriterOf(table);
  }

  get rows(): number {
    return this.#rows;
  }
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Appends a row. */
  write(row: RowOf<T>): void {
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

/** A column as the writer needs it: bytes of an integer, 0 for text. */
interface ColumnPlan {
  readonly name: string;
  readonly isNullable: boolean;
  readonly width: 0 | 1 | 2 | 4 | 8;
}

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

/**
 * The rows of a chunk as objects: for record sinks, tests and explanations. 64-bit values are bigint.
 * String columns named in `rawColumns` come as bytes, because a dead letter need not be UTF-8. Throws
 * STATE_CORRUPT when the bytes are no rows of the table's present shape.
 */
export function decodeRows<T extends Table, const Raw extends T['columns'][number]['name'] = never>(
  table: T,
  bytes: Uint8Array,
  rawColumns: readonly Raw[] = [],
): ReadRowOf<T, Raw>[] {
  return readColumns(table.name, table.columns, bytes, rawColumns) as unknown as ReadRowOf<T, Raw>[];
}
