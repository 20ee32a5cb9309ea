import { assert } from '../model/errors.ts';
import { grownInPlace } from '../model/grown.ts';
import { hotAt } from './hot-campaigns.ts';
import { none } from './none.ts';

/**
 * Which cells were written since the last harvest: one list a lane, chained by campaign in the order
 * of writing, so that noting a cell touches no object.
 */
export class TouchedCells {
  #cells = new Int32Array(firstEntries);
  /** Entry of the campaign's next cell. */
  #next = new Int32Array(firstEntries);
  #count = 0;

  /** `base` = the campaign's hot record. */
  add(hot: Float64Array, base: number, cell: number): void {
    if (this.#count === this.#cells.length) this.#grow();
    const entry = this.#count++;
    this.#cells[entry] = cell;
    this.#next[entry] = none;
    const last = hot[base + hotAt.lastTouched];
    if (last === none) hot[base + hotAt.firstTouched] = entry;
    else this.#next[last] = entry;
    hot[base + hotAt.lastTouched] = entry;
  }

  /** The campaign's first entry, to walk its cells without a list of them; `none` where there is none. */
  firstOf(hot: Float64Array, base: number): number {
    return hot[base + hotAt.firstTouched];
  }
  nextOf(entry: number): number {
    return this.#next[entry];
  }
  cellOf(entry: number): number {
    return this.#cells[entry];
  }

  /** The campaign's cells, in the order in which they were written first. */
  of(hot: Float64Array, base: number): number[] {
    const cells: number[] = [];
    for (let at = hot[base + hotAt.firstTouched]; at !== none; at = this.#next[at]) cells.push(this.#cells[at]);
    return cells;
  }

  forget(hot: Float64Array, base: number): void {
    hot[base + hotAt.firstTouched] = none;
    hot[base + hotAt.lastTouched] = none;
  }

  /** Asserts that the campaign's list lies within the list, has no circle, and ends where the hot record says. */
  verify(hot: Float64Array, base: number): void {
    let last: number = none;
    for (let at = hot[base + hotAt.firstTouched], steps = 0; at !== none; at = this.#next[at], steps += 1) {
      assert(at >= 0 && at < this.#count && steps < this.#count, `touched entry ${at} lies in the list`);
      last = at;
    }
    assert(hot[base + hotAt.lastTouched] === last, 'the list of touched cells ends where the campaign says');
  }

  /** After every campaign's were forgotten. */
  clear(): void {
    this.#count = 0;
  }

  #grow(): void {
    const length = this.#cells.length * 2;
    this.#cells = grownInPlace(this.#cells, length);
    this.#next = grownInPlace(this.#next, length);
  }
}

const firstEntries = 64;
