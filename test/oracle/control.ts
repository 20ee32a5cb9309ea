import type { RejectReason } from '../../src/events/event-batch.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { rebook } from './book.ts';
import type { Campaign } from './campaign.ts';
import { isZone } from './civil-time.ts';
import type { OracleEvent } from './events.ts';
import { actualAt, type BudgetChange, type Dates, datesOf, Flight } from './flight.ts';
import { ledgerOf } from './pacing.ts';
import { settle } from './settle.ts';

/** Control records (§6.2). `dropped` = an old ledger version. */
export type ControlAnswer = RejectReason | 'dropped' | 'counted';

export function applyControl(
  campaign: Campaign,
  event: OracleEvent,
  plan: Plan,
  clock: number,
  order: number,
): ControlAnswer {
  if (isOfLedgers(event)) settle(campaign, clock, order, (flight) => ledgerOf(campaign, flight, plan).ledger);
  if (event.kind === 'flight_changed') return changeFlight(campaign, event, plan, clock, order);
  if (event.kind === 'budget_changed') return changeBudget(campaign, event, clock, order);
  if (event.kind === 'status_changed') {
    const { effective_at, status } = event.fields;
    const unnamed = plan.defaults.cause_when_unnamed ?? 'ADVERTISER';
    const cause = event.fields.cause === 'SYSTEM' ? unnamed : event.fields.cause;
    if (campaign.statuses.length >= campaign.bounds.statuses) return 'too_many_changes';
    campaign.statuses.push({ type: 'status', effectiveAt: effective_at, order, seen: clock, status, cause });
  }
  return 'counted';
}

function isOfLedgers({ kind }: OracleEvent): boolean {
  return kind === 'flight_changed' || kind === 'budget_changed' || kind === 'status_changed';
}

function changeFlight(
  campaign: Campaign,
  { flight: id, fields }: OracleEvent,
  plan: Plan,
  clock: number,
  order: number,
): ControlAnswer {
  if (!isZone(fields.tz)) return 'bad_zone';
  const known = campaign.flights.find((flight) => flight.id === id);
  const dates = datesOf(fields, fields.tz, known?.dates ?? null, clock);
  if (dates === null || dates.endLocal - dates.startLocal + 1 > campaign.bounds.flightDays) return 'bad_flight';
  const others = campaign.flights.filter((flight) => flight.id !== id);
  if (others.some((flight) => flight.dates !== null && shareTime(flight.dates, dates))) return 'bad_flight';
  const before = known?.highestFlightVersion ?? null;
  if (before !== null && fields.ledger_version <= before) return 'dropped';
  if (known !== undefined && known.changes.length >= campaign.bounds.changes) return 'too_many_changes';
  const flight = known ?? newFlight(campaign, id as string);
  if (flight === null) return 'too_many_flights';

  flight.highestFlightVersion = fields.ledger_version;
  const wasKnown = campaign.zone !== null;
  campaign.zone = fields.tz;
  rebook(campaign, fields.tz, { clock, order, plan: plan.number, wasKnown });
  campaign.setDates(flight, dates, clock);
  if (flight.isClosed && (flight.judgedAsOf as number) < dates.e + campaign.bounds.closedAfterMs)
    flight.isClosed = false;
  flight.changes.push({
    type: 'flight',
    effectiveAt: fields.effective_at,
    order,
    seen: clock,
    mode: fields.mode,
    curve: fields.curve_id,
    end: dates.e,
    rebase: fields.rebase,
    actual: actualAt(flight, fields.effective_at, clock, campaign.spend, campaign.bounds.actualMs),
  });
  return 'counted';
}

function changeBudget(
  campaign: Campaign,
  { flight: id, fields }: OracleEvent,
  clock: number,
  order: number,
): ControlAnswer {
  const known =
    id === null ? flightMeant(campaign, fields.effective_at) : campaign.flights.find((each) => each.id === id);
  if (known === undefined && id === null) return 'bad_flight';
  const before = known?.highestBudgetVersion ?? null;
  if (before !== null && fields.ledger_version <= before) return 'dropped';
  if (known !== undefined && known.changes.length >= campaign.bounds.changes) return 'too_many_changes';
  const flight = known ?? newFlight(campaign, id as string);
  if (flight === null) return 'too_many_flights';

  flight.highestBudgetVersion = fields.ledger_version;
  const change: BudgetChange = {
    type: 'budget',
    effectiveAt: fields.effective_at,
    order,
    seen: clock,
    budget: BigInt(fields.budget_micros),
    cap: fields.daily_cap_micros === null ? null : BigInt(fields.daily_cap_micros),
    actual: actualAt(flight, fields.effective_at, clock, campaign.spend, campaign.bounds.actualMs),
  };
  flight.changes.push(change);
  return 'counted';
}

/** Days in common, but for one that one of them leaves for the other at an hour. */
function shareTime(a: Dates, b: Dates): boolean {
  if (a.startLocal > b.endLocal || b.startLocal > a.endLocal) return false;
  const handsOver = (x: Dates, y: Dates) => x.endLocal === y.startLocal && x.e <= y.s && (x.toHour || y.fromHour);
  return !handsOver(a, b) && !handsOver(b, a);
}

/** The flight that a budget without a flight_id means. */
function flightMeant(campaign: Campaign, at: number): Flight | undefined {
  const dated = campaign.flights.flatMap((flight) => (flight.dates === null ? [] : [{ flight, ...flight.dates }]));
  dated.sort((a, b) => a.s - b.s || (a.flight.id < b.flight.id ? -1 : 1));
  const inside = dated.find(({ s, e }) => s <= at && at < e);
  return (inside ?? dated.find(({ s }) => s > at))?.flight;
}

/** A new flight; one too many takes the place of the oldest one that is over. Null when there is none. */
function newFlight(campaign: Campaign, id: string): Flight | null {
  if (campaign.flights.length >= campaign.bounds.flights) {
    const over = campaign.flights.flatMap((flight) =>
      flight.dates !== null && !flight.isEvaluable ? [{ flight, e: flight.dates.e }] : [],
    );
    over.sort((a, b) => a.e - b.e || (a.flight.id < b.flight.id ? -1 : 1));
    if (over.length === 0) return null;
    campaign.flights = campaign.flights.filter((flight) => flight !== over[0].flight);
  }
  const flight = new Flight(id);
  campaign.flights.push(flight);
  return flight;
}
