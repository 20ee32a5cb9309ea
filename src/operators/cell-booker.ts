import { nanosPerMicro } from '../model/money.ts';
import { minuteMs, quarterMs } from '../model/time.ts';
import { isSafe } from '../model/whole.ts';
import { cellAt, DeliveryCells, minuteCellOf, minutesBehind, quarterCellOf, quartersBehind } from './delivery-cells.ts';
import { hotAt, hotWidth } from './hot-campaigns.ts';
import type { LaneState } from './lane-state.ts';

/**
 * Books items into cells through what campaigns have at hand: nearly every event of a campaign falls
 * into the minute and the quarter-hour of the one before.
 */
export class CellBooker {
  readonly #state: LaneState;

  constructor(state: LaneState) {
    this.#state = state;
  }

  /**
   * Books an item at `at`. Items behind a ring leave no cell there: nobody will ask for it again.
   * Amount = micros · 1000 + nanos, both safe integers.
   */
  book(slot: number, at: number, clock: number, micros: number, nanos: number, impressions: number): void {
    const hot = this.#state.books.hot.values;
    const base = slot * hotWidth;
    const minute = Math.floor(at / minuteMs);
    if (minute >= Math.floor(clock / minuteMs) - minutesBehind) {
      if (hot[base + hotAt.minute] !== minute || hot[base + hotAt.minuteCell] < 0) this.#bringMinute(slot, minute);
      const place = hot[base + hotAt.minuteCell];
      if (!this.#add(place, micros, nanos, impressions))
        this.#addExact(slot, minuteCellOf(minute), minute, micros, nanos, impressions);
      else if (this.#isUntouched(place)) this.#touch(slot, minuteCellOf(minute), place);
    }
    const quarter = Math.floor(at / quarterMs);
    if (quarter < Math.floor(clock / quarterMs) - quartersBehind) return;
    if (hot[base + hotAt.quarter] !== quarter || hot[base + hotAt.quarterCell] < 0) this.#bringQuarter(slot, quarter);
    const place = hot[base + hotAt.quarterCell];
    if (!this.#add(place, micros, nanos, impressions))
      this.#addExact(slot, quarterCellOf(quarter), quarter, micros, nanos, impressions);
    else if (this.#isUntouched(place)) this.#touch(slot, quarterCellOf(quarter), place);
  }

  /** False when the cell holds, or would hold, more than the safe integers: the long way is due. */
  #add(place: number, micros: number, nanos: number, impressions: number): boolean {
    if (place < 0) return false;
    const slab = this.#state.books.cells;
    const { values } = slab.cells;
    // A sum of two safe integers is exact when it is a safe integer: looked at step by step.
    const product = micros * nanosPerMicro;
    const item = product + nanos;
    const sum = values[place + cellAt.nanos] + item;
    if (!(isSafe(product) && isSafe(item) && isSafe(sum))) return false;
    values[place + cellAt.nanos] = sum;
    values[place + cellAt.impressions] += impressions;
    if (sum > slab.peak || -sum > slab.peak) slab.peak = Math.abs(sum);
    return true;
  }

  #isUntouched(place: number): boolean {
    return this.#state.books.cells.cells.values[place + cellAt.isTouched] === 0;
  }

  #touch(slot: number, cell: number, place: number): void {
    this.#cellsOf(slot).touch(cell, place);
  }

  #addExact(slot: number, cell: number, id: number, micros: number, nanos: number, impressions: number): void {
    this.#cellsOf(slot).add(cell, id, BigInt(micros) * BigInt(nanosPerMicro) + BigInt(nanos), impressions);
    // From now on this campaign may have sums that no slab holds: nothing may be added in passing.
    const hot = this.#state.books.hot.values;
    hot[slot * hotWidth + hotAt.minuteCell] = -1;
    hot[slot * hotWidth + hotAt.quarterCell] = -1;
  }

  #bringMinute(slot: number, minute: number): void {
    const hot = this.#state.books.hot.values;
    hot[slot * hotWidth + hotAt.minute] = minute;
    hot[slot * hotWidth + hotAt.minuteCell] = this.#cellsOf(slot).bring(minuteCellOf(minute), minute);
  }

  #bringQuarter(slot: number, quarter: number): void {
    const hot = this.#state.books.hot.values;
    hot[slot * hotWidth + hotAt.quarter] = quarter;
    hot[slot * hotWidth + hotAt.quarterCell] = this.#cellsOf(slot).bring(quarterCellOf(quarter), quarter);
  }

  #cellsOf(slot: number): DeliveryCells {
    const campaign = this.#state.campaigns[slot];
    campaign.cells ??= new DeliveryCells(this.#state.books.cells);
    return campaign.cells;
  }
}
