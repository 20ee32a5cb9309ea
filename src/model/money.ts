import { floorOver, isSafe, plus, times, type Whole } from './whole.ts';

/**
 * Money is integer micros of an ISO-4217 unit. Spend is summed in *nanos* (1 micro = 1000 nanos),
 * because one impression at a CPM of `cpm_micros` costs exactly `cpm_micros` nanos: no rounding per
 * event, one floor per read (docs/semantics.md, "Money").
 */
export const nanosPerMicro = 1_000;

/** An amount of micros · 1000 + nanos, whatever its size. */
export function nanosOf(micros: number, nanos: number): Whole {
  return plus(times(micros, nanosPerMicro), nanos);
}

/** `sum` with micros · 1000 + nanos more; NaN when a step on the way is no safe integer, and the long way is due. */
export function quickSum(sum: number, micros: number, nanos: number): number {
  // A sum of two safe integers is exact when it is a safe integer: looked at step by step.
  const product = micros * nanosPerMicro;
  const item = product + nanos;
  const next = sum + item;
  return isSafe(product) && isSafe(item) && isSafe(next) ? next : Number.NaN;
}

/** The floor in micros of a sum in nanos. */
export function microsOf(nanos: Whole): Whole {
  return floorOver(nanos, nanosPerMicro);
}
