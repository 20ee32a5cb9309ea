import avsc from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AvroCursor } from '../../src/decoders/avro-cursor.ts';
import { compileObjectReader } from '../../src/decoders/avro-object.ts';
import { fillRow } from '../../src/decoders/event-fields.ts';
import { readerSchema } from '../../src/decoders/event-schemas.ts';
import { compileEncoder } from '../../src/events/avro/encode.ts';
import type { AvroType } from '../../src/events/avro/schema.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { eventKinds } from '../../src/events/kinds.ts';
import { decodeInto, decodeRows, registryOf, rowOf } from './decode-records.ts';
import {
  avroBody,
  avroValue,
  jsonValue,
  objectReaderOf,
  type RandomEvent,
  randomEvent,
  schemaIdOf,
  seed,
} from './random-events.ts';
import { schemaJson } from './schema-json.ts';

// Three ways lead from bytes to columns: generated code, plain objects, and JSON. They must agree.
const registry = registryOf(Object.fromEntries(eventKinds.map((kind) => [schemaIdOf(kind), schemaJson(kind)])));

/** The row by way of a plain object, whatever the kind. */
function rowByObject(event: RandomEvent) {
  const cursor = new AvroCursor();
  const body = avroBody(event);
  cursor.begin(body, 0, body.length);
  const fields = objectReaderOf(event.kind)(cursor);
  cursor.finish();
  expect(cursor.problem).toBeNull();
  const batch = new EventBatch(1);
  batch.reset(1);
  fillRow(batch, 0, event.kind, fields);
  return rowOf(batch, 0);
}

test.each(eventKinds)('%s: columns, objects and JSON give the same row', async (kind) => {
  await fc.assert(
    fc.asyncProperty(fc.array(randomEvent([kind]), { minLength: 1, maxLength: 4 }), async (events) => {
      const avro = await decodeRows(
        events.map((event) => ({ value: avroValue(event) })),
        registry,
      );
      const json = await decodeRows(
        events.map((event) => ({ value: jsonValue(event) })),
        registry,
      );
      expect(avro.map(({ kind: each, reject }) => reject ?? each)).toEqual(events.map(() => kind));
      expect(avro).toEqual(json);
      expect(avro).toEqual(events.map(rowByObject));
    }),
    { seed, numRuns: 150 },
  );
});

test('a row does not depend on what its batch held before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(randomEvent(), { minLength: 2, maxLength: 6 }), async (events) => {
      const batch = new EventBatch(4);
      await decodeInto(
        batch,
        events.map((event) => ({ value: avroValue(event) })),
        registry,
      );
      const turned = events.toReversed();
      const records = turned.map((event) => ({ value: avroValue(event) }));
      await decodeInto(batch, records, registry);
      expect(turned.map((_, row) => rowOf(batch, row))).toEqual(await decodeRows(records, registry));
    }),
    { seed, numRuns: 300 },
  );
});

/** What avsc wants: every field, bytes as buffers. It refuses 2^53 − 1 and breaks below −2^52: those stay out. */
function avscValue({ kind, fields }: RandomEvent): Record<string, unknown> | null {
  const entries = readerSchema(kind).fields.map((field) => {
    const value = fields[field.name] === undefined ? field.default : fields[field.name];
    return [field.name, field.name === 'event_id' ? Buffer.from(value as string, 'hex') : value];
  });
  const isWithin = (value: unknown): boolean =>
    typeof value === 'number'
      ? value >= -(2 ** 52) && value < Number.MAX_SAFE_INTEGER
      : typeof value !== 'object' || Object.values(value ?? {}).every(isWithin);
  return entries.every(([, value]) => isWithin(value)) ? Object.fromEntries(entries) : null;
}

test.each(eventKinds)('%s: our writer and avsc make the same bytes', async (kind) => {
  const type = avsc.Type.forSchema(schemaJson(kind) as avsc.Schema);
  await fc.assert(
    fc.asyncProperty(randomEvent([kind]), async (event) => {
      const value = avscValue(event);
      fc.pre(value !== null);
      expect(Buffer.from(avroBody(event)).toString('hex')).toBe(type.toBuffer(value).toString('hex'));
    }),
    { seed, numRuns: 150 },
  );
});

test('values of any schema survive our writer and our object reader', () => {
  const nullable = (type: AvroType): AvroType => ({ kind: 'union', branches: [{ kind: 'null' }, type] });
  const field = (name: string, type: AvroType) => ({
    name,
    type,
    aliases: [],
    doc: '',
    logicalType: null,
    hasDefault: false,
    default: undefined,
  });
  const schema = {
    kind: 'record' as const,
    name: 'Sample',
    fields: [
      field('l', { kind: 'long' }),
      field('d', { kind: 'double' }),
      field('f', { kind: 'float' }),
      field('b', { kind: 'boolean' }),
      field('s', nullable({ kind: 'string' })),
      field('y', { kind: 'bytes' }),
      field('x', { kind: 'fixed', name: 'X', size: 3 }),
      field('e', { kind: 'enum', name: 'E', symbols: ['A', 'B', 'C'] }),
      field('a', { kind: 'array', values: nullable({ kind: 'long' }) }),
      field('m', { kind: 'map', values: { kind: 'array', values: { kind: 'string' } } }),
    ],
  };
  const bytes = (length?: number) => fc.uint8Array({ minLength: length ?? 0, maxLength: length ?? 8 });
  const text = fc.string({ unit: 'grapheme', maxLength: 9 });
  const sample = fc.record(
    {
      l: fc.maxSafeInteger(),
      d: fc.double(),
      f: fc.float(),
      b: fc.boolean(),
      s: fc.option(text),
      y: bytes(),
      x: bytes(3),
      e: fc.constantFrom('A', 'B', 'C'),
      a: fc.array(fc.option(fc.maxSafeInteger())),
      m: fc.dictionary(text, fc.array(text)).map((each) => new Map(Object.entries(each))),
    },
    { noNullPrototype: true },
  );
  const write = compileEncoder(schema);
  const read = compileObjectReader(schema, schema);
  fc.assert(
    fc.property(sample, (value) => {
      const written = write(value);
      const cursor = new AvroCursor();
      cursor.begin(written, 0, written.length);
      const back = read(cursor);
      cursor.finish();
      expect([cursor.problem, back]).toEqual([null, value]);
    }),
    { seed, numRuns: 500 },
  );
});
