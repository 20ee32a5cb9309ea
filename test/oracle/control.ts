import type { RejectReason } from '../../src/events/event-batch.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { rebook } from './book.ts';
import type { Campaign } from './campaign.ts';
import { isZone } from './civil-time.ts';
import type { OracleEvent } from './events.ts';
import { type BudgetChange, type Dates, datesOf, Flight } from './flight.ts';
import { reachedBefore, unitOfGoal } from './goals.ts';
import { curveOf, ledgerOf } from './pacing.ts';
import { leaveBehind, rollOver } from './rollover.ts';
import { settle } from './settle.ts';
import { instantOfText, piecesWithin } from './weight.ts';
import { floorTo, larger, quarter } from './whole-numbers.ts';

/** Control records (§6.2). `dropped` = an old ledger version. */
export type ControlAnswer = RejectReason | 'dropped' | 'counted';

export function applyControl(
  campaign: Campaign,
  event: OracleEvent,
  plan: Plan,
  clock: number,
  order: number,
): ControlAnswer {
  if (!isOfLedgers(event)) return 'counted';
  settle(campaign, clock, order, (flight) => ledgerOf(campaign, flight, plan).ledger);
  const answer = changeLedger(campaign, event, plan, clock, order);
  rollOver(campaign, null);
  return answer;
}

function changeLedger(campaign: Campaign, event: OracleEvent, plan: Plan, clock: number, order: number): ControlAnswer {
  if (event.kind === 'flight_changed') return changeFlight(campaign, event, plan, clock, order);
  if (event.kind === 'budget_changed') return changeBudget(campaign, event, clock, order);
  const { effective_at, status } = event.fields;
  const unnamed = plan.defaults.cause_when_unnamed ?? 'ADVERTISER';
  const cause = event.fields.cause === 'SYSTEM' ? unnamed : event.fields.cause;
  if (campaign.statuses.length >= campaign.bounds.statuses) return 'too_many_changes';
  campaign.statuses.push({ type: 'status', effectiveAt: effective_at, order, seen: clock, status, cause });
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
  if (fields.mode === 'CUSTOM' && !isCovered(curveOf(plan, campaign.id, fields.curve_id), dates)) return 'bad_flight';
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
  if (fields.rollover !== flight.rollover) {
    flight.rollover = fields.rollover;
    flight.left = null;
    flight.isRestated ||= flight.isClosed;
  }
  flight.changes.push({
    type: 'flight',
    effectiveAt: fields.effective_at,
    order,
    seen: clock,
    mode: fields.mode,
    curve: fields.curve_id,
    end: dates.e,
    rebase: fields.rebase,
    actual: actualAt(campaign, flight, fields.effective_at, clock),
  });
  return 'counted';
}

/** Whether a curve's pieces are those of the flight, from its start to its end. */
function isCovered(curve: ReturnType<typeof curveOf>, { zone, s, e, startLocal, endLocal }: Dates): boolean {
  if (curve === null) return false;
  const first = curve.pieces[0].from;
  const dayOf = (text: string) => Date.parse(`${text}T00:00:00Z`) / 86_400_000;
  const begins = first.includes('T') ? instantOfText(zone, first) === s : dayOf(first) === startLocal;
  const ends = curve.until.includes('T') ? instantOfText(zone, curve.until) === e : dayOf(curve.until) === endLocal;
  return begins && ends && piecesWithin(curve, zone, s, e).length === curve.pieces.length;
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
  if (known?.hasBudget === true && known.goal !== fields.goal) return 'bad_flight';
  if (known !== undefined && known.changes.length >= campaign.bounds.changes) return 'too_many_changes';
  const flight = known ?? newFlight(campaign, id as string);
  if (flight === null) return 'too_many_flights';

  if (!flight.hasBudget && fields.goal !== 'MONEY') {
    flight.goal = fields.goal;
    // What was noted of money says nothing of another goal.
    flight.changes = flight.changes.map((change) => ({ ...change, actual: 0n }));
    campaign.followGoal(flight, clock);
  }
  const scale = BigInt(unitOfGoal(fields.goal));
  const isMoney = fields.goal === 'MONEY';
  const cap = isMoney ? fields.daily_cap_micros : fields.goal_daily_cap;
  flight.highestBudgetVersion = fields.ledger_version;
  const change: BudgetChange = {
    type: 'budget',
    effectiveAt: fields.effective_at,
    order,
    seen: clock,
    budget: isMoney ? BigInt(fields.budget_micros) : scale * BigInt(fields.goal_units as number),
    cap: cap === null ? null : isMoney ? BigInt(cap) : scale * BigInt(cap),
    limit: isMoney || fields.budget_micros === 0 ? null : BigInt(fields.budget_micros),
    actual: actualAt(campaign, flight, fields.effective_at, clock),
  };
  flight.changes.push(change);
  return 'counted';
}

/** E0 of a change that rebases on what was reached: S(floor(c', q)) as known when the change was counted. */
function actualAt(campaign: Campaign, flight: Flight, effectiveAt: number, clock: number): bigint {
  const earliest = floorTo(clock, quarter) - campaign.bounds.actualMs;
  const at = Math.min(Math.max(effectiveAt, earliest), clock);
  return larger(0n, reachedBefore(campaign, flight, floorTo(at, quarter)));
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
    leaveBehind(campaign, over[0].flight);
    campaign.flights = campaign.flights.filter((flight) => flight !== over[0].flight);
  }
  const flight = new Flight(id);
  campaign.flights.push(flight);
  return flight;
}
