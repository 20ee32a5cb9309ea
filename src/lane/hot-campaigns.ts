import { grownInPlace } from '../model/grown.ts';
import { none } from './none.ts';

/**
 * What nearly every event asks of its campaign, as three cache lines of one buffer of the lane: an event
 * costs what it walks to memory, and little else. Fields from `planEpoch` on are derived; `planEpoch`
 * tells whether plans changed since, and "at hand" means what the last event of the campaign needed.
 */
export const hotAt = {
  /** Clock at the last counted record. */
  lastSeen: 0,
  /** Number of the currency in the lane's names; -1 = none yet. */
  currency: 1,
  /** Offset of the record that named the currency; none of those before it knew. */
  currencySince: 2,
  isDirty: 3,
  /** Day at hand: its record in the slab of days, and its bounds; an empty span = none. */
  day: 4,
  dayStart: 5,
  dayEnd: 6,
  planEpoch: 7,
  /** Cost basis of the impressions that make spend items; -1 = impressions make none. */
  impressionBasis: 8,
  /** Cost basis of the spend records that make spend items; -1 = they make none. */
  feedBasis: 9,
  /** Number of the source that spend comes from in the lane's names; -1 = any, -2 = several. */
  spendSource: 10,
  /** Totals of the flight at hand in the slab of flights, -1 = no flight; and the span that this holds for. */
  flight: 11,
  flightStart: 12,
  flightEnd: 13,
  /** Whose word the currency is: `saidBy` of a campaign. */
  currencySaidBy: 14,
  /** Minute and quarter-hour at hand, and where their cells lie in the slab of cells; -1 = none. */
  minute: 16,
  minuteCell: 17,
  quarter: 18,
  quarterCell: 19,
  /** Record of its blocks in the slab of cells; -1 = none yet, or sums that no slab holds. */
  blocks: 20,
  /** First and last of its cells written since the last harvest, in the list of the slab; -1 = none. */
  firstTouched: 21,
  lastTouched: 22,
} as const;

/** Whole cache lines of 64 bytes. */
export const hotWidth = 24;

/** The hot records of a lane: that of slot s starts at `s * hotWidth`. */
export class HotCampaigns {
  /** Replaced when it grows. */
  values = new Float64Array(hotWidth * firstSlots);
  #slots = 0;

  /** Makes records up to that of `slot`. */
  cover(slot: number): void {
    if (slot < this.#slots) return;
    while (this.values.length < (slot + 1) * hotWidth) this.values = grownInPlace(this.values, this.values.length * 2);
    for (let each = this.#slots; each <= slot; each++) this.#begin(each * hotWidth);
    this.#slots = slot + 1;
  }

  /** Nothing is at hand any more: days, flights or cells of the campaign are not what they were. */
  putAway(base: number): void {
    const { values } = this;
    values[base + hotAt.dayStart] = 0;
    values[base + hotAt.dayEnd] = 0;
    values[base + hotAt.flightStart] = 0;
    values[base + hotAt.flightEnd] = 0;
    values[base + hotAt.minuteCell] = none;
    values[base + hotAt.quarterCell] = none;
  }

  #begin(base: number): void {
    const { values } = this;
    values[base + hotAt.lastSeen] = Number.NEGATIVE_INFINITY;
    values[base + hotAt.currency] = none;
    values[base + hotAt.currencySaidBy] = 0;
    values[base + hotAt.currencySince] = Number.NEGATIVE_INFINITY;
    values[base + hotAt.planEpoch] = none;
    values[base + hotAt.blocks] = none;
    values[base + hotAt.firstTouched] = none;
    values[base + hotAt.lastTouched] = none;
    this.putAway(base);
  }
}

const firstSlots = 4;
