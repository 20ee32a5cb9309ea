import type { EventBatch } from '../events/event-batch.ts';
import { namesCampaign } from '../events/kind-facts.ts';
import { hotAt, hotWidth } from '../lane/hot-campaigns.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { type DuplicateCheck, rowsAhead } from './duplicate-check.ts';
import type { Segment } from './segment.ts';

/**
 * Finds the campaign of the next rows and touches what their operators will need. Changes nothing: it
 * is there because an operator waits for memory row by row, while a loop this short has the walks of
 * many rows under way at once.
 */
export class LookAhead {
  readonly #state: LaneState;
  readonly #duplicates: DuplicateCheck;
  readonly #idPlaces = new Int32Array(rowsAhead);
  readonly #bases = new Int32Array(rowsAhead);
  #count = 0;
  /** Row up to which rows were looked at. */
  #end = 0;
  /** Of what was touched, so that no compiler leaves the loads out. */
  touched = 0;

  constructor(state: LaneState, duplicates: DuplicateCheck) {
    this.#state = state;
    this.#duplicates = duplicates;
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
    this.touched = (this.#touchBooks() + this.#duplicates.touch(batch, row, this.#end, this.#idPlaces)) | 0;
    return this.#end;
  }

  #findCampaigns({ slots }: Segment, { kinds, orgs, campaigns }: EventBatch, from: number): void {
    const state = this.#state;
    let count = 0;
    for (let row = from; row < this.#end; row++) {
      const slot = namesCampaign[kinds[row]] === 1 ? state.findSlot(orgs[row], campaigns[row]) : -1;
      slots[row] = slot;
      if (slot >= 0) this.#bases[count++] = slot * hotWidth;
    }
    this.#count = count;
  }

  /** One array after the other: the shorter a loop, the more of its loads are under way at once. */
  #touchBooks(): number {
    const { hot, days, flights, cells } = this.#state.books;
    return (
      touch(hot.values, this.#bases, this.#count) +
      touchBehind(days.values, hot.values, this.#bases, this.#count, hotAt.day) +
      touchBehind(flights.values, hot.values, this.#bases, this.#count, hotAt.flight) +
      touchBehind(cells.cells.values, hot.values, this.#bases, this.#count, hotAt.minuteCell) +
      touchBehind(cells.cells.values, hot.values, this.#bases, this.#count, hotAt.quarterCell)
    );
  }
}

/** The three lines of each hot record. */
function touch(hot: Float64Array, bases: Int32Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const base = bases[i];
    sum += hot[base] + hot[base + 8] + hot[base + 16];
  }
  return sum;
}

/** What a field of each hot record points at. */
function touchBehind(values: Float64Array, hot: Float64Array, bases: Int32Array, count: number, field: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const place = hot[bases[i] + field];
    if (place >= 0) sum += values[place];
  }
  return sum;
}
