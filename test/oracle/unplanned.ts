import { type Row, unplannedSpend } from '../../src/rows/tables.ts';
import type { Campaign, DayRow } from './campaign.ts';
import { startOfDay } from './civil-time.ts';
import { type Dates, type Flight, Ledger } from './flight.ts';
import { share } from './reports.ts';
import { shape } from './rows.ts';
import type { Values } from './three-valued.ts';
import { evenWeight } from './weight.ts';
import { floorDivide, floorTo, quarter } from './whole-numbers.ts';

/** Money that nobody planned (docs/semantics.md §9). */

export const causes = [
  'no_flight',
  'no_budget',
  'before_start',
  'between_flights',
  'after_end',
  'paused',
  'over_budget',
] as const;
type Cause = (typeof causes)[number];

/** What a row says of a day, micros. */
export interface Said {
  readonly spend: bigint;
  readonly amounts: ReadonlyMap<Cause, bigint>;
}

interface DatedFlight {
  readonly flight: Flight;
  readonly dates: Dates;
  /** Nanos; null without a budget. */
  readonly budget: bigint | null;
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** All that the section asks of a campaign at one clock. */
export class SpendReview {
  readonly #campaign: Campaign;
  readonly #clock: number;
  readonly #zone: string;
  readonly #flights: readonly DatedFlight[];
  readonly #frozen: readonly Stretch[];

  constructor(campaign: Campaign, planZone: string, clock: number) {
    this.#campaign = campaign;
    this.#clock = clock;
    this.#zone = campaign.zone ?? campaign.bookingZone ?? planZone;
    this.#flights = campaign.flights
      .flatMap((flight) => (flight.dates === null ? [] : [{ flight, dates: flight.dates }]))
      .sort((a, b) => a.dates.s - b.dates.s || (a.flight.id < b.flight.id ? -1 : 1))
      .map((each) => ({ ...each, budget: this.#budgetNow(each.flight) }));
    this.#frozen = frozenStretches(campaign);
  }

  /** Rows that are looked at, newest first. */
  days(): [number, DayRow][] {
    const oldest = this.#clock - this.#campaign.bounds.retainedMs;
    return [...this.#campaign.days]
      .filter(([date]) => !this.#campaign.isGone(date) && startOfDay(this.#zone, date) >= oldest)
      .sort(([a], [b]) => b - a);
  }

  isOverBudget(): boolean {
    return this.#flights.some(({ flight, budget }) => budget !== null && flight.spend.total > budget);
  }

  /** Flights over their budget that reach into the days looked at, with the excess in basis points of the budget. */
  overspent(): { flight: DatedFlight; bp: bigint | null }[] {
    return this.#flights.flatMap((each) => {
      const { flight, dates, budget } = each;
      if (budget === null || flight.spend.total <= budget || dates.e <= this.#clock - this.#campaign.bounds.retainedMs)
        return [];
      return [{ flight: each, bp: budget > 0n ? floorDivide(10_000n * (flight.spend.total - budget), budget) : null }];
    });
  }

  /** What a day is; null when it cannot be told any more. */
  weigh(date: number, row: DayRow): Said | null {
    const parts = this.#partsOf(date, row);
    if (parts === null) return null;
    const nanos = new Map<Cause, bigint>(causes.map((cause) => [cause, 0n]));
    const add = (cause: Cause, amount: bigint) => nanos.set(cause, (nanos.get(cause) as bigint) + amount);
    for (const { kind, amount } of parts) if (typeof kind === 'string') add(kind, amount);
    for (const { flight } of this.overspent()) {
      const planned = parts.filter(({ kind }) => kind === flight).reduce((sum, { amount }) => sum + amount, 0n);
      const over = this.#excessOf(flight, date);
      const most = planned > 0n ? planned : 0n;
      add('over_budget', over < 0n ? 0n : over > most ? most : over);
    }
    const amounts = new Map([...nanos].map(([cause, amount]) => [cause, floorDivide(amount, 1_000n)]));
    return { spend: floorDivide(row.spendNanos, 1_000n), amounts };
  }

  #budgetNow(flight: Flight): bigint | null {
    if (!flight.hasBudget) return null;
    const { budget, limit } = new Ledger(flight, this.#campaign.statuses, () => evenWeight).parametersAt(this.#clock);
    // Another goal than money may cost what it takes, where no limit is said.
    const most = flight.goal === 'MONEY' ? budget : limit;
    return most === null ? null : 1_000n * most;
  }

  get #reach(): number {
    return floorTo(this.#clock, quarter) - this.#campaign.bounds.actualMs;
  }

  #partsOf(date: number, row: DayRow): { kind: Cause | DatedFlight; amount: bigint }[] | null {
    const ds = startOfDay(this.#zone, date);
    const de = startOfDay(this.#zone, date + 1);
    const cuts = new Set<number>();
    const cut = (instant: number) => {
      if (instant > ds && instant < de) cuts.add(instant);
    };
    for (const { dates } of this.#flights) {
      cut(dates.s);
      cut(dates.e);
    }
    for (const { from, to } of this.#frozen) {
      cut(from);
      cut(to);
    }
    if (cuts.size === 0) return [{ kind: this.#kindOf(ds), amount: row.spendNanos }];
    const isOld = ds < this.#reach;
    if (isOld && (ds < this.#clock - 9 * 86_400_000 || this.#toldBetween(ds, de) !== row.spendNanos)) return null;
    const ends = [...cuts].sort((a, b) => a - b);
    const parts = [ds, ...ends].map((from, i) => ({
      from,
      to: ends[i] ?? de,
      kind: this.#kindOf(from),
      amount: isOld ? this.#toldBetween(from, ends[i] ?? de) : this.#campaign.spend.sum(from, ends[i] ?? de),
    }));
    // A figure for a whole day does not say on which side of a pause it was spent: planned, as far as it may be.
    for (const report of this.#campaign.spendReports.all()) {
      const [planned] = parts.filter(
        ({ from, to, kind }) => typeof kind !== 'string' && report.from < to && report.to > from,
      );
      if (planned === undefined || report.from === report.to) continue;
      for (const part of parts) {
        if (typeof part.kind !== 'string') continue;
        const doubtful = share(report, 'spend', part.from, part.to);
        part.amount -= doubtful;
        planned.amount += doubtful;
      }
    }
    return parts;
  }

  /** Adjustments and reports: what is known of a day of which no quarter-hours are kept. */
  #toldBetween(from: number, to: number): bigint {
    const { adjustments, spendReports } = this.#campaign;
    const adjusted = adjustments.filter(({ instant }) => instant >= from && instant < to);
    return adjusted.reduce((sum, { nanos }) => sum + nanos, spendReports.sum('spend', from, to));
  }

  #kindOf(at: number): Cause | DatedFlight {
    const having = this.#flights.filter(({ dates: { s, e } }) => s <= at && at < e);
    const planned = having.find(({ flight }) => flight.hasBudget);
    if (planned !== undefined) return this.#frozen.some(({ from, to }) => from <= at && at < to) ? 'paused' : planned;
    if (having.length > 0) return 'no_budget';
    if (this.#flights.length === 0) return 'no_flight';
    const before = this.#flights.filter(({ dates }) => dates.e <= at).length;
    if (before === 0) return 'before_start';
    return before === this.#flights.length ? 'after_end' : 'between_flights';
  }

  #excessOf({ flight, dates: { s, e }, budget }: DatedFlight, wanted: number): bigint {
    const above = (amount: bigint) => (amount > (budget as bigint) ? amount - (budget as bigint) : 0n);
    let reached = flight.spend.total;
    for (const [date, row] of this.days()) {
      const ds = startOfDay(this.#zone, date);
      const de = startOfDay(this.#zone, date + 1);
      if (de <= s || ds >= e) continue;
      const isInside = s <= ds && de <= e;
      const added =
        isInside || ds < this.#reach ? row.spendNanos : this.#campaign.spend.sum(Math.max(s, ds), Math.min(e, de));
      if (date === wanted) return above(reached) - above(reached - added);
      reached -= added;
    }
    return 0n;
  }
}

/** While the advertiser had the campaign paused, in whole quarter-hours. */
function frozenStretches({ statuses }: Campaign): Stretch[] {
  const changes = statuses
    .filter(({ cause }) => cause === 'ADVERTISER')
    .sort((a, b) => a.effectiveAt - b.effectiveAt || a.order - b.order);
  const found: Stretch[] = [];
  let since: number | null = null;
  for (const { effectiveAt, status } of changes) {
    if (status !== 'ACTIVE') since ??= effectiveAt;
    else if (since !== null) {
      found.push({ from: since, to: effectiveAt });
      since = null;
    }
  }
  if (since !== null) found.push({ from: since, to: Number.MAX_SAFE_INTEGER });
  return found
    .map(({ from, to }) => ({ from: Math.ceil(from / quarter) * quarter, to: floorTo(to, quarter) }))
    .filter(({ from, to }) => from < to);
}

export function totalOf({ amounts }: Said, of: readonly Cause[] = causes): bigint {
  return of.reduce((sum, cause) => sum + (amounts.get(cause) as bigint), 0n);
}

export function statusOf(said: Said): string {
  const [first] = causes.toSorted((a, b) => {
    const difference = totalOf(said, [b]) - totalOf(said, [a]);
    return difference > 0n ? 1 : difference < 0n ? -1 : 0;
  });
  return totalOf(said, [first]) > 0n ? first : 'planned';
}

export function isNews(before: Said | undefined, now: Said): boolean {
  if (before === undefined) return causes.some((cause) => now.amounts.get(cause) !== 0n);
  return before.spend !== now.spend || causes.some((cause) => before.amounts.get(cause) !== now.amounts.get(cause));
}

export function rowOf(
  campaign: Campaign,
  date: number,
  said: Said,
  stamp: { readonly plan_number: number; readonly partition: number; readonly version: bigint },
): Row {
  return shape(unplannedSpend, {
    org_id: campaign.org,
    campaign_id: campaign.id,
    date,
    currency: campaign.currency,
    status: statusOf(said),
    spend_micros: said.spend,
    unplanned_micros: totalOf(said),
    ...Object.fromEntries(causes.map((cause) => [`${cause}_micros`, said.amounts.get(cause) as bigint])),
    ...stamp,
  });
}

/** Values of rules of scope campaign; `days` newest first. */
export function campaignValues(review: SpendReview, days: readonly Said[]): Values {
  const outside: readonly Cause[] = ['no_flight', 'no_budget', 'before_start', 'between_flights', 'after_end'];
  const units = (of: readonly Cause[], among = days) =>
    Number(among.reduce((sum, said) => sum + totalOf(said, of), 0n)) / 1e6;
  const having = days.filter((said) => totalOf(said) > 0n);
  const recent = days.filter(({ spend }) => spend !== 0n).slice(0, 2);
  const recentSpend = recent.reduce((sum, { spend }) => sum + spend, 0n);
  const recentUnplanned = recent.reduce((sum, said) => sum + totalOf(said, [...outside, 'paused']), 0n);
  const bps = review.overspent().flatMap(({ bp }) => (bp === null ? [] : [bp]));
  const most = bps.toSorted((a, b) => Number(b - a))[0];
  return {
    'u.status': having.length === 0 ? 'planned' : statusOf(having[0]),
    'u.spend': units(causes),
    'u.days': having.length,
    'u.outside': units(outside),
    'u.paused': units(['paused']),
    'u.over_budget': units(['over_budget']),
    'u.over_budget_pct': bps.length === 0 ? null : Number(most) / 100,
    'u.recent': Number(recentUnplanned) / 1e6,
    'u.recent_pct': recentSpend > 0n ? Number(floorDivide(10_000n * recentUnplanned, recentSpend)) / 100 : null,
  };
}
