import type { Plan } from '../../src/rules/plan.ts';
import type { Bounds } from './bounds.ts';
import type { Campaign, DayRow } from './campaign.ts';
import { localDay, startOfDay } from './civil-time.ts';
import { type Dates, type Flight, Ledger, type Parameters } from './flight.ts';
import { goalColumn, reachedBefore } from './goals.ts';
import { campaignView, requiredSources, sourceView } from './plans.ts';
import {
  CurveWeight,
  daypartWeight,
  evenWeight,
  PiecesWeight,
  piecesWithin,
  trafficWeight,
  type Weight,
} from './weight.ts';
import { ceilDivide, day, floorDivide, floorTo, hour, larger, minute, quarter, smaller } from './whole-numbers.ts';

/** Frontier of each required source, and what follows from them (§7.1). */
export interface Completeness {
  readonly asOf: number;
  /** Only whole days are told apart at as_of. */
  readonly daily: boolean;
  readonly stale: boolean;
  readonly text: string;
  /** A flight that was over is judged once more where it was judged last: P counts nothing. */
  readonly lastWord?: boolean;
}

export type FrontierOf = (source: string) => number | null;

export function completenessAt(
  plan: Plan,
  campaign: string,
  t: number,
  clock: number,
  frontierOf: FrontierOf,
  zone: string,
  bounds: Bounds,
): Completeness {
  return completenessOf(plan, requiredSources(plan, campaign), t, clock, frontierOf, zone, bounds);
}

/** Of these sources together. */
export function completenessOf(
  plan: Plan,
  required: readonly string[],
  t: number,
  clock: number,
  frontierOf: FrontierOf,
  zone: string,
  bounds: Bounds,
): Completeness {
  const sources = required.map((name) => ({ name, frontier: frontierOf(name) }));
  const text = sources.map(({ name, frontier }) => `${name}=${frontier ?? 'none'}`).join(',');
  if (sources.some(({ frontier }) => frontier === null)) return { asOf: 0, daily: false, stale: true, text };
  const frontiers = sources.length === 0 ? [t - 120_000] : sources.map(({ frontier }) => frontier as number);
  const f = Math.min(...frontiers);
  const { asOf, daily } = placeAt(f, zone, clock, bounds);
  const behind = sources.some(({ name, frontier }) => t - (frontier as number) > sourceView(plan, name).stale_after_ms);
  return { asOf, daily, stale: behind || asOf < clock - bounds.judgedBackMs, text };
}

/** Where a flight is judged that is complete to `f`, and whether by days. */
export function placeAt(
  f: number,
  zone: string,
  clock: number,
  { minutesMs, fineMs }: Bounds,
): Pick<Completeness, 'asOf' | 'daily'> {
  const isByMinute = floorTo(f, quarter) >= floorTo(clock, minute) - minutesMs;
  const fine = isByMinute ? floorTo(f, minute) : floorTo(f, quarter);
  const daily = fine < floorTo(clock, quarter) - fineMs;
  return { daily, asOf: daily ? startOfDay(zone, localDay(zone, f)) : fine };
}

/** What a flight costs whose goal is no money (§7.2); micros. */
export interface Cost {
  readonly limit: bigint | null;
  readonly spend: bigint;
  readonly projected: bigint | null;
  readonly runRate: bigint | null;
  readonly daySpend: bigint;
  readonly spend2h: bigint | null;
  readonly limitReachedAt: number | null;
}

/** All numbers of one evaluation at `a` = as_of (§7.2), in the unit of the goal: micros of money. */
export interface Pacing {
  readonly goal: string;
  /** Null where the goal is money. */
  readonly cost: Cost | null;
  readonly a: number;
  readonly s: number;
  readonly e: number;
  readonly zone: string;
  readonly mode: string;
  readonly budget: bigint;
  readonly budgetWasCut: boolean;
  readonly cap: bigint | null;
  readonly spend: bigint;
  readonly impressions: bigint;
  readonly expected: bigint | null;
  readonly delivery: bigint | null;
  readonly elapsed: bigint;
  readonly osi: bigint | null;
  readonly projected: bigint | null;
  readonly runRate: bigint | null;
  readonly required: bigint | null;
  readonly lift: bigint | null;
  readonly exhaustionAt: number | null;
  readonly dayTarget: bigint | null;
  readonly daySpend: bigint;
  readonly dayPacing: bigint | null;
  readonly dayBudget: bigint | null;
  readonly capAllowed: bigint | null;
  /** Null when the month's first day is not retained any more. */
  readonly monthSpend: bigint | null;
  /** Likewise of the week. */
  readonly weekSpend: bigint | null;
  readonly impressions2h: bigint | null;
  readonly spend2h: bigint | null;
  readonly expected2h: bigint | null;
  /** Spend of the last day, or since the start, and its weight; and how weight lies in the flight. */
  readonly rate: { readonly spend: bigint; readonly weight: bigint };
  readonly weight: Weight;
}

function weightFrom(plan: Plan, campaign: string, dates: Dates) {
  return ({ mode, curve, end }: Parameters): Weight => {
    if (mode === 'AHEAD' || mode === 'FRONT_LOADED') return new CurveWeight(mode, dates.s, end);
    if (mode === 'CUSTOM') return customWeight(plan, campaign, dates, curve, end);
    if (mode === 'DAYPARTED') {
      const { dayparts = {} } = plan;
      const name = [curve, campaignView(plan, campaign).daypart].find(
        (each) => each != null && Object.hasOwn(dayparts, each),
      );
      return name == null ? evenWeight : daypartWeight(dates.zone, dayparts[name]);
    }
    return mode === 'TRAFFIC' ? weightByTraffic(plan, campaign, dates, curve) : evenWeight;
  };
}

function weightByTraffic(plan: Plan, campaign: string, { zone }: Dates, curve: string | null): Weight {
  const fallback = campaignView(plan, campaign).profile;
  for (const name of [curve, fallback])
    if (name !== null && Object.hasOwn(plan.profiles, name)) return trafficWeight(zone, plan.profiles[name]);
  return evenWeight;
}

/** The curve of a CUSTOM flight in the plan: the one that it names, else its campaign's. */
export function curveOf(plan: Plan, campaign: string, name: string | null) {
  const { curves = {} } = plan;
  const own = Object.hasOwn(plan.campaigns, campaign) ? plan.campaigns[campaign].curve : undefined;
  const found = [name, own].find((each) => each != null && Object.hasOwn(curves, each));
  return found == null ? null : curves[found];
}

function customWeight(plan: Plan, campaign: string, dates: Dates, name: string | null, end: number): Weight {
  const curve = curveOf(plan, campaign, name);
  if (curve === null) return evenWeight;
  const pieces = piecesWithin(curve, dates.zone, dates.s, end);
  if (pieces.every(({ share }) => share === 0n)) return evenWeight;
  return new PiecesWeight(pieces, curve.inside === 'even' ? evenWeight : weightByTraffic(plan, campaign, dates, null));
}

/** Mode and budget in force at `a`: all that is left of an evaluation whose sources are stale. */
export function inForceAt(
  campaign: Campaign,
  flight: Flight,
  plan: Plan,
  a: number,
): Pick<Pacing, 'mode' | 'budget'> & { readonly limit: bigint | null } {
  const { mode, budget, limit } = ledgerOf(campaign, flight, plan).ledger.parametersAt(a);
  return { mode, budget: budget ?? 0n, limit };
}

export function ledgerOf(campaign: Campaign, flight: Flight, plan: Plan) {
  const weightOf = weightFrom(plan, campaign.id, flight.dates as Dates);
  return { ledger: new Ledger(flight, campaign.statuses, weightOf), weightOf };
}

export function pacingAt(
  campaign: Campaign,
  flight: Flight,
  plan: Plan,
  { asOf: a, daily, lastWord = false }: Pick<Completeness, 'asOf' | 'daily' | 'lastWord'>,
  clock: number,
): Pacing {
  const dates = flight.dates as Dates;
  const { s, e, zone } = dates;
  const { ledger, weightOf } = ledgerOf(campaign, flight, plan);
  const now = ledger.parametersAt(a);
  const W = weightOf({ ...now, end: e });
  const rows = new RowsOfDays(campaign, zone);
  const none = { sum: () => 0n };
  const spendSums = lastWord
    ? none
    : daily
      ? { sum: (from: number, to: number) => rows.spend(from, to) }
      : campaign.spend;
  const impressionSums = lastWord
    ? none
    : daily
      ? { sum: (from: number, to: number) => rows.impressions(from, to) }
      : campaign.impressions;
  const column = goalColumn(flight);
  const goalSums =
    column === null
      ? spendSums
      : column === 'impressions'
        ? impressionSums
        : lastWord
          ? none
          : daily
            ? { sum: (from: number, to: number) => rows.counter(column, from, to) }
            : campaign.goalMeasure(column);
  const S = (at: number) => reachedBefore(campaign, flight, at, goalSums);
  const money = (from: number, to: number) => floorDivide(spendSums.sum(from, to), 1_000n);
  const P = (from: number, to: number) => (column === null ? money(from, to) : goalSums.sum(from, to));
  const E = (at: number) => (ledger.parametersAt(at).mode === 'ASAP' ? null : ledger.expectedAt(at));
  const B = now.budget ?? 0n;
  const spend = S(a);
  const expected = now.mode === 'ASAP' ? null : a < s ? 0n : E(a);
  const inside = a >= s && a < e;

  const x = Math.max(s, daily ? startOfDay(zone, judgedDay(dates, a)) : floorTo(a - day, quarter));
  const R = P(x, a);
  const past = W.between(x, a);
  const rest = W.between(a, e);
  const left = larger(B - spend, 0n);

  const two = floorTo(a - 2 * hour, quarter);
  const expectedThen = E(Math.max(s, two));
  const today = dayNumbers(dates, a, ledger, now, B, W, S, P);
  const allowance = BigInt(campaignView(plan, campaign.id).day_allowance_bp);
  const exhausts = inside && spend < B && R > 0n && past > 0n;
  const costAt = (): Cost => {
    const { limit } = now;
    const spent = floorDivide(flight.spend.before(a, dates, spendSums), 1_000n);
    const lately = money(x, a);
    const date = startOfDay(zone, judgedDay(dates, a));
    const runsOut = limit !== null && inside && spent < limit && lately > 0n && past > 0n;
    return {
      limit,
      spend: spent,
      projected: past === 0n ? null : spent + floorDivide(lately * rest, past),
      runRate: a <= x ? null : floorDivide(lately * BigInt(day), BigInt(a - x)),
      daySpend: money(a > s ? Math.max(date, s) : date, a),
      spend2h: daily ? null : money(two, a),
      limitReachedAt: runsOut ? W.reach(a, ceilDivide((limit - spent) * past, lately), e) : null,
    };
  };
  return {
    goal: flight.goal,
    cost: column === null ? null : costAt(),
    a,
    s,
    e,
    zone,
    rate: { spend: money(x, a), weight: past },
    weight: W,
    mode: now.mode,
    budget: B,
    budgetWasCut: now.replaced !== null && B < now.replaced,
    cap: now.cap,
    spend,
    impressions: flight.impressions.before(a, dates, impressionSums),
    expected,
    delivery: B === 0n ? null : floorDivide(10_000n * spend, B),
    elapsed: elapsedAt(dates, a, W),
    osi:
      expected === null || expected < larger(ceilDivide(B, 200n), flight.goal === 'CONVERSIONS' ? 1_000_000n : 1n)
        ? null
        : floorDivide(10_000n * larger(spend, 0n), expected),
    projected: past === 0n ? null : spend + floorDivide(R * rest, past),
    runRate: a <= x ? null : floorDivide(R * BigInt(day), BigInt(a - x)),
    required: a >= e ? null : floorDivide(left * BigInt(day), BigInt(e - a)),
    lift: R <= 0n || rest === 0n || past === 0n ? null : floorDivide(10_000n * left * past, rest * R),
    exhaustionAt: exhausts ? W.reach(a, ceilDivide((B - spend) * past, R), e) : null,
    ...today,
    capAllowed: now.cap === null ? null : floorDivide(now.cap * allowance, 10_000n),
    monthSpend: monthSpendAt(campaign, dates, a, clock),
    weekSpend: weekSpendAt(campaign, plan, dates, a, clock),
    impressions2h: daily ? null : impressionSums.sum(two, a),
    spend2h: daily ? null : P(two, a),
    expected2h:
      daily || now.mode === 'ASAP'
        ? null
        : a < s
          ? 0n
          : expected === null || expectedThen === null
            ? null
            : expected - expectedThen,
  };
}

function elapsedAt({ s, e }: Dates, a: number, W: Weight): bigint {
  const whole = W.between(s, e);
  if (whole === 0n) return a >= e ? 10_000n : 0n;
  return floorDivide(10_000n * W.between(s, Math.min(Math.max(a, s), e)), whole);
}

/** Sums between two midnights, from the daily rows. */
class RowsOfDays {
  readonly #campaign: Campaign;
  readonly #zone: string;

  constructor(campaign: Campaign, zone: string) {
    this.#campaign = campaign;
    this.#zone = zone;
  }

  spend(from: number, to: number): bigint {
    return this.#sum(from, to, (row) => row.spendNanos);
  }

  impressions(from: number, to: number): bigint {
    return this.counter('impressions', from, to);
  }

  counter(column: string, from: number, to: number): bigint {
    return this.#sum(from, to, (row) => row.counts.get(column) ?? 0n);
  }

  #sum(from: number, to: number, of: (row: DayRow) => bigint): bigint {
    let sum = 0n;
    for (const [date, row] of this.#campaign.days) {
      const [start, end] = [startOfDay(this.#zone, date), startOfDay(this.#zone, date + 1)];
      const inside = BigInt(Math.max(0, Math.min(end, to) - Math.max(start, from)));
      if (end === start) sum += start >= from && start < to ? of(row) : 0n;
      else sum += floorDivide(of(row) * inside, BigInt(end - start));
    }
    return sum;
  }
}

/** The local day that `a` closes or lies in. */
export function judgedDay({ s, zone }: Pick<Dates, 's' | 'zone'>, a: number): number {
  return localDay(zone, a > s ? a - 1 : a);
}

function monthSpendAt(campaign: Campaign, dates: Dates, a: number, clock: number): bigint | null {
  const last = judgedDay(dates, a);
  return spendOfDays(campaign, dates, last + 1 - new Date(86_400_000 * last).getUTCDate(), last, a, clock);
}

/** Spend of the week of the judged day, whose weeks begin on the day that the plan says. */
function weekSpendAt(campaign: Campaign, plan: Plan, dates: Dates, a: number, clock: number): bigint | null {
  const last = judgedDay(dates, a);
  const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
  const begins = names.indexOf(campaignView(plan, campaign.id).week_starts ?? 'monday');
  let first = last;
  while (new Date(86_400_000 * first).getUTCDay() !== begins) first--;
  return spendOfDays(campaign, dates, first, last, a, clock);
}

function spendOfDays(
  campaign: Campaign,
  dates: Dates,
  first: number,
  last: number,
  a: number,
  clock: number,
): bigint | null {
  if (startOfDay(dates.zone, first) < clock - campaign.bounds.retainedMs) return null;
  let nanos = -campaign.spend.sum(a, startOfDay(dates.zone, last + 1));
  for (const [date, row] of campaign.days) if (date >= first && date <= last) nanos += row.spendNanos;
  return floorDivide(nanos, 1_000n);
}

function dayNumbers(
  dates: Dates,
  a: number,
  ledger: Ledger,
  { mode, cap }: Parameters,
  B: bigint,
  W: Weight,
  S: (at: number) => bigint,
  P: (from: number, to: number) => bigint,
): Pick<Pacing, 'dayTarget' | 'daySpend' | 'dayPacing' | 'dayBudget'> {
  const { s, e, zone } = dates;
  const date = judgedDay(dates, a);
  const ds = startOfDay(zone, date);
  const daySpend = P(a > s ? Math.max(ds, s) : ds, a);
  if (a < s || a > e) return { dayTarget: null, daySpend, dayPacing: null, dayBudget: null };
  const d0 = Math.max(ds, s);
  const d1 = Math.min(startOfDay(zone, date + 1), e);
  const rest = W.between(d0, e);
  const whole = W.between(d0, d1);
  let dayTarget: bigint | null = null;
  if (rest > 0n && mode === 'ASAP') dayTarget = cap;
  else if (rest > 0n) {
    const left = B - S(d0);
    dayTarget =
      mode === 'AHEAD'
        ? larger(0n, smaller(left, floorDivide(6n * left * BigInt(d1 - d0), 5n * BigInt(e - d0))))
        : larger(0n, floorDivide(left * whole, rest));
    if (cap !== null) dayTarget = smaller(dayTarget, cap);
  }
  const passed = W.between(d0, a);
  const judged = dayTarget !== null && dayTarget !== 0n && passed !== 0n;
  return {
    dayTarget,
    daySpend,
    dayBudget: cap ?? ledger.bookedFor(a, whole, d0, d1),
    dayPacing: judged ? floorDivide(10_000n * daySpend * whole, (dayTarget as bigint) * passed) : null,
  };
}

/** The first status that holds (§7.3); `previous` is that of the flight's last evaluation. */
export function statusOf(pacing: Pacing, campaign: Campaign, previous: string | null): string {
  const { a, s, e, spend: S, budget: B, osi } = pacing;
  if (a >= e) return 100n * S > 105n * B ? 'ended_over' : 100n * S >= 95n * B ? 'ended_full' : 'ended_under';
  if (a < s) return 'not_started';
  if (S >= B && (B > 0n || S > 0n)) return S > B && pacing.budgetWasCut ? 'overspent_after_cut' : 'exhausted';
  if (pacing.cost?.limit != null && pacing.cost.spend >= pacing.cost.limit) return 'exhausted';
  const inForce = campaign.statuses
    .filter((status) => status.effectiveAt <= a)
    .sort((x, y) => x.effectiveAt - y.effectiveAt || x.order - y.order)
    .at(-1);
  if (inForce?.status === 'PAUSED' || inForce?.status === 'ENDED')
    return inForce.cause === 'ADVERTISER' || inForce.cause === 'SCHEDULE' ? 'paused' : 'blocked';
  if (pacing.capAllowed !== null && pacing.daySpend >= pacing.capAllowed) return 'capped_today';
  if (pacing.mode === 'ASAP' || B === 0n) return 'on_track';
  if (osi === null || a - s < Math.min(day, (e - s) / 2) || pacing.elapsed < 1_000n) return 'warming_up';
  if (osi < 7_500n || (previous === 'severely_behind' && osi < 7_800n)) return 'severely_behind';
  if (osi < 9_000n || ((previous === 'behind' || previous === 'severely_behind') && osi < 9_300n)) return 'behind';
  if (osi > 11_000n || (previous === 'ahead' && osi > 10_700n)) return 'ahead';
  return 'on_track';
}
