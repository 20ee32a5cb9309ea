import { floorOver, type Whole } from './whole.ts';

/**
 * Money is integer micros of an ISO-4217 unit. Spend is summed in *nanos* (1 micro = 1000 nanos),
 * because one impression at a CPM of `cpm_micros` costs exactly `cpm_micros` nanos: no rounding per
 * event, one floor per read (docs/semantics.md, "Money").
 */
export const nanosPerMicro = 1_000;
export const microsPerUnit = 1_000_000;
/** One event may carry at most this many micros; larger is a dead letter `money_out_of_range`. */
export const eventMicrosMax = Number.MAX_SAFE_INTEGER;

/** The floor in micros of a sum in nanos. */
export function microsOf(nanos: Whole): Whole {
  return floorOver(nanos, nanosPerMicro);
}
