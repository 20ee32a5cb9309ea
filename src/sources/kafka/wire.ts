import { assert } from '../../model/errors.ts';

/**
 * Kafka's flexible encoding (KIP-482): compact strings and arrays, lengths as unsigned varints plus
 * one, and a tail of tagged fields behind every structure.
 */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  int8(value: number): this {
    this.#room(1);
    this.#length = this.#buffer.writeInt8(value, this.#length);
    return this;
  }

  int32(value: number): this {
    this.#room(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
    return this;
  }

  int64(value: number): this {
    this.#room(8);
    this.#length = this.#buffer.writeBigInt64BE(BigInt(value), this.#length);
    return this;
  }

  uvarint(value: number): this {
    this.#room(5);
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
    this.#buffer[this.#length++] = rest;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Null is length 0, so a length is one more than it is. */
  text(value: string | null): this {
    if (value === null) return this.uvarint(0);
    const bytes = Buffer.from(value, 'utf8');
    return this.uvarint(bytes.length + 1).raw(bytes);
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.uvarint(items.length + 1);
    for (const item of items) write(item);
    return this;
  }

  /** No tagged fields. */
  end(): this {
    return this.uvarint(0);
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what the brokers answer; a length that leads out of the answer throws RangeError. */
export class WireReader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int8(): number {
    return this.bytes.readInt8(this.#step(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#step(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#step(4));
  }

  /** Offsets, timestamps and producer ids; all that Kafka hands out is far below 2^53. */
  int64(): number {
    const value = Number(this.bytes.readBigInt64BE(this.#step(8)));
    assert(Number.isSafeInteger(value), 'a broker counts below 2^53');
    return value;
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#step(1)];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('a varint of a broker is longer than 5 bytes');
  }

  raw(length: number): Buffer {
    const from = this.#step(length);
    return this.bytes.subarray(from, from + length);
  }

  text(): string | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.raw(length).toString('utf8');
  }

  list<Item>(read: () => Item): Item[] {
    const length = this.uvarint() - 1;
    const items: Item[] = [];
    for (let i = 0; i < length; i++) items.push(read());
    return items;
  }

  /** Passes over tagged fields; `onTag` may read the content of one. */
  end(onTag?: (tag: number) => void): void {
    const count = this.uvarint();
    for (let i = 0; i < count; i++) {
      const tag = this.uvarint();
      const length = this.uvarint();
      const from = this.at;
      this.raw(length);
      const to = this.at;
      this.at = from;
      onTag?.(tag);
      this.at = to;
    }
  }

  #step(bytes: number): number {
    const from = this.at;
    if (bytes < 0 || from + bytes > this.bytes.length) throw new RangeError("a broker's answer ends too early");
    this.at += bytes;
    return from;
  }
}
