import { z } from 'zod';
import { dayText } from '../model/day-text.ts';
import { dayMs } from '../model/time.ts';

/** A day of a local calendar, `2026-03-02`, or a quarter-hour of it, `2026-03-02T14:30`. */
export interface LocalTime {
  /** Days since 1970-01-01. */
  readonly day: number;
  /** Minute of the day; null = the day alone. */
  readonly minute: number | null;
}

const form = /^(20\d{2}-\d{2}-\d{2})(?:T(\d{2}):(\d{2}))?$/;

/** Null where the text is no such time. */
export function readLocalTime(text: string): LocalTime | null {
  const [, date, hours, minutes] = form.exec(text) ?? [];
  if (date === undefined) return null;
  const at = Date.parse(date);
  // What is parsed leniently (30 February is a day in March) does not print as it was.
  if (Number.isNaN(at) || dayText(at / dayMs) !== date) return null;
  if (hours === undefined) return { day: at / dayMs, minute: null };
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  return { day: at / dayMs, minute: 60 * Number(hours) + Number(minutes) };
}

/** Minutes of the local calendar, to compare times of one zone. */
export function calendarMinutes({ day, minute }: LocalTime): number {
  return 1_440 * day + (minute ?? 0);
}

export const localTimeSchema = z
  .string()
  .refine((text) => readLocalTime(text) !== null, 'must be a local day or quarter-hour: 2026-03-02 or 2026-03-02T14:30')
  .refine((text) => (readLocalTime(text)?.minute ?? 0) % 15 === 0, 'must be a quarter-hour');
