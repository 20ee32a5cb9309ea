import { isLogTime, type RecordRun, type Unreadable } from '../../events/record-run.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { RunBuilder } from '../recorded/run-builder.ts';
import { heldRecordBytesMax, OpenBatch } from './open-batch.ts';
import type { RecordBatch } from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';
import { RunBytes } from './run-bytes.ts';

export interface RunBounds {
  readonly records: number;
  readonly bytes: number;
  /** Records from here on stay in the queue. */
  readonly until?: number;
}

/** A fetched batch, and how many offsets before it the log says that it holds nothing at. */
interface QueuedBatch {
  readonly batch: RecordBatch;
  readonly gap: number;
}

/**
 * Why reading a batch stopped: `end` = it is used up, `full` = the bounds are reached, `waiting` = its next
 * piece must be unpacked, `unreadable` = what comes next cannot be read.
 */
type TakeStop = 'end' | 'full' | 'waiting' | 'unreadable';

/** Enough of a record to know its offset. */
const recordHeadBytes = 32;
/** What a report keeps of a batch that cannot be read. */
const reportBytesMax = 16 * 1024 * 1024;

/**
 * Fetched batches of one lane, packed until they are read, handed out as runs. A run of one batch
 * points into that batch; one of several holds a copy of each. Each offset that the position passes is a
 * record of a run, or counted in it.
 */
export class BatchQueue {
  readonly #lane: { topic: string; partition: number };
  /** True where the log stamps records: a batch stamped by its producer is refused. */
  readonly #needsAppendTime: boolean;
  readonly #run = new RunBuilder();
  readonly #cursor = new RecordCursor();
  #batches: QueuedBatch[] = [];
  #open: OpenBatch | null = null;
  /** Bytes that the record at the front needs before it can be read; 0 = nothing waits. */
  #needs = 0;
  /** The next record is one that we do not take, for this reason. */
  #refused: 'too_large' | 'bad_time' | null = null;
  #position: number;
  /** Past the last batch that was pushed. */
  #pushedEnd: number;
  #leaderEpoch = -1;
  bytes = 0;

  constructor(lane: { topic: string; partition: number }, position: number, needsAppendTime: boolean) {
    this.#lane = lane;
    this.#position = position;
    this.#pushedEnd = position;
    this.#needsAppendTime = needsAppendTime;
  }

  /** Offset of the next record to hand out, or where it may be. */
  get position(): number {
    return this.#position;
  }

  get isEmpty(): boolean {
    return this.#open === null && this.#batches.length === 0;
  }

  /** The next record comes only after `unpack`. */
  get isWaiting(): boolean {
    return this.#needs > 0;
  }

  push(batches: readonly RecordBatch[]): void {
    for (const batch of batches) {
      this.#batches.push({ batch, gap: Math.max(0, batch.baseOffset - this.#pushedEnd) });
      this.#pushedEnd = Math.max(this.#pushedEnd, batch.nextOffset);
      this.bytes += batch.raw.length;
    }
  }

  /** Unpacks what `take` waits for. */
  async unpack(): Promise<void> {
    const needs = this.#needs;
    assert(this.#open !== null && needs > 0, 'only a batch that waits is unpacked further');
    await this.#open.unpack(needs);
    this.#needs = 0;
  }

  /** Nobody reads on. */
  close(): void {
    this.#open?.close();
  }

  /**
   * The next records within the bounds, at least one whatever its size; null when there is none without
   * fetching or unpacking more. A run without records says that the position passed over markers, aborted
   * records and gaps alone.
   */
  take(bounds: RunBounds): RecordRun | null {
    const from = this.#position;
    const parts = new RunBytes();
    const run = this.#run;
    run.clear();
    while (!this.isEmpty && !this.isWaiting) {
      const open = this.#openNext();
      if (open === null) continue;
      const stop = this.#takeFrom(open, bounds, parts);
      if (stop === 'unreadable' && run.count === 0) return this.#report(open, bounds);
      if (stop !== 'end') break;
      this.#close(open);
    }
    if (run.count === 0 && this.#position === from) return null;
    const { topic, partition } = this.#lane;
    run.leaderEpoch = this.#leaderEpoch;
    return run.build(topic, partition, parts.bytes, this.#position);
  }

  /** The batch at the front, unpacked; null when it holds nothing for us. */
  #openNext(): OpenBatch | null {
    if (this.#open !== null) return this.#open;
    const next = this.#batches.shift();
    assert(next !== undefined, 'a queue that is not empty has a batch');
    const { batch, gap } = next;
    this.bytes -= batch.raw.length;
    this.#run.gaps += gap;
    this.#position = Math.max(this.#position, batch.baseOffset);
    const rest = Math.max(0, batch.nextOffset - this.#position);
    if (batch.isDropped || (batch.count === 0 && batch.damage === null)) {
      if (batch.isDropped) this.#run.control += rest;
      else this.#run.gaps += rest;
      this.#position += rest;
      this.#leaderEpoch = batch.leaderEpoch;
      return null;
    }
    if (this.#needsAppendTime && batch.appendTime === null && batch.damage === null)
      throw this.#refuseProducerTime(batch);
    this.#open = new OpenBatch(batch);
    return this.#open;
  }

  #close(open: OpenBatch): void {
    open.close();
    this.#open = null;
  }

  #takeFrom(open: OpenBatch, bounds: RunBounds, parts: RunBytes): TakeStop {
    const { batch, bytes } = open;
    const until = bounds.until ?? Number.POSITIVE_INFINITY;
    const base = parts.baseOf(open.at);
    const from = open.at;
    let stop: TakeStop = 'end';
    while (open.left > 0 && stop === 'end') stop = this.#takeRecord(open, bounds, until, base);
    parts.add(bytes, from, open.at);
    if (open.at > from) this.#leaderEpoch = batch.leaderEpoch;
    if (stop === 'end') stop = this.#finish(open);
    // Whatever is wrong with the rest, no offset of the batch is left for it.
    if (stop === 'unreadable' && this.#refused === null && this.#position >= batch.nextOffset) stop = 'end';
    if (stop === 'end') this.#skipTo(Math.min(batch.nextOffset, until));
    return stop;
  }

  /** All records that the batch says it has were read: whether that is all that it holds. */
  #finish(open: OpenBatch): TakeStop {
    if (open.left !== 0 || open.batch.damage !== null) return 'unreadable';
    if (this.#position >= open.batch.nextOffset) return 'end';
    if (open.at < open.bytes.length) return 'unreadable';
    if (!open.hasMore) return 'end';
    this.#needs = 1;
    return 'waiting';
  }

  /** `end` = go on. */
  #takeRecord(open: OpenBatch, bounds: RunBounds, until: number, base: number): TakeStop {
    const cursor = this.#cursor;
    const run = this.#run;
    const { batch } = open;
    const stop = cursor.read(open.bytes, open.at, batch, open.after);
    if (stop !== 'ok') return stop === 'short' && open.hasMore ? this.#wait(open) : 'unreadable';
    if (cursor.offset >= until) {
      this.#skipTo(until);
      return 'full';
    }
    const isWanted = cursor.offset >= this.#position;
    const size = Math.max(0, cursor.keyLength) + Math.max(0, cursor.valueLength);
    const isFull = run.count >= bounds.records || (run.count > 0 && run.bytes + size > bounds.bytes);
    if (isFull && isWanted) return 'full';
    const logTime = batch.appendTime ?? cursor.timestamp;
    if (isWanted && !isLogTime(logTime)) {
      this.#refused = 'bad_time';
      return 'unreadable';
    }
    open.at = cursor.end;
    open.left -= 1;
    open.after = cursor.offset + 1;
    if (!isWanted) return 'end';
    this.#skipTo(cursor.offset);
    this.#add(base, logTime);
    this.#position = cursor.offset + 1;
    return 'end';
  }

  /** The record at the front is not all there yet; one that is too long to hold is refused at once. */
  #wait(open: OpenBatch): TakeStop {
    const length = this.#cursor.end - open.at;
    const isHead = open.bytes.length - open.at >= recordHeadBytes;
    this.#refused = isHead && length > heldRecordBytesMax ? 'too_large' : null;
    if (this.#refused !== null) return 'unreadable';
    this.#needs = isHead ? length : recordHeadBytes;
    return 'waiting';
  }

  /** Compaction took what was there. */
  #skipTo(offset: number): void {
    if (offset <= this.#position) return;
    this.#run.gaps += offset - this.#position;
    this.#position = offset;
  }

  #add(base: number, logTime: number): void {
    const { keyStart, keyLength, valueStart, valueLength, offset } = this.#cursor;
    const hasKey = keyLength >= 0;
    const hasValue = valueLength >= 0;
    this.#run.add(
      offset,
      logTime,
      hasKey ? keyStart + base : -1,
      hasKey ? keyStart + base + keyLength : -1,
      hasValue ? valueStart + base : -1,
      hasValue ? valueStart + base + valueLength : -1,
    );
  }

  /** A run whose one record stands for what cannot be read: a record, or the rest of the batch. */
  #report(open: OpenBatch, bounds: RunBounds): RecordRun {
    const reason = this.#refused;
    this.#refused = null;
    if (reason === 'bad_time') return this.#reportTime(open);
    if (reason === 'too_large') {
      const run = this.#reportSize(open);
      if (run !== null) return run;
    }
    const { batch } = open;
    const end = Math.min(batch.nextOffset, bounds.until ?? Number.POSITIVE_INFINITY);
    const problem = open.damage ?? 'a record of it does not fit it';
    const offsets = end - this.#position;
    const detail = `the batch at offset ${batch.baseOffset} cannot be read from offset ${this.#position} to ${end - 1}: ${problem}`;
    const time = batch.damage === null ? (batch.appendTime ?? batch.baseTimestamp) : Number.NaN;
    this.#run.add(this.#position, time, -1, -1, 0, Math.min(batch.raw.length, reportBytesMax));
    this.#close(open);
    this.#position = end;
    this.#leaderEpoch = batch.damage === null ? batch.leaderEpoch : this.#leaderEpoch;
    return this.#build(batch.raw, { reason: 'damaged_batch', detail, offsets });
  }

  #reportTime(open: OpenBatch): RecordRun {
    const { offset, end, timestamp } = this.#cursor;
    const time = open.batch.appendTime ?? timestamp;
    this.#skipTo(offset);
    this.#add(0, Number.NaN);
    this.#advance(open, end, offset);
    const detail = `the record was stamped ${time}, which is no time between 1970 and 2100`;
    return this.#build(open.bytes, { reason: 'bad_time', detail, offsets: 1 });
  }

  /** Null when the record lies about its offset as well: then the whole rest is damaged. */
  #reportSize(open: OpenBatch): RecordRun | null {
    const { bytes, at, batch } = open;
    const { end } = this.#cursor;
    const offset = this.#cursor.peekOffset(bytes, at, batch);
    if (offset < open.after || offset >= batch.nextOffset) return null;
    this.#skipTo(offset);
    const isWanted = offset >= this.#position;
    if (isWanted) this.#run.add(offset, batch.appendTime ?? batch.baseTimestamp, -1, -1, at, bytes.length);
    open.pass(end);
    this.#advance(open, open.at, offset);
    const detail = `the record has ${end - at} bytes unpacked, at most ${heldRecordBytesMax} are held`;
    return this.#build(bytes, isWanted ? { reason: 'too_large', detail, offsets: 1 } : null);
  }

  #advance(open: OpenBatch, at: number, offset: number): void {
    open.at = at;
    open.left -= 1;
    open.after = offset + 1;
    this.#position = Math.max(this.#position, offset + 1);
  }

  #build(bytes: Uint8Array, unreadable: Unreadable | null): RecordRun {
    const { topic, partition } = this.#lane;
    this.#run.leaderEpoch = this.#leaderEpoch;
    return this.#run.build(topic, partition, bytes, this.#position, unreadable);
  }

  #refuseProducerTime({ baseOffset }: RecordBatch): EngineError {
    const { topic, partition } = this.#lane;
    return new EngineError(
      'SOURCE_REFUSED',
      `${topic}:${partition} at offset ${baseOffset} was stamped by its producer (CreateTime), not by the broker; replay the topic into one with message.timestamp.type=LogAppendTime, or set log.mode: replayed`,
    );
  }
}
