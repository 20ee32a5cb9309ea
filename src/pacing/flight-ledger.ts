import type { CampaignStatus, PacingMode, Rebase, StatusCause } from '../events/event-batch.ts';
import { floorShare, minus, plus, type Whole } from '../model/whole.ts';
import { shareOfPieces } from './custom-weight.ts';
import type { Weight } from './pacing-weight.ts';

/** One change of a flight or of its campaign's status, in force from `at` (event time). */
export type Change = {
  readonly at: number;
  readonly order: number;
  /** Lane clock at its record. */
  readonly seen: number;
} & (
  | {
      readonly kind: 'budget';
      /** What the flight is to reach, in the unit of its goal: micros, where that is money. */
      readonly budget: number;
      readonly cap: number | null;
      /** The most that a goal which is no money may cost, micros; absent = as much as it takes. */
      readonly limit?: number;
      readonly actual: Whole;
    }
  | {
      readonly kind: 'flight';
      readonly mode: PacingMode;
      readonly curve: string | null;
      readonly end: number;
      readonly rebase: Rebase;
      readonly actual: Whole;
    }
  | { readonly kind: 'status'; readonly status: CampaignStatus; readonly cause: StatusCause }
);

/** What is in force at an instant. */
export interface Terms {
  readonly budget: number | null;
  /** Budget that the one in force replaced. */
  readonly replacedBudget: number | null;
  readonly cap: number | null;
  /** Of money, beside a goal that is none. */
  readonly limit: number | null;
  readonly mode: PacingMode;
  readonly curve: string | null;
  readonly end: number;
  readonly rebase: Rebase;
  readonly isFrozen: boolean;
}

/** Turns mode and curve into a weight of the flight, up to `end`; the plan in force decides what a curve is. */
export type WeightOf = (mode: PacingMode, curve: string | null, end: number) => Weight;

interface Expectation {
  readonly terms: Terms;
  /** E(at) in the unit of the goal; 0 before the start, null while ASAP. */
  readonly expected: Whole | null;
  readonly segment: LedgerSegment;
}

/** The stretch of a ledger that is in force: from where, and from which expectation, it spreads the budget. */
export interface LedgerSegment {
  readonly from: number;
  readonly base: Whole;
}

/** A flight's own changes and its campaign's status changes, as the walk over them needs them. */
export interface Ledger {
  readonly start: number;
  /** What holds from the start, or where the ledger has settled, from there. */
  readonly initial: Terms;
  /** The stretch that begins with it. */
  readonly first: LedgerSegment;
  /** What changes it later, in ledger order. */
  readonly later: readonly Change[];
}

/** What the changes of a ledger up to an instant come to, in their place (docs/semantics.md §6.5). */
export interface Settled {
  /** Start of the flight by which they were walked over. */
  readonly start: number;
  readonly until: number;
  /** The record at which they were settled: later ones may say something of before `until`. */
  readonly order: number;
  readonly terms: Terms;
  readonly segment: LedgerSegment;
  /** The last of each kind that took effect. */
  readonly budget: SettledBudget;
  readonly flightAt: number;
  /** -Infinity = none. */
  readonly statusAt: number;
}

/** The last budget, and the last one that differs from the one before it; null = none does. */
export interface SettledBudget {
  readonly at: number;
  readonly order: number;
  readonly budget: number;
  readonly step: { readonly at: number; readonly order: number; readonly from: number; readonly to: number } | null;
}

/**
 * E at one instant, by walking the ledger's segments (docs/semantics.md §6.4): the expectation so far
 * is kept at every change (they come in ledger order) and what remains of the budget is spread over what remains of the flight.
 */
export function expectationAt(ledger: Ledger, at: number, weightOf: WeightOf): Expectation {
  const { start } = ledger;
  const { terms, segment } = stretchAt(ledger, at, weightOf);
  if (terms.mode === 'ASAP') return { terms, segment, expected: null };
  return { terms, segment, expected: at < start ? 0 : valueInSegment(terms, segment, at, weightOf) };
}

/** The stretch in force at `at`, and what holds in it. */
export function stretchAt(
  { start, initial, first, later }: Ledger,
  at: number,
  weightOf: WeightOf,
): { readonly terms: Terms; readonly segment: LedgerSegment } {
  const until = Math.max(at, start);
  let terms = initial;
  let { from, base } = first;
  for (const change of later) {
    if (change.at > until) break;
    const next = termsAfter(terms, change);
    if (change.kind === 'status' && next.isFrozen === terms.isFrozen) continue;
    const reached = segmentValue(terms, from, base, change.at, weightOf);
    terms = next;
    const rebase = change.kind === 'status' ? 'ON_PLAN' : terms.rebase;
    from = rebase === 'NONE' ? start : change.at;
    base = rebase === 'NONE' ? 0 : rebase === 'ON_ACTUAL' && change.kind !== 'status' ? change.actual : reached;
  }
  return { terms, segment: { from, base } };
}

/** What is in force at `at`: the terms after all changes that apply at or before it. */
export function termsAt({ start, initial, later }: Ledger, at: number): Terms {
  let terms = initial;
  for (const change of later) {
    if (change.at > Math.max(at, start)) break;
    terms = termsAfter(terms, change);
  }
  return terms;
}

/** Stretches in which the advertiser had the campaign paused or ended, oldest first; the last may have no end. */
export function frozenStretches(changes: readonly Change[]): readonly { readonly from: number; readonly to: number }[] {
  const stretches: { from: number; to: number }[] = [];
  for (const change of changes.toSorted(byLedgerOrder)) {
    if (change.kind !== 'status' || change.cause !== 'ADVERTISER') continue;
    const last = stretches.at(-1);
    const isOpen = last !== undefined && last.to === Number.POSITIVE_INFINITY;
    if (change.status !== 'ACTIVE' && !isOpen) stretches.push({ from: change.at, to: Number.POSITIVE_INFINITY });
    else if (change.status === 'ACTIVE' && isOpen) last.to = change.at;
  }
  return stretches;
}

/** The ledger of a flight that starts at `start`; changes in any order, without those that have settled. */
export function makeLedger(changes: readonly Change[], start: number, settled: Settled | null): Ledger {
  if (settled !== null) return settledLedger(changes, start, settled);
  const sorted = changes.toSorted(byLedgerOrder);
  const firstBudget = sorted.find((change) => change.kind === 'budget');
  const firstFlight = sorted.find((change) => change.kind === 'flight');
  const isInitial = (change: Change) => change.at <= start || change === firstBudget || change === firstFlight;
  return {
    start,
    initial: sorted.filter(isInitial).reduce(termsAfter, emptyTerms(start)),
    first: { from: start, base: 0 },
    later: sorted.filter((change) => !isInitial(change)),
  };
}

/** Goes on where the changes before have settled; what says something of before then applies there, unless a later word of its kind did. */
function settledLedger(changes: readonly Change[], start: number, settled: Settled): Ledger {
  const left = changes
    .filter((change) => isAfterSettled(change, settled))
    .sort(byLedgerOrder)
    .map((change) => (change.at < settled.until ? { ...change, at: settled.until } : change));
  if (start === settled.start) return { start, initial: settled.terms, first: settled.segment, later: left };
  // The flight begins at another instant: all that is settled holds from there.
  return {
    start,
    initial: left.filter(({ at }) => at <= start).reduce(termsAfter, settled.terms),
    first: { from: start, base: 0 },
    later: left.filter(({ at }) => at > start),
  };
}

/** Whether a change still says something to a ledger that has settled. */
export function isAfterSettled(change: Change, settled: Settled): boolean {
  if (change.at > settled.until) return true;
  if (change.order < settled.order) return false;
  if (change.kind === 'budget') return change.at >= settled.budget.at;
  return change.at >= (change.kind === 'flight' ? settled.flightAt : settled.statusAt);
}

/** By when they take effect; ties by record. */
export function byLedgerOrder(a: Change, b: Change): number {
  return a.at - b.at || a.order - b.order;
}

/** The campaign status in force at `at`, ACTIVE when there is none. */
export function statusAt(changes: readonly Change[], at: number): { status: CampaignStatus; cause: StatusCause } {
  let best: (Change & { kind: 'status' }) | undefined;
  for (const change of changes) {
    if (change.kind !== 'status' || change.at > at) continue;
    if (best === undefined || change.at > best.at || (change.at === best.at && change.order > best.order))
      best = change;
  }
  return best === undefined ? { status: 'ACTIVE', cause: 'ADVERTISER' } : best;
}

function emptyTerms(start: number): Terms {
  return {
    budget: null,
    replacedBudget: null,
    cap: null,
    limit: null,
    mode: 'EVEN',
    curve: null,
    end: start,
    rebase: 'ON_PLAN',
    isFrozen: false,
  };
}

function termsAfter(terms: Terms, change: Change): Terms {
  if (change.kind === 'budget') {
    const { budget, cap, limit = null } = change;
    return { ...terms, replacedBudget: terms.budget, budget, cap, limit };
  }
  if (change.kind === 'flight') {
    const { mode, curve, end, rebase } = change;
    return { ...terms, mode, curve, end, rebase };
  }
  return change.cause === 'ADVERTISER' ? { ...terms, isFrozen: change.status !== 'ACTIVE' } : terms;
}

/** E at an instant by the segment alone, whatever came before or after it. */
export function valueInSegment(terms: Terms, { from, base }: LedgerSegment, at: number, weightOf: WeightOf): Whole {
  return segmentValue(terms, from, base, at, weightOf);
}

function segmentValue(terms: Terms, from: number, base: Whole, at: number, weightOf: WeightOf): Whole {
  const { budget } = terms;
  if (budget === null) return base;
  if (terms.isFrozen) return clamp(base, budget);
  const weight = weightOf(terms.mode, terms.curve, terms.end);
  const whole = weight.between(from, terms.end);
  if (whole === 0) return clamp(at >= terms.end ? budget : base, budget);
  const to = Math.min(at, terms.end);
  if (weight.pieces !== undefined)
    return clamp(plus(base, shareOfPieces(weight, minus(budget, base), from, to)), budget);
  return clamp(plus(base, floorShare(minus(budget, base), weight.between(from, to), whole)), budget);
}

function clamp(value: Whole, budget: number): Whole {
  return value < 0 ? 0 : value > budget ? budget : value;
}
