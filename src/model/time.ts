/**
 * Three kinds of time that must never mix (docs/semantics.md, "Time"). All are milliseconds since
 * the Unix epoch in a double, exact for every instant we accept; the brand is what keeps them apart.
 */
export type EventTimeMs = number & { readonly __time: 'event' };
/** The broker's append time of a record; the lane clock is its running maximum. */
export type LogTimeMs = number & { readonly __time: 'log' };
/** Time on this machine, which people and time servers set forward and back. No answer may depend on it. */
export type WallTimeMs = number & { readonly __time: 'wall' };

/** A column of instants of one kind: none of another kind can be read from it, or written to it. */
export type TimeColumn<T extends number> = Float64Array & { [row: number]: T };

/** A column of `length` instants, all 0 yet. */
export function timeColumn<T extends number>(length: number): TimeColumn<T> {
  return new Float64Array(length) as TimeColumn<T>;
}

export const secondMs = 1_000;
export const minuteMs = 60_000;
/** The grain of the 72-hour cells: every modern zone offset is a multiple of 15 minutes. */
export const quarterMs = 15 * minuteMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Largest multiple of `grainMs` that is not after `at`; correct for instants before 1970 too. */
export function floorTo(at: EventTimeMs, grainMs: number): EventTimeMs;
export function floorTo(at: LogTimeMs, grainMs: number): LogTimeMs;
export function floorTo(at: number, grainMs: number): number;
export function floorTo(at: number, grainMs: number): number {
  return Math.floor(at / grainMs) * grainMs;
}

/**
 * Day of the month, 1 to 31, of a day since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that
 * the leap day is their last: then month lengths repeat every five months (153 days), and 400 years have 146,097 days.
 */
export function dayOfMonth(day: number): number {
  const shifted = day + 719_468; // 0000-03-01
  const inEra = shifted - Math.floor(shifted / 146_097) * 146_097;
  const leaps = Math.floor(inEra / 1_460) - Math.floor(inEra / 36_524) + Math.floor(inEra / 146_096);
  const year = Math.floor((inEra - leaps) / 365);
  const inYear = inEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * inYear + 2) / 153);
  return inYear - Math.floor((153 * month + 2) / 5) + 1;
}

/** What the engine may ask of the machine's time; simulated in tests. Only adapters implement it. */
export interface Clock {
  wallMs(): WallTimeMs;
  /** Milliseconds since some instant, never set back: for intervals and deadlines, which `wallMs` would stretch. */
  steadyMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
