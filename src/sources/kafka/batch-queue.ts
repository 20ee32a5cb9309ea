import type { RecordRun } from '../../events/record-run.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { RunBuilder } from '../recorded/run-builder.ts';
import { decompress } from './codecs.ts';
import type { RecordBatch } from './record-batch.ts';

export interface RunBounds {
  readonly records: number;
  readonly bytes: number;
  /** Records from here on stay in the queue. */
  readonly until?: number;
}

/** A batch being read: its records unpacked, and how far we are. */
interface OpenBatch {
  readonly batch: RecordBatch;
  readonly records: Uint8Array;
  at: number;
  left: number;
}

/**
 * Fetched batches of one lane, packed until they are read, handed out as runs. A run of one batch
 * points into that batch; one of several holds a copy of each.
 */
export class BatchQueue {
  readonly #lane: { topic: string; partition: number };
  /** True where the log stamps records: a batch stamped by its producer is refused. */
  readonly #needsAppendTime: boolean;
  readonly #run = new RunBuilder();
  readonly #cursor = new RecordCursor();
  #batches: RecordBatch[] = [];
  #open: OpenBatch | null = null;
  #position: number;
  bytes = 0;

  constructor(lane: { topic: string; partition: number }, position: number, needsAppendTime: boolean) {
    this.#lane = lane;
    this.#position = position;
    this.#needsAppendTime = needsAppendTime;
  }

  /** Offset of the next record to hand out, or where it may be. */
  get position(): number {
    return this.#position;
  }

  get isEmpty(): boolean {
    return this.#open === null && this.#batches.length === 0;
  }

  push(batches: readonly RecordBatch[]): void {
    for (const batch of batches) {
      this.#batches.push(batch);
      this.bytes += batch.packed.length;
    }
  }

  /**
   * The next records within the bounds, at least one whatever its size; null when the queue is empty.
   * A run without records says that the position passed over markers and aborted records alone.
   */
  take(bounds: RunBounds): RecordRun | null {
    const from = this.#position;
    const parts = new RunBytes();
    this.#run.clear();
    while (!this.isEmpty) {
      const open = this.#openNext();
      if (open !== null && !this.#takeFrom(open, bounds, parts)) break;
      if (open !== null) this.#open = null;
    }
    if (this.#run.count === 0 && this.#position === from) return null;
    return this.#run.build(this.#lane.topic, this.#lane.partition, parts.bytes, this.#position);
  }

  /** The batch at the front, unpacked; null when it was dropped. */
  #openNext(): OpenBatch | null {
    if (this.#open !== null) return this.#open;
    const batch = this.#batches.shift();
    assert(batch !== undefined, 'a queue that is not empty has a batch');
    this.bytes -= batch.packed.length;
    if (batch.isDropped || batch.count === 0) {
      this.#position = Math.max(this.#position, batch.nextOffset);
      return null;
    }
    if (this.#needsAppendTime && batch.appendTime === null) throw this.#refuseProducerTime(batch);
    this.#open = { batch, records: decompress(batch.codec, batch.packed), at: 0, left: batch.count };
    return this.#open;
  }

  /** True when the batch is used up. */
  #takeFrom(open: OpenBatch, bounds: RunBounds, parts: RunBytes): boolean {
    const cursor = this.#cursor;
    const run = this.#run;
    const { batch, records } = open;
    const until = bounds.until ?? Number.POSITIVE_INFINITY;
    const base = parts.baseOf(open.at);
    const from = open.at;
    let to = from;
    while (open.left > 0) {
      cursor.read(records, to, batch);
      const size = Math.max(0, cursor.keyLength) + Math.max(0, cursor.valueLength);
      const isFull = run.count >= bounds.records || (run.count > 0 && run.bytes + size > bounds.bytes);
      if (cursor.offset >= until) this.#position = Math.max(this.#position, until);
      if (cursor.offset >= until || (isFull && cursor.offset >= this.#position)) break;
      to = cursor.end;
      open.left -= 1;
      if (cursor.offset < this.#position) continue;
      this.#add(base, batch);
      this.#position = cursor.offset + 1;
    }
    open.at = to;
    parts.add(records, from, to);
    if (open.left > 0) return false;
    this.#position = Math.max(this.#position, Math.min(batch.nextOffset, until));
    return true;
  }

  #add(base: number, batch: RecordBatch): void {
    const { keyStart, keyLength, valueStart, valueLength, offset, timestamp } = this.#cursor;
    const hasKey = keyLength >= 0;
    const hasValue = valueLength >= 0;
    this.#run.add(
      offset,
      batch.appendTime ?? timestamp,
      hasKey ? keyStart + base : -1,
      hasKey ? keyStart + base + keyLength : -1,
      hasValue ? valueStart + base : -1,
      hasValue ? valueStart + base + valueLength : -1,
    );
  }

  #refuseProducerTime({ baseOffset }: RecordBatch): EngineError {
    const { topic, partition } = this.#lane;
    return new EngineError(
      'SOURCE_REFUSED',
      `${topic}:${partition} at offset ${baseOffset} was stamped by its producer (CreateTime), not by the broker; replay the topic into one with message.timestamp.type=LogAppendTime, or set log.mode: replayed`,
    );
  }
}

/** The bytes of a run: those of its only batch, or a copy of all. */
class RunBytes {
  #only: Uint8Array = new Uint8Array(0);
  #parts = 0;
  #length = 0;

  get bytes(): Uint8Array {
    return this.#only;
  }

  /** What to add to a position in the next batch, read from `from` on, to have it in the run. */
  baseOf(from: number): number {
    return this.#parts === 0 ? 0 : this.#length - from;
  }

  add(records: Uint8Array, from: number, to: number): void {
    if (to === from) return;
    if (this.#parts === 0) {
      this.#only = records;
      this.#length = to;
    } else {
      const length = this.#length + to - from;
      if (this.#parts === 1 || length > this.#only.length) {
        const grown = new Uint8Array(Math.max(length, this.#length * 2));
        grown.set(this.#only.subarray(0, this.#length));
        this.#only = grown;
      }
      this.#only.set(records.subarray(from, to), this.#length);
      this.#length = length;
    }
    this.#parts += 1;
  }
}

/** Reads one record of an unpacked batch: lengths as zigzag varints, headers passed over. */
class RecordCursor {
  offset = 0;
  timestamp = 0;
  keyStart = 0;
  keyLength = 0;
  valueStart = 0;
  valueLength = 0;
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  read(bytes: Uint8Array, from: number, batch: RecordBatch): void {
    this.#bytes = bytes;
    this.#at = from;
    const length = this.#varint();
    this.end = this.#at + length;
    this.#at += 1;
    this.timestamp = batch.baseTimestamp + this.#varint();
    this.offset = batch.baseOffset + this.#varint();
    this.keyLength = this.#varint();
    this.keyStart = this.#at;
    this.#at += Math.max(0, this.keyLength);
    this.valueLength = this.#varint();
    this.valueStart = this.#at;
    this.#at += Math.max(0, this.valueLength);
    if (length > 0 && this.#at <= this.end && this.end <= bytes.length) return;
    throw new EngineError('LOG_CORRUPT', `the batch at offset ${batch.baseOffset} holds a record that does not fit it`);
  }

  /** In doubles, since deltas of timestamps may exceed 32 bits. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let byte = 0x80; byte >= 0x80 && scale < 2 ** 63; scale *= 128) {
      byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
