import { type EventBatch, flag } from '../events/event-batch.ts';
import { isDelivery, isRare } from '../events/kind-facts.ts';
import { kind } from '../events/kinds.ts';
import { EventIdSet } from '../lane/event-id-set.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { duplicateWindowOf } from '../lane/plan-bounds.ts';
import type { Segment } from './segment.ts';

/**
 * Rows looked at ahead. What they touch, some 600 bytes each, must still be in the cache of a core
 * (512 KiB on small machines) when the operators come to them.
 */
export const rowsAhead = 256;

/** Which event ids the lane has met (docs/semantics.md §2): a short memory of many, a long one of few. */
export class DuplicateCheck {
  readonly #state: LaneState;
  /** Delivery ids: a function of the log's tail, never committed, read back after a restore. */
  readonly #deliveryIds = new EventIdSet();
  /** By dictionary id of the organization; -1 = not met yet. */
  #orgSlots = new Int32Array(1_024).fill(-1);
  /** Rows that were looked at ahead: hashes of their delivery ids, and the slots of whose they are; -1 = not known then. */
  #aheadFrom = 0;
  #aheadTo = 0;
  readonly #aheadHashes = new Int32Array(rowsAhead);
  readonly #aheadOrgs = new Int32Array(rowsAhead);

  constructor(state: LaneState) {
    this.#state = state;
  }

  /** Names have other dictionary ids from now on. */
  forgetIds(): void {
    this.#orgSlots.fill(-1);
  }

  /** Rows are those of another batch from now on. */
  beginBatch(): void {
    this.#aheadTo = 0;
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
    if (ids.isFull) {
      const { ms, records } = this.#state.longestWindow;
      ids.makeRoom(clock - ms, offset, records);
    }
    const org = this.orgSlot(batch, row);
    const found = ids.findHashed(this.#hashOf(org, batch, row), org, batch.eventIds, 4 * row);
    const isSeen =
      found >= 0 && this.#isInWindow(org, clock, ids.clockAt(found), offset, ids.recordsSince(found, offset));
    ids.put(found, org, batch.eventIds, 4 * row, clocks, row, offset);
    return isSeen;
  }

  /** As it was worked out when the row was looked at ahead, unless it was none then, or somebody else's. */
  #hashOf(org: number, { eventIds }: EventBatch, row: number): number {
    const ahead = row - this.#aheadFrom;
    if (ahead >= 0 && row < this.#aheadTo && this.#aheadOrgs[ahead] === org) return this.#aheadHashes[ahead];
    return this.#deliveryIds.hashOf(org, eventIds, 4 * row);
  }

  #isInWindow(org: number, clock: number, before: number, offset: number, recordsSince: number): boolean {
    const organization = this.#state.organizations[org];
    const { ms, records } = duplicateWindowOf(this.#state.planOf(organization.id).plan, this.#state.limits);
    if (clock - before > ms || recordsSince > records) return false;
    return before >= organization.duplicatesSince && offset - recordsSince >= organization.duplicatesFrom;
  }

  isRareDuplicate(batch: EventBatch, row: number, clock: number): boolean {
    const { rare, total } = this.#state.ids;
    const org = this.orgSlot(batch, row);
    const isTotal = batch.kinds[row] === kind.performance_report || (batch.flags[row] & flag.cumulative) !== 0;
    const own = isTotal ? total : rare;
    const other = isTotal ? rare : total;
    return other.knows(org, batch.eventIds, 4 * row, clock) || own.isDuplicate(org, batch.eventIds, 4 * row, clock);
  }

  /** Touches where the ids of rows lie, or will (see `LookAhead`); `places` has room for all, which are at most `rowsAhead`. */
  touch(batch: EventBatch, from: number, to: number, places: Int32Array): number {
    const { orgs, kinds, eventIds } = batch;
    const { rare } = this.#state.ids;
    const ids = this.#deliveryIds;
    this.#aheadFrom = from;
    this.#aheadTo = to;
    // Those of delivery from the front, rare ones from the back.
    let count = 0;
    let rareFrom = places.length;
    for (let row = from; row < to; row++) {
      const org = this.#orgSlots[orgs[row]];
      const recordKind = kinds[row];
      this.#aheadOrgs[row - from] = -1;
      if (!(org >= 0)) continue;
      if (isDelivery[recordKind] === 1) {
        const hash = ids.hashOf(org, eventIds, 4 * row);
        this.#aheadOrgs[row - from] = org;
        this.#aheadHashes[row - from] = hash;
        places[count++] = ids.placeOf(hash);
      } else if (isRare[recordKind] === 1) places[--rareFrom] = rare.placeOf(org, eventIds, 4 * row);
    }
    return ids.touch(places, 0, count) + rare.touch(places, rareFrom, places.length);
  }

  #grow(org: number): void {
    const slots = new Int32Array(Math.max(org + 1, this.#orgSlots.length * 2)).fill(-1);
    slots.set(this.#orgSlots);
    this.#orgSlots = slots;
  }
}
