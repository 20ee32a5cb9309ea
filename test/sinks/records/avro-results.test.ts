import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import avsc from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeEventCodec } from '../../../src/adapters/log/event-codec.ts';
import { type ResultName, releasedIds } from '../../../src/decoders/event-schemas.ts';
import { orderSnapshots } from '../../../src/rows/order-snapshots.ts';
import { RowWriter } from '../../../src/rows/row-binary.ts';
import { alertEvents, deadLetters, pacingSnapshots, type Table } from '../../../src/rows/tables.ts';
import { type RecordLog, RecordLogSink } from '../../../src/sinks/records/record-log-sink.ts';
import { drawRow } from './draw-row.ts';

const seed = 20_261_130;
const results: readonly { name: ResultName; table: Table; raw: readonly string[] }[] = [
  { name: 'alert', table: alertEvents, raw: [] },
  { name: 'dead_letter', table: deadLetters, raw: ['key', 'raw'] },
  { name: 'pacing_snapshot', table: pacingSnapshots, raw: [] },
  { name: 'order_snapshot', table: orderSnapshots, raw: [] },
];
const schemaOf = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../../schemas/avro/${name}.avsc`), 'utf8')) as {
    fields: { name: string }[];
  };

test.each(results)('the schema of $name has the columns of its table, behind delivery', ({ name, table }) => {
  const fields = schemaOf(name).fields.map((field) => field.name);
  expect(fields[0]).toBe('delivery');
  expect(fields.slice(1).toSorted()).toEqual(table.columns.map((column) => column.name).toSorted());
});

/** 64-bit integers as bigints, which is what rows hold. */
const longs = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

test.each(results)(
  'another reader finds every value of $name again, and each row once',
  async ({ name, table, raw }) => {
    const type = avsc.Type.forSchema(schemaOf(name) as unknown as avsc.Schema, {
      registry: { long: longs },
    });
    await fc.assert(
      fc.asyncProperty(fc.array(drawRow(table, raw), { minLength: 1, maxLength: 5 }), async (drawn) => {
        const rows = drawn.map((row, offset) => ({
          ...row,
          org_id: 'acme',
          version: (33n << 48n) | BigInt(offset >> 1),
        }));
        const writer = new RowWriter(table);
        for (const row of rows) writer.write(row as never);
        const chunk = { lane: 't:0', seq: 1, streams: [{ stream: table.name, ...writer.take() }] };
        const values: Uint8Array[] = [];
        const log: RecordLog = {
          append: async (_, records) => void values.push(...records.map(({ value }) => value)),
          lastValue: async () => values.at(-1) ?? null,
        };
        const { encodeResult } = makeEventCodec('binary');
        const open = () =>
          new RecordLogSink({ name, table, log, rawColumns: raw, encodeAvro: (fields) => encodeResult(name, fields) });
        await open().deliver([chunk]);
        // A restarted engine finds its place in the newest record.
        await open().deliver([chunk]);
        expect(values).toHaveLength(rows.length);
        values.forEach((value, n) => {
          expect(Buffer.from(value).readInt32BE(1)).toBe(releasedIds().get(name));
          const found = type.fromBuffer(Buffer.from(value.subarray(5))) as Record<string, unknown>;
          expect(found.delivery).toBe(`t:0 ${rows[n].version} ${n % 2}`);
          for (const { name: column } of table.columns) {
            expect(plain(found[column]), `${name}.${column}`).toEqual(
              plain((rows[n] as Record<string, unknown>)[column]),
            );
          }
        });
      }),
      { seed, numRuns: 50 },
    );
  },
);

/** Numbers of either sort are the same number, bytes the same bytes. */
function plain(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
