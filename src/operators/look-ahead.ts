import { type EventBatch, kind } from '../model/event-batch.ts';
import type { CheckRecords } from './check-records.ts';
import { hotAt, hotWidth } from './hot-campaigns.ts';
import type { LaneState } from './lane-state.ts';
import type { Segment } from './segment.ts';

/**
 * Rows looked at ahead. What they touch, some 600 bytes each, must still be in the cache of a core
 * (512 KiB on small machines) when the operators come to them.
 */
const rowsAhead = 256;

/**
 * Finds the campaign of the next rows and touches what their operators will need. Changes nothing: it
 * is there because an operator waits for memory row by row, while a loop this short has the walks of
 * many rows under way at once.
 */
export class LookAhead {
  readonly #state: LaneState;
  readonly #check: CheckRecords;
  /** Row up to which rows were looked at. */
  #end = 0;
  /** Of what was touched, so that no compiler leaves the loads out. */
  touched = 0;

  constructor(state: LaneState, check: CheckRecords) {
    this.#state = state;
    this.#check = check;
  }

  beginBatch(): void {
    this.#end = 0;
  }

  /** To be called before the operators see `row`; returns how far they may go. */
  reach(segment: Segment, row: number): number {
    if (row < this.#end) return this.#end;
    const { batch } = segment;
    this.#end = Math.min(row + rowsAhead, batch.count);
    this.#findCampaigns(segment, batch, row);
    this.touched = (this.#check.touchIds(batch, row, this.#end) + this.#touchBooks(segment, row)) | 0;
    return this.#end;
  }

  #findCampaigns({ slots }: Segment, { kinds, orgs, campaigns }: EventBatch, from: number): void {
    const state = this.#state;
    for (let row = from; row < this.#end; row++) {
      slots[row] = kinds[row] > kind.org_plan ? state.findSlot(orgs[row], campaigns[row]) : -1;
    }
  }

  #touchBooks({ slots }: Segment, from: number): number {
    const hot = this.#state.books.hot.values;
    const days = this.#state.books.days.values;
    const flights = this.#state.books.flights.values;
    const cells = this.#state.books.cells.cells.values;
    let sum = 0;
    for (let row = from; row < this.#end; row++) {
      const base = slots[row] * hotWidth;
      if (base < 0) continue;
      sum += hot[base + hotAt.lastSeen] + days[hot[base + hotAt.day]];
      const flight = hot[base + hotAt.flight];
      if (flight >= 0) sum += flights[flight];
      const minute = hot[base + hotAt.minuteCell];
      if (minute >= 0) sum += cells[minute] + cells[hot[base + hotAt.quarterCell]];
    }
    return sum;
  }
}
