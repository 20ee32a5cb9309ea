import { type Schema, Type } from 'avsc';
import { expect, test } from 'vitest';
import { decodeAvro, decodeEither, releasedSchemas } from './decode-avro.ts';
import { lane } from './story.ts';

const click: Schema = {
  type: 'record',
  name: 'ads.Click',
  fields: [
    { name: 'event_id', type: { type: 'fixed', name: 'EventId', size: 16 } },
    { name: 'org_id', type: 'string' },
    { name: 'campaign_id', type: 'string' },
    { name: 'event_time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'source', type: 'string' },
    { name: 'cost_micros', type: 'long' },
    { name: 'currency', type: 'string' },
  ],
};

test('a framed record is read by its own schema, and a cut one is refused', () => {
  const body = {
    event_id: Buffer.alloc(16, 0xab),
    org_id: 'acme',
    campaign_id: 'c',
    event_time: 1_767_225_600_007,
    source: 'adserver',
    cost_micros: 9,
    currency: 'EUR',
  };
  const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 5]), Type.forSchema(click).toBuffer(body)]);
  const read = (bytes: Buffer) =>
    decodeAvro(new Map([[5, click]]))({ ...lane, offset: 0, logTimeMs: 0, key: null, value: bytes });
  const expected = {
    kind: 'click',
    eventId: 'ab'.repeat(16),
    eventTime: 1_767_225_600_007,
    fields: { cost_micros: 9 },
    schemaId: 5,
  };
  expect(read(value)).toMatchObject(expected);
  expect(read(value.subarray(0, -1))).toEqual({ refused: 'truncated', schemaId: 5 });
  expect(read(Buffer.from([0, 0, 0, 0, 6]))).toEqual({ refused: 'unknown_schema', schemaId: 6 });
});

test('values outside their range are refused with their reason', () => {
  const type = Type.forSchema(click);
  const body = {
    event_id: Buffer.alloc(16),
    org_id: 'acme',
    campaign_id: 'c',
    event_time: 1_767_225_600_000,
    source: 'adserver',
    cost_micros: 9,
    currency: 'EUR',
  };
  const decode = decodeAvro(new Map([[5, click]]));
  const read = (change: object) => {
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 5]), type.toBuffer({ ...body, ...change })]);
    return decode({ ...lane, offset: 0, logTimeMs: 0, key: null, value });
  };
  expect(read({})).toMatchObject({ kind: 'click' });
  expect(read({ event_time: 1_767_225_600 })).toEqual({ refused: 'bad_time', schemaId: 5 });
  expect(read({ org_id: 'a b' })).toEqual({ refused: 'bad_id', schemaId: 5 });
  expect(read({ currency: 'eur' })).toEqual({ refused: 'bad_field', schemaId: 5 });
});

test('every released schema is known, and a tick of them is read', () => {
  const schemas = releasedSchemas();
  expect([...schemas.values()].map((schema) => (schema as { name: string }).name)).toContain('SpendAdjustment');
  const [id] = [...schemas].find(([, schema]) => (schema as { name: string }).name === 'Tick') as [number, unknown];
  const value = Buffer.from([0, 0, 0, 0, id]);
  expect(decodeEither(schemas)({ ...lane, offset: 0, logTimeMs: 0, key: null, value })).toMatchObject({ kind: 'tick' });
});
