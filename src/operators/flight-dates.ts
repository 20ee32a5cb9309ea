import type { DeliveredUnit, Detail } from '../events/event-batch.ts';
import type { Campaign, Flight, FlightDates } from '../lane/campaign.ts';
import { counterAt, type DayRow, sumAt } from '../lane/day-row.ts';
import { goalBetween, impressionsBetween, spendBetween } from '../lane/flight-books.ts';
import { goalPlace } from '../lane/goal-cells.ts';
import { floorTo, type LogTimeMs, quarterMs } from '../model/time.ts';
import { floorShare, minus, plus, times, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';

type FlightChanged = Detail & { kind: 'flight_changed' };

/**
 * The dates that a record gives a flight (docs/semantics.md §6.1), or what is wrong with them. `before` = what it had;
 * a flight that has begun keeps its start unless the record says another day or an instant.
 */
export function datesOf(
  record: FlightChanged,
  zone: Zone,
  before: FlightDates | null,
  clock: LogTimeMs,
): FlightDates | string {
  const { start_at, end_at } = record;
  if (start_at !== undefined && zone.localDay(start_at) !== record.start_local)
    return `says a start_at that does not lie on its start_local in ${zone.id}`;
  if (end_at !== undefined && zone.localDay(end_at - 1) !== record.end_local)
    return `says an end_at whose last moment does not lie on its end_local in ${zone.id}`;
  const first = start_at === undefined ? record.start_local : zone.localDay(nearestQuarter(start_at));
  const keeps = start_at === undefined && before?.startDay === first && before.start <= clock ? before : null;
  const dates = {
    startDay: first,
    start: keeps?.start ?? (start_at === undefined ? zone.dayStart(first) : nearestQuarter(start_at)),
    endDay: end_at === undefined ? record.end_local : zone.localDay(nearestQuarter(end_at) - 1),
    end: end_at === undefined ? zone.dayStart(record.end_local + 1) : nearestQuarter(end_at),
    zone,
  };
  const startsInside = keeps?.startsInside ?? dates.start !== zone.dayStart(first);
  const endsInside = dates.end !== zone.dayStart(dates.endDay + 1);
  if (dates.startDay > dates.endDay) return 'ends before it starts';
  if ((startsInside || endsInside) && dates.start >= dates.end) return 'ends before it starts, to the quarter-hour';
  return { ...dates, startsInside, endsInside };
}

/** Whether two flights have time in common, or a day that neither leaves for the other at an hour. */
export function collide(a: FlightDates, b: FlightDates): boolean {
  const sharesDays = a.startDay <= b.endDay && b.startDay <= a.endDay;
  return sharesDays && !isBehind(a, b) && !isBehind(b, a);
}

function isBehind(a: FlightDates, b: FlightDates): boolean {
  return a.endDay === b.startDay && a.end <= b.start && (a.endsInside || b.startsInside);
}

/**
 * Gives a flight its dates. They decide what of which days is its own: days that join or leave bring or take what their
 * rows hold, and of a day that is its own in part what lies in its hours.
 */
export function setDates(campaign: Campaign, flight: Flight, dates: FlightDates, clock: LogTimeMs): void {
  const before = flight.dates;
  const rowsOf = (sign: 1 | -1, of: FlightDates) => {
    for (const row of campaign.days.values()) addShare(row, sign, of);
    for (const number of campaign.oldDays.numbers) {
      const copy = campaign.oldDays.read(number, campaign.books) as DayRow;
      addShare(copy, sign, of);
      copy.forget();
    }
  };
  const addShare = (row: DayRow, sign: 1 | -1, of: FlightDates) => {
    // The row of a day that is whole before and after neither comes nor goes.
    if (before !== null && isWhole(row.day, before) && isWhole(row.day, dates)) return;
    const { nanos, impressions } = shareOfDay(campaign, row, of, dates.zone, clock);
    flight.addNanos(sign === 1 ? nanos : minus(0, nanos));
    flight.impressions += sign * impressions;
    addGoalShare(campaign, flight, row, sign, of, clock);
  };
  if (before !== null) rowsOf(-1, before);
  if (dates.startsInside) moveAdjustments(campaign, flight, dates);
  rowsOf(1, dates);
  flight.dates = dates;
}

/** What of a day counts for a flight's goal comes, or goes, with the day. */
function addGoalShare(
  campaign: Campaign,
  { goal }: Flight,
  row: DayRow,
  sign: 1 | -1,
  of: FlightDates,
  clock: LogTimeMs,
): void {
  if (goal === null || goal.unit === 'IMPRESSIONS') return;
  goal.total = plus(goal.total, times(sign, goalShareOfDay(campaign, goal.unit, row, of, clock)));
}

/** What the daily rows of a campaign hold for a flight that gets a goal. */
export function shareOfFlight(campaign: Campaign, { dates }: Flight, unit: DeliveredUnit, clock: LogTimeMs): Whole {
  let sum: Whole = 0;
  if (dates === null) return sum;
  for (const row of campaign.days.values()) sum = plus(sum, goalShareOfDay(campaign, unit, row, dates, clock));
  for (const number of campaign.oldDays.numbers) {
    const copy = campaign.oldDays.read(number, campaign.books) as DayRow;
    sum = plus(sum, goalShareOfDay(campaign, unit, copy, dates, clock));
    copy.forget();
  }
  return sum;
}

/** As `shareOfDay`; of a day that began before the goal was counted by time, its share by time. */
function goalShareOfDay(
  campaign: Campaign,
  unit: DeliveredUnit,
  row: DayRow,
  dates: FlightDates,
  clock: LogTimeMs,
): Whole {
  const { day } = row;
  if (day < dates.startDay || day > dates.endDay) return 0;
  const all = row.compactSum(goalPlace[unit]);
  if (isWhole(day, dates)) return all;
  const [dayStart, dayEnd] = [dates.zone.dayStart(day), dates.zone.dayStart(day + 1)];
  const from = Math.max(dayStart, dates.start);
  const to = Math.min(dayEnd, dates.end);
  if (to <= from) return 0;
  const since = campaign.goals?.get(unit)?.since ?? Number.POSITIVE_INFINITY;
  const reach = Math.max(since, floorTo(clock, quarterMs) - campaign.books.quartersBehind * quarterMs);
  if (dayStart >= reach) return goalBetween(campaign, unit, from, to, clock);
  return floorShare(all, to - from, dayEnd - dayStart);
}

function isWhole(day: number, dates: FlightDates): boolean {
  const { startDay, endDay, startsInside, endsInside } = dates;
  return day >= startDay + Number(startsInside) && day <= endDay - Number(endsInside);
}

/** What of a day lies in a flight: all, none, or what was booked in its hours; of a day too old for that its share by time. */
function shareOfDay(
  campaign: Campaign,
  row: DayRow,
  dates: FlightDates,
  zone: Zone,
  clock: LogTimeMs,
): { readonly nanos: Whole; readonly impressions: number } {
  const { day } = row;
  if (day < dates.startDay || day > dates.endDay) return { nanos: 0, impressions: 0 };
  const all = { nanos: row.compactSum(sumAt.spendNanos), impressions: row.count(counterAt.impressions) };
  if (isWhole(day, dates)) return all;
  const [dayStart, dayEnd] = [zone.dayStart(day), zone.dayStart(day + 1)];
  const from = Math.max(dayStart, dates.start);
  const to = Math.min(dayEnd, dates.end);
  if (to <= from) return { nanos: 0, impressions: 0 };
  if (dayStart >= floorTo(clock, quarterMs) - campaign.books.quartersBehind * quarterMs) {
    return {
      nanos: spendBetween(campaign, from, to, clock),
      impressions: impressionsBetween(campaign, from, to, clock),
    };
  }
  const share = (amount: Whole) => floorShare(amount, to - from, dayEnd - dayStart);
  return { nanos: share(all.nanos), impressions: Number(share(all.impressions)) };
}

/**
 * What is adjusted on the day on which a flight begins is its own from its start on, unless another flight has the
 * start of that day or begins earlier on it.
 */
function moveAdjustments(campaign: Campaign, flight: Flight, dates: FlightDates): void {
  const { zone, startDay } = dates;
  const taker = takerOf(campaign, { day: startDay, at: zone.dayStart(startDay) }, { id: flight.id, dates });
  if (taker !== flight.id || campaign.reports === null) return;
  const moved = campaign.reports.moveAdjustments((at) => (zone.localDay(at) === startDay ? dates.start : at));
  for (const { from, to, micros } of moved) {
    for (const other of campaign.flights) {
      if (other.id === flight.id || other.dates === null) continue;
      const sign = Number(has(other.dates, to)) - Number(has(other.dates, from));
      if (sign !== 0) other.addSpend(sign * micros, 0);
    }
  }
}

/** Where an adjustment of a day is booked: at the day's start, or at that of the first flight that begins on it where none has that. */
export function instantOfDay(campaign: Campaign, day: number, dayStart: number): number {
  const taker = takerOf(campaign, { day, at: dayStart }, null);
  return campaign.flights.find(({ id }) => id === taker)?.dates?.start ?? dayStart;
}

/** Id of the flight that begins inside a day which no flight has from its start; null = there is none. */
function takerOf(
  campaign: Campaign,
  { day, at }: { readonly day: number; readonly at: number },
  changed: { readonly id: string; readonly dates: FlightDates } | null,
): string | null {
  const others = campaign.flights.filter(({ id }) => id !== changed?.id);
  const all = changed === null ? others : [...others, changed];
  if (all.some(({ dates }) => dates !== null && has(dates, at))) return null;
  const beginning = all.filter(({ dates }) => dates?.startsInside === true && dates.startDay === day);
  beginning.sort((a, b) => (a.dates?.start ?? 0) - (b.dates?.start ?? 0));
  return beginning[0]?.id ?? null;
}

function has({ start, end }: FlightDates, at: number): boolean {
  return at >= start && at < end;
}

function nearestQuarter(at: number): number {
  return floorTo(at + quarterMs / 2, quarterMs);
}
