import type { Decoder, SchemaRegistry } from '../decoders/decoder.ts';
import { createDecoder } from '../decoders/event-decoder.ts';
import { EmbeddedRegistry, readerSchema, releasedIds } from '../decoders/event-schemas.ts';
import { compileEncoder, frameValue } from '../events/avro/encode.ts';
import { assert } from '../model/errors.ts';
import type { EventEncoder } from '../simulator/produce-records.ts';
import type { LogEncoding } from '../sources/recorded/log-encoding.ts';

export interface EventCodec {
  /** For our own producers: ticks, plans, the simulator. */
  readonly encoder: EventEncoder;
  /** A new one for each reader, since it remembers the schemas that it met. Reads both encodings. */
  makeDecoder(): Decoder;
}

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
  return {
    encoder: encoding === 'binary' ? makeAvroEncoder(known?.ids ?? releasedIds()) : jsonEncoder,
    makeDecoder: () => createDecoder(known?.registry ?? new EmbeddedRegistry()),
  };
}

/** Values in Confluent framing, under the newest schema of their kind. */
function makeAvroEncoder(ids: ReadonlyMap<string, number>): EventEncoder {
  const encoders = new Map<string, EventEncoder['encode']>();
  return {
    encode: (type, value) => {
      let encode = encoders.get(type);
      if (encode === undefined) {
        const id = ids.get(type);
        assert(id !== undefined, `${type} has a released schema`);
        const write = compileEncoder(readerSchema(type));
        encode = (_, fields) => frameValue(id, write(fields));
        encoders.set(type, encode);
      }
      return encode(type, value);
    },
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
