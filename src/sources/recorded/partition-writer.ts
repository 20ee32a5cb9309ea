import { mkdirSync, truncateSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { assert, EngineError } from '../../model/errors.ts';
import { epochAt, isCutAt, readCuts, writeCuts } from './log-cuts.ts';
import type { RecordEncoder } from './log-encoding.ts';
import type { PartitionPlace } from './partition-reader.ts';
import { recoverTail } from './recover-tail.ts';
import { newEncoder, segmentPath, syncDirectory } from './segment-files.ts';

/** A reader skims at most one segment to find an offset; this size takes some tens of milliseconds. */
export const segmentBytesMax = 64 * 1024 * 1024;

/**
 * Appends to one partition. Records wait in memory until the flush that is under way ends; then all
 * of them share the next write and the next fsync.
 */
export class PartitionWriter {
  readonly #place: PartitionPlace;
  readonly #encoder: RecordEncoder;
  readonly #segmentBytes: number;
  readonly #onDurable: () => void;
  #file: FileHandle | null = null;
  #segment: string | null = null;
  #size = 0;
  #firstPending = 0;
  #nextOffset = 0;
  #durableEnd = 0;
  #lastLogTime = 0;
  #flushing: Promise<void> | null = null;
  /** The flush after the one under way; everybody who waits for it shares it. */
  #following: Promise<void> | null = null;
  #broken: EngineError | null = null;
  /** See log-cuts.ts. */
  #cuts: number[];
  /** The log was longer once: what is appended next begins an epoch. */
  #isCut = false;

  /** Finds the end of the log; cuts off what a crash left half written. Throws LOG_CORRUPT. */
  constructor(place: PartitionPlace, options: { segmentBytes: number; onDurable: () => void }) {
    this.#place = place;
    this.#encoder = newEncoder(place.encoding);
    this.#segmentBytes = options.segmentBytes;
    this.#onDurable = options.onDurable;
    mkdirSync(place.directory, { recursive: true });
    this.#recover();
    this.#cuts = readCuts(place.directory);
    this.#isCut = isCutAt(place.directory, this.#durableEnd);
  }

  /** Offset after the last durable record. */
  get durableEnd(): number {
    return this.#durableEnd;
  }

  get lastLogTime(): number {
    return this.#lastLogTime;
  }

  get bufferedBytes(): number {
    return this.#encoder.length;
  }

  /** Somebody has read beyond the end: the log has lost records, whoever appends next. */
  noteCut(): void {
    this.#isCut = true;
  }

  /** Nearly no log was ever cut. */
  get hasCuts(): boolean {
    return this.#cuts.length > 0;
  }

  /** Epoch of the record at an offset. */
  epochAt(offset: number): number {
    return epochAt(this.#cuts, offset);
  }

  /** Takes a record in; it is in the log once a later `flush` resolves. Returns its offset. */
  add(logTime: number, key: Uint8Array | null, value: Uint8Array | null, offset = this.#nextOffset): number {
    if (this.#broken !== null) throw this.#broken;
    assert(Number.isSafeInteger(offset) && offset >= this.#nextOffset, 'offsets ascend');
    assert(Number.isFinite(logTime), 'a log time is a number of milliseconds');
    if (this.#encoder.length === 0) this.#firstPending = offset;
    this.#encoder.add(offset, logTime, key, value);
    this.#nextOffset = offset + 1;
    this.#lastLogTime = logTime;
    return offset;
  }

  /** Resolves when everything added before the call is durable. Throws LOG_FULL; the records are then gone. */
  flush(): Promise<void> {
    if (this.#flushing === null) {
      if (this.#encoder.length === 0) return this.#broken === null ? Promise.resolve() : Promise.reject(this.#broken);
      this.#flushing = this.#flushOnce().finally(() => {
        this.#flushing = null;
      });
      return this.#flushing;
    }
    this.#following ??= this.#afterThis(this.#flushing);
    return this.#following;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#file?.close();
      this.#file = null;
    }
  }

  async #afterThis(current: Promise<void>): Promise<void> {
    try {
      // When this one fails, the records that waited behind it are gone too: their offsets were taken back.
      await current;
    } finally {
      this.#following = null;
    }
    await this.flush();
  }

  async #flushOnce(): Promise<void> {
    const bytes = this.#encoder.take();
    const start = this.#firstPending;
    const end = this.#nextOffset;
    try {
      this.#beginEpoch();
      const file = await this.#fileFor(start, bytes.length);
      await writeAll(file, bytes, this.#size);
      await file.datasync();
    } catch (cause) {
      throw this.#takeBack(cause);
    }
    this.#size += bytes.length;
    this.#durableEnd = end;
    this.#onDurable();
  }

  /** Before anything is appended behind a cut; until then the log may still be mended. */
  #beginEpoch(): void {
    if (!this.#isCut) return;
    const cuts = [...this.#cuts, this.#durableEnd];
    writeCuts(this.#place.directory, cuts);
    this.#cuts = cuts;
    this.#isCut = false;
  }

  async #fileFor(start: number, more: number): Promise<FileHandle> {
    if (this.#segment !== null && this.#size > 0 && this.#size + more > this.#segmentBytes) {
      await this.#file?.close();
      this.#file = null;
      this.#segment = null;
    }
    if (this.#file !== null) return this.#file;
    const isNew = this.#segment === null;
    const path = this.#segment ?? segmentPath(this.#place.directory, start, this.#place.encoding);
    this.#file = await open(path, isNew ? 'w+' : 'r+');
    if (isNew) {
      this.#segment = path;
      this.#size = 0;
      syncDirectory(this.#place.directory);
    }
    return this.#file;
  }

  /** Leaves the segment as it was before the failed flush, so that appending can go on later. */
  #takeBack(cause: unknown): EngineError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((cause as { code?: string }).code ?? '');
    this.#encoder.take();
    this.#nextOffset = this.#durableEnd;
    const error = new EngineError(
      isFull ? 'LOG_FULL' : 'LOG_CORRUPT',
      `${this.#segment ?? this.#place.directory} cannot be appended to: ${reason}`,
      { cause },
    );
    try {
      if (this.#segment !== null && this.#file !== null) truncateSync(this.#segment, this.#size);
    } catch (truncateCause) {
      this.#broken = new EngineError('LOG_CORRUPT', `${this.#segment} has a half-written end`, {
        cause: truncateCause,
      });
    }
    // After a failed fsync for another reason nobody knows what the disk holds; only a restart finds out.
    if (!isFull) this.#broken = error;
    return error;
  }

  #recover(): void {
    const end = recoverTail(this.#place);
    if (end === null) return;
    this.#segment = end.path;
    this.#size = end.bytes;
    this.#durableEnd = end.offset;
    this.#nextOffset = end.offset;
    this.#lastLogTime = end.logTime;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
