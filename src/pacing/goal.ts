import type { DeliveredUnit, GoalUnit } from '../events/event-batch.ts';
import { ceilShare, floorShare, plus, type Whole } from '../model/whole.ts';
import type { Weight } from './pacing-weight.ts';

/** What one unit of a goal is in the whole numbers that it is counted in: micros of money, millionths of conversions. */
export function goalScale(unit: GoalUnit): number {
  return unit === 'MONEY' || unit === 'CONVERSIONS' ? 1e6 : 1;
}

/** A goal that is no money, as people say it: "viewable impressions". */
export function goalWords(unit: DeliveredUnit): string {
  return unit.toLowerCase().replaceAll('_', ' ');
}

/** The least expectation that anything is judged by: one micro of money, one whole unit of all else. */
export function leastJudged(unit: GoalUnit): number {
  return unit === 'CONVERSIONS' ? 1e6 : 1;
}

/** What was counted lately, [from, a), and how much time weighs there. */
export interface RunRate {
  readonly from: number;
  readonly amount: Whole;
  readonly weight: number;
}

/** Where it ends if it goes on as lately; null = nothing can be said. */
export function projection(rate: RunRate, reached: Whole, left: number): Whole | null {
  return rate.weight === 0 ? null : plus(reached, floorShare(rate.amount, left, rate.weight));
}

/** When `missing` is reached if it goes on as lately; null = not before `end`, up to which `left` weighs. */
export function reachedAt(
  rate: RunRate,
  weight: Weight,
  missing: Whole,
  a: number,
  end: number,
  left: number,
): number | null {
  const need = ceilShare(missing, rate.weight, rate.amount);
  if (need > left) return null;
  const at = weight.reach(a, Number(need));
  return at >= end ? null : at;
}
