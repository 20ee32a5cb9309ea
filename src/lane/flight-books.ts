import type { DeliveredUnit, GoalUnit } from '../events/event-batch.ts';
import { microsOf } from '../model/money.ts';
import { dayOfMonth, type LogTimeMs, quarterMs } from '../model/time.ts';
import { floorShare, minus, plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { type Change, type Ledger, makeLedger, type WeightOf } from '../pacing/flight-ledger.ts';
import type { FlightBooks, PacingStatus } from '../pacing/pacing.ts';
import { raisedLedger } from '../pacing/rollover.ts';
import type { Campaign, Flight, FlightDates, FlightGoal } from './campaign.ts';
import { counterAt, sumAt } from './day-row.ts';
import { goalPlace } from './goal-cells.ts';

/** Questions to a flight's books (docs/semantics.md §6.3): P(x, y), S(a) and I(a) over its cells. */

/** Σ nanos of the campaign's items and of the shares of its reports in [from, to). */
export function spendBetween(campaign: Campaign, from: number, to: number, clock: LogTimeMs): Whole {
  // No item lies beyond two minutes after the clock, nor does a cell hold one that is older than they reach.
  const end = Math.min(to, newest(clock));
  const start = Math.max(from, oldestCell(campaign, clock));
  const items = campaign.cells === null || start >= end ? 0 : campaign.cells.spend(start, end);
  return campaign.reports === null
    ? items
    : plus(items, campaign.reports.spendBetween(from, to, oldestCell(campaign, clock)));
}

export function impressionsBetween(campaign: Campaign, from: number, to: number, clock: LogTimeMs): number {
  const end = Math.min(to, newest(clock));
  const start = Math.max(from, oldestCell(campaign, clock));
  const items = campaign.cells === null || start >= end ? 0 : campaign.cells.impressions(start, end);
  return items + (campaign.reports?.impressionsBetween(from, to) ?? 0);
}

/** What the campaign reached of a goal in [from, to). */
export function goalBetween(
  campaign: Campaign,
  unit: DeliveredUnit,
  from: number,
  to: number,
  clock: LogTimeMs,
): Whole {
  if (unit === 'IMPRESSIONS') return impressionsBetween(campaign, from, to, clock);
  const end = Math.min(to, newest(clock));
  const start = Math.max(from, oldestCell(campaign, clock));
  const items = campaign.goals?.get(unit)?.sum(start, end) ?? 0;
  return campaign.reports === null ? items : plus(items, campaign.reports.countedBetween(goalPlace[unit], from, to));
}

/** What a flight reached of its goal before `at`; micros where that is money. */
export function goalBefore(campaign: Campaign, flight: Flight, at: number, clock: LogTimeMs): Whole {
  const { goal, dates } = flight;
  if (goal === null) return spentBefore(campaign, flight, at, clock);
  if (dates === null) return 0;
  return minus(totalOf(flight, goal), goalBetween(campaign, goal.unit, Math.max(at, dates.start), dates.end, clock));
}

function totalOf(flight: Flight, { unit, total }: FlightGoal): Whole {
  return unit === 'IMPRESSIONS' ? flight.impressions : total;
}

/** S(at) in micros: what the flight spent in all, less what lies at or after `at`. */
function spentBefore(campaign: Campaign, flight: Flight, at: number, clock: LogTimeMs): Whole {
  if (flight.dates === null) return 0;
  const { start, end } = flight.dates;
  return microsOf(minus(flight.spentNanos, spendBetween(campaign, Math.max(at, start), end, clock)));
}

function impressionsBefore(campaign: Campaign, flight: Flight, at: number, clock: LogTimeMs): number {
  if (flight.dates === null) return 0;
  const { start, end } = flight.dates;
  return flight.impressions - impressionsBetween(campaign, Math.max(at, start), end, clock);
}

/**
 * Spend in micros of the calendar month of local `day` before `at`, which lies in that day or at its end; null when the
 * month's first day began before `oldest`.
 */
export function monthSpend(
  campaign: Campaign,
  zone: Zone,
  day: number,
  at: number,
  { clock, oldest }: { clock: LogTimeMs; oldest: number },
): Whole | null {
  return spendSince(campaign, zone, day - dayOfMonth(day) + 1, day, at, { clock, oldest });
}

/** The same of the days from `first` on. */
export function spendSince(
  campaign: Campaign,
  zone: Zone,
  first: number,
  day: number,
  at: number,
  { clock, oldest }: { clock: LogTimeMs; oldest: number },
): Whole | null {
  if (zone.dayStart(first) < oldest) return null;
  let nanos: Whole = minus(0, spendBetween(campaign, at, zone.dayStart(day + 1), clock));
  for (let each = first; each <= day; each++) {
    const row = campaign.days.get(each);
    if (row !== undefined) nanos = plus(nanos, row.compactSum(sumAt.spendNanos));
  }
  return microsOf(nanos);
}

/** The oldest quarter-hour that cells hold. */
function oldestCell(campaign: Campaign, clock: LogTimeMs): number {
  return (Math.floor(clock / quarterMs) - campaign.books.quartersBehind) * quarterMs;
}

/** A quarter-hour beyond every item that passed the future check. */
function newest(clock: LogTimeMs): number {
  return (Math.floor(clock / quarterMs) + 2) * quarterMs;
}

/** What shapes the expectation of a flight that has dates; made again after each change. */
export function ledgerOf(campaign: Campaign, flight: Flight): Ledger {
  const { start } = flight.dates as FlightDates;
  if (flight.ledger === null) {
    const ledger = makeLedger([...flight.changes, ...campaign.statuses], start, flight.settled);
    flight.ledger = flight.rollover === null ? ledger : raisedLedger(ledger, flight.rollover.rolled.in);
  }
  return flight.ledger;
}

/** What `paceFlight` asks, of one flight at one clock. */
export class BooksOfFlight implements FlightBooks {
  readonly start: number;
  readonly end: number;
  readonly zone: Zone;
  readonly ledger: Ledger;
  readonly statuses: readonly Change[];
  readonly previousStatus: PacingStatus | null;
  readonly weightOf: WeightOf;
  readonly dayAllowanceBp: number;
  readonly isDaily: boolean;
  readonly unit: GoalUnit;
  readonly #campaign: Campaign;
  readonly #flight: Flight;
  readonly #clock: LogTimeMs;
  /** Nothing is asked but totals. */
  readonly #isLastWord: boolean;

  /** The flight has dates. */
  constructor(
    campaign: Campaign,
    flight: Flight,
    clock: LogTimeMs,
    {
      weightOf,
      dayAllowanceBp,
      isDaily,
      isLastWord,
    }: Pick<FlightBooks, 'weightOf' | 'dayAllowanceBp' | 'isDaily'> & { readonly isLastWord: boolean },
  ) {
    const { start, end, zone } = flight.dates as FlightDates;
    this.start = start;
    this.end = end;
    this.zone = zone;
    this.ledger = ledgerOf(campaign, flight);
    this.statuses = campaign.statuses;
    this.previousStatus = flight.lastStatus;
    this.weightOf = weightOf;
    this.dayAllowanceBp = dayAllowanceBp;
    this.isDaily = isDaily;
    this.unit = flight.goal?.unit ?? 'MONEY';
    this.#isLastWord = isLastWord;
    this.#campaign = campaign;
    this.#flight = flight;
    this.#clock = clock;
  }

  goalBetween(from: number, to: number): Whole {
    const { goal } = this.#flight;
    if (goal === null) return this.spendBetween(from, to);
    if (this.#isLastWord) return 0;
    if (this.isDaily) return this.#sumOfDays(from, to, goalPlace[goal.unit]);
    return goalBetween(this.#campaign, goal.unit, from, to, this.#clock);
  }

  goalBefore(at: number): Whole {
    const { goal } = this.#flight;
    if (goal === null) return this.spentBefore(at);
    if (this.#isLastWord) return totalOf(this.#flight, goal);
    if (!this.isDaily) return goalBefore(this.#campaign, this.#flight, at, this.#clock);
    const later = this.#sumOfDays(this.#inside(at), this.end, goalPlace[goal.unit]);
    return minus(totalOf(this.#flight, goal), later);
  }

  spendBetween(from: number, to: number): Whole {
    if (this.#isLastWord) return 0;
    if (this.isDaily) return microsOf(this.#sumOfDays(from, to, sumAt.spendNanos));
    return microsOf(spendBetween(this.#campaign, from, to, this.#clock));
  }

  impressionsBetween(from: number, to: number): number {
    if (this.#isLastWord) return 0;
    return impressionsBetween(this.#campaign, from, to, this.#clock);
  }

  spentBefore(at: number): Whole {
    if (this.#isLastWord) return microsOf(this.#flight.spentNanos);
    if (this.isDaily)
      return microsOf(minus(this.#flight.spentNanos, this.#sumOfDays(this.#inside(at), this.end, sumAt.spendNanos)));
    return spentBefore(this.#campaign, this.#flight, at, this.#clock);
  }

  impressionsBefore(at: number): number {
    if (this.#isLastWord) return this.#flight.impressions;
    if (this.isDaily) {
      const later = this.#sumOfDays(this.#inside(at), this.end, counterAt.impressions);
      return Number(minus(this.#flight.impressions, later));
    }
    return impressionsBefore(this.#campaign, this.#flight, at, this.#clock);
  }

  #inside(at: number): number {
    return Math.max(at, this.start);
  }

  #sumOfDays(from: number, to: number, place: number): Whole {
    return sumOfDays(this.#campaign, this.zone, from, to, place);
  }
}

/** From daily rows, as cells do not reach back so far: of a day that is only in part between the two its share by time. */
export function sumOfDays(campaign: Campaign, zone: Zone, from: number, to: number, place: number): Whole {
  if (from >= to) return 0;
  const [first, last] = [zone.localDay(from), zone.localDay(to - 1)];
  let sum: Whole = 0;
  for (let day = first; day <= last; day++) {
    const row = campaign.days.get(day);
    if (row === undefined) continue;
    const [start, end] = [zone.dayStart(day), zone.dayStart(day + 1)];
    // A date that the calendar skipped has no time, and may have been adjusted.
    if (end === start) sum = start >= from ? plus(sum, row.compactSum(place)) : sum;
    else sum = plus(sum, floorShare(row.compactSum(place), Math.min(end, to) - Math.max(start, from), end - start));
  }
  return sum;
}
