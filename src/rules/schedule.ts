import { z } from 'zod';
import { dayMs, minuteMs } from '../model/time.ts';
import { findZone, type Zone } from '../model/zones.ts';

/** When a rule judges: hours of the local week, and what holds outside of them (docs/semantics.md §8.1). */

const dayMinutes = 1_440;
const weekMinutes = 7 * dayMinutes;
const weekMs = 7 * dayMs;
/** The first day of all, 1970-01-01, was a Thursday. */
const daysSinceMonday = 3;

export const scheduleWindow = z
  .strictObject({
    /** Monday = 1, Sunday = 7. */
    days: z.array(z.int().min(1).max(7)).min(1).max(7),
    /** Minutes of the local day, `to` excluded. */
    from: z
      .int()
      .min(0)
      .max(dayMinutes - 1),
    to: z.int().min(1).max(dayMinutes),
  })
  .refine(({ from, to }) => from < to, 'must begin before it ends');
export type ScheduleWindow = z.infer<typeof scheduleWindow>;

export const outsideHours = z.enum(['hold', 'drop', 'downgrade']);

/** At most two windows come from each that people write. */
const windowsMax = 128;

export const scheduleSchema = z.strictObject({
  active: z.array(scheduleWindow).min(1).max(windowsMax),
  /** `hold`: the alert stays as it is. `drop`: as if the guard were false. `downgrade`: critical is warning. */
  outside: outsideHours,
  /** Null = the zone of what is judged. */
  zone: z
    .string()
    .refine((name) => findZone(name) !== null, 'must be an IANA time zone, such as Europe/Berlin')
    .nullable(),
});
type SchedulePlan = z.infer<typeof scheduleSchema>;

/** Hours of a week, to be asked of in any zone. */
export class Schedule {
  readonly outside: SchedulePlan['outside'];
  readonly #zone: Zone | null;
  readonly #isActive = new Uint8Array(weekMinutes);
  /** Active minutes of the week before each. */
  readonly #before = new Uint16Array(weekMinutes + 1);

  constructor({ active, outside, zone }: { readonly [Key in keyof SchedulePlan]: DeepFixed<SchedulePlan[Key]> }) {
    this.outside = outside;
    this.#zone = zone === null ? null : findZone(zone);
    for (const { days, from, to } of active)
      for (const day of days) this.#isActive.fill(1, (day - 1) * dayMinutes + from, (day - 1) * dayMinutes + to);
    for (let i = 0; i < weekMinutes; i++) this.#before[i + 1] = this.#before[i] + this.#isActive[i];
  }

  /** Whether the last of the time before `at` is in its hours: what is judged at 20:00 is what came before. */
  isInside(at: number, zone: Zone): boolean {
    const clock = this.#zone ?? zone;
    const last = at - 1;
    return this.#isActive[Math.floor(weekTime(last + clock.offsetAt(last)) / minuteMs)] === 1;
  }

  /** Ms of [from, to) in its hours; not counted further than `enough`. */
  insideMs(from: number, to: number, enough: number, zone: Zone): number {
    const clock = this.#zone ?? zone;
    let sum = 0;
    for (let at = from, end = from; at < to && sum < enough; at = end) {
      const offset = clock.offsetAt(at);
      end = Math.min(to, (Math.floor(at / dayMs) + 1) * dayMs);
      // On a day on which clocks change they do so at a minute.
      if (clock.offsetAt(end - 1) !== offset) end = Math.min(to, (Math.floor(at / minuteMs) + 1) * minuteMs);
      sum += this.#activeBefore(end + offset) - this.#activeBefore(at + offset);
    }
    return sum;
  }

  /** Active ms of local time before an instant of it, from a Monday on. */
  #activeBefore(local: number): number {
    const within = weekTime(local);
    const weeks = (local + daysSinceMonday * dayMs - within) / weekMs;
    const minute = Math.floor(within / minuteMs);
    const whole = weeks * this.#before[weekMinutes] + this.#before[minute];
    return whole * minuteMs + (this.#isActive[minute] === 1 ? within % minuteMs : 0);
  }
}

/** Ms since the Monday before, by the local clock. */
function weekTime(local: number): number {
  const since = (local + daysSinceMonday * dayMs) % weekMs;
  return since < 0 ? since + weekMs : since;
}

type DeepFixed<T> = T extends object ? { readonly [Key in keyof T]: DeepFixed<T[Key]> } : T;
