import { grownInPlace } from '../model/grown.ts';
import { hotAt } from './hot-campaigns.ts';

/**
 * Which cells were written since the last harvest: one list a lane, chained by campaign in the order
 * of writing, so that noting a cell touches no object.
 */
export class TouchedCells {
  #cells = new Int32Array(firstEntries);
  /** Entry + 1 of the campaign's next cell; 0 = it was the last. */
  #next = new Int32Array(firstEntries);
  #count = 0;

  /** `base` = the campaign's hot record. */
  add(hot: Float64Array, base: number, cell: number): void {
    if (this.#count === this.#cells.length) this.#grow();
    const entry = this.#count++;
    this.#cells[entry] = cell;
    this.#next[entry] = 0;
    const last = hot[base + hotAt.lastTouched];
    if (last === 0) hot[base + hotAt.firstTouched] = entry + 1;
    else this.#next[last - 1] = entry + 1;
    hot[base + hotAt.lastTouched] = entry + 1;
  }

  /** The campaign's cells, in the order in which they were written first. */
  of(hot: Float64Array, base: number): number[] {
    const cells: number[] = [];
    for (let at = hot[base + hotAt.firstTouched]; at !== 0; at = this.#next[at - 1]) cells.push(this.#cells[at - 1]);
    return cells;
  }

  forget(hot: Float64Array, base: number): void {
    hot[base + hotAt.firstTouched] = 0;
    hot[base + hotAt.lastTouched] = 0;
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
