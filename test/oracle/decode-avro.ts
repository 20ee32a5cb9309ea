import { readFileSync } from 'node:fs';
import avsc, { type Schema } from 'avsc';
import type { RejectReason } from '../../src/events/event-batch.ts';
import { limits } from '../../src/model/limits.ts';
import { decodeJson, readFields } from './decode-json.ts';
import type { Decode, Refusal } from './events.ts';

/**
 * Reads values in Confluent framing (a zero byte, the schema id, Avro binary) with the schema they were
 * written with. The record's name says its kind: `SpendAdjustment` is `spend_adjustment`.
 */
export function decodeAvro(schemas: ReadonlyMap<number, unknown>): Decode {
  const types = new Map([...schemas].map(([id, schema]) => [id, avsc.Type.forSchema(schema as Schema)]));
  return ({ value }) => {
    if (value === null || value.length === 0) return refuse('empty_value', -1);
    if (value.length > limits.recordBytesMax) return refuse('too_large', -1);
    const bytes = Buffer.from(value);
    if (bytes.length < 5 || bytes[0] !== 0) return refuse('bad_framing', -1);
    const id = bytes.readInt32BE(1);
    if (id < 0) return refuse('unknown_schema', -1);
    const type = types.get(id);
    if (type === undefined) return refuse('unknown_schema', id);
    const fields = readValue(type, bytes.subarray(5));
    return fields === null ? refuse('truncated', id) : readFields({ ...fields, type: kindOf(type) }, id);
  };
}

/** The schemas that the repository has released, by id. */
export function releasedSchemas(): ReadonlyMap<number, unknown> {
  const folder = new URL('../../schemas/avro/', import.meta.url);
  const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, folder), 'utf8'));
  const ids = Object.entries(read('ids.json') as Record<string, string>);
  return new Map(ids.map(([id, name]) => [Number(id), read(`released/${name}.avsc`)]));
}

/** Avro where the value starts with a zero byte, else JSON. */
export function decodeEither(schemas: ReadonlyMap<number, unknown>): Decode {
  const avro = decodeAvro(schemas);
  return (record) => (record.value?.[0] === 0 ? avro(record) : decodeJson(record));
}

function refuse(refused: RejectReason, schemaId: number): Refusal {
  return { refused, schemaId };
}

/** Null when the bytes are not one value of the type; avsc has one kind of Error for all of that. */
function readValue(type: avsc.Type, bytes: Buffer): Record<string, unknown> | null {
  let value: Record<string, unknown>;
  try {
    value = type.fromBuffer(bytes) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof Error) return null;
    throw cause;
  }
  const plain = Object.entries(value).map(([name, field]) => [
    name,
    Buffer.isBuffer(field) ? field.toString('hex') : field,
  ]);
  return Object.fromEntries(plain);
}

function kindOf(type: avsc.Type): string {
  const name = (type.name ?? '').split('.').at(-1) ?? '';
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}
