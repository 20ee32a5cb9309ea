import type { LaneLimits } from '../model/lane-limits.ts';
import { microsOf, nanosPerMicro } from '../model/money.ts';
import { dayMs, floorTo, type LogTimeMs, quarterMs } from '../model/time.ts';
import { minus, plus, positive, times, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { frozenStretches, termsAt } from '../pacing/flight-ledger.ts';
import { type UnplannedCause, unplannedCauses } from '../rules/rule-values.ts';
import type { Campaign, Flight, FlightDates } from './campaign.ts';
import { reportsKeptMs } from './campaign-reports.ts';
import { sumAt } from './day-row.ts';
import { ledgerOf, spendBetween } from './flight-books.ts';
import { shareOf } from './report-feed.ts';

/** Questions to a campaign's books: what of its spend no flight, or no budget, has room for (docs/semantics.md §9). */

/** Of one local day, micros. */
export interface DayAmounts {
  readonly spend: Whole;
  readonly causes: Readonly<Record<UnplannedCause, Whole>>;
}

type Dated = Flight & { readonly dates: FlightDates };

/** A stretch of a day in which one cause holds, or money of one flight is planned. */
interface Stretch {
  readonly cause: UnplannedCause | null;
  /** The flight that it lies in, if that has a budget. */
  readonly flight: Dated | null;
  readonly nanos: Whole;
}

interface Part extends Stretch {
  readonly from: number;
  readonly to: number;
  nanos: Whole;
}

interface Day {
  readonly day: number;
  readonly spend: Whole;
  readonly start: number;
  readonly end: number;
}

/** A flight with a budget that has spent more than it. */
interface Overspent {
  readonly flight: Dated;
  readonly budgetNanos: Whole;
}

/** A campaign's books as they stand at one clock. */
export class UnplannedSpend {
  readonly #campaign: Campaign;
  readonly #clock: LogTimeMs;
  /** First quarter-hour that cells hold. */
  readonly #reach: number;
  readonly #oldest: number;
  /** By start, then id. */
  readonly #flights: Dated[];
  readonly #frozen: readonly { readonly from: number; readonly to: number }[];
  /** Days that are looked at, newest first. */
  readonly days: readonly Day[];
  /** Flights that do not end before the days looked at, and spent more than their budget. */
  readonly overspent: readonly Overspent[];

  constructor(campaign: Campaign, zone: Zone, clock: LogTimeMs, { retainedDays, quartersBehind }: LaneLimits) {
    this.#campaign = campaign;
    this.#clock = clock;
    this.#reach = floorTo(clock, quarterMs) - quartersBehind * quarterMs;
    this.#flights = campaign.flights.filter(isDated);
    if (campaign.flights.length > 1) this.#flights.sort(byStart);
    this.#frozen = frozenStretches(campaign.statuses)
      .map(({ from, to }) => ({ from: -floorTo(-from, quarterMs), to: floorTo(to, quarterMs) }))
      .filter(({ from, to }) => from < to);
    this.#oldest = clock - retainedDays * dayMs;
    this.days = daysOf(campaign, zone, this.#oldest);
    const alive = this.#flights.filter(({ dates }) => dates.end > this.#oldest);
    this.overspent = overspentFlights(campaign, clock, alive);
  }

  /** By local day; a day that is not there stands as it was said last. */
  amounts(): Map<number, DayAmounts> {
    const found = new Map<number, DayAmounts>();
    const over = this.overspent.map((each) => ({ ...each, byDay: this.#overByDay(each) }));
    for (const day of this.days) {
      const spend = microsOf(day.spend);
      if (over.length === 0 && this.#isPlanned(day)) found.set(day.day, { spend, causes: noCauses });
      else {
        const parts = this.#stretchesOf(day);
        if (parts !== null) found.set(day.day, { spend, causes: causesOf(day.day, parts, over) });
      }
    }
    return found;
  }

  /** Whether the whole day lies in a flight with a budget, and nothing freezes it. */
  #isPlanned({ start, end }: Day): boolean {
    for (const { from, to } of this.#frozen) if (from < end && to > start) return false;
    let isCovered = false;
    for (const { dates, hasBudget } of this.#flights) {
      if (dates.start <= start && dates.end >= end) isCovered ||= hasBudget;
      else if (dates.start < end && dates.end > start) return false;
    }
    return isCovered;
  }

  /** Null when the day has stretches of several kinds, began before cells reach, and is not all of adjustments and reports. */
  #stretchesOf(day: Day): readonly Stretch[] | null {
    const { start, end, spend } = day;
    const inside = (at: number) => at > start && at < end;
    const edges = [
      ...this.#flights.flatMap(({ dates }) => [dates.start, dates.end]),
      ...this.#frozen.flatMap(({ from, to }) => [from, to]),
    ].filter(inside);
    if (edges.length === 0) return [{ ...this.#kindAt(start), nanos: spend }];
    const isTold = start < this.#reach && this.#isAllTold(day);
    if (start < this.#reach && !isTold) return null;
    const bounds = [...new Set([start, ...edges, end])].sort((a, b) => a - b);
    const parts = bounds.slice(1).map((to, i) => ({
      ...{ from: bounds[i], to, ...this.#kindAt(bounds[i]) },
      nanos: isTold
        ? (this.#campaign.reports?.spendToldBetween(bounds[i], to) ?? 0)
        : spendBetween(this.#campaign, bounds[i], to, this.#clock),
    }));
    this.#leaveInDoubt(parts);
    return parts;
  }

  /**
   * A report that lies in planned and in other parts of a day does not say on which side of a pause, or of an end, its
   * money was spent: it counts where it was planned.
   */
  #leaveInDoubt(parts: readonly Part[]): void {
    this.#campaign.reports?.visitSpend(({ from, to, amount }) => {
      const touched = parts.filter((part) => part.from < to && part.to > from);
      const planned = touched.find(({ cause }) => cause === null);
      if (planned === undefined) return;
      for (const part of touched) {
        if (part.cause === null) continue;
        const share = shareOf(times(amount, nanosPerMicro), from, to, part.from, part.to);
        part.nanos = minus(part.nanos, share);
        planned.nanos = plus(planned.nanos, share);
      }
    });
  }

  /** A source that is days late tells of days that cells have forgotten; reports say for themselves where their money lies. */
  #isAllTold({ start, end, spend }: Day): boolean {
    if (start < this.#clock - reportsKeptMs) return false;
    return minus(this.#campaign.reports?.spendToldBetween(start, end) ?? 0, spend) === 0;
  }

  #kindAt(at: number): Omit<Stretch, 'nanos'> {
    const over = this.#flights.filter(({ dates }) => at >= dates.start && at < dates.end);
    const flight = over.find(({ hasBudget }) => hasBudget) ?? null;
    if (flight !== null) {
      const isFrozen = this.#frozen.some(({ from, to }) => at >= from && at < to);
      return { flight, cause: isFrozen ? 'paused' : null };
    }
    if (over.length > 0) return { flight, cause: 'no_budget' };
    if (this.#flights.length === 0) return { flight, cause: 'no_flight' };
    if (this.#flights.every(({ dates }) => at < dates.start)) return { flight, cause: 'before_start' };
    const isOver = this.#flights.every(({ dates }) => at >= dates.end);
    return { flight, cause: isOver ? 'after_end' : 'between_flights' };
  }

  /** How much of each day lies beyond the budget: the day is charged with what it added to the excess. */
  #overByDay({ flight, budgetNanos }: Overspent): ReadonlyMap<number, Whole> {
    const { start: s, end: e } = flight.dates;
    const found = new Map<number, Whole>();
    let reached = flight.spentNanos;
    for (const { day, spend, start, end } of this.days) {
      if (end <= s || start >= e) continue;
      const isWhole = (s <= start && end <= e) || start < this.#reach;
      const inside = isWhole ? spend : spendBetween(this.#campaign, Math.max(s, start), Math.min(e, end), this.#clock);
      const before = minus(reached, inside);
      found.set(day, minus(positive(minus(reached, budgetNanos)), positive(minus(before, budgetNanos))));
      reached = before;
    }
    return found;
  }
}

/**
 * What nearly every campaign is: one flight whose budget is not spent holds all of its days, and nothing ever froze
 * it, so that there is no cause to look for.
 */
export function isPlain({ flights, statuses, days }: Campaign, zone: Zone, isOver: boolean): boolean {
  if (isOver || flights.length !== 1 || statuses.length > 0) return false;
  const [flight] = flights;
  if (!isDated(flight) || !flight.hasBudget) return false;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const number of days.keys()) {
    if (number < first) first = number;
    if (number > last) last = number;
  }
  if (first > last) return true;
  return zone.dayStart(first) >= flight.dates.start && zone.dayStart(last + 1) <= flight.dates.end;
}

/** Spend in micros of a campaign's newest `daysMax` days that have some and are looked at. */
export function recentSpend(
  { days }: Campaign,
  zone: Zone,
  clock: LogTimeMs,
  { retainedDays, daysMax }: { readonly retainedDays: number; readonly daysMax: number },
): Whole {
  const first = Math.min(...days.keys());
  const last = Math.max(...days.keys());
  let spent: Whole = 0;
  const oldest = clock - retainedDays * dayMs;
  for (let number = last, left = daysMax; number >= first && left > 0 && zone.dayStart(number) >= oldest; number--) {
    const micros = microsOf(days.get(number)?.compactSum(sumAt.spendNanos) ?? 0);
    if (micros === 0) continue;
    spent = plus(spent, micros);
    left -= 1;
  }
  return spent;
}

/** Newest first. Days come in their order, nearly always. */
function daysOf(campaign: Campaign, zone: Zone, oldest: number): Day[] {
  const days: Day[] = [];
  let isInOrder = true;
  for (const row of campaign.days.values()) {
    const start = zone.dayStart(row.day);
    if (start < oldest) continue;
    isInOrder &&= days.length === 0 || days[days.length - 1].day < row.day;
    days.push({ day: row.day, spend: row.compactSum(sumAt.spendNanos), start, end: zone.dayStart(row.day + 1) });
  }
  return isInOrder ? days.reverse() : days.sort((a, b) => b.day - a.day);
}

const noCauses = Object.freeze(Object.fromEntries(unplannedCauses.map((cause) => [cause, 0]))) as DayAmounts['causes'];

/** The causes of a day in micros: those of its stretches, and what lies beyond the budgets of flights. */
function causesOf(
  day: number,
  parts: readonly Stretch[],
  over: readonly { readonly flight: Dated; readonly byDay: ReadonlyMap<number, Whole> }[],
): DayAmounts['causes'] {
  const causes: Record<UnplannedCause, Whole> = { ...noCauses };
  for (const { cause, nanos } of parts) if (cause !== null) causes[cause] = plus(causes[cause], nanos);
  for (const { flight, byDay } of over) {
    const planned = parts.filter((part) => part.cause === null && part.flight === flight);
    const room = positive(planned.reduce((sum: Whole, { nanos }) => plus(sum, nanos), 0));
    const excess = positive(byDay.get(day) ?? 0);
    // Not what nobody planned anyway.
    const beyond = positive(minus(excess, room));
    causes.over_budget = plus(causes.over_budget, minus(excess, beyond));
  }
  for (const cause of unplannedCauses) causes[cause] = microsOf(causes[cause]);
  return causes;
}

/** Whether a campaign that nobody watches has flights that spent more than their budget. */
export function isOverBudget(campaign: Campaign, clock: LogTimeMs): boolean {
  for (const flight of campaign.flights) if (isDated(flight) && isOverspent(campaign, flight, clock)) return true;
  return false;
}

function overspentFlights(campaign: Campaign, clock: LogTimeMs, flights: readonly Dated[]): Overspent[] {
  return flights
    .filter((flight) => isOverspent(campaign, flight, clock))
    .map((flight) => ({ flight, budgetNanos: budgetNanosOf(campaign, flight, clock) as Whole }));
}

function isOverspent(campaign: Campaign, flight: Dated, clock: LogTimeMs): boolean {
  if (!flight.hasBudget || flight.spentNanos <= 0) return false;
  const budget = budgetNanosOf(campaign, flight, clock);
  return budget !== null && flight.spentNanos > budget;
}

/** Null = it may cost what it takes: the goal is no money, and there is no limit beside it. */
function budgetNanosOf(campaign: Campaign, flight: Dated, clock: LogTimeMs): Whole | null {
  const terms = termsAt(ledgerOf(campaign, flight), clock);
  const budget = flight.goal === null ? terms.budget : terms.limit;
  return budget === null ? null : times(budget, nanosPerMicro);
}

function isDated(flight: Flight): flight is Dated {
  return flight.dates !== null;
}

function byStart(a: Dated, b: Dated): number {
  return a.dates.start - b.dates.start || (a.id < b.id ? -1 : 1);
}
