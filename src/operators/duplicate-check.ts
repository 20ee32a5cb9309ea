import type { EventBatch } from '../events/event-batch.ts';
import { isDelivery, isRare } from '../events/kind-facts.ts';
import { EventIdSet } from '../lane/event-id-set.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { Segment } from './segment.ts';

/** Which event ids the lane has met (docs/semantics.md §2): a short memory of many, a long one of few. */
export class DuplicateCheck {
  readonly #state: LaneState;
  readonly #windowMs: number;
  readonly #recordsMax: number;
  /** Delivery ids: a function of the log's tail, never committed, read back after a restore. */
  readonly #deliveryIds = new EventIdSet();
  /** By dictionary id of the organization; -1 = not met yet. */
  #orgSlots = new Int32Array(1_024).fill(-1);

  constructor(state: LaneState) {
    this.#state = state;
    this.#windowMs = state.limits.duplicateWindowMs;
    this.#recordsMax = state.limits.duplicateRecordsMax;
  }

  /** Whether a record of the organization was met before. */
  knows(org: number): boolean {
    return this.#orgSlots[org] >= 0;
  }

  /** The organization's slot; it is known from now on. */
  orgSlot(batch: EventBatch, row: number): number {
    const org = batch.orgs[row];
    if (org >= this.#orgSlots.length) this.#grow(org);
    let slot = this.#orgSlots[org];
    if (slot === -1) {
      slot = this.#state.organizationOf(org, batch.dictionaries).slot;
      this.#orgSlots[org] = slot;
    }
    return slot;
  }

  /** Looks the delivery id up and remembers this occurrence. An instant handed over would be an object. */
  isSeen({ batch, clocks }: Segment, row: number): boolean {
    const clock = clocks[row];
    const ids = this.#deliveryIds;
    const offset = batch.offsets[row];
    if (ids.isFull) ids.makeRoom(clock - this.#windowMs, offset, this.#recordsMax);
    const org = this.orgSlot(batch, row);
    const found = ids.find(org, batch.eventIds, 4 * row);
    const isSeen =
      found >= 0 && clock - ids.clockAt(found) <= this.#windowMs && ids.recordsSince(found, offset) <= this.#recordsMax;
    ids.put(found, org, batch.eventIds, 4 * row, clock, offset);
    return isSeen;
  }

  isRareDuplicate(batch: EventBatch, row: number, clock: number): boolean {
    return this.#state.rareIds.isDuplicate(this.orgSlot(batch, row), batch.eventIds, 4 * row, clock);
  }

  /** Touches where the ids of rows lie, or will (see `LookAhead`); `places` has room for all. */
  touch(batch: EventBatch, from: number, to: number, places: Int32Array): number {
    const { orgs, kinds, eventIds } = batch;
    const { rareIds } = this.#state;
    // Those of delivery from the front, rare ones from the back.
    let count = 0;
    let rareFrom = places.length;
    for (let row = from; row < to; row++) {
      const org = this.#orgSlots[orgs[row]];
      const recordKind = kinds[row];
      if (!(org >= 0)) continue;
      if (isDelivery[recordKind] === 1) places[count++] = this.#deliveryIds.placeOf(org, eventIds, 4 * row);
      else if (isRare[recordKind] === 1) places[--rareFrom] = rareIds.placeOf(org, eventIds, 4 * row);
    }
    return this.#deliveryIds.touch(places, 0, count) + rareIds.touch(places, rareFrom, places.length);
  }

  #grow(org: number): void {
    const slots = new Int32Array(Math.max(org + 1, this.#orgSlots.length * 2)).fill(-1);
    slots.set(this.#orgSlots);
    this.#orgSlots = slots;
  }
}
