import type { DeliveredUnit } from '../events/event-batch.ts';
import { floorTo, minuteMs, quarterMs } from '../model/time.ts';
import { plus, type Whole } from '../model/whole.ts';
import { counterAt, sumAt } from './day-row.ts';

/** Place of what a goal counts in a day's record. */
export const goalPlace: Readonly<Record<DeliveredUnit, number>> = {
  IMPRESSIONS: counterAt.impressions,
  VIEWABLE_IMPRESSIONS: counterAt.viewable_impressions,
  CLICKS: counterAt.clicks,
  CONVERSIONS: sumAt.conversionsByConversion,
  COMPLETED_VIEWS: counterAt.video_completes,
};

/** What is kept by the minute: no evaluation stands further back that asks for minutes. */
const minutesKept = 180;

/**
 * What one goal counts of a campaign by time, from when a flight first had it: minutes and quarter-hours, by their
 * number since the epoch. Impressions have theirs in `DeliveryCells`, goal or not.
 */
export class GoalCells {
  /** Clock at which counting began. */
  readonly since: number;
  readonly minutes = new Map<number, Whole>();
  readonly quarters = new Map<number, Whole>();
  /** Since the last harvest. */
  readonly touchedMinutes = new Set<number>();
  readonly touchedQuarters = new Set<number>();
  readonly #quartersKept: number;

  constructor(since: number, quartersBehind: number) {
    this.since = since;
    this.#quartersKept = quartersBehind + 3;
  }

  /** Counts what happened at `at`, when the lane's clock is `clock`. */
  add(at: number, amount: Whole, clock: number): void {
    this.#forget(clock);
    const [minute, quarter] = [Math.floor(at / minuteMs), Math.floor(at / quarterMs)];
    if (minute > Math.floor(clock / minuteMs) - minutesKept) {
      this.minutes.set(minute, plus(this.minutes.get(minute) ?? 0, amount));
      this.touchedMinutes.add(minute);
    }
    if (quarter > Math.floor(clock / quarterMs) - this.#quartersKept) {
      this.quarters.set(quarter, plus(this.quarters.get(quarter) ?? 0, amount));
      this.touchedQuarters.add(quarter);
    }
  }

  /** Σ over [from, to); both at quarter-hours, or at minutes that are kept. */
  sum(from: number, to: number): Whole {
    if (to <= from) return 0;
    const first = Math.min(-floorTo(-from, quarterMs), to);
    const last = Math.max(floorTo(to, quarterMs), first);
    let sum = sumOf(this.minutes, from / minuteMs, first / minuteMs);
    sum = plus(sum, sumOf(this.quarters, first / quarterMs, last / quarterMs));
    return plus(sum, sumOf(this.minutes, last / minuteMs, to / minuteMs));
  }

  settle(): void {
    this.touchedMinutes.clear();
    this.touchedQuarters.clear();
  }

  #forget(clock: number): void {
    forgetTo(this.minutes, Math.floor(clock / minuteMs) - minutesKept);
    forgetTo(this.quarters, Math.floor(clock / quarterMs) - this.#quartersKept);
  }
}

function sumOf(cells: ReadonlyMap<number, Whole>, from: number, to: number): Whole {
  let sum: Whole = 0;
  for (let at = from; at < to; at++) sum = plus(sum, cells.get(at) ?? 0);
  return sum;
}

/** They come in about their order: what is old stands first, and a late one goes a little later. */
function forgetTo(cells: Map<number, Whole>, last: number): void {
  for (const at of cells.keys()) {
    if (at > last) return;
    cells.delete(at);
  }
}
