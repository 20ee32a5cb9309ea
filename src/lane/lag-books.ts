import type { Whole } from '../model/whole.ts';
import type { LagCurve } from '../rules/matured-values.ts';

/** Local days between a click or view and its conversion that are told apart; those that are longer are the last. */
export const lagDays = 32;
/** Weeks of conversions, Monday to Sunday, that are kept: some 1.3 KB a campaign. */
const weeksKept = 5;
/** Fewer conversions than these, in millionths, are no curve. */
const curveMin = 30_000_000;

/** How late the conversions of a campaign came, from when a rule first asked (docs/semantics.md §8.6). */
export class LagBooks {
  /** By week of the conversion: its weight, in millionths, by days since its click or view. */
  readonly weeks = new Map<number, Float64Array>();

  add(day: number, lag: number, weight: number): void {
    const week = Math.floor((day + 3) / 7);
    const newest = Math.max(week, ...this.weeks.keys());
    if (week <= newest - weeksKept) return;
    for (const each of this.weeks.keys()) if (each <= newest - weeksKept) this.weeks.delete(each);
    let weights = this.weeks.get(week);
    if (weights === undefined) {
      weights = new Float64Array(lagDays);
      this.weeks.set(week, weights);
    }
    weights[Math.min(Math.max(lag, 0), lagDays - 1)] += weight;
  }

  /** Null while too few came. */
  curve(): LagCurve | null {
    const byDay: Whole[] = [];
    let all = 0;
    for (let lag = 0; lag < lagDays; lag++) {
      for (const weights of this.weeks.values()) all += weights[lag];
      byDay.push(all);
    }
    return all < curveMin ? null : { byDay, all };
  }
}

/** What the plan says: how much is in by so many days, basis points. */
export function declaredCurve(byDay: readonly number[]): LagCurve {
  return { byDay, all: 10_000 };
}
