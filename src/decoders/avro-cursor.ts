import type { CurrencyCodes } from '../events/currency-codes.ts';
import type { Dictionary } from '../events/dictionary.ts';
import type { RejectReason } from '../events/event-batch.ts';
import { isIdBytes } from '../model/ids.ts';
import { quotedBytes } from './shown-value.ts';

/**
 * Reads Avro binary straight out of a run's bytes. It never throws for bad data: the first trouble is
 * kept in `problem`, later reads return harmless values, and the caller asks once, at the record's end.
 * A place beyond that end is `truncated`, whatever was read there.
 */
export class AvroCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes, for words of them. */
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;
  end = 0;
  problem: RejectReason | null = null;
  detail = '';
  /** Field of the writer at which a reader of objects gave up. */
  failedField: string | null = null;
  /** And for texts in them. */
  #texts: Buffer = Buffer.alloc(0);
  readonly #scratch = new DataView(new ArrayBuffer(8));

  begin(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = at;
    this.end = end;
    this.problem = null;
    this.failedField = null;
  }

  fail(reason: RejectReason, detail: string): void {
    if (this.problem !== null) return;
    this.problem = reason;
    this.detail = detail;
  }

  /** Zigzag varint, exact in ±(2^53 − 1); larger ones are a problem of the field that reads them. */
  long(): number {
    const { at } = this;
    const word = at + 4 <= this.bytes.length ? this.view.getInt32(at, true) : this.#lastBytes(at);
    // Up to four bytes without a branch on their number, which would be guessed wrong.
    const ends = ~word & 0x80808080;
    if (ends === 0) return this.#longTail(at + 4, sevenBits(word));
    const end = ends & -ends; // The top bit of the number's last byte.
    this.at = at + ((39 - Math.clz32(end)) >> 3);
    const low = sevenBits(word & (end - 1));
    return (low >>> 1) ^ -(low & 1);
  }

  /** Fewer than four bytes are left of all there are: zeros follow. */
  #lastBytes(at: number): number {
    const { bytes } = this;
    return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
  }

  /** The bytes beyond the first 28 bits; instants have six bytes in all. */
  #longTail(from: number, low: number): number {
    const { bytes } = this;
    let at = from;
    let byte = bytes[at++];
    let high = byte & 127;
    if (byte > 127) {
      byte = bytes[at++];
      high |= (byte & 127) << 7;
      if (byte > 127) {
        byte = bytes[at++];
        high |= (byte & 127) << 14;
        if (byte > 127) return this.#longest(from, low);
      }
    }
    this.at = at;
    const value = high * 134_217_728 + (low >>> 1);
    return (low & 1) === 0 ? value : -value - 1;
  }

  /** Numbers of eight bytes and more: here are those that no double holds, and those that never end. */
  #longest(from: number, low: number): number {
    let at = from;
    let high = 0;
    let unit = 1;
    for (let n = 0; ; n++) {
      const byte = this.bytes[at++];
      high += (byte & 127) * unit;
      if (byte < 128) break;
      unit *= 128;
      if (n === 5 || !(at < this.end)) {
        this.fail(at < this.end ? 'bad_field' : 'truncated', 'a number has more than ten bytes');
        return 0;
      }
    }
    this.at = at;
    const value = high * 134_217_728 + (low >>> 1);
    const signed = (low & 1) === 0 ? value : -value - 1;
    if (!Number.isSafeInteger(signed)) this.fail('money_out_of_range', 'a number lies beyond ±(2^53 − 1)');
    return signed;
  }

  double(): number {
    if (this.at + 8 > this.end) return this.#short(0);
    for (let i = 0; i < 8; i++) this.#scratch.setUint8(i, this.bytes[this.at + i]);
    this.at += 8;
    return this.#scratch.getFloat64(0, true);
  }

  float(): number {
    if (this.at + 4 > this.end) return this.#short(0);
    for (let i = 0; i < 4; i++) this.#scratch.setUint8(i, this.bytes[this.at + i]);
    this.at += 4;
    return this.#scratch.getFloat32(0, true);
  }

  boolean(): boolean {
    const byte = this.bytes[this.at++];
    if (byte > 1) this.fail('bad_field', 'a boolean is neither 0 nor 1');
    return byte === 1;
  }

  /** Start of a string or bytes value of `length`; the cursor stands behind it. */
  skipBytes(): number {
    const byte = this.bytes[this.at];
    // Nearly always one byte: an even number below 128.
    const length = (byte & 129) === 0 ? byte >> 1 : this.long();
    if ((byte & 129) === 0) this.at += 1;
    const start = this.at;
    if (length < 0 || start + length > this.end) return this.#short(start);
    this.at = start + length;
    return start;
  }

  /** Passes over a varint. */
  skipLong(): void {
    const { bytes } = this;
    let { at } = this;
    const limit = at + longBytesMax;
    while (bytes[at] > 127 && at < limit) at += 1;
    if (at === limit) this.fail('bad_field', 'a number has more than ten bytes');
    this.at = at + 1;
  }

  skip(count: number): void {
    this.at += count;
  }

  /** Items of the next block of a list that is read; negative when the block's size in bytes follows. */
  blockCount(): number {
    const count = this.long();
    if (Math.abs(count) > listItemsMax) this.fail('bad_field', `a list holds more than ${listItemsMax} items`);
    return count;
  }

  /** Passes over a block that says its size; a size that does not fit the record is a problem. */
  skipSized(): void {
    const size = this.long();
    if (size < 0 || size > this.end - this.at) this.#short(0);
    else this.at += size;
  }

  /** The id of an organization, campaign or source. */
  id(dictionary: Dictionary, field: string): number {
    const start = this.skipBytes();
    if (this.problem !== null) return -1;
    const found = dictionary.find(this.bytes, start, this.at);
    if (found >= 0) return found;
    if (isIdBytes(this.bytes, start, this.at)) return dictionary.intern(this.bytes, start, this.at);
    this.fail('bad_id', `${field} ${this.#quote(start)} is not 1 to 64 of A-Z a-z 0-9 _ . : -`);
    return -1;
  }

  currency(codes: CurrencyCodes): number {
    const start = this.skipBytes();
    if (this.problem !== null) return -1;
    const id = codes.code(this.bytes, start, this.at);
    if (id < 0) this.fail('bad_field', `currency ${this.#quote(start)} is not an ISO-4217 code`);
    return id;
  }

  /** The 16 bytes of an event id at `from` as four little-endian words. */
  eventId(from: number, words: Int32Array, at: number): void {
    if (from + eventIdBytes > this.bytes.length) return; // The record's end is asked for later.
    const view = this.view;
    words[at] = view.getInt32(from, true);
    words[at + 1] = view.getInt32(from + 4, true);
    words[at + 2] = view.getInt32(from + 8, true);
    words[at + 3] = view.getInt32(from + 12, true);
  }

  text(): string {
    const start = this.skipBytes();
    if (this.problem !== null) return '';
    return this.#texts.toString('utf8', start, this.at);
  }

  /** Index of the writer's enum symbol; out of range is a problem. */
  symbol(count: number): number {
    const byte = this.bytes[this.at];
    // Nearly always one byte: an even number below 128 is a small index.
    if ((byte & 129) === 0 && byte >> 1 < count) {
      this.at += 1;
      return byte >> 1;
    }
    const index = this.long();
    if (index >= 0 && index < count) return index;
    this.fail('bad_field', 'an enum holds an index beyond its symbols');
    return 0;
  }

  /** Index of the branch that a union of two holds. */
  branch(): number {
    const branch = this.long();
    if (branch !== 0 && branch !== 1) this.fail('bad_field', 'a union names a branch that it lacks');
    return branch;
  }

  /** After the last field: what is left over or missing. */
  finish(): void {
    if (this.at > this.end) this.problem = 'truncated';
    if (this.problem === 'truncated') this.detail = 'the value ends inside a field';
    else if (this.at < this.end) this.fail('trailing_bytes', `${this.end - this.at} bytes follow the last field`);
  }

  #short(value: number): number {
    this.fail('truncated', 'the value ends inside a field');
    return value;
  }

  #quote(start: number): string {
    return quotedBytes(this.bytes, start, this.at);
  }
}

const eventIdBytes = 16;
/** A 64-bit varint has at most ten bytes. */
const longBytesMax = 10;

/** No list of ours is longer, and a block of empty items must not spin. */
export const listItemsMax = 10_000;

/** The lower seven bits of each of four bytes, the first byte's lowest. */
function sevenBits(word: number): number {
  return (word & 0x7f) | ((word >> 1) & 0x3f80) | ((word >> 2) & 0x1fc000) | ((word >> 3) & 0xfe00000);
}
