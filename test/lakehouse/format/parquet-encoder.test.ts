import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { expect, test } from 'vitest';
import type { Column } from '../../../src/lakehouse/format/data-file-encoder.ts';
import { ParquetEncoder } from '../../../src/lakehouse/format/parquet-encoder.ts';
import type { FieldType } from '../../../src/lakehouse/format/schema.ts';

const seed = 20261124;

function column(
  id: number,
  type: FieldType,
  required: boolean,
  values: Column['values'],
  isRepetitive = false,
): Column {
  return { field: { id, name: `c${id}`, required, type }, values, hasBounds: type !== 'binary', isRepetitive };
}

async function readBack(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  const file = bytes.slice().buffer;
  return parquetReadObjects({
    file,
    utf8: false,
    compressors: { ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)) },
  });
}

const row = fc.record({
  text: fc.string({ unit: 'grapheme', maxLength: 40 }),
  number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  small: fc.option(fc.integer(), { nil: null }),
  bytes: fc.option(fc.uint8Array({ maxLength: 80 }), { nil: null }),
  name: fc.option(fc.constantFrom('click', 'spend', ''), { nil: null }),
});

test('every value comes back from the file as it went in', async () => {
  const property = fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 60 }), async (rows) => {
    const file = new ParquetEncoder().encode([
      column(
        1,
        'string',
        true,
        rows.map((r) => r.text),
        true,
      ),
      column(2, 'long', true, BigInt64Array.from(rows.map((r) => r.number))),
      column(
        3,
        'int',
        false,
        rows.map((r) => r.small),
        true,
      ),
      column(
        4,
        'binary',
        false,
        rows.map((r) => r.bytes),
      ),
      column(
        5,
        'string',
        false,
        rows.map((r) => r.name),
        true,
      ),
    ]);
    const back = await readBack(file.bytes);
    expect(back.length).toBe(rows.length);
    for (const [i, one] of rows.entries()) {
      expect(back[i].c1).toBe(one.text);
      expect(back[i].c2).toBe(one.number);
      expect(back[i].c3 ?? null).toBe(one.small);
      expect(back[i].c5 ?? null).toBe(one.name);
      if (one.bytes === null) expect(back[i].c4 ?? null).toBeNull();
      else expect(Buffer.from(back[i].c4 as Uint8Array)).toEqual(Buffer.from(one.bytes));
    }
    expect(file.recordCount).toBe(rows.length);
    expect(file.nullCounts.get(3)).toBe(rows.filter((r) => r.small === null).length);
  });
  await fc.assert(property, { seed, numRuns: 60 });
});

test('the footer carries field ids, required columns, column order and where row groups start', () => {
  const file = new ParquetEncoder().encode([
    column(7, 'timestamptz', true, BigInt64Array.of(5n, 3n)),
    column(9, 'binary', false, [new Uint8Array([1]), null]),
  ]);
  const footer = parquetMetadata(file.bytes.slice().buffer);
  expect(footer.schema.slice(1).map((one) => [one.name, one.field_id, one.repetition_type])).toEqual([
    ['c7', 7, 'REQUIRED'],
    ['c9', 9, 'OPTIONAL'],
  ]);
  expect(footer.schema[1].logical_type).toMatchObject({ type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' });
  expect(file.splitOffsets).toEqual([4]);
  expect(footer.row_groups[0].columns[0].meta_data?.codec).toBe('ZSTD');
});

test('bounds are those of the manifest: values in their bytes, none for raw bytes', () => {
  const file = new ParquetEncoder().encode([
    column(1, 'long', true, BigInt64Array.of(5n, -3n)),
    column(2, 'string', true, ['\u{ffff}', '\u{10000}']),
    column(3, 'binary', true, [new Uint8Array([1]), new Uint8Array([2])]),
  ]);
  expect(Buffer.from(file.lowerBounds.get(1)!).readBigInt64LE()).toBe(-3n);
  expect(Buffer.from(file.upperBounds.get(1)!).readBigInt64LE()).toBe(5n);
  // UTF-8 order, not that of UTF-16 code units.
  expect(Buffer.from(file.upperBounds.get(2)!).toString()).toBe('\u{10000}');
  expect(file.lowerBounds.has(3)).toBe(false);
});
