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
/** What happens may be two minutes ahead of the clock (`futureAllowanceMs`): so much longer a cell is held than it is asked for. */
const minutesAhead = 3;
const quartersAhead = 1;

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
  /** The newest places that it holds, by which the oldest go. */
  #minuteMax = Number.NEGATIVE_INFINITY;
  #quarterMax = Number.NEGATIVE_INFINITY;

  constructor(since: number, quartersBehind: number) {
    this.since = since;
    this.#quartersKept = quartersBehind + 3;
  }

  /** Counts what happened at `at`, when the lane's clock is `clock`. */
  add(at: number, amount: Whole, clock: number): void {
    const [minute, quarter] = [Math.floor(at / minuteMs), Math.floor(at / quarterMs)];
    if (minute > Math.floor(clock / minuteMs) - minutesKept) {
      this.minutes.set(minute, plus(this.minutes.get(minute) ?? 0, amount));
      this.touchedMinutes.add(minute);
    }
    if (quarter > Math.floor(clock / quarterMs) - this.#quartersKept) {
      this.quarters.set(quarter, plus(this.quarters.get(quarter) ?? 0, amount));
      this.touchedQuarters.add(quarter);
    }
    if (minute > this.#minuteMax || quarter > this.#quarterMax) this.forget();
  }

  /** Lets go of what is long ago, by what it holds alone: so a state that is read back holds the same. */
  forget(): void {
    this.#minuteMax = forgetBehind(this.minutes, minutesKept + minutesAhead);
    this.#quarterMax = forgetBehind(this.quarters, this.#quartersKept + quartersAhead);
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
}

function sumOf(cells: ReadonlyMap<number, Whole>, from: number, to: number): Whole {
  let sum: Whole = 0;
  for (let at = from; at < to; at++) sum = plus(sum, cells.get(at) ?? 0);
  return sum;
}

/** Keeps what is less than `kept` places behind the newest, which it tells. */
function forgetBehind(cells: Map<number, Whole>, kept: number): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const at of cells.keys()) newest = Math.max(newest, at);
  for (const at of cells.keys()) if (at <= newest - kept) cells.delete(at);
  return newest;
}
