import { mkdirSync } from 'node:fs';
import type { RecordRun } from '../../events/record-run.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { partitionOfKey } from '../../model/hash.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import type { Clock } from '../../model/time.ts';
import type { Source } from '../source.ts';
import type { LogEncoding } from './log-encoding.ts';
import { type OnDamage, type PartitionPlace, PartitionReader } from './partition-reader.ts';
import { PartitionWriter, segmentBytesMax } from './partition-writer.ts';
import {
  createStreamFile,
  listSegments,
  partitionDirectory,
  readStreamFile,
  type StreamFile,
} from './segment-files.ts';

interface RecordedLogOptions {
  /** Holds one directory per topic. */
  readonly dir: string;
  readonly topic: string;
  readonly partitions: number;
  readonly mode: 'live' | 'replayed';
  readonly encoding: LogEncoding;
  readonly clock: Clock;
  /** A segment that would grow past this is left and the next one begun. */
  readonly segmentBytes?: number;
  /** What becomes of what cannot be read; absent = stop. */
  readonly onDamagedBatch?: OnDamage;
}

/** How often a reader looks whether another process has appended, ms. */
const otherProcessPollMs = 50;
const readBackMax = { records: 16_384, bytes: 4 * 1024 * 1024 };

/**
 * Opens the log as its only writer, creating it when it is not there; partitions, mode and encoding
 * of an existing log win over the asked ones, except that a different partition count is refused
 * with GENERATION_MISMATCH: keys would change their lanes.
 */
export async function openRecordedLog(options: RecordedLogOptions): Promise<RecordedLog> {
  const { dir, topic, partitions } = options;
  mkdirSync(dir, { recursive: true });
  const stream = readStreamFile(dir, topic) ?? createStreamFile(dir, topic, options);
  if (stream.identity.partitions !== partitions)
    throw new EngineError(
      'GENERATION_MISMATCH',
      `the log of ${topic} in ${dir} has ${stream.identity.partitions} partitions, not ${partitions}`,
    );
  return new RecordedLog({ ...options, stream, isWriter: true });
}

/** Opens an existing log for reading only, beside its writer. Throws LOG_CORRUPT when there is none. */
export async function openLogReader(options: {
  readonly dir: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly onDamagedBatch?: OnDamage;
}): Promise<RecordedLog> {
  const stream = readStreamFile(options.dir, options.topic);
  if (stream === null)
    throw new EngineError('LOG_CORRUPT', `${options.dir} holds no log of ${options.topic}: stream.json is missing`);
  return new RecordedLog({ ...options, stream, isWriter: false });
}

interface Opened {
  readonly dir: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly stream: StreamFile;
  readonly isWriter: boolean;
  readonly segmentBytes?: number;
  readonly onDamagedBatch?: OnDamage;
}

/** The embedded log: segments on disk, one writer, any number of readers. */
export class RecordedLog implements Source {
  readonly topic: string;
  readonly encoding: LogEncoding;
  readonly #clock: Clock;
  readonly #identity: StreamIdentity;
  readonly #places: PartitionPlace[] = [];
  readonly #readers: PartitionReader[] = [];
  /** Empty when this is a reader. */
  readonly #writers: PartitionWriter[] = [];
  readonly #ends: PartitionReader[] = [];
  readonly #onDamage: OnDamage;
  readonly #waiters = new Set<() => void>();

  constructor({
    dir,
    topic,
    clock,
    stream,
    isWriter,
    segmentBytes = segmentBytesMax,
    onDamagedBatch = 'stop',
  }: Opened) {
    this.#onDamage = onDamagedBatch;
    this.topic = topic;
    this.encoding = stream.encoding;
    this.#clock = clock;
    this.#identity = stream.identity;
    for (let partition = 0; partition < stream.identity.partitions; partition++) {
      const directory = partitionDirectory(dir, topic, partition);
      const place: PartitionPlace = { topic, partition, directory, encoding: stream.encoding };
      this.#places.push(place);
      if (isWriter) {
        const writer = new PartitionWriter(place, { segmentBytes, onDurable: () => this.#wake() });
        this.#writers.push(writer);
        this.#readers.push(new PartitionReader(place, () => writer.durableEnd, onDamagedBatch));
      } else this.#readers.push(new PartitionReader(place, undefined, onDamagedBatch));
    }
  }

  get partitions(): number {
    return this.#identity.partitions;
  }

  /** Bytes added and not yet flushed. */
  get bufferedBytes(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.bufferedBytes, 0);
  }

  async identity(): Promise<StreamIdentity> {
    return this.#identity;
  }

  partitionOf(key: Uint8Array): number {
    return partitionOfKey(key, 0, key.length, this.partitions);
  }

  async poll(partition: number, max: { records: number; bytes: number }): Promise<RecordRun | null> {
    const run = this.#reader(partition).poll(max);
    const writer = this.#writers[partition];
    if (run === null || writer === undefined || !writer.hasCuts) return run;
    return { ...run, leaderEpoch: writer.epochAt(run.nextOffset - 1) };
  }

  /** Of a log that was never cut every record is of epoch 0, as those are of which no epoch was kept. */
  async seek(partition: number, offset: number, leaderEpoch = 0): Promise<void> {
    const writer = this.#writers[partition];
    if (writer !== undefined && offset > writer.durableEnd) writer.noteCut();
    await this.#checkRange(partition, offset, offset);
    const held = offset === 0 ? leaderEpoch : (writer?.epochAt(offset - 1) ?? leaderEpoch);
    if (held !== leaderEpoch)
      throw new EngineError(
        'LOG_TRUNCATED',
        `${this.topic}:${partition} was cut since offset ${offset} was read: other records stand before it (epoch ${held}, not ${leaderEpoch})`,
      );
    this.#reader(partition).seek(offset);
  }

  async *readBack(partition: number, from: number, to: number): AsyncIterable<RecordRun> {
    await this.#checkRange(partition, from, to);
    const reader = new PartitionReader(this.#places[partition], () => to, this.#onDamage);
    try {
      reader.seek(from);
      for (let run = reader.poll(readBackMax); run !== null; run = reader.poll(readBackMax)) yield run;
    } finally {
      reader.close();
    }
  }

  async bounds(partition: number): Promise<{ start: number; end: number }> {
    const place = this.#places[partition];
    assert(place !== undefined, `partition ${partition} exists`);
    const start = listSegments(place.directory, place.encoding)[0]?.baseOffset ?? 0;
    const end = this.#writers[partition]?.durableEnd ?? this.#readEnd(partition);
    return { start: Math.min(start, end), end };
  }

  /**
   * Takes a record in without waiting; `flush` makes it durable. For producers of many records. On
   * a replayed log the producer gives the original log time; `offset` may leave a gap.
   */
  add(partition: number, logTime: number, key: Uint8Array | null, value: Uint8Array | null, offset?: number): number {
    return this.#writer(partition).add(logTime, key, value, offset);
  }

  /** Resolves when all added records are durable. Throws LOG_FULL. */
  async flush(): Promise<void> {
    const results = await Promise.allSettled(this.#writers.map((writer) => writer.flush()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** On a live log the clock stamps the record, never backwards; on a replayed one the last log time is kept. */
  async append(partition: number, key: Uint8Array | null, value: Uint8Array): Promise<number> {
    const writer = this.#writer(partition);
    const now = this.#identity.mode === 'live' ? this.#clock.wallMs() : 0;
    const offset = writer.add(Math.max(writer.lastLogTime, now), key, value);
    await writer.flush();
    return offset;
  }

  async waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void> {
    const done = new AbortController();
    const stop = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiters.add(wake);
    try {
      let left = ms;
      while (left > 0 && !stop.aborted && !this.#hasRecords(partitions)) {
        const step = this.#writers.length > 0 ? left : Math.min(left, otherProcessPollMs);
        // An aborted sleep rejects; waiting less is all that an abort asks for.
        const slept = this.#clock.sleep(step, stop).then(
          () => {},
          (reason) => this.#ignoreAbort(stop, reason),
        );
        await Promise.race([slept, woken]);
        left = this.#writers.length > 0 ? 0 : left - step;
      }
    } finally {
      this.#waiters.delete(wake);
      done.abort();
    }
  }

  async close(): Promise<void> {
    this.#wake();
    for (const reader of [...this.#readers, ...this.#ends]) reader?.close();
    const results = await Promise.allSettled(this.#writers.map((writer) => writer.close()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #ignoreAbort(stop: AbortSignal, reason: unknown): void {
    if (!stop.aborted) throw reason;
  }

  #hasRecords(partitions: readonly number[]): boolean {
    for (const partition of partitions) {
      const reader = this.#reader(partition);
      const writer = this.#writers[partition];
      if (writer === undefined ? reader.mayHaveMore() : writer.durableEnd > reader.position) return true;
    }
    return false;
  }

  /** A reader learns the end by reading on from where it last saw it. */
  #readEnd(partition: number): number {
    const place = this.#places[partition];
    let reader = this.#ends[partition];
    if (reader === undefined) {
      reader = new PartitionReader(place, undefined, this.#onDamage);
      this.#ends[partition] = reader;
      reader.seek(listSegments(place.directory, place.encoding).at(-1)?.baseOffset ?? 0);
    }
    while (reader.poll(readBackMax) !== null);
    return reader.position;
  }

  async #checkRange(partition: number, from: number, to: number): Promise<void> {
    const { start, end } = await this.bounds(partition);
    if (from < start || to > end)
      throw new EngineError(
        to > end ? 'LOG_TRUNCATED' : 'OFFSET_OUT_OF_RANGE',
        `${this.topic}:${partition} holds the offsets ${start} to ${end}, asked for ${from} to ${to}`,
      );
  }

  #reader(partition: number): PartitionReader {
    const reader = this.#readers[partition];
    assert(reader !== undefined, `partition ${partition} exists`);
    return reader;
  }

  #writer(partition: number): PartitionWriter {
    const writer = this.#writers[partition];
    assert(writer !== undefined, `partition ${partition} is opened for writing`);
    return writer;
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }
}
