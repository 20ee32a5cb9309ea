/**
 * Remembers (organization, event id) with the clock and offset of its newest occurrence: open
 * addressing over typed arrays, no object per id. Forgetting is lazy: a rebuild keeps what is still
 * inside the window of doubt, so memory follows the window and not the log.
 */
export class EventIdSet {
  /** Five words an entry: organization + 1 (0 = empty slot), then the id. */
  #keys: Int32Array;
  #clocks: Float64Array;
  #offsets: Float64Array;
  #size = 0;
  #mask: number;

  constructor(capacity = 1_024) {
    this.#keys = new Int32Array(capacity * entryWords);
    this.#clocks = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The slot of the id, or its bitwise complement where it would go. */
  find(org: number, ids: Int32Array, at: number): number {
    const keys = this.#keys;
    const mask = this.#mask;
    const a = ids[at];
    const b = ids[at + 1];
    const c = ids[at + 2];
    const d = ids[at + 3];
    let h =
      Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ d, 0x9e3779b1) ^ Math.imul(org, 0x27d4eb2f);
    h ^= h >>> 15;
    let slot = h & mask;
    for (;;) {
      const k = slot * entryWords;
      const owner = keys[k];
      if (owner === 0) return ~slot;
      if (owner === org + 1 && keys[k + 1] === a && keys[k + 2] === b && keys[k + 3] === c && keys[k + 4] === d)
        return slot;
      slot = (slot + 1) & mask;
    }
  }

  clockAt(slot: number): number {
    return this.#clocks[slot];
  }
  offsetAt(slot: number): number {
    return this.#offsets[slot];
  }

  /** Writes the newest occurrence into what `find` returned. */
  put(found: number, org: number, ids: Int32Array, at: number, clock: number, offset: number): void {
    const slot = found < 0 ? ~found : found;
    if (found < 0) {
      const k = slot * entryWords;
      const keys = this.#keys;
      keys[k] = org + 1;
      keys[k + 1] = ids[at];
      keys[k + 2] = ids[at + 1];
      keys[k + 3] = ids[at + 2];
      keys[k + 4] = ids[at + 3];
      this.#size += 1;
    }
    this.#clocks[slot] = clock;
    this.#offsets[slot] = offset;
  }

  /** True when the next `put` needs `makeRoom` first: beyond this load, probing gets long. */
  get isFull(): boolean {
    return this.#size > this.#mask * loadMax;
  }

  /** Drops entries older than `clock` or `offset`; grows when too many of them stay. */
  makeRoom(clock: number, offset: number): void {
    const old = { keys: this.#keys, clocks: this.#clocks, offsets: this.#offsets, mask: this.#mask };
    let kept = 0;
    for (let slot = 0; slot <= old.mask; slot++) {
      if (old.keys[slot * entryWords] === 0) continue;
      if (old.clocks[slot] >= clock && old.offsets[slot] >= offset) kept += 1;
      else old.keys[slot * entryWords] = 0; // Only marks it: nobody probes the old table again.
    }
    let capacity = 1_024;
    while (capacity * loadAfterRebuildMax < kept) capacity *= 2;
    const fresh = new EventIdSet(capacity);
    this.#keys = fresh.#keys;
    this.#clocks = fresh.#clocks;
    this.#offsets = fresh.#offsets;
    this.#mask = fresh.#mask;
    this.#size = 0;
    for (let slot = 0; slot <= old.mask; slot++) {
      const k = slot * entryWords;
      if (old.keys[k] === 0) continue;
      const org = old.keys[k] - 1;
      this.put(this.find(org, old.keys, k + 1), org, old.keys, k + 1, old.clocks[slot], old.offsets[slot]);
    }
  }
}

const entryWords = 5;
const loadMax = 0.75;
/** Room for at least as many again before the next rebuild: a rebuild costs about 50 ns an entry. */
const loadAfterRebuildMax = 0.4;
