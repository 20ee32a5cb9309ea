import { assert } from '../model/errors.ts';
import { grown } from '../model/grown.ts';
import { hashWord } from '../model/hash-key.ts';

const textDecoder = new TextDecoder('utf-8', { fatal: true });
const textEncoder = new TextEncoder();
/** Room for the names of rare kinds, which come as texts: no name has more than 64 bytes. */
const scratch = new Uint8Array(256);
const scratchView = new DataView(scratch.buffer);
/** Bytes of a UTF-16 unit in UTF-8, at most. */
const utf8BytesMax = 3;

/**
 * Byte strings to small dense numbers, per lane, for the life of the process. Ids index columns and
 * are never stored: state and rows carry the text.
 */
export class Dictionary {
  readonly #seed = hashWord(9) | 0;
  readonly #factor = hashWord(10) | 1;
  /** Open addressing, four words a slot: id + 1 (0 = empty), hash, start and end in the arena. */
  #slots = new Int32Array(firstSlots * slotWords);
  #mask = firstSlots - 1;
  /** Start of each id in the arena, and the end of the last. */
  #starts = new Int32Array(512);
  #arena = new Uint8Array(8_192);
  #arenaView = new DataView(this.#arena.buffer);
  #texts: (string | undefined)[] = [];
  #count = 0;
  /** The bytes last looked at, for words of them. */
  #bytes: Uint8Array = this.#arena;
  #view: DataView = this.#arenaView;

  get size(): number {
    return this.#count;
  }

  /** The id of `bytes[start, end)`; a new one when it was never seen. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const known = this.find(bytes, start, end);
    return known >= 0 ? known : this.#insert(bytes, start, end);
  }

  /** The id of `bytes[start, end)`, or -1 when it was never seen. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (bytes !== this.#bytes) this.#lookAt(bytes);
    const slots = this.#slots;
    const hash = hashBytes(this.#seed, this.#factor, this.#view, bytes, start, end);
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const k = slot * slotWords;
      const id = slots[k] - 1;
      if (id < 0) return -1;
      const from = slots[k + 2];
      if (slots[k + 1] === hash && slots[k + 3] - from === end - start && this.#isSame(from, start, end)) return id;
    }
  }

  /** True when `bytes[start, end)` are those of `id`. */
  isAt(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes !== this.#bytes) this.#lookAt(bytes);
    const from = this.#starts[id];
    return this.#starts[id + 1] - from === end - start && this.#isSame(from, start, end);
  }

  internText(text: string): number {
    if (text.length * utf8BytesMax > scratch.length) {
      const bytes = Buffer.from(text, 'utf8');
      return this.intern(bytes, 0, bytes.length);
    }
    // What is looked at else is a run of records: it is looked at again at once.
    const [bytes, view] = [this.#bytes, this.#view];
    this.#bytes = scratch;
    this.#view = scratchView;
    const id = this.intern(scratch, 0, textEncoder.encodeInto(text, scratch).written);
    this.#bytes = bytes;
    this.#view = view;
    return id;
  }

  /** The text of an id; made once. Throws when the bytes are not UTF-8: check ids before interning. */
  text(id: number): string {
    assert(id >= 0 && id < this.#count, 'dictionary id in range');
    let text = this.#texts[id];
    if (text === undefined) {
      text = textDecoder.decode(this.#arena.subarray(this.#starts[id], this.#starts[id + 1]));
      this.#texts[id] = text;
    }
    return text;
  }

  #lookAt(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the arena holds at `from` what `#bytes` holds at [start, end). */
  #isSame(from: number, start: number, end: number): boolean {
    const bytes = this.#bytes;
    const view = this.#view;
    let at = from;
    let i = start;
    for (; i + 4 <= end; i += 4, at += 4) {
      if (view.getInt32(i, true) !== this.#arenaView.getInt32(at, true)) return false;
    }
    for (; i < end; i++, at++) if (bytes[i] !== this.#arena[at]) return false;
    return true;
  }

  #insert(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#count;
    if (id + 2 > this.#starts.length) this.#starts = grown(this.#starts, this.#starts.length * 2);
    const from = this.#starts[id];
    const to = from + end - start;
    this.#reserveArena(to);
    this.#arena.set(bytes.subarray(start, end), from);
    this.#starts[id + 1] = to;
    this.#count = id + 1;
    if (this.#count * 2 > this.#mask) this.#rehash();
    this.#put(id, hashBytes(this.#seed, this.#factor, this.#view, bytes, start, end));
    return id;
  }

  #put(id: number, hash: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[slot * slotWords] !== 0) slot = (slot + 1) & this.#mask;
    const k = slot * slotWords;
    this.#slots[k] = id + 1;
    this.#slots[k + 1] = hash;
    this.#slots[k + 2] = this.#starts[id];
    this.#slots[k + 3] = this.#starts[id + 1];
  }

  #reserveArena(length: number): void {
    if (length <= this.#arena.length) return;
    this.#arena = grown(this.#arena, Math.max(length, this.#arena.length * 2));
    this.#arenaView = new DataView(this.#arena.buffer);
  }

  #rehash(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let k = 0; k < old.length; k += slotWords) if (old[k] !== 0) this.#put(old[k] - 1, old[k + 1]);
  }
}

const slotWords = 4;
const firstSlots = 1_024;

/** Four bytes at a time, with a secret seed and an odd secret factor; only spreads, nobody relies on its values. */
function hashBytes(
  seed: number,
  factor: number,
  view: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let h = (seed ^ (end - start)) | 0;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    h = Math.imul(h ^ view.getInt32(i, true), factor);
    h ^= h >>> 15;
  }
  for (; i < end; i++) {
    h = Math.imul(h ^ bytes[i], factor);
    h ^= h >>> 15;
  }
  return (h ^ (h >>> 13)) | 0;
}
