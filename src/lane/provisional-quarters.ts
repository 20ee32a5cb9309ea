import { quarterMs } from '../model/time.ts';
import { minus, plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { addedPlaces, DayRow, type Revenue } from './day-row.ts';
import type { LaneBooks } from './lane-books.ts';
import type { NumberSlab } from './number-slab.ts';

/** What one quarter-hour added to its day: amounts by place in a day's record, revenue by currency. */
export interface QuarterAmounts {
  readonly places: Map<number, Whole>;
  /** By number of the currency in the lane's names. */
  readonly revenue: Map<number, Revenue>;
  /** By code of the campaign's `ConversionTypes`. */
  readonly conversions: Map<number, Revenue>;
}

/**
 * What was booked by instant while nobody had named the campaign's zone, by quarter-hour: no zone has days
 * that begin inside one, so that all of it can move to other days (docs/semantics.md §4.1).
 */
export class ProvisionalQuarters {
  /** In whose days it is booked now. */
  zone: Zone;
  /** The quarter-hour at hand takes what events add in passing; `day` of this row is a quarter-hour. */
  #atHand: DayRow;
  readonly #slab: NumberSlab;
  readonly #quartersBehind: number;
  readonly #kept = new Map<number, QuarterAmounts>();
  /** Changed since the last harvest. */
  readonly #fresh = new Set<number>();

  constructor(zone: Zone, { days: slab, quartersBehind }: LaneBooks) {
    this.#quartersBehind = quartersBehind;
    this.zone = zone;
    this.#slab = slab;
    this.#atHand = new DayRow(Number.NaN, slab);
  }

  get atHand(): DayRow {
    return this.#atHand;
  }

  /** The row for a quarter-hour; what is at hand of another one was taken before. */
  bring(quarter: number): DayRow {
    if (this.#atHand.day !== quarter) {
      this.#atHand.forget();
      this.#atHand = new DayRow(quarter, this.#slab);
    }
    return this.#atHand;
  }

  /** What the row at hand holds goes to `day`, and is kept; the row is empty again. */
  settle(day: DayRow): void {
    const row = this.#atHand;
    const kept = this.amountsOf(row.day);
    for (const place of addedPlaces) {
      const amount = row.compactSum(place);
      if (amount === 0) continue;
      day.addWhole(place, amount);
      kept.places.set(place, plus(kept.places.get(place) ?? 0, amount));
      row.setSum(place, 0n);
    }
    row.isDirty = false;
  }

  amountsOf(quarter: number): QuarterAmounts {
    this.#fresh.add(quarter);
    let kept = this.#kept.get(quarter);
    if (kept === undefined) {
      kept = { places: new Map(), revenue: new Map(), conversions: new Map() };
      this.#kept.set(quarter, kept);
    }
    return kept;
  }

  /** Quarter-hours that may still move, and what they hold. */
  movable(clock: number): [quarter: number, amounts: QuarterAmounts][] {
    const oldest = Math.floor(clock / quarterMs) - this.#quartersBehind;
    return [...this.#kept].filter(([quarter]) => quarter >= oldest);
  }

  /** Those changed since the last harvest, or all that may still move. */
  toHarvest(all: boolean, clock: number): [quarter: number, amounts: QuarterAmounts][] {
    if (!all) return [...this.#kept].filter(([quarter]) => this.#fresh.has(quarter));
    const oldest = Math.floor(clock / quarterMs) - this.#quartersBehind;
    for (const quarter of this.#kept.keys()) if (quarter < oldest) this.#kept.delete(quarter);
    return [...this.#kept].sort(([a], [b]) => a - b);
  }

  /** What was booked at a place of the day's record is not there any more. */
  forgetPlace(place: number): void {
    for (const [quarter, { places: each }] of this.#kept) if (each.delete(place)) this.#fresh.add(quarter);
  }

  restore(quarter: number, amounts: QuarterAmounts): void {
    this.#kept.set(quarter, amounts);
  }

  harvested(): void {
    this.#fresh.clear();
  }

  /** Gives the row at hand back; this object must not be used any more. */
  release(): void {
    this.#atHand.forget();
  }
}

/** Adds to revenue of a currency, or to conversions of a code, in place. */
export function addRevenue(of: Map<number, Revenue>, key: number, byTouch: Whole, byConversion: Whole): void {
  const known = of.get(key) ?? { byTouch: 0, byConversion: 0 };
  of.set(key, { byTouch: plus(known.byTouch, byTouch), byConversion: plus(known.byConversion, byConversion) });
}

export function negated(amount: Whole): Whole {
  return minus(0, amount);
}
