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
    this.#keys = new Int32Array(capacity * 5);
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
      const k = slot * 5;
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
      const k = slot * 5;
      this.#keys[k] = org + 1;
      for (let word = 0; word < 4; word++) this.#keys[k + 1 + word] = ids[at + word];
      this.#size += 1;
    }
    this.#clocks[slot] = clock;
    this.#offsets[slot] = offset;
  }

  /** True when the next `put` needs `makeRoom` first. */
  get isFull(): boolean {
    return this.#size * 2 > this.#mask;
  }

  /** Drops entries older than `clock` or `offset`; grows when most of them stay. */
  makeRoom(clock: number, offset: number): void {
    let kept = 0;
    const isKept = (slot: number) =>
      this.#keys[slot * 5] !== 0 && this.#clocks[slot] >= clock && this.#offsets[slot] >= offset;
    for (let slot = 0; slot <= this.#mask; slot++) if (isKept(slot)) kept += 1;
    let capacity = 1_024;
    while (capacity < kept * 4) capacity *= 2;
    const next = new EventIdSet(capacity);
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (!isKept(slot)) continue;
      const org = this.#keys[slot * 5] - 1;
      const found = next.find(org, this.#keys, slot * 5 + 1);
      next.put(found, org, this.#keys, slot * 5 + 1, this.#clocks[slot], this.#offsets[slot]);
    }
    this.#keys = next.#keys;
    this.#clocks = next.#clocks;
    this.#offsets = next.#offsets;
    this.#mask = next.#mask;
    this.#size = next.#size;
  }

  /** Calls back with every entry; `words` is five ints from `at`: organization + 1, id. */
  forEach(visit: (words: Int32Array, at: number, clock: number, offset: number) => void): void {
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#keys[slot * 5] !== 0) visit(this.#keys, slot * 5, this.#clocks[slot], this.#offsets[slot]);
    }
  }
}
