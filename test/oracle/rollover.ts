import type { Campaign } from './campaign.ts';
import type { Dates, Flight } from './flight.ts';
import type { Pacing } from './pacing.ts';
import { larger, smaller } from './whole-numbers.ts';

/** §6.6: what flights leave unspent, and who has it. */

const most = 2n ** 53n - 1n;

/** What a judged evaluation says of what its flight left by its own budget and limit. */
export function noteLeft(flight: Flight, pacing: Pacing): void {
  const { a, e, budget, spend, cost } = pacing;
  if (a < e) {
    flight.left = null;
    return;
  }
  const { goalIn, limitIn } = flight.rolled;
  const limit = cost === null || cost.limit === null ? 0n : cost.limit - limitIn - larger(cost.spend, 0n);
  flight.left = { a, goal: budget - goalIn - larger(spend, 0n), limit };
}

/** Who gives what to whom, by the flights as they are; `judged` = the one whose evaluation says so. */
export function rollOver(campaign: Campaign, judged: Flight | null): void {
  const flights = campaign.flights
    .filter((flight) => flight.dates !== null && flight.hasBudget)
    .sort((a, b) => startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1));
  const gifts: { from: Flight; to: Flight; goal: bigint; limit: bigint }[] = [];
  const has = (flight: Flight, unit: 'goal' | 'limit') =>
    gifts
      .filter(({ to }) => to === flight)
      .reduce((sum, gift) => sum + gift[unit], smaller(flight.inherited[unit], roomOf(flight, unit)));
  for (const [at, flight] of flights.entries()) {
    const { left, dates, rollover } = flight;
    const behind = flights.slice(at + 1).filter(({ goal }) => goal === flight.goal);
    const wanted = rollover === 'NEXT' ? behind.at(0) : rollover === 'LAST' ? behind.at(-1) : undefined;
    if (wanted === undefined || left === null || left.a < (dates as Dates).e) continue;
    const keeper = behind.find((each) => each.id === flight.rolled.to && isOver(each));
    const to = keeper ?? wanted;
    const part = (unit: 'goal' | 'limit') =>
      larger(0n, smaller(left[unit] + has(flight, unit), roomOf(to, unit) - has(to, unit)));
    const goal = part('goal');
    const limit = limitsOf(flight).length > 0 && limitsOf(to).length > 0 ? part('limit') : 0n;
    if (goal > 0n || limit > 0n) gifts.push({ from: flight, to, goal, limit });
  }
  for (const flight of flights) {
    const out = gifts.find(({ from }) => from === flight);
    const rolled = {
      goalIn: has(flight, 'goal'),
      limitIn: has(flight, 'limit'),
      goalOut: out?.goal ?? 0n,
      limitOut: out?.limit ?? 0n,
      to: out?.to.id ?? '',
    };
    const isOther = !isSame(rolled, flight.rolled);
    flight.rolled = rolled;
    flight.givers = gifts.filter(({ to }) => to === flight).map(({ from, goal }) => ({ id: from.id, goal }));
    if (isOther && flight.isClosed && flight !== judged) flight.isRestated = true;
  }
}

/** What a flight gave stays where it is when it is forgotten. */
export function leaveBehind(campaign: Campaign, { rolled }: Flight): void {
  const heir = campaign.flights.find(({ id }) => id === rolled.to);
  if (heir === undefined) return;
  const { goal, limit } = heir.inherited;
  heir.inherited = { goal: goal + rolled.goalOut, limit: limit + rolled.limitOut };
}

export interface Rolled {
  readonly goalIn: bigint;
  readonly limitIn: bigint;
  readonly goalOut: bigint;
  readonly limitOut: bigint;
  readonly to: string;
}

export function isSame(a: Rolled, b: Rolled): boolean {
  return (
    a.to === b.to &&
    a.goalIn === b.goalIn &&
    a.limitIn === b.limitIn &&
    a.goalOut === b.goalOut &&
    a.limitOut === b.limitOut
  );
}

function roomOf(flight: Flight, unit: 'goal' | 'limit'): bigint {
  const amounts = unit === 'goal' ? budgetsOf(flight) : limitsOf(flight);
  return most - amounts.reduce(larger, 0n);
}

function budgetsOf({ changes, settled }: Flight): bigint[] {
  const { budget = null, replaced = null } = settled?.segment.parameters ?? {};
  const said = changes.map((change) => (change.type === 'budget' ? change.budget : null));
  return [...said, budget, replaced].filter((amount) => amount !== null);
}

function limitsOf({ changes, settled }: Flight): bigint[] {
  const said = changes.map((change) => (change.type === 'budget' ? change.limit : null));
  return [...said, settled?.segment.parameters.limit ?? null].filter((amount) => amount !== null);
}

function isOver({ judgedAsOf, dates }: Flight): boolean {
  return judgedAsOf !== null && judgedAsOf >= (dates as Dates).e;
}

function startOf({ dates }: Flight): number {
  return (dates as Dates).s;
}
