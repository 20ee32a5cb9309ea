import { cellAt, type DeliveryCells } from '../lane/delivery-cells.ts';
import { hotAt, hotWidth } from '../lane/hot-campaigns.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { none } from '../lane/none.ts';
import { nanosOf, quickSum } from '../model/money.ts';
import { minuteMs, quarterMs } from '../model/time.ts';
import type { Segment } from './segment.ts';

/** Instants are read here, not handed over: as arguments each would be an object. */
type Instants = Pick<Segment, 'clocks' | 'itemAt'>;

/**
 * Books items into cells through what campaigns have at hand: nearly every event of a campaign falls
 * into the minute and the quarter-hour of the one before.
 */
export class CellBooker {
  readonly #state: LaneState;
  readonly #minutesBehind: number;
  readonly #quartersBehind: number;

  constructor(state: LaneState) {
    this.#state = state;
    this.#minutesBehind = state.limits.minutesBehind;
    this.#quartersBehind = state.limits.quartersBehind;
  }

  /**
   * Books an item at the instant of a row. Items behind a ring leave no cell there: nobody will ask for
   * it again. Amount = micros · 1000 + nanos, both safe integers. Both rings are spelled out: as one
   * method that is told the ring, all of applying costs a sixth more.
   */
  book(slot: number, instants: Instants, row: number, micros: number, nanos: number, impressions: number): void {
    const at = instants.itemAt[row];
    const clock = instants.clocks[row];
    const { cells } = this.#state.books;
    const hot = this.#state.books.hot.values;
    const base = slot * hotWidth;
    const minute = Math.floor(at / minuteMs);
    if (minute >= Math.floor(clock / minuteMs) - this.#minutesBehind) {
      if (hot[base + hotAt.minute] !== minute || hot[base + hotAt.minuteCell] < 0) {
        hot[base + hotAt.minute] = minute;
        hot[base + hotAt.minuteCell] = this.#bring(slot, cells.minuteCellOf(minute), minute);
      }
      const place = hot[base + hotAt.minuteCell];
      if (this.#add(place, micros, nanos, impressions)) {
        if (!cells.isTouched(place)) cells.touch(hot, base, cells.minuteCellOf(minute), place);
      } else this.#addExact(slot, cells.minuteCellOf(minute), minute, micros, nanos, impressions);
    }
    const quarter = Math.floor(at / quarterMs);
    if (quarter < Math.floor(clock / quarterMs) - this.#quartersBehind) return;
    if (hot[base + hotAt.quarter] !== quarter || hot[base + hotAt.quarterCell] < 0) {
      hot[base + hotAt.quarter] = quarter;
      hot[base + hotAt.quarterCell] = this.#bring(slot, cells.quarterCellOf(quarter), quarter);
    }
    const place = hot[base + hotAt.quarterCell];
    if (this.#add(place, micros, nanos, impressions)) {
      if (!cells.isTouched(place)) cells.touch(hot, base, cells.quarterCellOf(quarter), place);
    } else this.#addExact(slot, cells.quarterCellOf(quarter), quarter, micros, nanos, impressions);
  }

  /** False when the cell holds, or would hold, more than the safe integers: the long way is due. */
  #add(place: number, micros: number, nanos: number, impressions: number): boolean {
    if (place < 0) return false;
    const slab = this.#state.books.cells;
    const { values } = slab.cells;
    const sum = quickSum(values[place + cellAt.nanos], micros, nanos);
    if (Number.isNaN(sum)) return false;
    values[place + cellAt.nanos] = sum;
    values[place + cellAt.impressions] += impressions;
    if (sum > slab.peak || -sum > slab.peak) slab.peak = Math.abs(sum);
    return true;
  }

  #addExact(slot: number, cell: number, id: number, micros: number, nanos: number, impressions: number): void {
    this.#cellsOf(slot).add(cell, id, nanosOf(micros, nanos), impressions);
    // From now on this campaign may have sums that no slab holds: nothing may be added in passing.
    const hot = this.#state.books.hot.values;
    hot[slot * hotWidth + hotAt.minuteCell] = none;
    hot[slot * hotWidth + hotAt.quarterCell] = none;
  }

  /** Where the cell lies, holding `id` from now on; -1 = nothing may be added in passing. */
  #bring(slot: number, cell: number, id: number): number {
    const { hot, cells: slab } = this.#state.books;
    const blocks = hot.values[slot * hotWidth + hotAt.blocks];
    const place = blocks === none ? none : slab.placeOf(blocks, cell);
    if (place < 0) return this.#cellsOf(slot).bring(cell, id);
    slab.takeOver(place, id);
    return place;
  }

  #cellsOf(slot: number): DeliveryCells {
    return this.#state.campaigns[slot].cellsToWrite();
  }
}
