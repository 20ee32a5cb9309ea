import { grownInPlace } from '../model/grown.ts';

/**
 * Records of equally many doubles, side by side in one buffer of the lane: no object a record and no
 * box a number, so that what an event touches lies together and the garbage collector has nothing to mark.
 */
export class NumberSlab {
  /** Record `base` owns `values[base]` to `values[base + width - 1]`; replaced when the slab grows. */
  values: Float64Array;
  readonly #width: number;
  #used = 0;
  readonly #free: number[] = [];

  constructor(width: number) {
    this.#width = width;
    this.values = new Float64Array(width * firstRecords);
  }

  /** The base of a record of zeros. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const base = this.#used;
    this.#used += this.#width;
    if (this.#used > this.values.length) this.values = grownInPlace(this.values, this.values.length * 2);
    return base;
  }

  /** The record goes to the next who takes one. */
  release(base: number): void {
    this.values.fill(0, base, base + this.#width);
    this.#free.push(base);
  }
}

const firstRecords = 2;
