import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { RecordRun } from '../../events/record-run.ts';
import { EngineError } from '../../model/errors.ts';
import { findFrame } from './binary-frames.ts';
import type { LogEncoding, RecordScanner, ScanStop } from './log-encoding.ts';
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

/** What becomes of a stretch that cannot be read: one report in its place, or LOG_CORRUPT. */
export type OnDamage = 'report' | 'stop';

/** So much of what cannot be read is kept with its report. */
const damagedBytesMax = 16 * 1024 * 1024;

/** What was passed over because it cannot be read. */
interface Damage {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly offsets: number;
  readonly logTime: number;
  readonly path: string;
}

/**
 * Reads one partition from a position of its own, through one reused buffer. Any number of readers,
 * in any thread or process, may read a log that is being written.
 */
export class PartitionReader {
  readonly #place: PartitionPlace;
  /** Offset past the last record that may be shown: what the writer knows to be durable. */
  readonly #endOffset: () => number;
  readonly #onDamage: OnDamage;
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

  constructor(
    place: PartitionPlace,
    endOffset: () => number = () => Number.POSITIVE_INFINITY,
    onDamage: OnDamage = 'stop',
  ) {
    this.#place = place;
    this.#onDamage = onDamage;
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
      if (stop === 'bad') this.#skipDamage();
      else if (stop === 'short' && !this.#advance()) {
        if (!this.#isDamagedHere()) break;
        this.#skipDamage();
      }
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
      if (stop === 'short') {
        if (this.#advance()) continue;
        if (!this.#isDamagedHere()) return null;
      } else if (stop !== 'bad') return null;
      const damage = this.#skipDamage();
      if (damage.offsets > 0) return this.#report(damage);
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

  #scanOnce(bounds: { records: number; bytes: number; endOffset: number }): ScanStop {
    const scanner = this.#scanner as RecordScanner;
    const stop = scanner.scan(this.#buffer, this.#filled, this.#run, bounds);
    this.#isDrained = stop === 'short';
    // What was found before the bad place is handed out first; the next poll meets it again.
    return stop === 'bad' && this.#run.count > 0 ? 'full' : stop;
  }

  /** Whether what is left here can never become a record: the segment was left for good, or whole frames stand behind it. */
  #isDamagedHere(): boolean {
    const at = this.#scanner?.at ?? 0;
    if (this.#segment === null || this.#filled <= at) return false;
    if (this.#nextSegment() !== undefined) return true;
    if (this.#place.encoding !== 'binary') return false;
    return findFrame(this.#buffer, at + 1, this.#filled, (this.#scanner as RecordScanner).nextOffset) !== null;
  }

  #nextSegment(): Segment | undefined {
    const here = this.#segment as Segment;
    return listSegments(this.#place.directory, this.#place.encoding).find(
      ({ baseOffset }) => baseOffset > here.baseOffset,
    );
  }

  /** Goes on at the first whole frame behind the damage. Throws LOG_CORRUPT where that is not wanted, or there is none. */
  #skipDamage(): Damage {
    const { segment, bytes: at } = this.intactEnd;
    const scanner = this.#scanner as RecordScanner;
    const { nextOffset: offset } = scanner;
    const next = this.#nextSegment();
    if (this.#onDamage === 'stop' || segment === null) throw this.corruption();
    const file = readFileSync(segment.path);
    const frame = this.#place.encoding === 'binary' ? findFrame(file, at + 1, file.length, offset) : null;
    const goesOnAt = frame?.offset ?? next?.baseOffset ?? Number.POSITIVE_INFINITY;
    // Behind the last record that may be shown nothing is told of yet.
    if (goesOnAt > this.#endOffset() || goesOnAt === Number.POSITIVE_INFINITY) throw this.corruption();
    this.#leave();
    if (frame === null) this.#enter(next as Segment);
    else this.#enter(segment, frame);
    return {
      bytes: file.subarray(at, frame?.at ?? file.length),
      offset,
      offsets: goesOnAt - offset,
      logTime: frame?.logTime ?? scanner.lastLogTime,
      path: segment.path,
    };
  }

  #report({ bytes, offset, offsets, logTime, path }: Damage): RecordRun {
    const kept = bytes.subarray(0, damagedBytesMax);
    this.#run.clear();
    this.#run.add(offset, logTime, -1, -1, 0, kept.length);
    this.#run.gaps += this.#gap;
    this.#gap = 0;
    this.#position = offset + offsets;
    const range = offsets === 1 ? `offset ${offset}` : `offsets ${offset} to ${offset + offsets - 1}`;
    const detail = `${range} cannot be read: ${bytes.length} bytes of ${basename(path)} are damaged`;
    const unreadable = { reason: 'damaged_batch', detail, offsets } as const;
    return this.#run.build(this.#place.topic, this.#place.partition, kept, this.#position, unreadable);
  }

  /** Names the file and the byte where reading stopped. */
  corruption(): EngineError {
    const { segment, bytes } = this.intactEnd;
    return new EngineError('LOG_CORRUPT', `${segment?.path} is damaged at byte ${bytes} (offset ${this.#position})`);
  }

  /** More bytes of this segment, or the next segment; false when there is neither now. */
  #advance(): boolean {
    if (this.#fill()) return true;
    const next = this.#nextSegment();
    if (next === undefined) return false;
    // The writer leaves a segment for good before it creates the next one: what is here now is all.
    if (this.#fill()) return true;
    if (this.#filled > (this.#scanner as RecordScanner).at) return false;
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

  /** At its beginning, or at a frame of it. */
  #enter(segment: Segment, frame = { at: 0, offset: segment.baseOffset }): void {
    this.#file = openSync(segment.path, 'r');
    this.#segment = segment;
    this.#filePosition = frame.at;
    this.#filled = 0;
    this.#scanner = newScanner(this.#place.encoding, frame.offset);
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
