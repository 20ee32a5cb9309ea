import type { Rollover } from '../events/event-batch.ts';
import { type Campaign, type Flight, type FlightDates, part } from '../lane/campaign.ts';
import { FlightRollover, stays } from '../lane/flight-rollover.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { minus, positive, type Whole } from '../model/whole.ts';
import type { PacingValues } from '../pacing/pacing.ts';
import { type Amounts, areAlike, nothing, type RollingFlight, rollOver, sum } from '../pacing/rollover.ts';

type Dated = Flight & { readonly dates: FlightDates };

/** What a record says is to become of what its flight leaves unspent. */
export function setRollover(flight: Flight, rollover: Rollover): void {
  if ((flight.rollover?.rollover ?? 'NONE') === rollover) return;
  flight.rollover ??= new FlightRollover();
  flight.rollover.rollover = rollover;
  // Nobody may have noted what it left.
  flight.rollover.left = null;
  flight.isRestated ||= flight.isDone;
}

/** An evaluation of a flight that may give something away: what its own budget left, when it is over. */
export function noteLeftover(rollover: FlightRollover, end: number, at: number, values: PacingValues): void {
  const came = rollover.rolled.in;
  const left = (budget: number | null, more: number, spent: Whole) =>
    budget === null ? 0 : atLeast(minus(budget - more, positive(spent)));
  rollover.left =
    at < end
      ? null
      : {
          at,
          goal: left(values.budget, came.goal, values.spend),
          limit: values.money === null ? 0 : left(values.terms.limit, came.limit, values.money.spend),
        };
}

/** What took more than any budget there is takes all that comes. */
function atLeast(left: Whole): number {
  return left < -Number.MAX_SAFE_INTEGER ? -Number.MAX_SAFE_INTEGER : Number(left);
}

/**
 * What flights left goes where it belongs by the flights as they are now (docs/semantics.md §6.6). Those that are closed
 * and have or give something else than before are evaluated once more, but for the one that is being evaluated.
 */
export function rollOverFlights(state: LaneState, campaign: Campaign, evaluated: Flight | null): void {
  if (!campaign.flights.some(({ rollover }) => rollover !== null)) return;
  const flights = campaign.flights.filter(isRolling).sort(byStart);
  const all = rollOver(flights.map(asRolling));
  for (const [at, flight] of flights.entries()) {
    const rolled = all[at];
    if (areAlike(flight.rollover?.rolled ?? stays, rolled)) continue;
    flight.rollover ??= new FlightRollover();
    flight.rollover.rolled = rolled;
    flight.ledger = null;
    if (flight.isDone && flight !== evaluated) flight.isRestated = true;
    state.touchParts(campaign, part.flights | part.pace);
  }
}

/** A flight is about to be forgotten: what it gave stays where it is. */
export function bequeath(campaign: Campaign, { rollover }: Flight): void {
  if (rollover === null || rollover.rolled.to === null) return;
  const heir = campaign.flights.find(({ id }) => id === rollover.rolled.to);
  if (heir?.rollover != null) heir.rollover.inherited = sum(heir.rollover.inherited, rollover.rolled.out);
}

/** Flights that gave something to one, by start. */
export function giversOf(campaign: Campaign, { id }: Flight): Flight[] {
  return campaign.flights.filter(({ rollover }) => rollover?.rolled.to === id).sort(byStart);
}

function isRolling(flight: Flight): flight is Dated {
  return flight.dates !== null && flight.hasBudget;
}

function asRolling({ id, goal, dates, rollover, changes, settled, lastAsOf }: Dated): RollingFlight {
  const { budget: last = null, replacedBudget = null, limit: lastLimit = null } = settled?.terms ?? {};
  let budget = Math.max(last ?? 0, replacedBudget ?? 0);
  let limit = lastLimit ?? 0;
  let hasLimit = lastLimit !== null;
  for (const change of changes) {
    if (change.kind !== 'budget') continue;
    budget = Math.max(budget, change.budget);
    limit = Math.max(limit, change.limit ?? 0);
    hasLimit ||= change.limit !== undefined;
  }
  const left = rollover?.left ?? null;
  return {
    id,
    unit: goal?.unit ?? 'MONEY',
    rollover: rollover?.rollover ?? 'NONE',
    left: left !== null && left.at >= dates.end ? left : null,
    isOver: lastAsOf !== null && lastAsOf >= dates.end,
    hasLimit,
    inherited: rollover?.inherited ?? nothing,
    to: rollover?.rolled.to ?? null,
    room: roomOver({ goal: budget, limit }),
  };
}

/** Budgets are safe integers, and stay so. */
function roomOver({ goal, limit }: Amounts): Amounts {
  return { goal: Number.MAX_SAFE_INTEGER - goal, limit: Number.MAX_SAFE_INTEGER - limit };
}

function byStart(a: Flight, b: Flight): number {
  return (a.dates?.start ?? 0) - (b.dates?.start ?? 0) || (a.id < b.id ? -1 : 1);
}
