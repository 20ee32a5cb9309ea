import { microsOf, nanosPerMicro } from '../model/money.ts';
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

/** Place of each counter in a day's record. */
export const counterAt = Object.fromEntries(correctableCounters.map((name, at) => [name, at])) as Readonly<
  Record<Counter, number>
>;

const firstSum = correctableCounters.length;
/** Place of each exact sum in a day's record, behind the counters. */
export const sumAt = {
  conversionsByTouch: firstSum,
  revenueByTouch: firstSum + 1,
  conversionsByConversion: firstSum + 2,
  revenueByConversion: firstSum + 3,
  spendNanos: firstSum + 4,
  adjustmentNanos: firstSum + 5,
} as const;
/** In the order of the state blobs. */
export const sumPlaces: readonly number[] = Object.values(sumAt);
const offsetAt = firstSum + sumPlaces.length;
/** Whole cache lines. */
const recordWidth = Math.ceil((offsetAt + 1) / 8) * 8;

export function daySlab(): NumberSlab {
  return new NumberSlab(recordWidth);
}

/** One campaign and local day; the heart of `campaign_metrics_daily`. Its numbers lie in the lane's slab. */
export class DayRow {
  readonly #slab: NumberSlab;
  readonly #base: number;
  readonly day: number;
  isDirty = false;
  /** Nobody will book here any more; its record is given back once the row is written. */
  #isForgotten = false;
  planNumber = 0;
  /** Plan epoch in which `planNumber` was looked up; derived. */
  planEpoch = -1;
  currency = '';
  /** What sums have beyond the safe integers in the slab; nearly always none. */
  #large: Map<number, bigint> | null = null;

  constructor(day: number, slab: NumberSlab) {
    this.day = day;
    this.#slab = slab;
    this.#base = slab.take();
  }

  /** Offset of the last record booked here. */
  get offset(): number {
    return this.#slab.values[this.#base + offsetAt];
  }
  set offset(value: number) {
    this.#slab.values[this.#base + offsetAt] = value;
  }

  /** A counter by its place. */
  count(place: number): number {
    return this.#slab.values[this.#base + place];
  }
  setCount(place: number, value: number): void {
    this.#slab.values[this.#base + place] = value;
  }
  addCount(place: number, amount: number): void {
    this.#slab.values[this.#base + place] += amount;
  }

  add(place: number, amount: number): void {
    const { values } = this.#slab;
    const sum = values[this.#base + place] + amount;
    if (isSafe(sum)) values[this.#base + place] = sum;
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
    this.#slab.values[this.#base + place] = isSafe(small) ? small : 0;
    if (isSafe(small)) {
      if (this.#large?.delete(place) && this.#large.size === 0) this.#large = null;
      return;
    }
    this.#large ??= new Map();
    this.#large.set(place, value);
  }

  /** The sum as a number where it is a safe integer, else as it is: cheap to write down. */
  compactSum(place: number): number | bigint {
    return this.#large === null ? this.count(place) : this.sum(place);
  }

  /** For sums in nanos: the floor in micros. */
  micros(place: number): number | bigint {
    return microsOf(this.compactSum(place));
  }

  /** The campaign knows this day no more. */
  forget(): void {
    if (this.isDirty) this.#isForgotten = true;
    else this.#slab.release(this.#base);
  }

  /** The row was written as it stands. */
  settle(): void {
    this.isDirty = false;
    if (this.#isForgotten) this.#slab.release(this.#base);
  }
}

function isSafe(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;
}
