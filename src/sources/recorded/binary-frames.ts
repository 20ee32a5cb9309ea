import { crc32 } from 'node:zlib';
import {
  frameBytesMax,
  type RecordEncoder,
  type RecordScanner,
  type ScanBounds,
  type ScanStop,
} from './log-encoding.ts';
import type { RunBuilder } from './run-builder.ts';

/**
 * Binary segments (docs/log-format.md): frames of one or more records under one checksum. One
 * checksum for many records is what makes checking nearly free.
 */
const frameHeaderBytes = 8;
const recordHeaderBytes = 24;
/** A frame is closed when it reaches this size; a larger record has a frame of its own. */
const frameBytesTarget = 64 * 1024;

export class BinaryEncoder implements RecordEncoder {
  #bytes = Buffer.allocUnsafe(2 * frameBytesTarget);
  #length = 0;
  #frameStart = -1;

  get length(): number {
    return this.#length;
  }

  add(offset: number, logTime: number, key: Uint8Array | null, value: Uint8Array | null): void {
    const size = recordHeaderBytes + (key?.length ?? 0) + (value?.length ?? 0);
    if (this.#frameStart >= 0 && this.#length - this.#frameStart + size > frameBytesTarget) this.#closeFrame();
    this.#reserve(frameHeaderBytes + size);
    if (this.#frameStart < 0) {
      this.#frameStart = this.#length;
      this.#length += frameHeaderBytes;
    }
    const bytes = this.#bytes;
    let at = this.#length;
    bytes.writeDoubleLE(offset, at);
    bytes.writeDoubleLE(logTime, at + 8);
    bytes.writeInt32LE(key?.length ?? -1, at + 16);
    bytes.writeInt32LE(value?.length ?? -1, at + 20);
    at += recordHeaderBytes;
    if (key) bytes.set(key, at);
    if (value) bytes.set(value, at + (key?.length ?? 0));
    this.#length += size;
  }

  take(): Uint8Array {
    this.#closeFrame();
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  #closeFrame(): void {
    if (this.#frameStart < 0) return;
    const start = this.#frameStart + frameHeaderBytes;
    this.#bytes.writeUInt32LE(this.#length - start, this.#frameStart);
    this.#bytes.writeUInt32LE(crc32(this.#bytes.subarray(start, this.#length)), this.#frameStart + 4);
    this.#frameStart = -1;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const next = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(next, 0, 0, this.#length);
    this.#bytes = next;
  }
}

export class BinaryScanner implements RecordScanner {
  nextOffset: number;
  lastLogTime = 0;
  at = 0;
  needs = 0;
  /** End of the frame whose checksum was found right; the scan is between frames when at it. */
  #frameEnd = 0;
  #viewed: Buffer | null = null;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(baseOffset: number) {
    this.nextOffset = baseOffset;
  }

  get keepFrom(): number {
    return this.at;
  }

  shift(by: number): void {
    this.at -= by;
    this.#frameEnd -= by;
  }

  scan(bytes: Buffer, end: number, into: RunBuilder, bounds: ScanBounds): ScanStop {
    if (this.#viewed !== bytes) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    for (;;) {
      if (this.at >= this.#frameEnd) {
        const stop = this.#openFrame(bytes, end);
        if (stop !== null) return stop;
      }
      const stop = this.#scanFrame(into, bounds);
      if (stop !== null) return stop;
    }
  }

  #openFrame(bytes: Buffer, end: number): ScanStop | null {
    this.needs = frameHeaderBytes;
    if (end - this.at < frameHeaderBytes) return 'short';
    const length = this.#view.getUint32(this.at, true);
    if (length < recordHeaderBytes || length > frameBytesMax) return 'bad';
    const start = this.at + frameHeaderBytes;
    this.needs = frameHeaderBytes + length;
    if (start + length > end) return 'short';
    if (crc32(bytes.subarray(start, start + length)) !== this.#view.getUint32(this.at + 4, true)) return 'bad';
    this.at = start;
    this.#frameEnd = start + length;
    this.needs = 0;
    return null;
  }

  #scanFrame(into: RunBuilder, bounds: ScanBounds): ScanStop | null {
    const view = this.#view;
    const frameEnd = this.#frameEnd;
    let at = this.at;
    let stop: ScanStop | null = null;
    while (at < frameEnd) {
      if (at + recordHeaderBytes > frameEnd) return 'bad';
      const offset = view.getFloat64(at, true);
      const keyLength = view.getInt32(at + 16, true);
      const valueLength = view.getInt32(at + 20, true);
      const keyStart = at + recordHeaderBytes;
      const valueStart = keyStart + Math.max(keyLength, 0);
      const valueEnd = valueStart + Math.max(valueLength, 0);
      if (keyLength < -1 || valueLength < -1 || valueEnd > frameEnd || !(offset >= this.nextOffset)) return 'bad';
      if (offset >= bounds.endOffset) stop = 'hidden';
      else if (into.count >= bounds.records) stop = 'full';
      else if (into.count > 0 && into.bytes + valueEnd - keyStart > bounds.bytes) stop = 'full';
      if (stop !== null) break;
      const logTime = view.getFloat64(at + 8, true);
      into.add(
        offset,
        logTime,
        keyLength < 0 ? -1 : keyStart,
        keyLength < 0 ? -1 : valueStart,
        valueLength < 0 ? -1 : valueStart,
        valueLength < 0 ? -1 : valueEnd,
      );
      into.gaps += offset - this.nextOffset;
      this.nextOffset = offset + 1;
      this.lastLogTime = logTime;
      at = valueEnd;
    }
    this.at = at;
    return stop;
  }
}

/** A whole frame, and what its first record says. */
interface FoundFrame {
  readonly at: number;
  readonly offset: number;
  readonly logTime: number;
}

/**
 * The first whole frame that stands anywhere in bytes[from, end), or null: where there is one, what precedes it was
 * damaged later, not torn by a crash. The first record's offset must follow, which makes chance hits hopeless.
 */
export function findFrame(bytes: Buffer, from: number, end: number, minOffset: number): FoundFrame | null {
  for (let at = from; at + frameHeaderBytes + recordHeaderBytes <= end; at++) {
    const length = bytes.readUInt32LE(at);
    const start = at + frameHeaderBytes;
    if (length < recordHeaderBytes || start + length > end) continue;
    const offset = bytes.readDoubleLE(start);
    if (!Number.isSafeInteger(offset) || offset < minOffset) continue;
    if (crc32(bytes.subarray(start, start + length)) !== bytes.readUInt32LE(at + 4)) continue;
    return { at, offset, logTime: bytes.readDoubleLE(start + 8) };
  }
  return null;
}
