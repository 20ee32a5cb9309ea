import type { Decoder, SchemaRegistry } from '../../decoders/decoder.ts';
import { createDecoder } from '../../decoders/event-decoder.ts';
import { EmbeddedRegistry, type ResultName, readerSchema, releasedIds } from '../../decoders/event-schemas.ts';
import { compileEncoder, frameValue } from '../../events/avro/encode.ts';
import { assert } from '../../model/errors.ts';
import type { EventEncoder } from '../../simulator/produce-records.ts';
import type { LogEncoding } from '../../sources/recorded/log-encoding.ts';

export interface EventCodec {
  /** For our own producers: ticks, plans, the simulator. */
  readonly encoder: EventEncoder;
  /** Rows of tables as results, in Avro. */
  readonly encodeResult: EncodeResult;
  /** A new one for each reader, since it remembers the schemas that it met. Reads both encodings. */
  makeDecoder(): Decoder;
}

export type EncodeResult = (name: ResultName, fields: Readonly<Record<string, unknown>>) => Uint8Array;

/** Where schemas are known by which ids. */
interface CodecRegistry {
  readonly registry: SchemaRegistry;
  /** Id of the newest schema of each kind. */
  readonly ids: ReadonlyMap<string, number>;
}

/**
 * What our producers write into a log of that encoding: Avro frames for `binary`, objects for `jsonl`.
 * Without a registry, the ids are those that the schemas were released under.
 */
export function makeEventCodec(encoding: LogEncoding, known?: CodecRegistry): EventCodec {
  const encodeAvro = makeAvroEncoder(known?.ids ?? releasedIds());
  return {
    encoder: encoding === 'binary' ? { encode: encodeAvro } : jsonEncoder,
    encodeResult: encodeAvro,
    makeDecoder: () => createDecoder(known?.registry ?? new EmbeddedRegistry()),
  };
}

/** Values in Confluent framing, under the newest schema of their kind. */
function makeAvroEncoder(ids: ReadonlyMap<string, number>) {
  type Name = Parameters<typeof readerSchema>[0];
  const encoders = new Map<Name, (fields: Readonly<Record<string, unknown>>) => Uint8Array>();
  return (name: Name, fields: Readonly<Record<string, unknown>>): Uint8Array => {
    let encode = encoders.get(name);
    if (encode === undefined) {
      const id = ids.get(name);
      assert(id !== undefined, `${name} has a released schema`);
      const write = compileEncoder(readerSchema(name));
      encode = (given) => frameValue(id, write(given));
      encoders.set(name, encode);
    }
    return encode(fields);
  };
}

/** One JSON object a value; bytes (the event id) as lower-case hex. */
const jsonEncoder: EventEncoder = {
  encode: (type, value) => {
    const fields = Object.entries(value).map(([name, field]) => [
      name,
      field instanceof Uint8Array ? Buffer.from(field).toString('hex') : field,
    ]);
    return Buffer.from(JSON.stringify({ type, ...Object.fromEntries(fields) }));
  },
};
