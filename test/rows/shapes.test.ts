import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRows, RowWriter } from '../../src/rows/row-binary.ts';
import { columnsOfShape, inPresentShape } from '../../src/rows/shapes.ts';
import { alertEvents, deadLetters, lateEvents, type RowOf, type Table, tables } from '../../src/rows/tables.ts';
import { sampleChunk, sampleRow } from '../sinks/clickhouse/sample-rows.ts';

const released = JSON.parse(readFileSync(new URL('./released-shapes.json', import.meta.url), 'utf8')) as unknown;
const corrupt = expect.objectContaining({ code: 'STATE_CORRUPT' });
const newer = expect.objectContaining({ code: 'STATE_FORMAT' });

/** What is new in a shape; of a column that came later also its place. */
function newColumns(table: Table, shape: number): string[] {
  const columns = columnsOfShape(table, shape);
  return columns.flatMap(({ name, type, since }, at) => {
    if (since !== shape) return [];
    return shape === 1 ? [`${name} ${type}`] : [`${name} ${type} after ${columns[at - 1].name}`];
  });
}

test('the columns of a released shape never change', () => {
  const shapes = tables.map((table) => {
    const numbers = Array.from({ length: table.shape }, (_, before) => before + 1);
    return [table.name, Object.fromEntries(numbers.map((shape) => [shape, newColumns(table, shape)]))];
  });
  // A new shape is a new entry of the file; one that stands there already stays as it is.
  expect(Object.fromEntries(shapes)).toEqual(released);
});

test('a value that is missing, misspelt or of another kind does not compile', () => {
  const row = sampleRow(lateEvents, 1, 1n) as unknown as RowOf<typeof lateEvents>;
  const { late_by_ms, ...rest } = row;
  // @ts-expect-error late_by_ms is missing
  const missing: RowOf<typeof lateEvents> = rest;
  // @ts-expect-error late_by_ms is misspelt
  const misspelt: RowOf<typeof lateEvents> = { ...rest, late_by: late_by_ms };
  // @ts-expect-error a number of milliseconds is no text
  const wrong: RowOf<typeof lateEvents> = { ...row, late_by_ms: '12' };
  // @ts-expect-error only a nullable column holds null
  const unknown: RowOf<typeof lateEvents> = { ...row, amount_micros: null };
  const since: RowOf<typeof alertEvents>['active_since'] = null;
  for (const bad of [missing, misspelt, wrong, unknown])
    expect(() => new RowWriter(lateEvents).write(bad)).toThrow('invariant broken');
  expect(since).toBeNull();
});

/** A later version of a table: a number, a text and an unknown came into the middle and to the end. */
function grown(table: Table): Table {
  const added = (
    name: string,
    type: 'Int64' | 'String' | 'Nullable(Int64)',
    since: number,
    fallback: null | string | number,
  ) => ({ name, type, doc: '', since, fallback }) as const;
  const next = table.shape + 1;
  const columns = [
    ...table.columns.slice(0, 3),
    added('note', 'String', next, 'none'),
    ...table.columns.slice(3),
    added('views', 'Int64', next, 0),
    added('reach', 'Nullable(Int64)', next + 1, null),
  ];
  return { ...table, columns, shape: next + 1 };
}

test.each(tables)('rows of $name that an older version wrote are read, padded by fallbacks', (table) => {
  const later = grown(table);
  const { shape } = table;
  const [{ stream, rows, bytes }] = sampleChunk(table, 1, 40).streams;
  const present = inPresentShape({ stream, shape, rows, bytes }, [later]);
  expect(present).toMatchObject({ stream, shape: shape + 2, rows });
  const before = decodeRows(table, bytes);
  const padded = before.map((row) => ({ ...row, note: 'none', views: 0n, reach: null }));
  expect(decodeRows(later, present.bytes)).toEqual(padded);
  const middle = inPresentShape({ stream, shape: shape + 1, rows, bytes: rowsOfMiddleShape(table, bytes) }, [later]);
  expect(decodeRows(later, middle.bytes)).toEqual(
    before.map((row) => ({ ...row, note: 'seen', views: 5n, reach: null })),
  );
});

function rowsOfMiddleShape(table: Table, bytes: Uint8Array): Uint8Array {
  const whole = grown(table);
  const writer = new RowWriter({ ...whole, columns: columnsOfShape(whole, table.shape + 1) });
  for (const row of decodeRows(table, bytes)) writer.write({ ...row, note: 'seen', views: 5 });
  return writer.take().bytes.slice();
}

test('text that is no UTF-8 keeps its bytes', () => {
  const later = grown(deadLetters);
  const raw = Uint8Array.of(0xff, 0xfe, 0x00, 0x80);
  const writer = new RowWriter(deadLetters);
  writer.write({ ...(sampleRow(deadLetters, 1, 1n) as unknown as RowOf<typeof deadLetters>), raw });
  const { rows, bytes } = writer.take();
  const present = inPresentShape({ stream: 'dead_letters', shape: deadLetters.shape, rows, bytes }, [later]);
  expect(Buffer.from((decodeRows(later, present.bytes, ['raw'])[0] as { raw: unknown }).raw as Uint8Array)).toEqual(
    Buffer.from(raw),
  );
});

test('rows of a newer version, of an unknown table, or fewer than said are refused by name', () => {
  const [{ stream, rows, bytes }] = sampleChunk(lateEvents, 1, 4).streams;
  expect(() => inPresentShape({ stream, shape: lateEvents.shape + 1, rows, bytes })).toThrow(newer);
  expect(() => inPresentShape({ stream: 'forecasts', shape: 1, rows, bytes })).toThrow(newer);
  expect(() => inPresentShape({ stream, shape: lateEvents.shape, rows: 9, bytes }, [grown(lateEvents)])).toThrow(
    corrupt,
  );
});

test('bytes of another shape, cut or changed, end in a coded error and never read beyond their end', () => {
  const [{ bytes }] = sampleChunk(alertEvents, 1, 4).streams;
  for (const table of tables.filter((each) => each !== alertEvents)) tryReading(table, bytes);
  for (let length = 1; length < bytes.length; length++) tryReading(alertEvents, bytes.subarray(0, length));
  // Lengths that never end, and lengths beyond all bytes.
  for (const filler of [0xff, 0x80])
    expect(() => decodeRows(alertEvents, new Uint8Array(64).fill(filler))).toThrow(corrupt);
  fc.assert(fc.property(fc.constantFrom(...tables), fc.uint8Array({ minLength: 1, maxLength: 300 }), tryReading), {
    seed: 20_261_130,
    numRuns: 2_000,
  });
});

function tryReading(table: Table, bytes: Uint8Array): void {
  try {
    decodeRows(table, bytes);
  } catch (error) {
    expect(error).toMatchObject({ code: 'STATE_CORRUPT' });
  }
}
