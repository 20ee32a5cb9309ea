import type { Detail, EventBatch, RejectReason, UnitGoal } from '../events/event-batch.ts';
import { isControl } from '../events/kind-facts.ts';
import type { ControlKind } from '../events/kinds.ts';
import { kind } from '../events/kinds.ts';
import { type Campaign, Flight, type FlightDates } from '../lane/campaign.ts';
import { coverProblem } from '../lane/custom-curve.ts';
import { curveOf } from '../lane/find-weight.ts';
import { goalBefore } from '../lane/flight-books.ts';
import { hotAt, hotWidth } from '../lane/hot-campaigns.ts';
import { flightAt } from '../lane/lane-books.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { noteStep } from '../lane/rhythm.ts';
import { cellsSection } from '../lane/sections/cells.ts';
import { controlWordsSection } from '../lane/sections/control-words.ts';
import { flightsSection, flightTotals } from '../lane/sections/flights.ts';
import { frontiersSection } from '../lane/sections/frontiers.ts';
import { rhythmsSection } from '../lane/sections/rhythms.ts';
import { rolloverSection } from '../lane/sections/rollover.ts';
import type { OwnedSections } from '../lane/sections/section.ts';
import { assert } from '../model/errors.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import { quickSum } from '../model/money.ts';
import { nearest } from '../model/nearest.ts';
import { floorTo, quarterMs } from '../model/time.ts';
import { positive, type Whole } from '../model/whole.ts';
import { findZone } from '../model/zones.ts';
import { goalScale } from '../pacing/goal.ts';
import { CellBooker } from './cell-booker.ts';
import type { DayBooker } from './day-booker.ts';
import { collide, datesOf, setDates } from './flight-dates.ts';
import { setGoal } from './flight-goals.ts';
import { addToFlights, watch, watchIfOutside } from './flight-totals.ts';
import { FollowWords } from './follow-words.ts';
import { FollowZone } from './follow-zone.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import type { Operator } from './operator.ts';
import { bequeath, rollOverFlights, setRollover } from './roll-over.ts';
import type { Segment } from './segment.ts';
import { settleLedgers } from './settle-ledgers.ts';

interface Problem {
  readonly reason: RejectReason;
  readonly detail: string;
}

/**
 * Keeps the books of flights: items into cells and totals, control records into ledgers, heartbeats
 * into frontiers (docs/semantics.md §6).
 */
export class FollowFlights implements Operator {
  readonly name = 'flights';
  readonly does = 'cells, totals, ledgers, frontiers';
  readonly state: OwnedSections = {
    organizations: [frontiersSection, rhythmsSection],
    campaigns: [flightsSection, rolloverSection, flightTotals, cellsSection, controlWordsSection],
  };
  readonly #state: LaneState;
  readonly #limits: LaneLimits;
  readonly #outputs: LaneOutputs;
  readonly #cells: CellBooker;
  readonly #zone: FollowZone;
  readonly #words: FollowWords;

  constructor(state: LaneState, outputs: LaneOutputs, days: DayBooker) {
    this.#state = state;
    this.#limits = state.limits;
    this.#outputs = outputs;
    this.#cells = new CellBooker(state);
    this.#zone = new FollowZone(state, days);
    this.#words = new FollowWords(state);
  }

  onSegment(segment: Segment): void {
    const { batch, counted, slots, itemMicros, impressions, from, to } = segment;
    // It stands alone.
    if (batch.kinds[from] === kind.creative_status && counted[from] !== 0) this.#words.creative(segment, from);
    for (let row = from; row < to; row++) {
      if (counted[row] === 0) continue;
      const slot = slots[row];
      if (slot < 0) this.#heartbeat(segment, row);
      else {
        const hasItem = !Number.isNaN(itemMicros[row]);
        if (hasItem || impressions[row] !== 0) this.#item(segment, row, slot, hasItem);
        if (isControl[batch.kinds[row]] === 1) this.#control(segment, row, this.#state.campaigns[slot]);
      }
    }
  }

  #item(segment: Segment, row: number, slot: number, hasItem: boolean): void {
    const at = segment.itemAt[row];
    const micros = hasItem ? segment.itemMicros[row] : 0;
    const nanos = hasItem ? segment.itemNanos[row] : 0;
    const impressions = segment.impressions[row];
    const { hot, flights } = this.#state.books;
    const base = slot * hotWidth;
    if (hot.values[base + hotAt.isDirty] === 0) this.#state.touch(this.#state.campaigns[slot]);
    this.#cells.book(slot, segment, row, micros, nanos, impressions);
    if (!(at >= hot.values[base + hotAt.flightStart] && at < hot.values[base + hotAt.flightEnd])) {
      if (!this.#bringFlight(this.#state.campaigns[slot], at)) {
        if (hasItem) watchIfOutside(this.#state, this.#state.campaigns[slot], at, at, segment.clocks[row]);
        addToFlights(this.#state, this.#state.campaigns[slot], at, micros, nanos, impressions);
        return;
      }
    }
    const flight = hot.values[base + hotAt.flight];
    if (flight < 0) {
      if (hasItem) watch(this.#state, this.#state.campaigns[slot], segment.clocks[row]);
      return;
    }
    const { values } = flights;
    const sum = quickSum(values[flight + flightAt.spentNanos], micros, nanos);
    if (!Number.isNaN(sum)) {
      values[flight + flightAt.spentNanos] = sum;
      values[flight + flightAt.impressions] += impressions;
      return;
    }
    const campaign = this.#state.campaigns[slot];
    addToFlights(this.#state, campaign, at, micros, nanos, impressions);
    campaign.putAway();
  }

  /** Has the flight of an instant at hand, or that there is none; false when it is not that simple. */
  #bringFlight(campaign: Campaign, at: number): boolean {
    let start = Number.NEGATIVE_INFINITY;
    let end = Number.POSITIVE_INFINITY;
    let found: Flight | null = null;
    for (const flight of campaign.flights) {
      const { dates } = flight;
      if (dates === null) continue;
      if (at >= dates.end) start = Math.max(start, dates.end);
      else if (at < dates.start) end = Math.min(end, dates.start);
      else if (found !== null || !flight.isSmall || flight.isDone || !flight.hasBudget) return false;
      else {
        found = flight;
        start = Math.max(start, dates.start);
        end = Math.min(end, dates.end);
      }
    }
    assert(at >= start && at < end, 'the flight at hand has the instant for which it was brought, or the gap has');
    const { values } = this.#state.books.hot;
    values[campaign.hot + hotAt.flight] = found === null ? -1 : found.base;
    values[campaign.hot + hotAt.flightStart] = start;
    values[campaign.hot + hotAt.flightEnd] = end;
    return true;
  }

  #heartbeat(segment: Segment, row: number): void {
    const { batch } = segment;
    const completeThrough = batch.t1[row];
    const organization = this.#state.organizationOf(batch.orgs[row], batch.dictionaries);
    const source = batch.dictionaries.sources.text(batch.sources[row]);
    const before = organization.frontiers.get(source);
    if (before !== undefined) {
      if (completeThrough <= before) return;
      noteStep(organization, source, completeThrough - before);
    }
    organization.frontiers.set(source, completeThrough);
    organization.isDirty = true;
  }

  #control(segment: Segment, row: number, campaign: Campaign): void {
    this.#state.touchParts(campaign);
    campaign.putAway();
    const { dropped } = this.#outputs;
    const droppedBefore = dropped.stale_ledger;
    const problem = this.#applyControl(segment.batch, row, campaign);
    const isDropped = dropped.stale_ledger > droppedBefore;
    if (isDropped) segment.counted[row] = 0;
    if (problem !== null) this.#outputs.deadLetter(segment, row, problem.reason, problem.detail);
    const isCounted = !isDropped && problem === null;
    if (isCounted && segment.batch.kinds[row] === kind.budget_changed) this.#words.budget(segment, row, campaign);
    rollOverFlights(this.#state, campaign, null);
    // What a decision changes may leave money outside of every flight.
    if (isCounted) this.#state.watch(campaign, this.#state.clock);
    if (isCounted || campaign.flights.some((flight) => flight.isEvaluable)) this.#state.setCampaignTimer(campaign);
  }

  #applyControl(batch: EventBatch, row: number, campaign: Campaign): Problem | null {
    const detail = batch.details.get(row) as Detail & { kind: ControlKind };
    const order = batch.offsets[row];
    settleLedgers(this.#state, campaign, order);
    switch (detail.kind) {
      case 'budget_changed':
        return this.#budget(detail, order, campaign);
      case 'flight_changed':
        return this.#flight(detail, order, campaign);
      case 'status_changed':
        return this.#status(detail, order, campaign);
    }
  }

  #status(detail: Detail & { kind: 'status_changed' }, order: number, campaign: Campaign): Problem | null {
    const { effective_at: at, status } = detail;
    const cause = detail.cause === 'SYSTEM' ? this.#state.unnamedCause(campaign) : detail.cause;
    if (campaign.statuses.length >= this.#limits.statusesPerCampaignMax) {
      return {
        reason: 'too_many_changes',
        detail: `the campaign has ${campaign.statuses.length} changes of status already`,
      };
    }
    for (const flight of campaign.flights) flight.ledger = null;
    campaign.statuses.push({ kind: 'status', at, order, seen: this.#state.clock, status, cause });
    return null;
  }

  #budget(detail: Detail & { kind: 'budget_changed' }, order: number, campaign: Campaign): Problem | null {
    const found = detail.flight_id === null ? flightMeantAt(campaign, detail.effective_at) : detail.flight_id;
    if (found === null) return badFlight('names no flight, and no flight covers or follows effective_at');
    const flight = this.#flightOf(campaign, found);
    if (flight === null) return this.#tooMany();
    if (detail.ledger_version <= flight.budgetLedgerVersion) return this.#superseded();
    const { goal } = detail;
    const unit = goal?.unit ?? 'MONEY';
    const known = flight.hasBudget ? (flight.goal?.unit ?? 'MONEY') : unit;
    if (known !== unit) return badFlight(`counts ${known} since its first budget, and the record says ${unit}`);
    if (flight.changes.length >= this.#limits.changesPerFlightMax) return this.#tooManyChanges();
    if (goal !== undefined && !flight.hasBudget) setGoal(this.#state, campaign, flight, goal.unit);
    const actual = this.#actual(campaign, flight, detail.effective_at);
    this.#keep(campaign, flight);
    flight.budgetLedgerVersion = detail.ledger_version;
    const { effective_at: at, budget_micros: budget, daily_cap_micros: cap } = detail;
    flight.ledger = null;
    const said = { kind: 'budget', at, order, seen: this.#state.clock } as const;
    if (goal === undefined) flight.addChange({ ...said, budget, cap, actual });
    else flight.addChange({ ...said, ...amountsOfGoal(goal, budget), actual });
    return null;
  }

  #flight(detail: Detail & { kind: 'flight_changed' }, order: number, campaign: Campaign): Problem | null {
    const zone = findZone(detail.tz);
    if (zone === null) return { reason: 'bad_zone', detail: `"${detail.tz.slice(0, 64)}" is not an IANA time zone` };
    const known = campaign.flights.find(({ id }) => id === detail.flight_id)?.dates ?? null;
    const dates = datesOf(detail, zone, known, this.#state.clock);
    if (typeof dates === 'string') return badFlight(dates);
    const problem = dateProblem(detail.flight_id, dates, campaign, this.#limits.flightDaysMax);
    if (problem !== null) return problem;
    if (detail.mode === 'CUSTOM') {
      const unfit = this.#curveProblem(detail.curve_id, campaign, dates);
      if (unfit !== null) return badFlight(unfit);
    }
    const flight = this.#flightOf(campaign, detail.flight_id);
    if (flight === null) return this.#tooMany();
    if (detail.ledger_version <= flight.flightLedgerVersion) return this.#superseded();
    if (flight.changes.length >= this.#limits.changesPerFlightMax) return this.#tooManyChanges();
    this.#keep(campaign, flight);
    flight.flightLedgerVersion = detail.ledger_version;
    this.#zone.ofFlight(campaign, zone, order);
    setDates(campaign, flight, dates, this.#state.clock);
    flight.isDone &&= (flight.lastAsOf ?? 0) >= dates.end + this.#limits.evaluatedAfterEndMs;
    const actual = this.#actual(campaign, flight, detail.effective_at);
    const { effective_at: at, mode, curve_id: curve, rebase, rollover = 'NONE' } = detail;
    setRollover(flight, rollover);
    flight.ledger = null;
    const seen = this.#state.clock;
    flight.addChange({ kind: 'flight', at, order, seen, mode, curve, end: dates.end, rebase, actual });
    return null;
  }

  /** A flight in pieces is taken where they are known, and cover it: its goal would not be what they come to. */
  #curveProblem(name: string | null, campaign: Campaign, dates: FlightDates): string | null {
    const { plan } = this.#state.planOf(campaign.orgId);
    const own = this.#state.campaignPlan(campaign).curve;
    const curve = curveOf(plan, name, own);
    if (curve !== null) {
      const problem = coverProblem(curve, dates);
      return problem === null ? null : `is CUSTOM, and its curve ${problem}`;
    }
    const wanted = name ?? own;
    if (wanted === undefined) return 'is CUSTOM and names no curve';
    const near = nearest(wanted, Object.keys(plan.curves ?? {}));
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return `is CUSTOM, and curve "${wanted}" is not in the plan${hint}`;
  }

  /** S at the change, for a later rebase ON_ACTUAL; as known now. */
  #actual(campaign: Campaign, flight: Flight, effectiveAt: number): Whole {
    if (flight.dates === null) return 0;
    const { clock } = this.#state;
    const earliest = floorTo(clock, quarterMs) - this.#limits.quartersBehind * quarterMs;
    const at = floorTo(Math.min(Math.max(effectiveAt, earliest), clock), quarterMs);
    return positive(goalBefore(campaign, flight, at, clock));
  }

  /** The flight of an id, made when there is room; null when the campaign has too many. */
  #flightOf(campaign: Campaign, id: string): Flight | null {
    const known = campaign.flights.find((flight) => flight.id === id);
    if (known !== undefined) return known;
    if (campaign.flights.length < this.#limits.flightsPerCampaignMax) return this.#newFlight(id);
    return findForgettable(campaign) === undefined ? null : this.#newFlight(id);
  }

  #newFlight(id: string): Flight {
    return new Flight(id, this.#state.books.flights);
  }

  /** Enters a new flight into the campaign, in place of the oldest done one when it is the ninth. */
  #keep(campaign: Campaign, flight: Flight): void {
    if (campaign.flights.includes(flight)) return;
    if (campaign.flights.length >= this.#limits.flightsPerCampaignMax) {
      const oldest = findForgettable(campaign) as Flight;
      bequeath(campaign, oldest);
      campaign.flights.splice(campaign.flights.indexOf(oldest), 1);
      oldest.release();
    }
    campaign.addFlight(flight);
  }

  #tooMany(): Problem {
    return { reason: 'too_many_flights', detail: `the campaign has ${this.#limits.flightsPerCampaignMax} flights` };
  }

  #tooManyChanges(): Problem {
    const detail = `the flight has ${this.#limits.changesPerFlightMax} changes already`;
    return { reason: 'too_many_changes', detail };
  }

  #superseded(): null {
    this.#outputs.dropped.stale_ledger += 1;
    return null;
  }
}

/** A goal that is no money, and the money beside it, as the ledger has them: no budget is no limit. */
function amountsOfGoal({ unit, total, dailyCap }: UnitGoal, budget: number) {
  const scale = goalScale(unit);
  const amounts = { budget: total * scale, cap: dailyCap === null ? null : dailyCap * scale };
  return budget === 0 ? amounts : { ...amounts, limit: budget };
}

function findForgettable(campaign: Campaign): Flight | undefined {
  const done = campaign.flights.filter((flight) => !flight.isEvaluable && flight.dates !== null);
  return done.sort((a, b) => (a.dates?.end ?? 0) - (b.dates?.end ?? 0) || (a.id < b.id ? -1 : 1))[0];
}

/** The flight that covers an instant, else the next one to start. */
function flightMeantAt(campaign: Campaign, at: number): string | null {
  const dated = campaign.flights.filter((flight) => flight.dates !== null);
  const covering = dated.find((flight) => flight.dates !== null && at >= flight.dates.start && at < flight.dates.end);
  if (covering !== undefined) return covering.id;
  const next = dated.filter((flight) => (flight.dates?.start ?? 0) > at);
  return next.sort((a, b) => (a.dates?.start ?? 0) - (b.dates?.start ?? 0))[0]?.id ?? null;
}

function dateProblem(id: string, dates: FlightDates, campaign: Campaign, daysMax: number): Problem | null {
  if (dates.endDay - dates.startDay + 1 > daysMax) return badFlight(`is longer than ${daysMax} days`);
  const other = campaign.flights.find(
    ({ dates: others, id: otherId }) => otherId !== id && others !== null && collide(dates, others),
  );
  return other === undefined ? null : badFlight(`shares days with flight "${other.id}"`);
}

function badFlight(detail: string): Problem {
  return { reason: 'bad_flight', detail: `the flight ${detail}` };
}
