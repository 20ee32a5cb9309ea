import type { GoalUnit, Rollover } from '../events/event-batch.ts';
import type { Change, Ledger, Settled, Terms } from './flight-ledger.ts';

/** What goes from flight to flight: of the goal, in its unit, and of the money that a goal which is none may cost. */
export interface Amounts {
  readonly goal: number;
  readonly limit: number;
}

export const nothing: Amounts = { goal: 0, limit: 0 };

/** A flight as far as rollover asks; it has dates and a budget. */
export interface RollingFlight {
  readonly id: string;
  readonly unit: GoalUnit;
  readonly rollover: Rollover;
  /** What its own budget, and its own limit, left unspent; below 0 where it took more. Null = it is not over. */
  readonly left: Amounts | null;
  /** Its last judged evaluation was at its end or later. */
  readonly isOver: boolean;
  readonly hasLimit: boolean;
  /** What it has for good, of flights that are forgotten. */
  readonly inherited: Amounts;
  /** Flight that has what it gave up to now; null = it gave nothing. */
  readonly to: string | null;
  /** How much more its budgets and its limits can bear. */
  readonly room: Amounts;
}

/** What rollover comes to for one flight. */
export interface Rolled {
  readonly in: Amounts;
  readonly out: Amounts;
  /** Flight that has `out`; null = nothing goes. */
  readonly to: string | null;
}

/**
 * Where goes what flights left unspent (docs/semantics.md §6.6), of flights in order of their start: what came to one goes
 * on with what it left itself. Nothing is lost: what one gives is what another has.
 */
export function rollOver(flights: readonly RollingFlight[]): Rolled[] {
  const came = flights.map(({ inherited, room }) => least(inherited, room));
  const targets = targetsOf(flights);
  return flights.map((flight, at) => {
    const target = targets[at];
    const out =
      target === null || flight.left === null ? nothing : given(flight, came[at], flights[target], came[target]);
    if (target === null || isNothing(out)) return { in: came[at], out: nothing, to: null };
    came[target] = sum(came[target], out);
    return { in: came[at], out, to: flights[target].id };
  });
}

/** Place of the flight to which each gives; null = there is none. */
function targetsOf(flights: readonly RollingFlight[]): (number | null)[] {
  const next = new Map<GoalUnit, number>();
  const last = new Map<GoalUnit, number>();
  const targets: (number | null)[] = flights.map(() => null);
  for (let at = flights.length - 1; at >= 0; at--) {
    const { unit, rollover } = flights[at];
    if (rollover !== 'NONE')
      targets[at] = keeperOf(flights, at) ?? (rollover === 'NEXT' ? next : last).get(unit) ?? null;
    next.set(unit, at);
    if (!last.has(unit)) last.set(unit, at);
  }
  return targets;
}

/** What a flight that is over was given, and may have spent, stays there. */
function keeperOf(flights: readonly RollingFlight[], at: number): number | null {
  const { to, unit } = flights[at];
  if (to === null) return null;
  const keeper = flights.findIndex(({ id }) => id === to);
  return keeper > at && flights[keeper].isOver && flights[keeper].unit === unit ? keeper : null;
}

function given(flight: RollingFlight, came: Amounts, target: RollingFlight, itHas: Amounts): Amounts {
  const left = flight.left as Amounts;
  const part = (own: number, more: number, room: number) => Math.max(0, Math.min(own + more, room));
  return {
    goal: part(left.goal, came.goal, target.room.goal - itHas.goal),
    limit: flight.hasLimit && target.hasLimit ? part(left.limit, came.limit, target.room.limit - itHas.limit) : 0,
  };
}

export function sum(a: Amounts, b: Amounts): Amounts {
  return isNothing(b) ? a : { goal: a.goal + b.goal, limit: a.limit + b.limit };
}

function least(a: Amounts, b: Amounts): Amounts {
  return { goal: Math.min(a.goal, b.goal), limit: Math.min(a.limit, b.limit) };
}

function isNothing({ goal, limit }: Amounts): boolean {
  return goal === 0 && limit === 0;
}

export function areAlike(a: Rolled, b: Rolled): boolean {
  const isSame = (x: Amounts, y: Amounts) => x.goal === y.goal && x.limit === y.limit;
  return a.to === b.to && isSame(a.in, b.in) && isSame(a.out, b.out);
}

/** The ledger with what came to its flight, which raises every budget from the start on. */
export function raisedLedger(ledger: Ledger, came: Amounts): Ledger {
  if (isNothing(came)) return ledger;
  return {
    ...ledger,
    initial: raisedTerms(ledger.initial, came),
    later: ledger.later.map((change) => raisedChange(change, came)),
  };
}

/** What a raised ledger has settled to, without what came: that may become another amount. */
export function withoutRaise(settled: Settled, { goal, limit }: Amounts): Settled {
  return { ...settled, terms: raisedTerms(settled.terms, { goal: -goal, limit: -limit }) };
}

function raisedTerms(terms: Terms, { goal, limit }: Amounts): Terms {
  const raised = (amount: number | null, by: number) => (amount === null ? null : amount + by);
  return {
    ...terms,
    budget: raised(terms.budget, goal),
    replacedBudget: raised(terms.replacedBudget, goal),
    limit: raised(terms.limit, limit),
  };
}

function raisedChange(change: Change, { goal, limit }: Amounts): Change {
  if (change.kind !== 'budget') return change;
  const raised = { ...change, budget: change.budget + goal };
  return change.limit === undefined ? raised : { ...raised, limit: change.limit + limit };
}
