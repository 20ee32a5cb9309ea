import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RecordRun } from '../../events/record-run.ts';
import { EngineError } from '../../model/errors.ts';
import type { LogEncoding, RecordScanner } from './log-encoding.ts';
import { RunBuilder } from './run-builder.ts';
import { listSegments, newScanner, type Segment } from './segment-files.ts';

/** Holds about a full poll of ordinary records; grows for a larger record. */
const bufferBytes = 2 * 1024 * 1024;

export interface PartitionPlace {
  readonly topic: string;
  readonly partition: number;
  readonly directory: string;
  readonly encoding: LogEncoding;
}

/**
 * Reads one partition from a position of its own, through one reused buffer. Any number of readers,
 * in any thread or process, may read a log that is being written.
 */
export class PartitionReader {
  readonly #place: PartitionPlace;
  /** Offset past the last record that may be shown: what the writer knows to be durable. */
  readonly #endOffset: () => number;
  readonly #run = new RunBuilder();
  #buffer = Buffer.alloc(0);
  #filled = 0;
  #file = -1;
  #segment: Segment | null = null;
  /** Byte of the file that the next read starts at. */
  #filePosition = 0;
  #scanner: RecordScanner | null = null;
  #position = 0;
  #isAtStart = true;
  /** Offsets between the position and what the scanner finds next that no segment holds. */
  #gap = 0;
  /** Nothing whole was left in the buffer when it was last looked at. */
  #isDrained = false;

  constructor(place: PartitionPlace, endOffset: () => number = () => Number.POSITIVE_INFINITY) {
    this.#place = place;
    this.#endOffset = endOffset;
  }

  get position(): number {
    return this.#position;
  }

  get lastLogTime(): number {
    return this.#scanner?.lastLogTime ?? 0;
  }

  /** The start of the last intact record's end: where a writer would go on in the current segment. */
  get intactEnd(): { segment: Segment | null; bytes: number; rest: number } {
    const at = this.#scanner?.at ?? 0;
    return { segment: this.#segment, bytes: this.#filePosition - this.#filled + at, rest: this.#filled - at };
  }

  /** Places the reader at the first record with this offset or a later one. Does not check bounds. */
  seek(offset: number): void {
    this.#leave();
    const segments = listSegments(this.#place.directory, this.#place.encoding);
    let segment = segments[0];
    for (const candidate of segments) if (candidate.baseOffset <= offset) segment = candidate;
    this.#position = offset;
    this.#isAtStart = false;
    if (segment === undefined) return;
    this.#enter(segment);
    while ((this.#scanner?.nextOffset ?? offset) < offset) {
      // Records below the offset are read and forgotten, so that their frames are checked too.
      const bounds = { records: 65_536, bytes: Number.POSITIVE_INFINITY, endOffset: offset };
      this.#run.clear();
      const stop = this.#scanOnce(bounds);
      if (stop === 'hidden') break;
      if (stop === 'short' && !this.#advance()) break;
    }
    this.#run.clear();
    const scanner = this.#scanner as RecordScanner;
    scanner.nextOffset = Math.max(scanner.nextOffset, offset);
    this.#gap = scanner.nextOffset - offset;
  }

  poll(max: { records: number; bytes: number }): RecordRun | null {
    this.#run.clear();
    if (this.#isAtStart) this.seek(this.#position);
    const endOffset = this.#endOffset();
    if (this.#position >= endOffset && endOffset !== Number.POSITIVE_INFINITY) return null;
    for (;;) {
      if (this.#scanner === null && !this.#enterFirst()) return null;
      const stop = this.#scanOnce({ ...max, endOffset });
      if (this.#run.count > 0) break;
      if (stop !== 'short') return null;
      if (!this.#advance()) return null;
    }
    this.#position = (this.#scanner as RecordScanner).nextOffset;
    this.#run.gaps += this.#gap;
    this.#gap = 0;
    return this.#run.build(this.#place.topic, this.#place.partition, this.#buffer, this.#position);
  }

  /** Whether a poll may find something: unread bytes here, or a later segment. Reads no record. */
  mayHaveMore(): boolean {
    const segments = listSegments(this.#place.directory, this.#place.encoding);
    if (this.#segment === null || !this.#isDrained) return segments.length > 0;
    if (fstatSync(this.#file).size > this.#filePosition) return true;
    return (segments.at(-1)?.baseOffset ?? 0) > this.#segment.baseOffset;
  }

  close(): void {
    this.#leave();
    this.#buffer = Buffer.alloc(0);
  }

  #scanOnce(bounds: { records: number; bytes: number; endOffset: number }): 'full' | 'hidden' | 'short' {
    const scanner = this.#scanner as RecordScanner;
    const stop = scanner.scan(this.#buffer, this.#filled, this.#run, bounds);
    this.#isDrained = stop === 'short';
    if (stop !== 'bad') return stop;
    // What was found before the bad place is handed out first; the next poll meets it again.
    if (this.#run.count > 0) return 'full';
    throw this.corruption();
  }

  /** Names the file and the byte where reading stopped. */
  corruption(): EngineError {
    const { segment, bytes } = this.intactEnd;
    return new EngineError('LOG_CORRUPT', `${segment?.path} is damaged at byte ${bytes} (offset ${this.#position})`);
  }

  /** More bytes of this segment, or the next segment; false when there is neither now. */
  #advance(): boolean {
    if (this.#fill()) return true;
    const segments = listSegments(this.#place.directory, this.#place.encoding);
    const here = this.#segment as Segment;
    const next = segments.find(({ baseOffset }) => baseOffset > here.baseOffset);
    if (next === undefined) return false;
    // The writer leaves a segment for good before it creates the next one: what is here now is all.
    if (this.#fill()) return true;
    if (this.#filled > (this.#scanner as RecordScanner).at) throw this.corruption();
    this.#gap += next.baseOffset - (this.#scanner as RecordScanner).nextOffset;
    this.#leave();
    this.#enter(next);
    return true;
  }

  #enterFirst(): boolean {
    const segments = listSegments(this.#place.directory, this.#place.encoding);
    if (segments.length === 0) return false;
    this.seek(this.#position);
    return this.#scanner !== null;
  }

  #enter(segment: Segment): void {
    this.#file = openSync(segment.path, 'r');
    this.#segment = segment;
    this.#filePosition = 0;
    this.#filled = 0;
    this.#scanner = newScanner(this.#place.encoding, segment.baseOffset);
    this.#fill();
  }

  #leave(): void {
    this.#isDrained = false;
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    this.#segment = null;
    this.#scanner = null;
    this.#filled = 0;
  }

  /** Moves the unread rest to the front and reads after it; false at the end of the file. */
  #fill(): boolean {
    const scanner = this.#scanner as RecordScanner;
    const keepFrom = scanner.keepFrom;
    const rest = this.#filled - keepFrom;
    // Half a buffer of rest without a whole record: the record needs a larger buffer.
    // A damaged length must not make us ask for more memory than the file has bytes.
    const there = scanner.needs > this.#buffer.length ? fstatSync(this.#file).size - this.#filePosition + rest : 0;
    const size = Math.max(bufferBytes, this.#buffer.length, Math.min(scanner.needs, there), rest * 2);
    if (size > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(size);
      this.#buffer.copy(larger, 0, keepFrom, this.#filled);
      this.#buffer = larger;
    } else if (keepFrom > 0) this.#buffer.copyWithin(0, keepFrom, this.#filled);
    scanner.shift(keepFrom);
    this.#filled = rest;
    const read = readSync(this.#file, this.#buffer, rest, this.#buffer.length - rest, this.#filePosition);
    this.#filePosition += read;
    this.#filled += read;
    return read > 0;
  }
}
