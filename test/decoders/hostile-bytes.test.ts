import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { frameValue } from '../../src/events/avro/encode.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { eventKinds } from '../../src/events/kinds.ts';
import { type DecodedRow, decodeInto, decodeRows, registryOf } from './decode-records.ts';
import { avroBody, avroValue, jsonValue, randomEvent, schemaIdOf, seed } from './random-events.ts';
import { type SchemaJson, schemaJson } from './schema-json.ts';

const registry = registryOf(Object.fromEntries(eventKinds.map((kind) => [schemaIdOf(kind), schemaJson(kind)])));

test('whatever bytes arrive, nothing is thrown and the records around them are read as ever', async () => {
  const cut = fc.record({ event: randomEvent(), keep: fc.double({ min: 0, max: 0.99, noNaN: true }) }).map((each) => {
    const whole = avroValue(each.event);
    return whole.subarray(0, Math.floor(whole.length * each.keep));
  });
  const flipped = fc
    .record({ event: randomEvent(), at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) })
    .map((each) => {
      const bytes = avroValue(each.event).slice();
      bytes[each.at % bytes.length] ^= each.bits;
      return bytes;
    });
  const noise = fc.record({ kind: fc.constantFrom(...eventKinds), body: fc.uint8Array({ maxLength: 200 }) });
  const framed = noise.map(({ kind, body }) => frameValue(schemaIdOf(kind), body));
  const hostile = fc.oneof(cut, flipped, framed, fc.uint8Array({ maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(randomEvent(), hostile, randomEvent(), async (before, value, after) => {
      const good = [{ value: avroValue(before) }, { value: jsonValue(after) }];
      const [first, , last] = await decodeRows([good[0], { value }, good[1]], registry);
      expect([first, last]).toEqual(await decodeRows(good, registry));
    }),
    { seed, numRuns: 500 },
  );
});

test.each(eventKinds)('%s cut anywhere is a dead letter', async (kind) => {
  await fc.assert(
    fc.asyncProperty(randomEvent([kind]), async (event) => {
      const whole = avroValue(event);
      const cuts = Array.from({ length: whole.length - 5 }, (_, left) => ({ value: whole.subarray(0, 5 + left) }));
      const rows = await decodeRows(cuts, registry);
      expect(rows.filter(({ reject }) => reject === null)).toEqual([]);
    }),
    { seed, numRuns: 20 },
  );
});

test.each(eventKinds)('%s cut where all bytes end is a dead letter too', async (kind) => {
  const events = fc.sample(randomEvent([kind]), { seed, numRuns: 3 });
  for (const event of events) {
    const whole = avroValue(event);
    expect((await decodeRows([{ value: whole }], registry))[0].reject).toBeNull();
    for (let length = 5; length < whole.length; length++) {
      const [{ reject }] = await decodeRows([{ value: whole.subarray(0, length) }], registry);
      expect(reject, `${length} of ${whole.length} bytes`).not.toBeNull();
    }
  }
});

test('a negative schema id is unknown, whatever was learned before', async () => {
  const schema = schemaJson('click');
  const known = registryOf({ 15: schema, 31: schema });
  const decoder = createDecoder(known);
  const body = avroBody({ kind: 'click', fields: fc.sample(randomEvent(['click']), { seed, numRuns: 1 })[0].fields });
  for (const id of [15, 31, -1]) {
    const batch = await decodeInto(new EventBatch(1), [{ value: frameValue(id, body) }], known, decoder);
    expect(batch.rejects.map(({ reason }) => reason)).toEqual(id < 0 ? ['unknown_schema'] : []);
  }
});

/** Decodes an event written by another schema than ours. */
async function writtenBy(schema: SchemaJson, body: Uint8Array): Promise<DecodedRow> {
  const [row] = await decodeRows([{ value: frameValue(7, body) }], registryOf({ 7: schema }));
  return row;
}

test.each(eventKinds)('%s of a newer producer, with a field we do not know, reads as ours', async (kind) => {
  const newer = schemaJson(kind);
  newer.fields.push({ name: 'extra', type: ['null', { type: 'map', values: 'string' }], default: null });
  await fc.assert(
    fc.asyncProperty(randomEvent([kind]), async (event) => {
      const [ours] = await decodeRows([{ value: avroValue(event) }], registry);
      // A map of one entry: branch 1, one item, "a" = "b", the end.
      const body = Buffer.concat([avroBody(event), Buffer.from('02020261026200', 'hex')]);
      expect(await writtenBy(newer, body)).toEqual(ours);
    }),
    { seed, numRuns: 50 },
  );
});

test.each(eventKinds)('%s of an older producer, without the fields that have defaults, reads as ours', async (kind) => {
  const older = schemaJson(kind);
  const dropped = older.fields.pop();
  expect(dropped?.name).toBe('test');
  await fc.assert(
    fc.asyncProperty(randomEvent([kind]), async ({ kind: same, fields }) => {
      const event = { kind: same, fields: { ...fields, test: false } };
      const [ours] = await decodeRows([{ value: avroValue(event) }], registry);
      // The last field is one byte, a boolean.
      expect(await writtenBy(older, avroBody(event).slice(0, -1))).toEqual(ours);
    }),
    { seed, numRuns: 50 },
  );
});

test('a schema that cannot become ours refuses its records and names the field', async () => {
  const floats = schemaJson('click');
  Object.assign(floats.fields.find(({ name }) => name === 'cost_micros')!, { type: 'double' });
  expect((await writtenBy(floats, new Uint8Array(8))).reject).toMatch(/^schema_mismatch: .*Click\.cost_micros.*double/);
  const without = schemaJson('spend');
  without.fields = without.fields.filter(({ name }) => name !== 'amount_micros');
  expect((await writtenBy(without, new Uint8Array(8))).reject).toMatch(/^schema_mismatch: .*Spend\.amount_micros/);
});
