import fc from 'fast-check';
import type { ColumnType, ColumnValue, Table } from '../../../src/rows/tables.ts';

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const instant = fc.integer({ min: 0, max: 4_000_000_000_000 }).map(BigInt);

/** Any value that a column may hold and Avro's long has room for, as `decodeRows` gives it. */
function drawValue(type: ColumnType): fc.Arbitrary<ColumnValue> {
  switch (type) {
    case 'String':
    case 'LowCardinality(String)':
      return fc.string({ unit: 'grapheme' });
    case 'UInt8':
      return fc.nat(0xff);
    case 'UInt16':
      return fc.nat(0xffff);
    case 'UInt32':
      return fc.nat(0xffff_ffff);
    case 'UInt64':
      return fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    case 'Int32':
    case 'Date32':
      return fc.integer();
    case 'Int64':
    case 'Decimal(18,6)':
      return long;
    case 'DateTime64(3)':
      return instant;
    case 'Nullable(Int32)':
      return fc.option(fc.integer());
    case 'Nullable(Int64)':
      return fc.option(long);
    case 'Nullable(DateTime64(3))':
      return fc.option(instant);
  }
}

/** Rows of a table; text of the columns named `raw` is bytes. */
export function drawRow(table: Table, raw: readonly string[]): fc.Arbitrary<Record<string, ColumnValue>> {
  const values = table.columns.map(({ name, type }) => [name, raw.includes(name) ? fc.uint8Array() : drawValue(type)]);
  return fc.record(Object.fromEntries(values) as Record<string, fc.Arbitrary<ColumnValue>>);
}
