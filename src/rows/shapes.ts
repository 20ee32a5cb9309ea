import { assert, EngineError } from '../model/errors.ts';
import { RowWriter } from './row-binary.ts';
import { readColumns } from './row-reader.ts';
import { type Column, type ColumnValue, type Row, type Table, tables } from './tables.ts';

/**
 * A shape is the columns that rows of a table have in one release, under a number: 1 = those of 0.1.
 * A column that comes later says in which shape (`since`) and what older rows have in its place. Rows
 * that wait in an outbox carry the number of their shape, so any later version reads them.
 */

/** Rows of one stream, as an outbox keeps them. */
interface ShapedRows {
  readonly stream: string;
  readonly shape: number;
  readonly rows: number;
  readonly bytes: Uint8Array;
}

export function columnsOfShape({ columns }: Table, shape: number): readonly Column[] {
  return columns.filter(({ since }) => since <= shape);
}

/**
 * The same rows in the shape of today; columns that came since have their fallback. Throws STATE_FORMAT
 * for rows of a newer paceline, and STATE_CORRUPT for bytes that are no rows of their shape.
 */
export function inPresentShape(stored: ShapedRows, known: readonly Table[] = tables): ShapedRows {
  const { stream, shape, rows, bytes } = stored;
  const table = known.find(({ name }) => name === stream);
  if (table === undefined)
    throw new EngineError('STATE_FORMAT', `rows of ${stream} wait in the outbox; this version has no such table`);
  const present = table.shape;
  if (shape === present) return stored;
  if (shape > present)
    throw new EngineError(
      'STATE_FORMAT',
      `rows of ${stream} wait in the outbox in shape ${shape}; this version knows up to ${present}`,
    );
  const old = columnsOfShape(table, shape);
  const read = readColumns(stream, old, bytes, old.filter(isText).map(nameOf));
  if (read.length !== rows)
    throw new EngineError(
      'STATE_CORRUPT',
      `${rows} rows of ${stream} wait in the outbox, and ${read.length} are there`,
    );
  return { stream, shape: present, rows, bytes: writeRows(table, read) };
}

function writeRows(table: Table, rows: readonly Row[]): Uint8Array {
  const fallbacks: Record<string, ColumnValue> = {};
  for (const { name, since, fallback } of table.columns) if (since > 1) fallbacks[name] = fallback;
  const writer = new RowWriter(table);
  for (const row of rows) writer.write({ ...fallbacks, ...row });
  const taken = writer.take();
  assert(taken.rows === rows.length, 'every row comes along');
  return taken.bytes.slice();
}

function isText({ type }: Column): boolean {
  return type === 'String' || type === 'LowCardinality(String)';
}

function nameOf({ name }: Column): string {
  return name;
}
