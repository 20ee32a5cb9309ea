import { assert } from './errors.ts';

/**
 * Money is integer micros of an ISO-4217 unit. Spend is summed in *nanos* (1 micro = 1000 nanos),
 * because one impression at a CPM of `cpm_micros` costs exactly `cpm_micros` nanos: no rounding per
 * event, one floor per read (docs/semantics.md, "Money").
 */
export const nanosPerMicro = 1_000;
export const microsPerUnit = 1_000_000;
/** One event may carry at most this many micros; larger is a dead letter `money_out_of_range`. */
export const eventMicrosMax = Number.MAX_SAFE_INTEGER;

/** A sum or product of safe integers is exact when it is one itself. */
export function isSafe(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;
}

/** Quotient rounded towards minus infinity, the one rounding of this product. */
export function floorDiv(dividend: bigint, divisor: bigint): bigint {
  assert(divisor > 0n, 'floorDiv divides by a positive number');
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

export function nanosToMicros(nanos: bigint): bigint {
  return floorDiv(nanos, 1_000n);
}

/** The floor in micros of a sum in nanos; a number is a safe integer. */
export function microsOf(nanos: number | bigint): number | bigint {
  if (typeof nanos === 'bigint') return nanosToMicros(nanos);
  // By the remainder: a quotient near 2^53 / 1000 may round up before it is floored.
  const rest = nanos % nanosPerMicro;
  return (nanos - (rest < 0 ? rest + nanosPerMicro : rest)) / nanosPerMicro;
}
