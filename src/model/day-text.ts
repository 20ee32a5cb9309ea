import { Temporal } from 'temporal-polyfill';
import { dayMs } from './time.ts';

/** `2026-03-04` of a day since 1970-01-01. */
export function dayText(day: number): string {
  return Temporal.Instant.fromEpochMilliseconds(day * dayMs)
    .toString()
    .slice(0, 10);
}
