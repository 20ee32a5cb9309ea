/**
 * Remembers (organization, event id) with the clock and offset of its newest occurrence: open
 * addressing over one buffer, no object per id. An entry is half a cache line, because a look-up is a
 * walk to memory and little else. Forgetting is lazy: a rebuild keeps what is still inside the window
 * of doubt, so memory follows the window and not the log.
 */
export class EventIdSet {
  /** Eight words an entry: organization + 1 (0 = empty slot), the id, offset modulo 2^32, clock (a double). */
  #words!: Int32Array;
  /** The same memory; the clock of an entry is its last double. */
  #doubles!: Float64Array;
  #size = 0;
  /** Slots; any number of them. */
  #capacity!: number;

  constructor(capacity = capacityMin) {
    this.#allocate(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** The slot of the id, or its bitwise complement where it would go. */
  find(org: number, ids: Int32Array, at: number): number {
    const words = this.#words;
    const capacity = this.#capacity;
    const a = ids[at];
    const b = ids[at + 1];
    const c = ids[at + 2];
    const d = ids[at + 3];
    let slot = slotOf(hashOf(org, ids, at), capacity);
    for (;;) {
      const k = slot * entryWords;
      const owner = words[k];
      if (owner === 0) return ~slot;
      if (owner === org + 1 && words[k + 1] === a && words[k + 2] === b && words[k + 3] === c && words[k + 4] === d)
        return slot;
      slot = slot + 1 === capacity ? 0 : slot + 1;
    }
  }

  /** Word at which the search for an id begins. */
  placeOf(org: number, ids: Int32Array, at: number): number {
    return slotOf(hashOf(org, ids, at), this.#capacity) * entryWords;
  }

  /** Asks memory for places [from, to), many at a time: the loop is as short as it can be. */
  touch(places: Int32Array, from: number, to: number): number {
    const words = this.#words;
    let sum = 0;
    for (let i = from; i < to; i++) sum += words[places[i]];
    return sum;
  }

  clockAt(slot: number): number {
    return this.#doubles[slot * entryDoubles + clockDouble];
  }

  /** Offsets between the entry's and `offset`, which is not before it; modulo 2^32. */
  recordsSince(slot: number, offset: number): number {
    return (offset - this.#words[slot * entryWords + offsetWord]) >>> 0;
  }

  /** Writes the newest occurrence into what `find` returned. */
  put(found: number, org: number, ids: Int32Array, at: number, clock: number, offset: number): void {
    const slot = found < 0 ? ~found : found;
    const k = slot * entryWords;
    const words = this.#words;
    if (found < 0) {
      words[k] = org + 1;
      words[k + 1] = ids[at];
      words[k + 2] = ids[at + 1];
      words[k + 3] = ids[at + 2];
      words[k + 4] = ids[at + 3];
      this.#size += 1;
    }
    words[k + offsetWord] = offset;
    this.#doubles[slot * entryDoubles + clockDouble] = clock;
  }

  /** True when the next `put` needs `makeRoom` first: beyond this load, probing gets long. */
  get isFull(): boolean {
    return this.#size >= this.#capacity * loadMax;
  }

  /**
   * Drops entries older than `clock`, or more than `recordsMax` before `offset`; grows when too many stay.
   * Slots follow the order of hashes, so the new table is filled from its beginning to its end.
   */
  makeRoom(clock: number, offset: number, recordsMax: number): void {
    const words = this.#words;
    const doubles = this.#doubles;
    const slots = this.#capacity;
    let kept = 0;
    for (let slot = 0; slot < slots; slot++) {
      if (words[slot * entryWords] === 0) continue;
      if (this.clockAt(slot) >= clock && this.recordsSince(slot, offset) <= recordsMax) kept += 1;
      else words[slot * entryWords] = 0; // Only marks it: nobody probes the old table again.
    }
    this.#allocate(Math.max(capacityMin, Math.ceil(kept / loadAfterRebuild)));
    for (let slot = 0; slot < slots; slot++) {
      const k = slot * entryWords;
      if (words[k] === 0) continue;
      const org = words[k] - 1;
      const entryClock = doubles[slot * entryDoubles + clockDouble];
      this.put(this.find(org, words, k + 1), org, words, k + 1, entryClock, words[k + offsetWord]);
    }
    giveBuffer(words.buffer as ArrayBuffer);
  }

  #allocate(capacity: number): void {
    const buffer = takeBuffer(capacity * entryWords * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(buffer, 0, capacity * entryWords);
    this.#doubles = new Float64Array(buffer, 0, capacity * entryDoubles);
    this.#capacity = capacity;
    this.#size = 0;
  }
}

const entryWords = 8;
const entryDoubles = entryWords / 2;
const offsetWord = 5;
const clockDouble = 3;
const capacityMin = 1_024;
const loadMax = 0.75;
/** Room for half as many again before the next rebuild, which costs about as much as adding its entries did. */
const loadAfterRebuild = 0.5;

/** A place in [0, capacity) that grows with the hash. */
function slotOf(hash: number, capacity: number): number {
  return Math.floor((hash / 4_294_967_296) * capacity);
}

/** Of organization and id, with every bit of them in the upper ones; not negative. */
function hashOf(org: number, ids: Int32Array, at: number): number {
  let h = ids[at] ^ Math.imul(ids[at + 1], 0x85ebca6b) ^ Math.imul(ids[at + 2], 0xc2b2ae35) ^ ids[at + 3];
  h = Math.imul(h, 0x9e3779b1) ^ Math.imul(org + 1, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Memory of the last table that was replaced, for the next one of its size: the lanes of a thread take
 * turns, and tables of tens of megabytes as garbage would have the collector run for them alone.
 */
let spare: ArrayBuffer | null = null;
/** Of half a million slots; larger tables are few, and too much to hold in reserve. */
const spareBytesMax = 16 * 1024 * 1024;

/** Zeros, at least `bytes` of them. */
function takeBuffer(bytes: number): ArrayBuffer {
  if (spare === null || spare.byteLength < bytes || spare.byteLength > 2 * bytes) return new ArrayBuffer(bytes);
  const taken = spare;
  spare = null;
  new Float64Array(taken).fill(0);
  return taken;
}

function giveBuffer(buffer: ArrayBuffer): void {
  if (buffer.byteLength <= spareBytesMax) spare = buffer;
}
