import { day, minute, quarter } from './whole-numbers.ts';

/**
 * Local time by asking the runtime's formatter, one instant at a time: slow, and independent of the
 * transitions that the engine reads. Offsets are remembered per quarter-hour, inside which no zone of
 * the years we use changes; a day (UTC) that ends with the offset it began with has that one all day,
 * because no zone of the years we use changes twice a day (a test asks for every quarter-hour of a year).
 */
/** Some clocks changed at a minute past midnight before. */
const oddMinutesUntil = Date.UTC(2012, 0, 1);
const formatters = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, Map<number, number>>();
const days = new Map<string, Map<number, number | null>>();

export function isZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(zone)) return false;
  try {
    formatterOf(zone);
    return true;
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}

/** Local time less UTC at an instant, ms. */
export function offsetAt(zone: string, instant: number): number {
  if (zone === 'UTC') return 0;
  if (instant < oddMinutesUntil) return askOffset(zone, instant);
  return offsetOfDay(zone, Math.floor(instant / day)) ?? offsetOfQuarter(zone, Math.floor(instant / quarter));
}

/** Null when the offset changes on that day. */
function offsetOfDay(zone: string, date: number): number | null {
  const known = remember(days, zone);
  let offset = known.get(date);
  if (offset === undefined) {
    const first = offsetOfQuarter(zone, (date * day) / quarter);
    offset = first === offsetOfQuarter(zone, ((date + 1) * day) / quarter) ? first : null;
    known.set(date, offset);
  }
  return offset;
}

function offsetOfQuarter(zone: string, slot: number): number {
  const known = remember(offsets, zone);
  let offset = known.get(slot);
  if (offset === undefined) {
    offset = askOffset(zone, slot * quarter);
    known.set(slot, offset);
  }
  return offset;
}

function remember<T>(all: Map<string, Map<number, T>>, zone: string): Map<number, T> {
  let known = all.get(zone);
  if (known === undefined) {
    known = new Map();
    all.set(zone, known);
  }
  return known;
}

/** The latest local date that has begun, in days since 1970-01-01. */
export function localDay(zone: string, instant: number): number {
  const shown = shownDay(zone, instant);
  return startOfDay(zone, shown + 1) <= instant ? shown + 1 : shown;
}

/** What the local calendar shows, which may be a day that was over already. */
function shownDay(zone: string, instant: number): number {
  return Math.floor((instant + offsetAt(zone, instant)) / day);
}

const dayStarts = new Map<string, number>();

/** First instant of a local day; of the next existing day when the calendar skips it. */
export function startOfDay(zone: string, localDate: number): number {
  const key = `${zone}|${localDate}`;
  let start = dayStarts.get(key);
  if (start === undefined) {
    start = localDate * day - 16 * 60 * minute;
    while (shownDay(zone, start) < localDate) start += minute;
    dayStarts.set(key, start);
  }
  return start;
}

/** Hour of the local clock, 0 to 23. */
export function localHour(zone: string, instant: number): number {
  const local = instant + offsetAt(zone, instant);
  return Math.floor((local - Math.floor(local / day) * day) / (60 * minute));
}

/** Local hour of the week; Monday 00:00 is 0. 1970-01-01 was a Thursday. */
export function hourOfWeek(zone: string, instant: number): number {
  return ((shownDay(zone, instant) + 3) % 7) * 24 + localHour(zone, instant);
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(zone, formatter);
  }
  return formatter;
}

export function askOffset(zone: string, instant: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) part[type] = Number(value);
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - instant;
}
