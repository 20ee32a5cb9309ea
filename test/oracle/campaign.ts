import type { Alert } from './alert-machine.ts';
import { type Bounds, written } from './bounds.ts';
import { Burden } from './burden.ts';
import { localDay, startOfDay } from './civil-time.ts';
import type { CreativeStory } from './control-words.ts';
import type { Dates, Flight, StatusChange } from './flight.ts';
import { goalColumn } from './goals.ts';
import { type KeptHours, withoutSpend } from './hour-books.ts';
import { ItemBook } from './item-book.ts';
import { allConversions, type Report, ReportBook, share } from './reports.ts';
import type { Said } from './unplanned.ts';
import { floorDivide, floorTo, quarter } from './whole-numbers.ts';

/** Counters of one local day; the columns of campaign_metrics_daily that add up. Money in nanos. */
export interface DayRow {
  readonly counts: Map<string, bigint>;
  /** Currencies of revenue that was there while the row was in another one. */
  readonly others: Set<string>;
  /** Conversions by what brought them about and type. */
  readonly typed: Map<string, TypedConversions>;
  spendNanos: bigint;
  adjustmentNanos: bigint;
  currency: string;
  planNumber: number;
  offset: number;
}

export interface TypedConversions {
  readonly attribution: string;
  readonly type: string;
  /** By column. */
  readonly sums: Map<string, bigint>;
  readonly planNumber: number;
  readonly offset: number;
}

/** One measure of a campaign by time: items at instants, and reports spread over their spans. */
export class Measure {
  readonly items = new ItemBook();
  readonly #reports: ReportBook;
  readonly #name: string;

  constructor(reports: ReportBook, name: string) {
    this.#reports = reports;
    this.#name = name;
  }

  /** P(from, to). */
  sum(from: number, to: number): bigint {
    return this.items.sum(from, to) + this.#reports.sum(this.#name, from, to);
  }
}

/** Something booked by its instant while the campaign's zone was not known for certain. */
export interface Provisional {
  readonly instant: number;
  readonly column: string;
  readonly amount: bigint;
  day: number;
}

/** Everything the lane knows about a campaign. */
export class Campaign {
  readonly org: string;
  readonly id: string;
  currency = '';
  /** Whose word the currency is (`saidBy`). */
  currencySaidBy = 0;
  /** Null until a flight_changed named one. */
  zone: string | null = null;
  /** The zone in which days are booked; that of the plan until a flight names one. */
  bookingZone: string | null = null;
  provisional: Provisional[] = [];
  /** Spend items of local days; their instants follow the zone while it is not known for certain. */
  adjustments: { readonly date: number; readonly nanos: bigint; instant: number }[] = [];
  flights: Flight[] = [];
  statuses: StatusChange[] = [];
  /** §6.5 */
  settledUntil = Number.NEGATIVE_INFINITY;
  readonly days = new Map<number, DayRow>();
  /** Days whose rows stand, and which nobody remembers. */
  #gone: ReadonlySet<number> = new Set();
  readonly #types = new Set<string>();
  spendReports = new ReportBook();
  counterReports = new ReportBook();
  spend = new Measure(this.spendReports, 'spend');
  impressions = new Measure(this.counterReports, 'impressions');
  /** What goals count, by column, each with the clock since which it is counted by time. */
  #goals = new Map<string, { readonly since: number; readonly measure: Measure }>();
  burden = new Burden();
  lastCountedAt: number;
  /** Watched until then (§9.1). */
  watchedUntil = Number.NEGATIVE_INFINITY;
  /** What unplanned_spend says, by local day. */
  readonly said = new Map<number, Said>();
  /** Version of the newest row of a day. */
  readonly saidAt = new Map<number, bigint>();
  /** Of rules of scope campaign, by id. */
  readonly spendAlerts = new Map<string, Alert>();
  creatives: CreativeStory[] = [];
  /** Hours that are compared with; null while no rule asks. */
  kept: KeptHours | null = null;
  /** Conversions of the newest five weeks, while rules ask how late they are. */
  lags: { readonly week: number; readonly lag: number; readonly weight: bigint }[] = [];
  /** Of budget changes, by their offsets, oldest first. */
  budgetWords: { readonly order: number; readonly by: string | null; readonly source: string }[] = [];
  readonly bounds: Bounds;

  constructor(org: string, id: string, clock: number, bounds: Bounds = written) {
    this.bounds = bounds;
    this.org = org;
    this.id = id;
    this.lastCountedAt = clock;
  }

  dayRow(date: number): DayRow {
    let row = this.days.get(date);
    if (row === undefined) {
      row = {
        counts: new Map(),
        others: new Set(),
        typed: new Map(),
        spendNanos: 0n,
        adjustmentNanos: 0n,
        currency: '',
        planNumber: 0,
        offset: -1,
      };
      this.days.set(date, row);
    }
    return row;
  }

  /** A type of conversions as it is told apart from others. */
  typeOf(name: string): string {
    if (name === '' || name === 'other' || this.#types.has(name)) return name;
    if (name.length > 64 || this.#types.size >= this.bounds.conversionTypes) return 'other';
    this.#types.add(name);
    return name;
  }

  get typesKnown(): number {
    return this.#types.size;
  }

  forgetTypesBeyond(count: number): void {
    for (const name of [...this.#types].slice(count)) this.#types.delete(name);
  }

  isGone(date: number): boolean {
    return this.#gone.has(date);
  }

  /** Money that no flight waits for has the campaign watched (§9.1). */
  noteMoney(from: number, to: number, clock: number): void {
    const isAwaited = ({ dates, hasBudget, isClosed }: Flight) =>
      dates !== null && hasBudget && !isClosed && dates.s <= from && from < dates.e && to <= dates.e;
    if (!this.flights.some(isAwaited)) this.watchedUntil = clock + this.bounds.closedAfterMs;
  }

  addSpendItem(instant: number, nanos: bigint): void {
    this.spend.items.add(instant, nanos);
    for (const flight of this.#flightsOver(instant)) {
      flight.spend.total += nanos;
      flight.isRestated ||= flight.isClosed;
    }
  }

  addImpressionItem(instant: number, count: bigint): void {
    this.impressions.items.add(instant, count);
    this.addToFlights(instant, count);
  }

  /** Impressions that are no items: they count in flights alone. */
  addToFlights(instant: number, count: bigint): void {
    if (count === 0n) return;
    for (const flight of this.#flightsOver(instant)) {
      flight.impressions.total += count;
      flight.isRestated ||= flight.isClosed;
    }
  }

  /** A flight gets a goal that is no money (§6.3). */
  followGoal(flight: Flight, clock: number): void {
    const column = goalColumn(flight) as string;
    if (column === 'impressions') return;
    if (!this.#goals.has(column))
      this.#goals.set(column, { since: clock, measure: new Measure(this.counterReports, measureOf(column)) });
    const { dates } = flight;
    if (dates === null) return;
    for (const [date, row] of this.days)
      if (!this.#gone.has(date)) flight.delivered.total += this.#goalShareOf(date, dates, clock, row, column);
  }

  goalMeasure(column: string): Measure {
    return this.#goals.get(column)?.measure ?? new Measure(this.counterReports, measureOf(column));
  }

  /** Something that a goal may count happened. */
  addGoalItem(column: string, instant: number, amount: bigint): void {
    this.#goals.get(column)?.measure.items.add(instant, amount);
    this.addToGoals(column, instant, amount);
  }

  /** What is corrected is no item: it counts in flights alone. */
  addToGoals(column: string, instant: number, amount: bigint): void {
    if (amount === 0n) return;
    for (const flight of this.#flightsOver(instant)) {
      if (goalColumn(flight) !== column || column === 'impressions') continue;
      flight.delivered.total += amount;
      flight.isRestated ||= flight.isClosed;
    }
  }

  #goalShareOf(date: number, of: Dates, clock: number, row: DayRow, column: string): bigint {
    const { since, measure } = this.#goals.get(column) ?? {
      since: Number.POSITIVE_INFINITY,
      measure: this.impressions,
    };
    // A day that began before the goal was counted by time has but its share by time.
    const isOlder = startOfDay(of.zone, date) < since;
    return this.#shareOf(
      date,
      of,
      of.zone,
      isOlder ? Number.POSITIVE_INFINITY : clock,
      row.counts.get(column) ?? 0n,
      measure,
    );
  }

  addReportToFlights(report: Report, sign: bigint): void {
    for (const flight of this.flights) {
      const { dates } = flight;
      if (dates === null) continue;
      const spent = share(report, 'spend', dates.s, dates.e);
      const delivered = share(report, 'impressions', dates.s, dates.e);
      flight.spend.total += sign * spent;
      flight.impressions.total += sign * delivered;
      const column = goalColumn(flight);
      const counted =
        column === null || column === 'impressions' ? 0n : share(report, measureOf(column), dates.s, dates.e);
      flight.delivered.total += sign * counted;
      flight.isRestated ||= flight.isClosed && (spent !== 0n || delivered !== 0n || counted !== 0n);
    }
  }

  /** All flights, in the order in which they are evaluated. */
  flightsInOrder(): Flight[] {
    return this.flights.toSorted((a, b) => startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1));
  }

  isIdle(clock: number): boolean {
    return clock - this.lastCountedAt >= this.bounds.idleMs && this.flights.every((flight) => !flight.isEvaluable);
  }

  /** Forgets all but the rows. */
  forget(): void {
    this.currency = '';
    this.zone = null;
    this.flights = [];
    this.statuses = [];
    this.settledUntil = Number.NEGATIVE_INFINITY;
    this.#gone = new Set(this.days.keys());
    this.currencySaidBy = 0;
    this.bookingZone = null;
    this.provisional = [];
    this.forgetMoney();
    this.kept = null;
    this.lags = [];
    this.counterReports = new ReportBook();
    this.impressions = new Measure(this.counterReports, 'impressions');
    this.#goals = new Map();
    this.burden = new Burden();
    this.watchedUntil = Number.NEGATIVE_INFINITY;
    this.#types.clear();
    this.said.clear();
    this.spendAlerts.clear();
    this.creatives = [];
    this.budgetWords = [];
  }

  /** Items and reports of spend are gone. */
  forgetMoney(): void {
    if (this.kept !== null) this.kept = withoutSpend(this.kept);
    this.spendReports = new ReportBook();
    this.spend = new Measure(this.spendReports, 'spend');
    this.adjustments = [];
  }

  /** Gives a flight its dates; days that join or leave bring or take what their rows hold (§6.3). */
  setDates(flight: Flight, dates: Dates, clock: number): void {
    const before = flight.dates;
    const add = (of: Dates, sign: bigint) => {
      for (const [date, row] of this.days) {
        if (this.#gone.has(date)) continue;
        if (before !== null && isWhole(date, before) && isWhole(date, dates)) continue;
        flight.spend.total += sign * this.#shareOf(date, of, dates.zone, clock, row.spendNanos, this.spend);
        const shown = row.counts.get('impressions') ?? 0n;
        flight.impressions.total += sign * this.#shareOf(date, of, dates.zone, clock, shown, this.impressions);
        const column = goalColumn(flight);
        if (column === null || column === 'impressions') continue;
        flight.delivered.total += sign * this.#goalShareOf(date, of, clock, row, column);
      }
    };
    if (before !== null) add(before, -1n);
    flight.dates = dates;
    if (dates.fromHour && this.takerOf(dates.startLocal, startOfDay(dates.zone, dates.startLocal)) === flight)
      this.#moveAdjustments(flight, dates);
    add(dates, 1n);
  }

  /** What of a day's amount lies in a flight of these dates. */
  #shareOf(date: number, of: Dates, zone: string, clock: number, all: bigint, measure: Measure): bigint {
    if (date < of.startLocal || date > of.endLocal) return 0n;
    if (isWhole(date, of)) return all;
    const [ds, de] = [startOfDay(zone, date), startOfDay(zone, date + 1)];
    const [from, to] = [Math.max(ds, of.s), Math.min(de, of.e)];
    if (to <= from) return 0n;
    if (ds >= floorTo(clock, quarter) - this.bounds.actualMs) return measure.sum(from, to);
    return floorDivide(all * BigInt(to - from), BigInt(de - ds));
  }

  /** The flight that begins inside a day whose start no flight has. */
  takerOf(date: number, dayStart: number): Flight | undefined {
    if (this.#flightsOver(dayStart).length > 0) return undefined;
    return this.flights
      .filter(({ dates }) => dates?.fromHour && dates.startLocal === date)
      .sort((a, b) => startOf(a) - startOf(b))[0];
  }

  /** What is adjusted on a flight's first day lies at its start. */
  #moveAdjustments(flight: Flight, { zone, startLocal, s }: Dates): void {
    for (const each of this.adjustments) {
      if (localDay(zone, each.instant) !== startLocal || each.instant === s) continue;
      for (const other of this.#flightsOver(each.instant)) if (other !== flight) other.spend.total -= each.nanos;
      for (const other of this.#flightsOver(s)) if (other !== flight) other.spend.total += each.nanos;
      this.spend.items.add(each.instant, -each.nanos);
      this.spend.items.add(s, each.nanos);
      each.instant = s;
    }
  }

  #flightsOver(instant: number): Flight[] {
    return this.flights.filter(({ dates }) => dates !== null && instant >= dates.s && instant < dates.e);
  }
}

/** What reports say of a goal. */
function measureOf(column: string): string {
  return column === 'conversions_by_conversion' ? allConversions : column;
}

function isWhole(date: number, { startLocal, endLocal, fromHour, toHour }: Dates): boolean {
  return date >= startLocal + Number(fromHour) && date <= endLocal - Number(toHour);
}

function startOf(flight: Flight): number {
  return flight.dates?.s ?? 0;
}
