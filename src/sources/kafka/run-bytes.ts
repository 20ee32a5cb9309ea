/** The bytes of a run: those of its only batch, or a copy of all. */
export class RunBytes {
  #only: Uint8Array = new Uint8Array(0);
  #parts = 0;
  #length = 0;

  get bytes(): Uint8Array {
    return this.#only;
  }

  /** What to add to a position in the next batch, read from `from` on, to have it in the run. */
  baseOf(from: number): number {
    return this.#parts === 0 ? 0 : this.#length - from;
  }

  add(records: Uint8Array, from: number, to: number): void {
    if (to === from) return;
    if (this.#parts === 0) {
      this.#only = records;
      this.#length = to;
    } else {
      const length = this.#length + to - from;
      if (this.#parts === 1 || length > this.#only.length) {
        const grown = new Uint8Array(Math.max(length, this.#length * 2));
        grown.set(this.#only.subarray(0, this.#length));
        this.#only = grown;
      }
      this.#only.set(records.subarray(from, to), this.#length);
      this.#length = length;
    }
    this.#parts += 1;
  }
}
