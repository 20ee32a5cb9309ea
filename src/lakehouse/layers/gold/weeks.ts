import { EngineError } from '../../../model/errors.ts';

/** A week, Monday to Sunday, in UTC as the tables are partitioned. */
export interface Week {
  /** Its Monday, as in 2026-03-02. */
  readonly monday: string;
  readonly startMs: number;
  /** Not part of it. */
  readonly endMs: number;
}

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** Monday, 5 January 1970. */
const firstMondayMs = 4 * dayMs;

export function weekOf(ms: number): Week {
  const startMs = firstMondayMs + Math.floor((ms - firstMondayMs) / weekMs) * weekMs;
  return { monday: new Date(startMs).toISOString().slice(0, 10), startMs, endMs: startMs + weekMs };
}

/** Reads `2026-03-02`, a Monday, or `2026-W10`. Throws USAGE with what was meant. */
export function parseWeek(text: string): Week {
  const [, year, number] = /^(\d{4})-W(\d\d)$/.exec(text) ?? [];
  // The fourth of January always lies in the first week of its year.
  const week =
    year === undefined ? weekOfDay(text) : weekOf(Date.UTC(Number(year), 0, 4) + (Number(number) - 1) * weekMs);
  const isOfYear = year === undefined || (Number(number) > 0 && thursdayYear(week) === Number(year));
  if (week === null || !isOfYear)
    throw new EngineError('USAGE', `"${text}" is no week; name its Monday, as in 2026-03-02, or 2026-W10`);
  if (year === undefined && week.monday !== text)
    throw new EngineError('USAGE', `${text} is no Monday; its week begins on ${week.monday}`);
  return week;
}

function weekOfDay(text: string): Week | null {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  const isDay = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
  return isDay ? weekOf(ms) : null;
}

function thursdayYear(week: Week | null): number {
  return week === null ? 0 : new Date(week.startMs + 3 * dayMs).getUTCFullYear();
}

/** Months since 1970 that a week has days of. */
export function monthsOf({ startMs, endMs }: Week): number[] {
  const monthOf = (ms: number): number => {
    const at = new Date(ms);
    return (at.getUTCFullYear() - 1970) * 12 + at.getUTCMonth();
  };
  return [...new Set([monthOf(startMs), monthOf(endMs - 1)])];
}
