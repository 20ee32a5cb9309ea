import { giveBuffer, takeUsedBuffer } from '../model/buffer-pool.ts';
import { assert } from '../model/errors.ts';

/** A writer's own memory. What its rows need beyond is lent, until it writes again. */
const keptBytes = 4_096;

/** Longer ones are worth the call; their length has at most two bytes. */
const asciiTextMax = 1_024;

const textEncoder = new TextEncoder();

/** The bytes of rows to be. A value that is missing or null where it must not be fits no method. */
export class RowBytes {
  readonly #own = new Uint8Array(keptBytes);
  #bytes = this.#own;
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; good until `begin`, which is due before anything else is written. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Nobody holds what was taken any more. */
  begin(): void {
    if (this.#bytes !== this.#own) this.#use(this.#own);
  }

  text(value: string | Uint8Array): void {
    if (typeof value !== 'string') {
      assert(value instanceof Uint8Array, 'a text column holds text or its bytes');
      return this.#raw(value);
    }
    if (value.length > asciiTextMax || !this.#ascii(value)) this.#raw(textEncoder.encode(value));
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  int(width: 1 | 2 | 4, value: number): void {
    assert(Number.isInteger(value), 'integer column holds an integer');
    this.#reserve(4);
    this.#view.setInt32(this.#length, value, true);
    this.#length += width;
  }

  long(value: number | bigint): void {
    this.#reserve(8);
    if (typeof value === 'number') {
      assert(Number.isSafeInteger(value), 'integer column holds a safe integer');
      this.#view.setUint32(this.#length, value >>> 0, true);
      this.#view.setInt32(this.#length + 4, Math.floor(value / 4_294_967_296), true);
    } else {
      assert(typeof value === 'bigint', 'integer column holds an integer');
      this.#view.setBigInt64(this.#length, BigInt.asIntN(64, value), true);
    }
    this.#length += 8;
  }

  /** Ids, states, codes and receipts: written without a call into the encoder. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.#reserve(length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    if (length > 127) bytes[at++] = (length & 127) | 128;
    bytes[at++] = length > 127 ? length >> 7 : length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  #raw(value: Uint8Array): void {
    this.#reserve(value.length + 5);
    let rest = value.length;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const next = new Uint8Array(takeUsedBuffer(Math.max(this.#bytes.length * 2, this.#length + more)));
    next.set(this.#bytes.subarray(0, this.#length));
    this.#use(next);
  }

  /** Gives back what it had, unless that was its own. */
  #use(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#bytes !== this.#own) giveBuffer(this.#bytes.buffer);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
