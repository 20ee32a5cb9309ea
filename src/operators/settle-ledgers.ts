import type { Campaign, Flight, FlightDates } from '../lane/campaign.ts';
import { ledgerOf } from '../lane/flight-books.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { dayMs } from '../model/time.ts';
import { withoutRaise } from '../pacing/rollover.ts';
import {
  keptStatuses,
  type SettlingFlight,
  saidOfFlight,
  saidOfStatuses,
  settle,
  settledOf,
  settlesBefore,
  settlesTo,
} from '../pacing/settled-ledger.ts';

type Dated = Flight & { readonly dates: FlightDates };

/**
 * What took effect and was said longer ago than anybody asks for one by one becomes what it comes to, so that ledgers take
 * years (docs/semantics.md §6.5). Called at a control record, `order`, before it says something new.
 */
export function settleLedgers(state: LaneState, campaign: Campaign, order: number): void {
  const horizon = state.clock - state.limits.settledAfterMs;
  if (isAllYoung(campaign, horizon)) return;
  const flights = campaign.flights.filter(isDated);
  const said = [...saidOfStatuses(campaign.statuses), ...flights.flatMap((flight) => saidOfFlight(asSettling(flight)))];
  campaign.settledUntil = settlesTo(said, campaign.settledUntil, horizon);
  for (const flight of flights) settleFlight(state, campaign, flight, horizon, order);
  campaign.statuses = keptStatuses(campaign.statuses, campaign.settledUntil);
}

/** Nearly always: nothing ever settled, and nothing was said so long ago. */
function isAllYoung({ flights, statuses, settledUntil }: Campaign, horizon: number): boolean {
  if (settledUntil !== Number.NEGATIVE_INFINITY) return false;
  for (const { seen } of statuses) if (seen <= horizon) return false;
  for (const { changes, settled } of flights) {
    if (settled !== null) return false;
    for (const { seen } of changes) if (seen <= horizon) return false;
  }
  return true;
}

function settleFlight(state: LaneState, campaign: Campaign, flight: Dated, horizon: number, order: number): void {
  if (!flight.hasBudget) return;
  const settling = asSettling(flight);
  const since = flight.settled?.until ?? Number.NEGATIVE_INFINITY;
  const own = settlesBefore(saidOfFlight(settling), since, horizon);
  // The last word on a flight that is over is judged where it was judged last.
  const asked = flight.isDone && flight.lastAsOf !== null ? flight.lastAsOf - dayMs : Number.POSITIVE_INFINITY;
  const until = Math.min(campaign.settledUntil, own, asked);
  if (until < flight.dates.start || (flight.settled !== null && until <= flight.settled.until)) return;
  const weightOf = state.weightOf(campaign, flight);
  const gone = new Set(settledOf(settling, until));
  const settled = settle(ledgerOf(campaign, flight), settling, campaign.statuses, { until, order, weightOf });
  flight.settled = flight.rollover === null ? settled : withoutRaise(settled, flight.rollover.rolled.in);
  flight.changes = flight.changes.filter((change) => !gone.has(change));
  flight.ledger = null;
}

function asSettling({ dates, changes, settled }: Dated): SettlingFlight {
  return { start: dates.start, changes, settled };
}

function isDated(flight: Flight): flight is Dated {
  return flight.dates !== null;
}
