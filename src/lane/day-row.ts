import { microsOf, nanosPerMicro } from '../model/money.ts';
import { isSafe, plus, type Whole, whole } from '../model/whole.ts';
import { none } from './none.ts';
import { NumberSlab } from './number-slab.ts';

/** Counters that a metric correction may name, in the order of their columns. */
export const correctableCounters = [
  'impressions',
  'invalid_impressions',
  'measurable_impressions',
  'viewable_impressions',
  'clicks',
  'invalid_clicks',
  'video_starts',
  'video_first_quartiles',
  'video_midpoints',
  'video_third_quartiles',
  'video_completes',
  'auction_requests',
  'auction_bids',
  'auction_wins',
] as const;
export type Counter = (typeof correctableCounters)[number];

/** Place of each counter in a day's record; what most events touch shares its first cache line. */
export const counterAt: Readonly<Record<Counter, number>> = {
  impressions: 0,
  measurable_impressions: 1,
  viewable_impressions: 2,
  clicks: 3,
  invalid_impressions: 8,
  invalid_clicks: 9,
  video_starts: 10,
  video_first_quartiles: 11,
  video_midpoints: 12,
  video_third_quartiles: 13,
  video_completes: 14,
  auction_requests: 15,
  auction_bids: 16,
  auction_wins: 17,
};
/** In the order of the state blobs. */
export const counterPlaces: readonly number[] = correctableCounters.map((name) => counterAt[name]);

/** Place of each exact sum in a day's record. */
export const sumAt = {
  spendNanos: 4,
  conversionsByTouch: 18,
  revenueByTouch: 19,
  conversionsByConversion: 20,
  revenueByConversion: 21,
  adjustmentNanos: 22,
} as const;
/** In the order of the state blobs. */
export const sumPlaces: readonly number[] = [
  sumAt.conversionsByTouch,
  sumAt.revenueByTouch,
  sumAt.conversionsByConversion,
  sumAt.revenueByConversion,
  sumAt.spendNanos,
  sumAt.adjustmentNanos,
];

/** Place of the events of untrusted clocks that count at the log's time. */
export const clockSetRightAt = 23;

/** All places of a day's record that add up. */
export const addedPlaces: readonly number[] = [...counterPlaces, ...sumPlaces, clockSetRightAt];

/** Place of what else a day's record holds. */
export const dayAt = {
  /** Offset of the last record booked here. */
  offset: 5,
  isDirty: 6,
  /** Number of the currency in the lane's names. */
  currency: 7,
} as const;
/** Whole cache lines of 64 bytes. */
const recordWidth = 24;

export function daySlab(): NumberSlab {
  const blank = new Array<number>(recordWidth).fill(0);
  blank[dayAt.currency] = none;
  return new NumberSlab(blank);
}

/** Revenue in one currency, micros; or conversions, in millionths. */
export interface Revenue {
  byTouch: Whole;
  byConversion: Whole;
}

/** Conversions of a day that are of one type, and came by a click, a view, or nobody says how (`ConversionTypes`). */
interface TypedConversions {
  readonly code: number;
  byTouch: Whole;
  byConversion: Whole;
  /** Offset of the record that last changed them. */
  offset: number;
  planNumber: number;
  isDirty: boolean;
}

/** One campaign and local day; the heart of `campaign_metrics_daily`. Its numbers lie in the lane's slab. */
export class DayRow {
  readonly #slab: NumberSlab;
  /** Its record in the slab. */
  readonly base: number;
  readonly day: number;
  /** Nobody will book here any more; its record is given back once the row is written. */
  #isForgotten = false;
  planNumber = 0;
  /** Plan epoch in which `planNumber` was looked up; derived. */
  planEpoch = -1;
  /** What sums have beyond the safe integers in the slab; nearly always none. */
  #large: Map<number, bigint> | null = null;
  /**
   * Revenue in other currencies than the row's, by number in the lane's names; nearly always none. One that was there
   * once stays, be it 0: rows were written of it.
   */
  otherRevenue: Map<number, Revenue> | null = null;
  /** Each of a code of its own; one that was there once stays, be it 0. Null while nothing was converted. */
  conversions: readonly TypedConversions[] | null = null;

  constructor(day: number, slab: NumberSlab) {
    this.day = day;
    this.#slab = slab;
    this.base = slab.take();
  }

  /** Offset of the last record booked here. */
  get offset(): number {
    return this.#slab.values[this.base + dayAt.offset];
  }
  set offset(value: number) {
    this.#slab.values[this.base + dayAt.offset] = value;
  }

  get isDirty(): boolean {
    return this.#slab.values[this.base + dayAt.isDirty] === 1;
  }
  set isDirty(value: boolean) {
    this.#slab.values[this.base + dayAt.isDirty] = value ? 1 : 0;
  }

  /** Number of the currency in the lane's names; `none` = none yet. */
  get currency(): number {
    return this.#slab.values[this.base + dayAt.currency];
  }
  set currency(value: number) {
    this.#slab.values[this.base + dayAt.currency] = value;
  }

  /** A counter by its place. */
  count(place: number): number {
    return this.#slab.values[this.base + place];
  }
  setCount(place: number, value: number): void {
    this.#slab.values[this.base + place] = value;
  }
  addCount(place: number, amount: number): void {
    this.#slab.values[this.base + place] += amount;
  }

  /** Adds to a counter or a sum, whatever its size. */
  addWhole(place: number, amount: Whole): void {
    if (typeof amount === 'number') this.add(place, amount);
    else this.addExact(place, amount);
  }

  addOtherRevenue(currency: number, byTouch: Whole, byConversion: Whole): void {
    if (byTouch === 0 && byConversion === 0) return;
    this.otherRevenue ??= new Map();
    const known = this.otherRevenue.get(currency) ?? { byTouch: 0, byConversion: 0 };
    known.byTouch = plus(known.byTouch, byTouch);
    known.byConversion = plus(known.byConversion, byConversion);
    this.otherRevenue.set(currency, known);
  }

  /** The record of `offset` adds conversions of a code; with none it changes nothing. */
  addConversions(code: number, byTouch: Whole, byConversion: Whole, offset: number, planNumber: number): void {
    if (isZero(byTouch) && isZero(byConversion)) return;
    const known = this.#conversionsOf(code);
    if (known === undefined)
      return this.keepConversions({ code, byTouch, byConversion, offset, planNumber, isDirty: true });
    known.byTouch = plus(known.byTouch, byTouch);
    known.byConversion = plus(known.byConversion, byConversion);
    known.offset = offset;
    known.planNumber = planNumber;
    known.isDirty = true;
  }

  #conversionsOf(code: number): TypedConversions | undefined {
    if (this.conversions === null) return undefined;
    for (const each of this.conversions) if (each.code === code) return each;
    return undefined;
  }

  /** Of a code that is not there. Nearly all days have one: an array that grows would make room for seventeen. */
  keepConversions(typed: TypedConversions): void {
    this.conversions = this.conversions === null ? [typed] : [...this.conversions, typed];
  }

  /** As it was kept before, be it 0. */
  keepOtherRevenue(currency: number, revenue: Revenue): void {
    this.otherRevenue ??= new Map();
    this.otherRevenue.set(currency, revenue);
  }

  /** Shows the revenue in one currency, and keeps what it showed, which was in another. */
  turnRevenue(from: number, to: number): void {
    const { revenueByTouch, revenueByConversion } = sumAt;
    this.addOtherRevenue(from, this.compactSum(revenueByTouch), this.compactSum(revenueByConversion));
    const shown = this.otherRevenue?.get(to);
    this.setSum(revenueByTouch, BigInt(shown?.byTouch ?? 0));
    this.setSum(revenueByConversion, BigInt(shown?.byConversion ?? 0));
    if (shown !== undefined) this.keepOtherRevenue(to, { byTouch: 0, byConversion: 0 });
  }

  add(place: number, amount: number): void {
    const { values } = this.#slab;
    const sum = values[this.base + place] + amount;
    if (isSafe(sum)) values[this.base + place] = sum;
    else this.addExact(place, BigInt(amount));
  }

  /** For sums in nanos: adds micros · 1000 + nanos. */
  addMicros(place: number, micros: number, nanos: number): void {
    const product = micros * nanosPerMicro;
    if (isSafe(product)) this.add(place, product);
    else this.addExact(place, BigInt(micros) * BigInt(nanosPerMicro));
    if (nanos !== 0) this.add(place, nanos);
  }

  addExact(place: number, amount: bigint): void {
    this.setSum(place, this.sum(place) + amount);
  }

  sum(place: number): bigint {
    return BigInt(this.count(place)) + (this.#large?.get(place) ?? 0n);
  }

  setSum(place: number, value: bigint): void {
    const small = Number(value);
    this.#slab.values[this.base + place] = isSafe(small) ? small : 0;
    if (isSafe(small)) {
      if (this.#large?.delete(place) && this.#large.size === 0) this.#large = null;
      return;
    }
    this.#large ??= new Map();
    this.#large.set(place, value);
  }

  /** The sum as a number where it is a safe integer, else as it is: cheap to write down. */
  compactSum(place: number): Whole {
    if (this.#large === null) return this.count(place);
    const large = this.#large.get(place);
    return large === undefined ? this.count(place) : whole(large + BigInt(this.count(place)));
  }

  /** True when all its sums lie in the slab. */
  get isSmall(): boolean {
    return this.#large === null;
  }

  /** The slab, in which its numbers lie from `base` on; another one when it has grown. */
  get values(): Float64Array {
    return this.#slab.values;
  }

  /** For sums in nanos: the floor in micros. */
  micros(place: number): Whole {
    return microsOf(this.compactSum(place));
  }

  /** The campaign knows this day no more. */
  forget(): void {
    if (this.isDirty) this.#isForgotten = true;
    else this.#slab.release(this.base);
  }

  /** The row was written as it stands. */
  settle(): void {
    this.isDirty = false;
    if (this.#isForgotten) this.#slab.release(this.base);
  }
}

function isZero(amount: Whole): boolean {
  return amount === 0 || amount === 0n;
}
