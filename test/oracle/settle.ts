import type { Campaign } from './campaign.ts';
import { type Change, type Flight, type Ledger, raised, saysSomething } from './flight.ts';
import { day } from './whole-numbers.ts';

/** §6.5: what of a campaign's ledgers lies long ago is settled, before a record of flight, budget or status says more. */
export function settle(campaign: Campaign, clock: number, order: number, ledgerOf: (flight: Flight) => Ledger): void {
  const H = clock - campaign.bounds.settledAfterMs;
  const dated = campaign.flights.filter((flight) => flight.dates !== null);
  const everything = [
    ...campaign.statuses.map(({ effectiveAt, seen }) => ({ place: effectiveAt, seen })),
    ...dated.flatMap((flight) => placesOf(flight)),
  ];
  const bound = boundOf(everything, campaign.settledUntil, H);
  for (const { place, seen } of everything)
    if (seen <= H && place <= bound && place > campaign.settledUntil) campaign.settledUntil = place;

  for (const flight of dated) settleFlight(campaign, flight, H, order, ledgerOf);

  const past = campaign.statuses
    .filter(({ effectiveAt }) => effectiveAt <= campaign.settledUntil)
    .sort((a, b) => a.effectiveAt - b.effectiveAt || a.order - b.order);
  const last = past.at(-1);
  const lastOfAdvertiser = past.filter(({ cause }) => cause === 'ADVERTISER').at(-1);
  campaign.statuses = campaign.statuses.filter(
    (status) => !past.includes(status) || status === last || status === lastOfAdvertiser,
  );
}

function settleFlight(
  campaign: Campaign,
  flight: Flight,
  H: number,
  order: number,
  ledgerOf: (flight: Flight) => Ledger,
): void {
  const { dates, settled, isClosed, judgedAsOf } = flight;
  if (dates === null || !flight.hasBudget) return;
  const since = settled?.until ?? Number.NEGATIVE_INFINITY;
  let until = Math.min(campaign.settledUntil, boundOf(placesOf(flight), since, H));
  if (isClosed && judgedAsOf !== null) until = Math.min(until, judgedAsOf - day);
  if (until < dates.s || until <= since) return;
  const first = firstOf(flight);
  const goes = (change: Change) => change.effectiveAt <= until || first.includes(change);
  const gone = flight.changes.filter(goes);
  const frozen = campaign.statuses.filter(({ cause, effectiveAt }) => cause === 'ADVERTISER' && effectiveAt <= until);
  const counts = gone.filter((change) => saysSomething(change, settled));
  const newest = new Map(settled?.newest);
  for (const { type, effectiveAt } of [...counts, ...frozen])
    newest.set(type, Math.max(newest.get(type) ?? Number.NEGATIVE_INFINITY, effectiveAt));
  const budgets = counts
    .flatMap((change) => (change.type === 'budget' ? [change] : []))
    .sort((a, b) => a.effectiveAt - b.effectiveAt || a.order - b.order);
  const segment = ledgerOf(flight).segmentAt(until);
  flight.settled = {
    s: dates.s,
    until,
    before: order,
    segment: { ...segment, parameters: raised(segment.parameters, -flight.rolled.goalIn, -flight.rolled.limitIn) },
    budgets: [...(settled?.budgets ?? []), ...budgets],
    newest,
  };
  flight.changes = flight.changes.filter((change) => !goes(change));
}

interface Place {
  readonly place: number;
  readonly seen: number;
}

/** Where the changes of a flight take effect. */
function placesOf(flight: Flight): Place[] {
  const s = flight.dates?.s ?? 0;
  const first = firstOf(flight);
  return flight.changes.map((change) => ({
    place: first.includes(change) ? s : Math.max(s, change.effectiveAt),
    seen: change.seen,
  }));
}

/** First budget and first flight change, while nothing has settled. */
function firstOf({ changes, settled }: Flight): Change[] {
  if (settled !== null) return [];
  const sorted: Change[] = changes.toSorted((a, b) => a.effectiveAt - b.effectiveAt || a.order - b.order);
  return (['budget', 'flight'] as const).flatMap((type) => sorted.find((change) => change.type === type) ?? []);
}

/** Nothing settles from where something takes effect that was not said before H. */
function boundOf(places: readonly Place[], since: number, H: number): number {
  return Math.min(H, ...places.filter(({ place, seen }) => place > since && seen > H).map(({ place }) => place - 1));
}
