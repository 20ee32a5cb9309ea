import type { GoalUnit } from '../events/event-batch.ts';
import { dayMs, floorTo, hourMs, quarterMs } from '../model/time.ts';
import { ceilShare, floorOver, floorShare, minus, positive, times, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import {
  type Change,
  expectationAt,
  type Ledger,
  type LedgerSegment,
  statusAt,
  type Terms,
  valueInSegment,
  type WeightOf,
} from './flight-ledger.ts';
import { leastJudged, projection, type RunRate, reachedAt } from './goal.ts';
import type { Weight } from './pacing-weight.ts';

/** The pure heart of pacing: docs/semantics.md §7.2 and §7.3 as arithmetic over integers. */

/** What a flight can be while it is judged between its start and its end. */
export const runningStatuses = [
  'warming_up',
  'on_track',
  'ahead',
  'behind',
  'severely_behind',
  'exhausted',
  'capped_today',
  'overspent_after_cut',
  'paused',
  'blocked',
] as const;

export const pacingStatuses = [
  'not_started',
  ...runningStatuses,
  'stale_data',
  'ended_under',
  'ended_full',
  'ended_over',
] as const;

export type PacingStatus = (typeof pacingStatuses)[number];

/** What the formulas ask of a flight's books; amounts in the unit of its goal, micros where that is money. */
export interface FlightBooks {
  readonly unit: GoalUnit;
  readonly start: number;
  readonly end: number;
  readonly zone: Zone;
  readonly ledger: Ledger;
  readonly statuses: readonly Change[];
  readonly previousStatus: PacingStatus | null;
  /** What the platform may spend on one day, basis points of the booked daily budget. */
  readonly dayAllowanceBp: number;
  /** Only whole local days are told apart; `at` is then always a first instant of one. */
  readonly isDaily: boolean;
  /** What the campaign reached of the goal in [from, to). */
  goalBetween(from: number, to: number): Whole;
  /** What the flight reached of it before `at`. */
  goalBefore(at: number): Whole;
  /** Micros that the campaign spent in [from, to). */
  spendBetween(from: number, to: number): Whole;
  impressionsBetween(from: number, to: number): number;
  /** S(at) of the flight, micros. */
  spentBefore(at: number): Whole;
  /** I(at) of the flight. */
  impressionsBefore(at: number): number;
  weightOf: WeightOf;
}

/** The money of a flight whose goal is another, micros. */
export interface MoneyBeside {
  readonly spend: Whole;
  readonly projected: Whole | null;
  readonly runRatePerDay: Whole | null;
  readonly daySpend: Whole;
  readonly spend2h: Whole | null;
  /** When the limit is spent at the current rate, if before the end. */
  readonly limitReachedAt: number | null;
}

/** All amounts in the unit of the goal; for one that is no money, what it cost stands in `money`. */
export interface PacingValues {
  readonly unit: GoalUnit;
  /** Null where the goal is money. */
  readonly money: MoneyBeside | null;
  readonly terms: Terms;
  readonly budget: number;
  readonly spend: Whole;
  readonly expected: Whole | null;
  readonly deliveryBp: Whole | null;
  readonly elapsedBp: Whole;
  readonly osiBp: Whole | null;
  readonly projected: Whole | null;
  readonly runRatePerDay: Whole | null;
  readonly requiredPerDay: Whole | null;
  readonly liftBp: Whole | null;
  readonly exhaustionAt: number | null;
  readonly daySpend: Whole;
  readonly dayTarget: Whole | null;
  readonly dayPacingBp: Whole | null;
  /** Booked daily budget: the cap, else what the ledger has booked for the day. Spending never changes it. */
  readonly dayBudget: Whole | null;
  /** Cap times allowance: what the platform will not exceed on one day. */
  readonly capAllowed: Whole | null;
  readonly impressions2h: number | null;
  readonly spend2h: Whole | null;
  readonly expected2h: Whole | null;
  readonly impressionsFlight: number;
  readonly status: PacingStatus;
}

/** All values of a judged flight at `a` = as_of. The flight has dates and a budget. */
export function paceFlight(books: FlightBooks, a: number): PacingValues {
  const { start, end } = books;
  const { terms, expected, segment } = expectationAt(books.ledger, a, books.weightOf);
  const budget = terms.budget as number;
  const weight = books.weightOf(terms.mode, terms.curve, end);
  const spend = books.goalBefore(a);
  const rate = runRate(books, weight, a);
  const day = dayValues(books, weight, terms, segment, a);
  const elapsedBp = elapsed(weight, start, end, a);
  const osiBp = onScheduleIndicator(spend, expected, budget, leastJudged(books.unit));
  const ahead = outlook(rate, weight, budget, spend, a, start, end);
  const lately = books.isDaily ? noTwoHours : lastTwoHours(books, a, expected);
  // Spelled out: spread, they are what evaluations make most of.
  const values = {
    unit: books.unit,
    money: books.unit === 'MONEY' ? null : moneyBeside(books, weight, terms, rate, a),
    status: 'on_track' as PacingStatus,
    terms,
    budget,
    spend,
    expected,
    deliveryBp: budget === 0 ? null : floorShare(10_000, spend, budget),
    elapsedBp,
    osiBp,
    projected: ahead.projected,
    runRatePerDay: ahead.runRatePerDay,
    requiredPerDay: ahead.requiredPerDay,
    liftBp: ahead.liftBp,
    exhaustionAt: ahead.exhaustionAt,
    daySpend: day.daySpend,
    capAllowed: day.capAllowed,
    dayTarget: day.dayTarget,
    dayPacingBp: day.dayPacingBp,
    dayBudget: day.dayBudget,
    impressions2h: lately.impressions2h,
    spend2h: lately.spend2h,
    expected2h: lately.expected2h,
    impressionsFlight: books.impressionsBefore(a),
  };
  values.status = statusOf(books, values, a);
  return values;
}

const noTwoHours = { impressions2h: null, spend2h: null, expected2h: null };

function lastTwoHours(books: FlightBooks, a: number, expected: Whole | null) {
  const from = floorTo(a - 2 * hourMs, quarterMs);
  return {
    impressions2h: books.impressionsBetween(from, a),
    spend2h: books.goalBetween(from, a),
    expected2h: expectedSince(books, Math.max(books.start, from), a, expected),
  };
}

function elapsed(weight: Weight, start: number, end: number, a: number): Whole {
  const whole = weight.between(start, end);
  if (whole === 0) return a >= end ? 10_000 : 0;
  return floorShare(10_000, weight.between(start, Math.min(a, end)), whole);
}

function onScheduleIndicator(spend: Whole, expected: Whole | null, budget: number, one: number): Whole | null {
  if (expected === null) return null;
  const least = ceilShare(budget, 1, 200); // 0.5 % of the budget, rounded up; below it the ratio is noise.
  if (expected < least || expected < one) return null;
  return floorShare(10_000, positive(spend), expected);
}

/** What was reached in the last day, or since the start, and its weight. */
export function runRate(books: FlightBooks, weight: Weight, a: number): RunRate {
  const yesterday = books.isDaily ? books.zone.dayStart(dayJudged(books, a)) : floorTo(a - dayMs, quarterMs);
  const from = Math.max(books.start, yesterday);
  return { from, amount: books.goalBetween(from, a), weight: weight.between(from, a) };
}

/** What a flight costs whose goal is no money; over the same stretches of time. */
function moneyBeside(books: FlightBooks, weight: Weight, { limit }: Terms, goal: RunRate, a: number): MoneyBeside {
  const { start, end } = books;
  const rate = { ...goal, amount: books.spendBetween(goal.from, a) };
  const spend = books.spentBefore(a);
  const isMoving = rate.amount > 0 && rate.weight > 0;
  const missing = limit === null ? 0 : positive(minus(limit, spend));
  const left = weight.between(a, end);
  return {
    spend,
    projected: projection(rate, spend, left),
    runRatePerDay: a <= rate.from ? null : floorShare(rate.amount, dayMs, a - rate.from),
    daySpend: books.spendBetween(dayFrom(start, books.zone.dayStart(dayJudged(books, a)), a), a),
    spend2h: books.isDaily ? null : books.spendBetween(floorTo(a - 2 * hourMs, quarterMs), a),
    limitReachedAt:
      isMoving && missing > 0 && a >= start && a < end ? reachedAt(rate, weight, missing, a, end, left) : null,
  };
}

/** From where on the judged day counts. */
function dayFrom(start: number, dayStart: number, a: number): number {
  return a > start ? Math.max(dayStart, start) : dayStart;
}

function outlook(rate: RunRate, weight: Weight, budget: number, spend: Whole, a: number, start: number, end: number) {
  const left = weight.between(a, end);
  const missing = positive(minus(budget, spend));
  const isMoving = rate.amount > 0 && rate.weight > 0;
  return {
    projected: projection(rate, spend, left),
    runRatePerDay: a <= rate.from ? null : floorShare(rate.amount, dayMs, a - rate.from),
    requiredPerDay: a >= end ? null : floorShare(missing, dayMs, end - a),
    // A floor of a floor: dividing by one divisor after the other is dividing by their product.
    liftBp:
      !isMoving || left === 0 ? null : floorOver(floorShare(times(10_000, missing), rate.weight, left), rate.amount),
    exhaustionAt:
      isMoving && missing > 0 && a >= start && a < end ? reachedAt(rate, weight, missing, a, end, left) : null,
  };
}

function dayValues(books: FlightBooks, weight: Weight, terms: Terms, segment: LedgerSegment, a: number) {
  const { start, end, zone } = books;
  const budget = terms.budget as number;
  const day = dayJudged(books, a);
  const dayStart = zone.dayStart(day);
  const daySpend = books.goalBetween(dayFrom(start, dayStart, a), a);
  const capAllowed = terms.cap === null ? null : floorShare(terms.cap, books.dayAllowanceBp, 10_000);
  if (a < start || a > end) return { daySpend, capAllowed, dayTarget: null, dayPacingBp: null, dayBudget: null };
  const from = Math.max(dayStart, start);
  const to = Math.min(zone.dayStart(day + 1), end);
  const whole = weight.between(from, to);
  const dayTarget = targetOfDay(books, weight, terms, budget, { from, to, whole });
  const dayBudget = budgetOfDay(books.weightOf, terms, segment, { from, to, whole });
  const passed = weight.between(from, a);
  const isJudged = dayTarget !== null && dayTarget > 0 && passed > 0;
  const dayPacingBp = isJudged ? floorOver(floorShare(times(10_000, daySpend), whole, passed), dayTarget) : null;
  return { daySpend, capAllowed, dayTarget, dayPacingBp, dayBudget };
}

/**
 * The local day that an evaluation at `a` is about: at a midnight the day that just ended, because a source that is
 * only ever complete to midnight would otherwise never show a day that has anything in it.
 */
export function dayJudged({ start, zone }: Pick<FlightBooks, 'start' | 'zone'>, a: number): number {
  return zone.localDay(a > start ? a - 1 : a);
}

/** A day as far as the flight covers it. */
interface DaySpan {
  readonly from: number;
  readonly to: number;
  readonly whole: number;
}

/** What is booked for a day: the segment in force spreads what it has over what it covers. */
function budgetOfDay(weightOf: WeightOf, terms: Terms, segment: LedgerSegment, day: DaySpan): Whole | null {
  if (terms.cap !== null) return terms.cap;
  const { from, base } = segment;
  if (terms.mode === 'AHEAD') {
    const since = Math.max(day.from, from);
    const left = minus(terms.budget as number, valueInSegment(terms, segment, since, weightOf));
    return since >= terms.end ? null : aheadShare(left, day.to - day.from, terms.end - since);
  }
  const { whole } = day;
  const covered = weightOf(terms.mode, terms.curve, terms.end).between(from, terms.end);
  if (terms.mode === 'ASAP' || covered === 0) return null;
  return positive(floorShare(minus(terms.budget as number, base), whole, covered));
}

/** What a platform that paces ahead aims at: 1.2 times the even share of what is left, and all of it on the last day. */
function aheadShare(left: Whole, length: number, lengthLeft: number): Whole {
  const wish = floorShare(times(6, left), length, 5 * lengthLeft);
  return positive(wish < left ? wish : left);
}

function targetOfDay(
  books: FlightBooks,
  weight: Weight,
  terms: Terms,
  budget: number,
  { from, to, whole }: DaySpan,
): Whole | null {
  const { cap } = terms;
  if (terms.mode === 'ASAP') return cap;
  const left = weight.between(from, books.end);
  if (left === 0) return null;
  const missing = minus(budget, books.goalBefore(from));
  const isAhead = terms.mode === 'AHEAD';
  const target = isAhead
    ? aheadShare(missing, to - from, books.end - from)
    : positive(floorShare(missing, whole, left));
  return cap !== null && cap < target ? cap : target;
}

function expectedSince(books: FlightBooks, from: number, a: number, expected: Whole | null): Whole | null {
  if (expected === null) return null;
  if (a < books.start) return 0;
  const before = expectationAt(books.ledger, from, books.weightOf).expected;
  return before === null ? null : minus(expected, before);
}

type Unjudged = Omit<PacingValues, 'status'>;

function statusOf(books: FlightBooks, values: Unjudged, a: number): PacingStatus {
  const { budget, spend, terms, money } = values;
  if (a >= books.end) return endedStatus(budget, spend);
  if (a < books.start) return 'not_started';
  // A flight that may cost nothing and costs nothing (a make-good) is not exhausted.
  if (spend >= budget && (budget > 0 || spend > 0)) {
    const isCut = terms.replacedBudget !== null && terms.replacedBudget > budget;
    return isCut && spend > budget ? 'overspent_after_cut' : 'exhausted';
  }
  if (money !== null && terms.limit !== null && money.spend >= terms.limit) return 'exhausted';
  const { status, cause } = statusAt(books.statuses, a);
  if (status !== 'ACTIVE') return cause === 'ADVERTISER' || cause === 'SCHEDULE' ? 'paused' : 'blocked';
  if (isCapped(values)) return 'capped_today';
  if (terms.mode === 'ASAP' || budget === 0) return 'on_track';
  if (values.osiBp === null || isYoung(books, a) || values.elapsedBp < 1_000) return 'warming_up';
  return band(Number(values.osiBp), books.previousStatus);
}

/** A day, or half of a flight that is shorter than two, must have passed for a verdict. */
function isYoung({ start, end }: FlightBooks, a: number): boolean {
  return 2 * (a - start) < Math.min(2 * dayMs, end - start);
}

/** The day's spend reached what the platform may spend on one. */
export function isCapped({ capAllowed, daySpend }: Pick<PacingValues, 'capAllowed' | 'daySpend'>): boolean {
  return capAllowed !== null && daySpend >= capAllowed;
}

function endedStatus(budget: number, spend: Whole): PacingStatus {
  if (times(100, spend) > times(105, budget)) return 'ended_over';
  return times(100, spend) >= times(95, budget) ? 'ended_full' : 'ended_under';
}

/** Bands of OSI in basis points; entering and leaving differ by 3 points, so that noise cannot flap them. */
function band(osi: number, previous: PacingStatus | null): PacingStatus {
  if (osi < 7_500 || (previous === 'severely_behind' && osi < 7_800)) return 'severely_behind';
  const wasBehind = previous === 'behind' || previous === 'severely_behind';
  if (osi < 9_000 || (wasBehind && osi < 9_300)) return 'behind';
  return osi > 11_000 || (previous === 'ahead' && osi > 10_700) ? 'ahead' : 'on_track';
}
