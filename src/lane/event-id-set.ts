import { grownInPlace } from '../model/grown.ts';
import { hashWord } from '../model/hash-key.ts';

/**
 * Remembers (organization, event id) with the clock and offset of its newest occurrence; no object per
 * id. Occurrences are written one behind the other into chunks, oldest first, and forgotten a chunk at
 * a time; an index of two words a slot, open addressing, says where each id has its newest. Most ids
 * are new and are answered by the index alone, the smaller part of the memory and the only one that is
 * walked over at random.
 */
export class EventIdSet {
  /** Two words a slot: number of the newest occurrence + 1 (0 = empty slot), hash of the id; and room to grow. */
  #index: Int32Array = new Int32Array(2 * capacityMin);
  /** Secret factors of its hash. */
  readonly #key = Float64Array.from({ length: 9 }, (_, place) => hashWord(place) % hashPrime);
  /** Slots. */
  #capacity = capacityMin;
  /** Oldest first; occurrence n lies in chunk n / chunkEntries. */
  readonly #chunks: Chunk[] = [];
  #tail: Chunk = noChunk;
  /** Forgotten chunks, to be filled again. */
  readonly #spare: Chunk[] = [];
  /** Occurrences in the chunks, and those before them that the index still counts. */
  #entries = 0;
  /** Those before it are forgotten: their chunks are gone, slots of the index that lead to them lead nowhere. */
  #first = 0;
  /** Hash of what `find` was asked for last. */
  #asked = 0;

  /** The slot of the id, or its bitwise complement where it would go. */
  find(org: number, ids: Int32Array, at: number): number {
    return this.findHashed(this.hashOf(org, ids, at), org, ids, at);
  }

  /** The same, by who knows its `hashOf`: that is dearer than all the rest. */
  findHashed(hash: number, org: number, ids: Int32Array, at: number): number {
    const index = this.#index;
    const capacity = this.#capacity;
    this.#asked = hash;
    let slot = slotOf(hash, capacity);
    for (;;) {
      const entry = index[2 * slot] - 1;
      if (entry < 0) return ~slot;
      if (index[2 * slot + 1] === hash && entry >= this.#first && this.#isAt(entry, org, ids, at)) return slot;
      slot = slot + 1 === capacity ? 0 : slot + 1;
    }
  }

  hashOf(org: number, ids: Int32Array, at: number): number {
    return hashOf(this.#key, org, ids, at);
  }

  /** Word of the index at which the search for an id begins, by its hash. */
  placeOf(hash: number): number {
    return 2 * slotOf(hash, this.#capacity);
  }

  /** Asks memory for places [from, to), many at a time: the loop is as short as it can be. */
  touch(places: Int32Array, from: number, to: number): number {
    const index = this.#index;
    let sum = 0;
    for (let i = from; i < to; i++) sum += index[places[i]];
    return sum;
  }

  clockAt(slot: number): number {
    const entry = this.#index[2 * slot] - 1;
    return this.#chunkOf(entry).clockOf(entry % chunkEntries);
  }

  /** Offsets between the newest occurrence and `offset`, which is not before it; modulo 2^32. */
  recordsSince(slot: number, offset: number): number {
    const entry = this.#index[2 * slot] - 1;
    return (offset - this.#chunkOf(entry).offsetOf(entry % chunkEntries)) >>> 0;
  }

  /**
   * Makes this the newest occurrence of what `find` was asked for last and answered with `found`. The clock is read
   * from `clocks`: handed over, it would be an object.
   */
  put(
    found: number,
    org: number,
    ids: Int32Array,
    at: number,
    clocks: Float64Array,
    row: number,
    offset: number,
  ): void {
    const slot = found < 0 ? ~found : found;
    const n = this.#entries % chunkEntries;
    if (n === 0) this.#addChunk();
    const tail = this.#tail;
    const { words } = tail;
    const k = n * entryWords;
    words[k] = org;
    words[k + 1] = ids[at];
    words[k + 2] = ids[at + 1];
    words[k + 3] = ids[at + 2];
    words[k + 4] = ids[at + 3];
    tail.setMoment(n, clocks, row, offset);
    this.#entries += 1;
    this.#index[2 * slot] = this.#entries;
    if (found < 0) this.#index[2 * slot + 1] = this.#asked;
  }

  /** True when the next `put` needs `makeRoom` first: it begins a chunk. */
  get isFull(): boolean {
    return this.#entries % chunkEntries === 0;
  }

  /**
   * Drops the oldest chunks while nothing in them is at most `recordsMax` before `offset` and not older
   * than `clock`, and has the index take another chunk: beyond its load, probing would get long.
   */
  makeRoom(clock: number, offset: number, recordsMax: number): void {
    this.#dropChunks(clock, offset, recordsMax);
    if (this.#entries + chunkEntries > this.#capacity * loadMax) this.#rebuildIndex();
  }

  /**
   * Leaves out what leads nowhere, and grows when much is left. Slots follow the order of hashes, so the
   * index is filled from its beginning to its end.
   */
  #rebuildIndex(): void {
    const dropped = this.#first;
    const slots = this.#capacity;
    const old = copyToScratch(this.#index.subarray(0, 2 * slots));
    this.#chunks.splice(0, dropped / chunkEntries);
    this.#entries -= dropped;
    this.#first = 0;
    this.#capacity = Math.max(capacityMin, Math.ceil((this.#entries + chunkEntries) / loadAfterRebuild));
    this.#index = cleared(this.#index, 2 * this.#capacity);
    const index = this.#index;
    const capacity = this.#capacity;
    for (let k = 0; k < 2 * slots; k += 2) {
      if (old[k] <= dropped) continue;
      let slot = slotOf(old[k + 1], capacity);
      while (index[2 * slot] !== 0) slot = slot + 1 === capacity ? 0 : slot + 1;
      index[2 * slot] = old[k] - dropped;
      index[2 * slot + 1] = old[k + 1];
    }
  }

  /** Occurrences that are kept, the newest of each id and others. */
  get entries(): number {
    return this.#entries - this.#first;
  }

  /** Words of the index: how much memory it holds. */
  get indexLength(): number {
    return this.#index.length;
  }

  /** Visits the last `count` occurrences, oldest first. */
  visitLast(count: number, visit: VisitOccurrence): void {
    for (let entry = this.#entries - count; entry < this.#entries; entry++) {
      this.#chunkOf(entry).visit(entry % chunkEntries, visit);
    }
  }

  /** Visits the occurrences with a clock in [from, to), in the order of `put`. */
  visitClocks(from: number, to: number, visit: VisitOccurrence): void {
    for (const chunk of this.#chunks) {
      if (chunk !== this.#tail && (chunk.oldestClock >= to || chunk.newestClock < from)) continue;
      const count = chunk === this.#tail ? ((this.#entries - 1) % chunkEntries) + 1 : chunkEntries;
      for (let n = 0; n < count; n++) {
        const clock = chunk.clockOf(n);
        if (clock >= from && clock < to) chunk.visit(n, visit);
      }
    }
  }

  #isAt(entry: number, org: number, ids: Int32Array, at: number): boolean {
    const { words } = this.#chunkOf(entry);
    const k = (entry % chunkEntries) * entryWords;
    return (
      words[k] === org &&
      words[k + 1] === ids[at] &&
      words[k + 2] === ids[at + 1] &&
      words[k + 3] === ids[at + 2] &&
      words[k + 4] === ids[at + 3]
    );
  }

  #chunkOf(entry: number): Chunk {
    return this.#chunks[(entry / chunkEntries) | 0];
  }

  #addChunk(): void {
    this.#tail.seal();
    this.#tail = this.#spare.pop() ?? new Chunk();
    this.#chunks.push(this.#tail);
  }

  /** The newest chunk stays. */
  #dropChunks(clock: number, offset: number, recordsMax: number): void {
    let oldest = this.#first / chunkEntries;
    for (; oldest < this.#chunks.length - 1; oldest++) {
      const chunk = this.#chunks[oldest];
      if (chunk.newestClock >= clock && (offset - chunk.lastOffset) >>> 0 <= recordsMax) break;
      this.#spare.push(chunk);
      this.#chunks[oldest] = noChunk;
    }
    this.#first = oldest * chunkEntries;
    // As many as are in use: what one burst needed is not kept for ever.
    this.#spare.length = Math.min(this.#spare.length, this.#chunks.length - oldest);
  }
}

/** Organization and id. */
const entryWords = 5;
/** 24 KiB: small beside what a busy lane remembers, and not much for one that is idle. */
const chunkEntries = 1_024;
/** Room for a first chunk within the load. */
const capacityMin = 2_048;
const loadMax = 0.75;
/** Room for half as many again, or more, before the next rebuild. */
const loadAfterRebuild = 0.5;

/** An occurrence: `words[at]` is its organization, the four behind it are the id. */
export type VisitOccurrence = (words: Int32Array, at: number, clock: number) => void;

/** Clocks and offsets of a chunk as they are, where they lie too far apart. */
interface Moments {
  readonly clocks: Float64Array;
  readonly offsets: Int32Array;
}

/**
 * Occurrences: five words each, organization and id; and when each came, its clock and its offset modulo 2^32. Those of
 * a busy lane lie within a minute and some thousand records of the chunk's first, and take two bytes each.
 */
class Chunk {
  readonly words: Int32Array;
  /** Since the first occurrence, ms and records. */
  readonly #clocksSince: Uint16Array;
  readonly #offsetsSince: Uint16Array;
  #firstClock = 0;
  #firstOffset = 0;
  #moments: Moments | null = null;
  /** Known when the chunk is full. */
  oldestClock = Number.POSITIVE_INFINITY;
  newestClock = Number.NEGATIVE_INFINITY;

  constructor(entries = chunkEntries) {
    const wordBytes = entries * entryWords * Int32Array.BYTES_PER_ELEMENT;
    const sinceBytes = entries * Uint16Array.BYTES_PER_ELEMENT;
    // As in grownInPlace: memory for which the collector does not run.
    const memory = new SharedArrayBuffer(wordBytes + 2 * sinceBytes);
    this.words = new Int32Array(memory, 0, entries * entryWords);
    this.#clocksSince = new Uint16Array(memory, wordBytes, entries);
    this.#offsetsSince = new Uint16Array(memory, wordBytes + sinceBytes, entries);
  }

  get lastOffset(): number {
    return this.offsetOf(chunkEntries - 1);
  }

  clockOf(n: number): number {
    return this.#moments === null ? this.#firstClock + this.#clocksSince[n] : this.#moments.clocks[n];
  }

  offsetOf(n: number): number {
    return this.#moments === null ? (this.#firstOffset + this.#offsetsSince[n]) | 0 : this.#moments.offsets[n];
  }

  /** When occurrence n came, all before it being there; the clock is read from `clocks`. */
  setMoment(n: number, clocks: Float64Array, row: number, offset: number): void {
    const clock = clocks[row];
    if (n === 0) {
      this.#firstClock = clock;
      this.#firstOffset = offset | 0;
      this.#moments = null;
    }
    const clockSince = clock - this.#firstClock;
    const offsetSince = (offset - this.#firstOffset) >>> 0;
    const isNear = clockSince === (clockSince & sinceMax) && offsetSince <= sinceMax;
    if (this.#moments === null && isNear) {
      this.#clocksSince[n] = clockSince;
      this.#offsetsSince[n] = offsetSince;
    } else this.#setFar(n, clock, offset);
  }

  #setFar(n: number, clock: number, offset: number): void {
    this.#moments ??= this.#spellOut(n);
    this.#moments.clocks[n] = clock;
    this.#moments.offsets[n] = offset;
  }

  #spellOut(count: number): Moments {
    const clocks = new Float64Array(chunkEntries);
    const offsets = new Int32Array(chunkEntries);
    for (let n = 0; n < count; n++) {
      clocks[n] = this.clockOf(n);
      offsets[n] = this.offsetOf(n);
    }
    return { clocks, offsets };
  }

  visit(n: number, visit: VisitOccurrence): void {
    visit(this.words, n * entryWords, this.clockOf(n));
  }

  /** The chunk is full: nothing is written into it before it is forgotten. */
  seal(): void {
    this.oldestClock = Number.POSITIVE_INFINITY;
    this.newestClock = Number.NEGATIVE_INFINITY;
    for (let n = 0; n * entryWords < this.words.length; n++) {
      const clock = this.clockOf(n);
      this.oldestClock = Math.min(this.oldestClock, clock);
      this.newestClock = Math.max(this.newestClock, clock);
    }
  }
}

const sinceMax = 0xffff;

const noChunk = new Chunk(0);

/** Where an index lies while it is rebuilt: lanes of a thread take turns. */
let scratch: Int32Array = new Int32Array(0);

function copyToScratch(words: Int32Array): Int32Array {
  if (scratch.length < words.length) scratch = grownInPlace(scratch, words.length);
  scratch.set(words);
  return scratch;
}

/** Memory whose first `length` words are zero: that of `words`, unless it is much too large. */
function cleared(words: Int32Array, length: number): Int32Array {
  const isTooLarge = words.length > 8 * length;
  const memory = isTooLarge ? new Int32Array(length) : grownInPlace(words, Math.max(words.length, length));
  return memory.fill(0, 0, length);
}

/** A place in [0, capacity) that grows with the hash, read as unsigned. */
function slotOf(hash: number, capacity: number): number {
  return Math.floor(((hash >>> 0) / 4_294_967_296) * capacity);
}

/**
 * Of organization and id: the sum of their 16-bit parts times secret factors, modulo a prime. Whatever ids
 * somebody chooses, two of them share a hash with a chance of 2^-32. No sum leaves the safe integers.
 */
function hashOf(key: Float64Array, org: number, ids: Int32Array, at: number): number {
  const a = ids[at];
  const b = ids[at + 1];
  const c = ids[at + 2];
  const d = ids[at + 3];
  const sum =
    key[0] * (a & 0xffff) +
    key[1] * (a >>> 16) +
    key[2] * (b & 0xffff) +
    key[3] * (b >>> 16) +
    key[4] * (c & 0xffff) +
    key[5] * (c >>> 16) +
    key[6] * (d & 0xffff) +
    key[7] * (d >>> 16) +
    key[8] * (org & 0xfffff);
  return (sum - Math.floor(sum / hashPrime) * hashPrime) | 0;
}

/** The largest of 32 bits. */
const hashPrime = 4_294_967_291;
