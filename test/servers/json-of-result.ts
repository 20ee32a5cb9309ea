import { AvroCursor } from '../../src/decoders/avro-cursor.ts';
import { compileObjectReader } from '../../src/decoders/avro-object.ts';
import { type ResultName, readerSchema } from '../../src/decoders/event-schemas.ts';

const framingBytes = 5;

/** A result in Avro as the JSON record that it might have been; throws when it is none. */
export function jsonOfResult(name: ResultName): (value: Buffer) => Buffer {
  const read = compileObjectReader(readerSchema(name), readerSchema(name));
  const cursor = new AvroCursor();
  return (value) => {
    if (value[0] !== 0) throw new Error(`a ${name} is not framed: ${value.toString('utf8')}`);
    cursor.begin(value, framingBytes, value.length);
    const { delivery, version, ...fields } = read(cursor);
    cursor.finish();
    if (cursor.problem !== null) throw new Error(`a ${name} cannot be read: ${cursor.problem}, ${cursor.detail}`);
    const [lane, , index] = String(delivery).split(' ');
    const json = { ...fields, version: String(version), delivery: { lane, index: Number(index) } };
    return Buffer.from(JSON.stringify(json, (_, each: unknown) => shown(each)));
  };
}

/** Buffers come as what their `toJSON` says. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data as number[]).toString('base64') : value;
}
