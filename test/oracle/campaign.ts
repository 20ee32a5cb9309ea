import { type Bounds, written } from './bounds.ts';
import { Burden } from './burden.ts';
import { startOfDay } from './civil-time.ts';
import type { Dates, Flight, StatusChange } from './flight.ts';
import { ItemBook } from './item-book.ts';

/** Counters of one local day; the columns of campaign_metrics_daily that add up. Money in nanos. */
export interface DayRow {
  readonly counts: Map<string, bigint>;
  spendNanos: bigint;
  adjustmentNanos: bigint;
  currency: string;
  planNumber: number;
  offset: number;
}

/** Everything the lane knows about a campaign. */
export class Campaign {
  readonly org: string;
  readonly id: string;
  currency = '';
  /** Null until a flight_changed named one. */
  zone: string | null = null;
  flights: Flight[] = [];
  statuses: StatusChange[] = [];
  readonly days = new Map<number, DayRow>();
  spendItems = new ItemBook();
  impressionItems = new ItemBook();
  /** Last cumulative amount counted, by source, basis and period. */
  cumulative = new Map<string, number>();
  burden = new Burden();
  lastCountedAt: number;
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
      row = { counts: new Map(), spendNanos: 0n, adjustmentNanos: 0n, currency: '', planNumber: 0, offset: -1 };
      this.days.set(date, row);
    }
    return row;
  }

  addSpendItem(instant: number, nanos: bigint): void {
    this.spendItems.add(instant, nanos);
    for (const flight of this.#flightsOver(instant)) flight.spend.total += nanos;
  }

  addImpressionItem(instant: number, count: bigint): void {
    this.impressionItems.add(instant, count);
    for (const flight of this.#flightsOver(instant)) flight.impressions.total += count;
  }

  /** Flights that still wait for evaluations, in the order in which they are evaluated. */
  evaluableFlights(): Flight[] {
    return this.flights
      .filter((flight) => flight.isEvaluable)
      .sort((a, b) => startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1));
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
    this.spendItems = new ItemBook();
    this.impressionItems = new ItemBook();
    this.cumulative = new Map();
    this.burden = new Burden();
  }

  /** Gives a flight its dates; days that join or leave bring or take what their retained rows hold. */
  setDates(flight: Flight, dates: Dates, zone: string, clock: number): void {
    const before = flight.dates;
    flight.dates = dates;
    for (const [date, row] of this.days) {
      if (startOfDay(zone, date) < clock - this.bounds.retainedMs) continue;
      const sign = BigInt(Number(covers(dates, date)) - Number(before !== null && covers(before, date)));
      flight.spend.total += sign * row.spendNanos;
      flight.impressions.total += sign * (row.counts.get('impressions') ?? 0n);
    }
  }

  #flightsOver(instant: number): Flight[] {
    return this.flights.filter(({ dates }) => dates !== null && instant >= dates.s && instant < dates.e);
  }
}

function covers(dates: Dates, date: number): boolean {
  return date >= dates.startLocal && date <= dates.endLocal;
}

function startOf(flight: Flight): number {
  return flight.dates?.s ?? 0;
}
