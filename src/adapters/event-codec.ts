import type { Decoder } from '../decoders/decoder.ts';
import { createDecoder } from '../decoders/event-decoder.ts';
import { EmbeddedRegistry, readerSchema, releasedIds } from '../decoders/event-schemas.ts';
import { compileEncoder, frameValue } from '../model/avro/encode.ts';
import type { LogEncoding } from '../sources/log-encoding.ts';
import type { EventEncoder } from '../sources/simulator/produce-records.ts';
import type { EventType, EventValue } from '../sources/simulator/produced-record.ts';

/** Writing and reading events of an embedded log: Avro where it is binary, JSON where it is lines. */
export interface EventCodec {
  readonly encoder: EventEncoder;
  makeDecoder(): Decoder;
}

export function makeEventCodec(encoding: LogEncoding): EventCodec {
  return {
    encoder: encoding === 'binary' ? new AvroEncoder() : jsonEncoder,
    makeDecoder: () => createDecoder(new EmbeddedRegistry()),
  };
}

class AvroEncoder implements EventEncoder {
  readonly #ids = releasedIds();
  readonly #encoders = new Map<EventType, (value: EventValue) => Uint8Array>();

  encode(type: EventType, value: EventValue): Uint8Array {
    let encode = this.#encoders.get(type);
    if (encode === undefined) {
      encode = compileEncoder(readerSchema(type));
      this.#encoders.set(type, encode);
    }
    return frameValue(this.#ids.get(type) as number, encode(value));
  }
}

/** Ids become hex, maps become objects; everything else is JSON already. */
const jsonEncoder: EventEncoder = {
  encode(type, value) {
    const text = JSON.stringify({ type, ...value }, (_, each) => {
      if (each instanceof Map) return Object.fromEntries(each);
      return each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each;
    });
    return Buffer.from(text, 'utf8');
  },
};
