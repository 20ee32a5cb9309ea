import { dayMs, hourMs, minuteMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
import type { FeedHabit, SimulatedFeed } from './world.ts';

/** What a plan says of a feed with a habit, and when its reports come. */
interface HabitFacts {
  readonly expectedIntervalMs: number;
  readonly staleAfterMs: number;
  /** From the end of an hour (a day) to its report. */
  readonly lagMs: readonly [min: number, max: number];
  /** It moves once a day, not once an hour. */
  readonly isDaily: boolean;
}

const hourly = { expectedIntervalMs: hourMs, staleAfterMs: 6 * hourMs, isDaily: false };
const daily = { expectedIntervalMs: dayMs, isDaily: true };

export const habitFacts: Readonly<Record<FeedHabit, HabitFacts>> = {
  hours: { ...hourly, lagMs: [45 * minuteMs, 72 * minuteMs] },
  hours_in_part: { ...hourly, lagMs: [45 * minuteMs, 72 * minuteMs] },
  day_so_far: { ...hourly, lagMs: [5 * minuteMs, 20 * minuteMs] },
  hours_then_day: { ...hourly, staleAfterMs: 10 * hourMs, lagMs: [10 * minuteMs, 30 * minuteMs] },
  days: { ...daily, staleAfterMs: 40 * hourMs, lagMs: [3 * hourMs, 7 * hourMs] },
  days_late: { ...daily, staleAfterMs: 5 * dayMs, lagMs: [51 * hourMs, 54 * hourMs] },
};

/** What began at or after this had not been reported when the log begins. */
export function unreportedFrom({ habit, lag_ms }: SimulatedFeed, zone: Zone, startMs: number): number {
  if (!habitFacts[habit].isDaily) return startMs;
  let day = zone.localDay(startMs);
  while (zone.dayStart(day) + lag_ms >= startMs) day -= 1;
  return zone.dayStart(day);
}
