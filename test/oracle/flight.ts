import type { Alert } from './alert-machine.ts';
import { localDay, startOfDay } from './civil-time.ts';
import type { EventFields } from './events.ts';
import type { Rolled } from './rollover.ts';
import { PiecesWeight, type Weight } from './weight.ts';
import { floorDivide, floorTo, larger, quarter, smaller } from './whole-numbers.ts';

export interface BudgetChange {
  readonly type: 'budget';
  readonly effectiveAt: number;
  readonly order: number;
  /** Clock at its record. */
  readonly seen: number;
  readonly budget: bigint;
  readonly cap: bigint | null;
  /** Of money, beside a goal that is none. */
  readonly limit: bigint | null;
  readonly actual: bigint;
}

export interface FlightChange {
  readonly type: 'flight';
  readonly effectiveAt: number;
  readonly order: number;
  /** Clock at its record. */
  readonly seen: number;
  readonly mode: string;
  readonly curve: string | null;
  readonly end: number;
  readonly rebase: string;
  readonly actual: bigint;
}

export interface StatusChange {
  readonly type: 'status';
  readonly effectiveAt: number;
  readonly order: number;
  /** Clock at its record. */
  readonly seen: number;
  readonly status: string;
  readonly cause: string;
}

export type Change = BudgetChange | FlightChange | StatusChange;

export interface Dates {
  readonly startLocal: number;
  readonly endLocal: number;
  readonly zone: string;
  /** First instant of the flight. */
  readonly s: number;
  /** First instant after the flight. */
  readonly e: number;
  /** It begins or ends inside of its first or last day. */
  readonly fromHour: boolean;
  readonly toHour: boolean;
}

/** What a flight_changed says of dates; null = no flight (§6.1, §6.2). `old` = those of the flight before. */
export function datesOf(
  { start_local, end_local, start_at, end_at }: EventFields,
  zone: string,
  old: Dates | null,
  clock: number,
): Dates | null {
  if (start_at !== null && localDay(zone, start_at) !== start_local) return null;
  if (end_at !== null && localDay(zone, end_at - 1) !== end_local) return null;
  let s = start_at === null ? startOfDay(zone, start_local) : rounded(start_at);
  const e = end_at === null ? startOfDay(zone, end_local + 1) : rounded(end_at);
  const startLocal = start_at === null ? start_local : localDay(zone, s);
  const endLocal = end_at === null ? end_local : localDay(zone, e - 1);
  let fromHour = s !== startOfDay(zone, startLocal);
  if (start_at === null && old !== null && old.startLocal === startLocal && old.s <= clock) {
    s = old.s;
    fromHour = old.fromHour;
  }
  const toHour = e !== startOfDay(zone, endLocal + 1);
  if (startLocal > endLocal || ((fromHour || toHour) && s >= e)) return null;
  return { startLocal, endLocal, zone, s, e, fromHour, toHour };
}

function rounded(at: number): number {
  return floorTo(at + quarter / 2, quarter);
}

/** Something that adds up what lies between two instants. */
interface Summable {
  sum(from: number, to: number): bigint;
}

/** Sum and items of one measure of a flight: S with spend in nanos, I with impressions. */
export class FlightTotal {
  total = 0n;

  /** What the flight had before `at`: T − P(max(at, s), e). */
  before(at: number, dates: Dates, items: Summable): bigint {
    return this.total - items.sum(Math.max(at, dates.s), dates.e);
  }
}

/** What an evaluation of a flight leaves for the next one. */
export interface LastEvaluation {
  readonly status: string;
  readonly stale: boolean;
}

export class Flight {
  readonly id: string;
  dates: Dates | null = null;
  /** What it counts, said by its first budget. */
  goal = 'MONEY';
  changes: (BudgetChange | FlightChange)[] = [];
  /** What its changes of long ago came to (§6.5). */
  settled: Settled | null = null;
  /** What becomes of what it leaves unspent, by its newest flight_changed. */
  rollover = 'NONE';
  /** What its own budget and limit left, by its last judged evaluation; null when that was before its end. */
  left: { readonly a: number; readonly goal: bigint; readonly limit: bigint } | null = null;
  /** Of flights that were forgotten. */
  inherited = { goal: 0n, limit: 0n };
  rolled: Rolled = { goalIn: 0n, limitIn: 0n, goalOut: 0n, limitOut: 0n, to: '' };
  givers: readonly { readonly id: string; readonly goal: bigint }[] = [];
  highestBudgetVersion: number | null = null;
  highestFlightVersion: number | null = null;
  readonly spend = new FlightTotal();
  readonly impressions = new FlightTotal();
  /** Of a goal that is neither money nor impressions. */
  readonly delivered = new FlightTotal();
  last: LastEvaluation | null = null;
  /** Status of the evaluation before the one that runs. */
  lastBefore: string | null = null;
  /** as_of of the last judged evaluation. */
  judgedAsOf: number | null = null;
  judgedInFlight = false;
  /** An evaluation found as_of ≥ e + 72 h. */
  isClosed = false;
  /** What it spent or delivered changed after it was closed: it is evaluated once more. */
  isRestated = false;
  /** Alerts by rule id. */
  readonly alerts = new Map<string, Alert>();
  persisted: {
    readonly osi: bigint | null;
    readonly spend: bigint | null;
    readonly reached: bigint | null;
    readonly rolled: Rolled;
    readonly t: number;
  } | null = null;

  constructor(id: string) {
    this.id = id;
  }

  get hasBudget(): boolean {
    return this.settled !== null || this.changes.some((change) => change.type === 'budget');
  }

  get isEvaluable(): boolean {
    return this.dates !== null && this.hasBudget && (!this.isClosed || this.isRestated);
  }

  get ledgerVersion(): number {
    return Math.max(this.highestBudgetVersion ?? 0, this.highestFlightVersion ?? 0);
  }
}

/** Parameters in force on a stretch of the ledger. */
export interface Parameters {
  budget: bigint | null;
  /** The budget that the one in force replaced. */
  replaced: bigint | null;
  cap: bigint | null;
  limit: bigint | null;
  mode: string;
  curve: string | null;
  end: number;
  rebase: string;
  frozen: boolean;
}

export type WeightOf = (parameters: Parameters) => Weight;

/** A ledger up to an instant. */
export interface Settled {
  readonly s: number;
  readonly until: number;
  /** The record before which it settled. */
  readonly before: number;
  readonly segment: Segment;
  /** All that settled, as far as budgets and the newest of each type go. */
  readonly budgets: readonly BudgetChange[];
  readonly newest: ReadonlyMap<Change['type'], number>;
}

export interface Segment {
  readonly at: number;
  readonly c: number;
  readonly start: bigint;
  readonly parameters: Parameters;
}

/** The ledger of one flight read from its changes, afresh at every evaluation (§6.4). */
export class Ledger {
  readonly #segments: Segment[] = [];
  readonly #weightOf: WeightOf;
  readonly #s: number;

  constructor(flight: Flight, statuses: readonly StatusChange[], weightOf: WeightOf) {
    const dates = flight.dates as Dates;
    this.#weightOf = weightOf;
    this.#s = dates.s;
    // What came from other flights raises all budgets.
    const { goalIn, limitIn } = flight.rolled;
    const changes: Change[] = [...flight.changes, ...statuses]
      .filter((change) => saysSomething(change, flight.settled))
      .map((change) => (change.type === 'budget' ? raised(change, goalIn, limitIn) : change));
    changes.sort((a, b) => a.effectiveAt - b.effectiveAt || a.order - b.order);
    if (flight.settled !== null) {
      const { segment } = flight.settled;
      const parameters = raised(segment.parameters, goalIn, limitIn);
      this.#goOn({ ...flight.settled, segment: { ...segment, parameters } }, changes);
      return;
    }
    const firstBudget = changes.find((change) => change.type === 'budget');
    const firstFlight = changes.find((change) => change.type === 'flight');
    const isAtStart = (change: Change) =>
      change.effectiveAt <= dates.s || change === firstBudget || change === firstFlight;
    let parameters = empty(dates.e);
    for (const change of changes.filter(isAtStart)) parameters = changed(parameters, change);
    this.#segments.push({ at: dates.s, c: dates.s, start: 0n, parameters });
    for (const change of changes.filter((each) => !isAtStart(each))) this.#follow(change);
  }

  /** From what has settled (§6.5). */
  #goOn({ s, until, segment }: Settled, changes: readonly Change[]): void {
    const late = changes.map((change) => ({ ...change, effectiveAt: Math.max(change.effectiveAt, until) }));
    if (s === this.#s) {
      this.#segments.push({ ...segment, at: this.#s });
      for (const change of late) this.#follow(change);
      return;
    }
    let { parameters } = segment;
    for (const change of late) if (change.effectiveAt <= this.#s) parameters = changed(parameters, change);
    this.#segments.push({ at: this.#s, c: this.#s, start: 0n, parameters });
    for (const change of late) if (change.effectiveAt > this.#s) this.#follow(change);
  }

  segmentAt(at: number): Segment {
    return this.#segmentAt(at);
  }

  /** Parameters after all changes that apply at or before max(at, s). */
  parametersAt(at: number): Parameters {
    return this.#segmentAt(at).parameters;
  }

  expectedAt(at: number): bigint {
    return this.#expectedIn(this.#segmentAt(at), at);
  }

  #expectedIn({ c, start, parameters }: Segment, at: number): bigint {
    const { budget, end, frozen } = parameters;
    if (budget === null) return start;
    let expected = start;
    if (!frozen) {
      const weight = this.#weightOf(parameters);
      const tau = Math.min(at, end);
      const whole = weight.between(c, end);
      if (whole > 0n && weight instanceof PiecesWeight) expected = start + weight.spread(budget - start, c, tau);
      else if (whole > 0n) expected = start + floorDivide((budget - start) * weight.between(c, tau), whole);
      else if (tau >= end) expected = budget;
    }
    return larger(0n, smaller(expected, budget));
  }

  /** What the segment in force at `at` books for a span of weight `whole` (§7.2, day budget). */
  bookedFor(at: number, whole: bigint, d0: number, d1: number): bigint | null {
    const segment = this.#segmentAt(at);
    const { c, start, parameters } = segment;
    if (parameters.mode === 'ASAP' || parameters.budget === null) return null;
    if (parameters.mode === 'AHEAD') {
      const u = Math.max(d0, c);
      if (u >= parameters.end) return null;
      const left = parameters.budget - this.#expectedIn(segment, u);
      return larger(0n, smaller(left, floorDivide(6n * left * BigInt(d1 - d0), 5n * BigInt(parameters.end - u))));
    }
    const covered = this.#weightOf(parameters).between(c, parameters.end);
    return covered === 0n ? null : larger(0n, floorDivide((parameters.budget - start) * whole, covered));
  }

  #segmentAt(at: number): Segment {
    return this.#segments.findLast((segment) => segment.at <= at) ?? this.#segments[0];
  }

  #follow(change: Change): void {
    const at = change.effectiveAt;
    const here = this.expectedAt(at);
    const last = this.#segments.at(-1) as Segment;
    const parameters = changed(last.parameters, change);
    if (change.type === 'status' && parameters.frozen === last.parameters.frozen) return;
    if (change.type === 'status' || parameters.rebase === 'ON_PLAN')
      this.#segments.push({ at, c: at, start: here, parameters });
    else if (parameters.rebase === 'ON_ACTUAL') this.#segments.push({ at, c: at, start: change.actual, parameters });
    else this.#segments.push({ at, c: this.#s, start: 0n, parameters });
  }
}

/** Budgets and limits with so much more. */
export function raised<Of extends { budget: bigint | null; limit: bigint | null; replaced?: bigint | null }>(
  of: Of,
  goal: bigint,
  limit: bigint,
): Of {
  const more = (amount: bigint | null, by: bigint) => (amount === null ? null : amount + by);
  const result = { ...of, budget: more(of.budget, goal), limit: more(of.limit, limit) };
  return of.replaced === undefined ? result : { ...result, replaced: more(of.replaced, goal) };
}

/** Whether a change that is not part of what settled changes anything. */
export function saysSomething(change: Change, settled: Settled | null): boolean {
  if (settled === null || change.effectiveAt > settled.until) return true;
  const newest = settled.newest.get(change.type) ?? Number.NEGATIVE_INFINITY;
  return change.order >= settled.before && change.effectiveAt >= newest;
}

function empty(end: number): Parameters {
  return {
    budget: null,
    replaced: null,
    cap: null,
    limit: null,
    mode: 'EVEN',
    curve: null,
    end,
    rebase: 'ON_PLAN',
    frozen: false,
  };
}

function changed(old: Parameters, change: Change): Parameters {
  if (change.type === 'budget') {
    const { budget, cap, limit } = change;
    return { ...old, budget, cap, limit, replaced: old.budget };
  }
  if (change.type === 'flight')
    return { ...old, mode: change.mode, curve: change.curve, end: change.end, rebase: change.rebase };
  if (change.cause !== 'ADVERTISER') return old;
  return { ...old, frozen: change.status !== 'ACTIVE' };
}
