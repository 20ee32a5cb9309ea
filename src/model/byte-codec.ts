import { assert } from './errors.ts';

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
    const length = Buffer.byteLength(value);
    this.count(length);
    this.#reserve(length);
    Buffer.from(this.#bytes.buffer).write(value, this.#length, length, 'utf8');
    this.#length += length;
  }

  /** An integer of any size: a sign-and-width byte, then the magnitude, little-endian. */
  exact(value: bigint): void {
    const magnitude = value < 0n ? -value : value;
    if (magnitude <= 9_007_199_254_740_991n) {
      this.count(value < 0n ? 1 : 0);
      this.count(Number(magnitude));
      return;
    }
    this.count(value < 0n ? 3 : 2);
    this.text(magnitude.toString(36));
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const next = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    next.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = next;
    this.#view = new DataView(next.buffer);
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

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
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
    const tag = this.count();
    if (tag < 2) return BigInt(tag === 1 ? -this.count() : this.count());
    const magnitude = [...this.text()].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
    return tag === 3 ? -magnitude : magnitude;
  }
}
