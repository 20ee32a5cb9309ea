import { z } from 'zod';
import { findZone } from '../model/zones.ts';
import { scheduleSchema, scheduleWindow } from './schedule.ts';

/** Hours of the local week in which campaigns are served: all of a DAYPARTED flight's budget lies in them. */

const quarterMinutes = 15;
const dayMinutes = 1_440;
const weekQuarters = (7 * dayMinutes) / quarterMinutes;

const isQuarterly = ({ from, to }: { from: number; to: number }) =>
  from % quarterMinutes === 0 && to % quarterMinutes === 0;

export const daypartSchema = z.strictObject({
  active: z.array(scheduleWindow.refine(isQuarterly, 'must begin and end at quarter-hours')).min(1).max(128),
  /** Null = the flight's own. */
  zone: scheduleSchema.shape.zone,
});
type Daypart = {
  readonly active: readonly { readonly days: readonly number[]; readonly from: number; readonly to: number }[];
  readonly zone: string | null;
};

const weightsOf = new WeakMap<Daypart, readonly number[]>();

/** 672 weights, one a quarter-hour of the local week, Monday 00:00 first: 1 where it is served. */
export function quarterWeights(daypart: Daypart): readonly number[] {
  const known = weightsOf.get(daypart);
  if (known !== undefined) return known;
  const weights = Array.from({ length: weekQuarters }, () => 0);
  for (const { days, from, to } of daypart.active)
    for (const day of days) {
      const midnight = (day - 1) * dayMinutes;
      weights.fill(1, (midnight + from) / quarterMinutes, (midnight + to) / quarterMinutes);
    }
  weightsOf.set(daypart, weights);
  return weights;
}

/** Its own zone, if it has one. */
export function zoneOfDaypart({ zone }: Daypart) {
  return zone === null ? null : findZone(zone);
}
