import { assert } from './errors.ts';
import { grown } from './grown.ts';

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** Compact binary for state blobs: varints, doubles, strings, exact integers. */
export class ByteWriter {
  #bytes = new Uint8Array(16_384);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /**
   * Begins a part whose length stands before it; `close` ends it. Parts may hold parts. `width` = bytes kept
   * free for the length: 1 is moved when the part grows beyond 127 bytes, 4 never.
   */
  open(width: 1 | 4 = 1): number {
    this.#reserve(width);
    this.#length += width;
    return this.#length;
  }

  /** Ends the part that `open` began at `start`. */
  close(start: number, width: 1 | 4 = 1): void {
    const length = this.#length - start;
    assert(length >= 0 && length < 2 ** 28, 'a part begins before it ends, and its length takes four bytes');
    if (width === 1 && length > 127) {
      const more = length < 2 ** 14 ? 1 : length < 2 ** 21 ? 2 : 3;
      this.#reserve(more);
      this.#bytes.copyWithin(start + more, start, this.#length);
      this.#length += more;
      this.#countAt(start - 1, length, 1 + more);
    } else this.#countAt(start - width, length, width);
  }

  /** Takes back what was written since the writer had this length. */
  cut(length: number): void {
    assert(length <= this.#length, 'only what was written can be taken back');
    this.#length = length;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A non-negative safe integer. */
  count(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a count is a non-negative safe integer');
    this.#reserve(8);
    while (value > 127) {
      this.#bytes[this.#length++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#bytes[this.#length++] = value;
  }

  flag(value: boolean): void {
    this.count(value ? 1 : 0);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A double or null; NaN stands for null, and no value of ours is NaN. */
  optional(value: number | null): void {
    this.double(value ?? Number.NaN);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#length, value, true);
    this.#length += 4;
  }

  text(value: string): void {
    if (value.length < 64 && this.#shortAscii(value)) return;
    const bytes = Buffer.from(value, 'utf8');
    this.count(bytes.length);
    this.raw(bytes);
  }

  /** An integer of any size. Small non-negative ones take one byte; tags 0..3 lead the others. */
  exact(value: number | bigint): void {
    if (typeof value === 'bigint') {
      if (value > safeMax || value < -safeMax) return this.#large(value);
      value = Number(value);
    }
    if (value >= 0 && value < 124) return this.#byte(value + 4);
    this.#byte(value < 0 ? 1 : 0);
    this.count(Math.abs(value));
  }

  #large(value: bigint): void {
    this.#byte(value < 0n ? 3 : 2);
    this.text((value < 0n ? -value : value).toString(36));
  }

  /** Ids and state names are short ASCII: written here without a call into the encoder. */
  #shortAscii(value: string): boolean {
    this.#reserve(value.length + 1);
    const start = this.#length;
    this.#bytes[start] = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      this.#bytes[start + 1 + i] = code;
    }
    this.#length = start + 1 + value.length;
    return true;
  }

  /** A count of so many bytes, though fewer might do. */
  #countAt(at: number, value: number, width: number): void {
    for (let i = 0; i < width; i++, value = Math.floor(value / 128)) {
      this.#bytes[at + i] = (value % 128) | (i === width - 1 ? 0 : 128);
    }
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    this.#bytes = grown(this.#bytes, Math.max(this.#bytes.length * 2, this.#length + more));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(length: number): void {
    this.#at += length;
    assert(this.#at <= this.#bytes.length, 'state blob ends inside a part');
  }

  /** A copy of the next bytes. */
  raw(length: number): Uint8Array {
    const start = this.#at;
    this.skip(length);
    return this.#bytes.slice(start, start + length);
  }

  count(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      assert(byte !== undefined, 'state blob ends inside a number');
      value += (byte & 127) * unit;
      if (byte < 128) return value;
      unit *= 128;
    }
  }

  flag(): boolean {
    return this.count() === 1;
  }

  double(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  optional(): number | null {
    const value = this.double();
    return Number.isNaN(value) ? null : value;
  }

  int32(): number {
    const value = this.#view.getInt32(this.#at, true);
    this.#at += 4;
    return value;
  }

  text(): string {
    const length = this.count();
    const start = this.#at;
    this.#at += length;
    assert(this.#at <= this.#bytes.length, 'state blob ends inside a text');
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString('utf8');
  }

  exact(): bigint {
    const tag = this.#bytes[this.#at];
    if (tag !== 2 && tag !== 3) return BigInt(this.integer());
    this.#at += 1;
    const magnitude = [...this.text()].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
    return tag === 3 ? -magnitude : magnitude;
  }

  /** What `exact` wrote, when it is a safe integer. */
  integer(): number {
    const tag = this.#bytes[this.#at++];
    assert(tag !== undefined && tag !== 2 && tag !== 3, 'state blob holds a safe integer here');
    if (tag >= 4) return tag - 4;
    return tag === 1 ? -this.count() : this.count();
  }
}
