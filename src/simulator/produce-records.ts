import { assert } from '../model/errors.ts';
import { partitionOfKey } from '../model/hash.ts';
import type { RecordedLog } from '../sources/recorded/recorded-log.ts';
import type { EventType, EventValue, ProducedRecord } from './produced-record.ts';

/** Turns an event into the bytes of a record's value: Avro in Confluent framing, or one JSON object. */
export interface EventEncoder {
  encode(type: EventType, value: EventValue): Uint8Array;
}

/** What a producer needs of a log; RecordedLog has it. */
export type RecordAppender = Pick<RecordedLog, 'partitions' | 'bufferedBytes' | 'add' | 'flush'>;

/** Memory that records may hold before they are made durable. */
const bufferedBytesMax = 8 * 1024 * 1024;

/** Encodes records and appends each to its partition with its log time. */
export class RecordProducer {
  /** Records appended so far. */
  produced = 0;
  readonly #log: RecordAppender;
  readonly #encoder: EventEncoder;
  readonly #keys = new Map<string, { bytes: Uint8Array; partition: number }>();

  constructor(log: RecordAppender, encoder: EventEncoder) {
    this.#log = log;
    this.#encoder = encoder;
  }

  get isFull(): boolean {
    return this.#log.bufferedBytes >= bufferedBytesMax;
  }

  /** Takes a record in; durable after `flush`. */
  add(record: ProducedRecord): void {
    const key = record.key === null ? null : this.#key(record.key);
    const partition = record.partition ?? key?.partition;
    assert(partition !== undefined, 'a record without a key names its partition');
    this.#log.add(partition, record.logTimeMs, key?.bytes ?? null, this.#value(record));
    this.produced += 1;
  }

  flush(): Promise<void> {
    return this.#log.flush();
  }

  #value(record: ProducedRecord): Uint8Array {
    if (record.type === 'raw') return record.value;
    if (record.type !== 'truncated') return this.#encoder.encode(record.type, record.value);
    const whole = this.#encoder.encode(record.of, record.value);
    return whole.subarray(0, Math.ceil(whole.length / 2));
  }

  #key(text: string): { bytes: Uint8Array; partition: number } {
    let key = this.#keys.get(text);
    if (key === undefined) {
      const bytes = Buffer.from(text, 'utf8');
      key = { bytes, partition: partitionOfKey(bytes, 0, bytes.length, this.#log.partitions) };
      this.#keys.set(text, key);
    }
    return key;
  }
}
