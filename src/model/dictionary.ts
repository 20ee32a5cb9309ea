import { assert } from './errors.ts';

const textDecoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Byte strings to small dense numbers, per lane, for the life of the process. Ids index columns and
 * are never stored: state and rows carry the text.
 */
export class Dictionary {
  #slots: Int32Array = new Int32Array(1024).fill(-1);
  #hashes: Int32Array = new Int32Array(512);
  #starts: Int32Array = new Int32Array(513);
  #arena: Uint8Array = new Uint8Array(8_192);
  #texts: (string | undefined)[] = [];
  #count = 0;
  /** The last answer of `findAgain`. */
  #again = -1;

  get size(): number {
    return this.#count;
  }

  /** The id of `bytes[start, end)`; a new one when it was never seen. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#slots[slot];
      if (id === -1) return this.#insert(bytes, start, end, hash, slot);
      if (this.#hashes[id] === hash && this.#equals(id, bytes, start, end)) return id;
      slot = (slot + 1) & mask;
    }
  }

  /** The id of `bytes[start, end)`, or -1 when it was never seen. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#slots[slot];
      if (id === -1 || (this.#hashes[id] === hash && this.#equals(id, bytes, start, end))) return id;
      slot = (slot + 1) & mask;
    }
  }

  /** As `find`, quick when the bytes are those of the last answer. */
  findAgain(bytes: Uint8Array, start: number, end: number): number {
    if (this.#again >= 0 && this.#equals(this.#again, bytes, start, end)) return this.#again;
    this.#again = this.find(bytes, start, end);
    return this.#again;
  }

  /** True when `bytes[start, end)` are those of `id`. */
  isAt(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#equals(id, bytes, start, end);
  }

  internText(text: string): number {
    const bytes = Buffer.from(text, 'utf8');
    return this.intern(bytes, 0, bytes.length);
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

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[id];
    const length = this.#starts[id + 1] - from;
    if (length !== end - start) return false;
    for (let i = 0; i < length; i++) if (this.#arena[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #insert(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const id = this.#count;
    if (id + 2 > this.#starts.length) this.#growEntries();
    const from = this.#starts[id];
    this.#reserveArena(from + end - start);
    for (let i = start; i < end; i++) this.#arena[from + i - start] = bytes[i];
    this.#starts[id + 1] = from + end - start;
    this.#hashes[id] = hash;
    this.#slots[slot] = id;
    this.#count = id + 1;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #growEntries(): void {
    const hashes = new Int32Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const starts = new Int32Array(hashes.length + 1);
    starts.set(this.#starts);
    this.#starts = starts;
  }

  #reserveArena(length: number): void {
    if (length <= this.#arena.length) return;
    const arena = new Uint8Array(Math.max(length, this.#arena.length * 2));
    arena.set(this.#arena);
    this.#arena = arena;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let id = 0; id < this.#count; id++) {
      let slot = this.#hashes[id] & mask;
      while (this.#slots[slot] !== -1) slot = (slot + 1) & mask;
      this.#slots[slot] = id;
    }
  }
}

/** Four bytes at a time; only spreads, nobody relies on its values. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let h = (0x811c9dc5 ^ (end - start)) | 0;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    h = Math.imul(h ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)), 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < end; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return (h ^ (h >>> 13)) | 0;
}
