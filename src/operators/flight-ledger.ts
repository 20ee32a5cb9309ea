import type { CampaignStatus, PacingMode, Rebase, StatusCause } from '../model/event-batch.ts';
import { floorShare, minus, plus, type Whole } from '../model/whole.ts';
import type { Weight } from './pacing-weight.ts';

/** One change of a flight or of its campaign's status, in force from `at` (event time). */
export type Change = { readonly at: number; readonly order: number } & (
  | { readonly kind: 'budget'; readonly budget: number; readonly cap: number | null; readonly actual: Whole }
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
  budget: number | null;
  /** Budget that the one in force replaced. */
  replacedBudget: number | null;
  cap: number | null;
  mode: PacingMode;
  curve: string | null;
  end: number;
  rebase: Rebase;
  isFrozen: boolean;
}

/** Turns mode and curve into a weight; the plan in force decides what a curve is. */
export type WeightOf = (mode: PacingMode, curve: string | null) => Weight;

export interface Expectation {
  readonly terms: Terms;
  /** E(at) in micros; 0 before the start, null while ASAP. */
  readonly expected: Whole | null;
}

/**
 * E at one instant, by walking the ledger's segments (docs/semantics.md §6.4): the expectation so far
 * is kept at every change (they come in ledger order) and what remains of the budget is spread over what remains of the flight.
 */
export function expectationAt(ledger: readonly Change[], start: number, at: number, weightOf: WeightOf): Expectation {
  const terms = emptyTerms(start);
  const later = applyInitial(ledger, terms, start);
  let from = start;
  let base: Whole = 0;
  for (const change of later) {
    if (change.at > Math.max(at, start)) break;
    const reached = segmentValue(terms, from, base, change.at, weightOf);
    applyChange(change, terms);
    const rebase = change.kind === 'status' ? 'ON_PLAN' : terms.rebase;
    from = rebase === 'NONE' ? start : change.at;
    base = rebase === 'NONE' ? 0 : rebase === 'ON_ACTUAL' && change.kind !== 'status' ? change.actual : reached;
  }
  if (terms.mode === 'ASAP') return { terms, expected: null };
  return { terms, expected: at < start ? 0 : segmentValue(terms, from, base, at, weightOf) };
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
    mode: 'EVEN',
    curve: null,
    end: start,
    rebase: 'ON_PLAN',
    isFrozen: false,
  };
}

/** Applies what holds from the start; returns the rest in order. */
function applyInitial(sorted: readonly Change[], terms: Terms, start: number): Change[] {
  const firstBudget = sorted.find((change) => change.kind === 'budget');
  const firstFlight = sorted.find((change) => change.kind === 'flight');
  const later: Change[] = [];
  for (const change of sorted) {
    if (change.at <= start || change === firstBudget || change === firstFlight) applyChange(change, terms);
    else later.push(change);
  }
  return later;
}

function applyChange(change: Change, terms: Terms): void {
  if (change.kind === 'budget') {
    terms.replacedBudget = terms.budget;
    terms.budget = change.budget;
    terms.cap = change.cap;
  } else if (change.kind === 'flight') {
    terms.mode = change.mode;
    terms.curve = change.curve;
    terms.end = change.end;
    terms.rebase = change.rebase;
  } else if (change.cause === 'ADVERTISER') terms.isFrozen = change.status !== 'ACTIVE';
}

function segmentValue(terms: Terms, from: number, base: Whole, at: number, weightOf: WeightOf): Whole {
  const { budget } = terms;
  if (budget === null) return base;
  if (terms.isFrozen) return clamp(base, budget);
  const weight = weightOf(terms.mode, terms.curve);
  const whole = weight.between(from, terms.end);
  if (whole === 0) return clamp(at >= terms.end ? budget : base, budget);
  const part = weight.between(from, Math.min(at, terms.end));
  return clamp(plus(base, floorShare(minus(budget, base), part, whole)), budget);
}

function clamp(value: Whole, budget: number): Whole {
  return value < 0 ? 0 : value > budget ? budget : value;
}
