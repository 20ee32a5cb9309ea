import { assert } from '../model/errors.ts';
import { grownInPlace } from '../model/grown.ts';

/**
 * Records of equally many doubles, side by side in one buffer of the lane: no object a record and no
 * box a number, so that what an event touches lies together and the garbage collector has nothing to mark.
 */
export class NumberSlab {
  /** Record `base` owns `values[base]` to `values[base + width - 1]`; replaced when the slab grows. */
  values: Float64Array;
  /** What every record begins as. */
  readonly #blank: Float64Array;
  /** Fields of it that are not 0: memory that was never used holds the others. */
  readonly #marked: readonly number[];
  readonly #width: number;
  #used = 0;
  readonly #free: number[] = [];

  constructor(blank: readonly number[]) {
    this.#blank = Float64Array.from(blank);
    this.#marked = blank.flatMap((value, field) => (Object.is(value, 0) ? [] : [field]));
    this.#width = blank.length;
    this.values = new Float64Array(this.#width * firstRecords);
  }

  /** The base of a blank record. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const base = this.#used;
    this.#used += this.#width;
    if (this.#used > this.values.length) this.values = grownInPlace(this.values, this.values.length * 2);
    const { values } = this;
    const blank = this.#blank;
    const marked = this.#marked;
    for (let i = 0; i < marked.length; i++) values[base + marked[i]] = blank[marked[i]];
    return base;
  }

  /** The record goes to the next who takes one. */
  release(base: number): void {
    this.values.set(this.#blank, base);
    this.#free.push(base);
  }

  /** Asserts that every record belongs to one of `owned`, once, or is free and blank. */
  verify(name: string, owned: Iterable<number>): void {
    const seen = new Set<number>();
    const note = (base: number, what: string) => {
      const isRecord = base >= 0 && base < this.#used && base % this.#width === 0;
      assert(isRecord, `${name}: ${what} ${base} is a record of the slab`);
      assert(!seen.has(base), `${name}: ${what} ${base} belongs to one owner`);
      seen.add(base);
    };
    for (const base of owned) note(base, 'record');
    for (const base of this.#free) {
      note(base, 'free record');
      const isBlank = this.#blank.every((value, field) => Object.is(this.values[base + field], value));
      assert(isBlank, `${name}: free record ${base} is blank`);
    }
    assert(seen.size * this.#width === this.#used, `${name}: every record is owned or free`);
  }
}

const firstRecords = 2;
