import { type Campaign, type Flight, type FlightDates, part } from '../lane/campaign.ts';
import { type Completeness, completenessAt, type Standpoint, standpoint } from '../lane/completeness.ts';
import { BooksOfFlight, ledgerOf } from '../lane/flight-books.ts';
import { keepHours } from '../lane/hour-books.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { rhythmOf } from '../lane/rhythm.ts';
import { hoursSection } from '../lane/sections/hours.ts';
import { paceSection } from '../lane/sections/pace.ts';
import type { OwnedSections } from '../lane/sections/section.ts';
import { unplannedSection } from '../lane/sections/unplanned.ts';
import { campaignTimer } from '../lane/timers.ts';
import { assert } from '../model/errors.ts';
import { dayMs, type EventTimeMs, hourMs, type LogTimeMs } from '../model/time.ts';
import { expectationAt } from '../pacing/flight-ledger.ts';
import { type MoneyAtRisk, moneyAtRisk, riskUnknown } from '../pacing/money-at-risk.ts';
import { type PacingStatus, type PacingValues, paceFlight } from '../pacing/pacing.ts';
import { areAlike } from '../pacing/rollover.ts';
import type { FlightScope, JudgeRules, Moments, PacedMoment } from './judge-rules.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import type { Operator } from './operator.ts';
import { goalNumbers, numbers, shown } from './pacing-numbers.ts';
import { RiskTally } from './risk-tally.ts';
import { noteLeftover, rollOverFlights } from './roll-over.ts';
import { rolledNumbers } from './rolled-numbers.ts';
import { WatchSpend } from './watch-spend.ts';

const moveBp = 100;
/** Moments of a gap that are judged in passing, at most: enough for hours of four days. */
const missedMax = 100;

/** What the sources of a flight say at a timer instant. */
interface SourceFacts {
  readonly completeness: Completeness;
  /** How far as_of moves at a time: the cadence, or the slowest source, ms. */
  readonly grain: number;
}

type PersistedFor = 'status' | 'move' | 'hour' | 'restated';

/** Evaluates flights when their campaign's timer runs (docs/semantics.md §7), and has their rules judged. */
export class PaceFlights implements Operator, Moments {
  readonly name = 'pace';
  readonly does = 'expectation, OSI, projection, status';
  readonly timer = campaignTimer;
  readonly state: OwnedSections = { campaigns: [paceSection, unplannedSection, hoursSection] };
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #rules: JudgeRules;
  readonly #spend: WatchSpend;
  readonly #risk = new RiskTally();

  constructor(state: LaneState, outputs: LaneOutputs, rules: JudgeRules) {
    this.#spend = new WatchSpend(state, outputs, rules);
    this.#state = state;
    this.#outputs = outputs;
    this.#rules = rules;
  }

  onTimer(slot: number, t: LogTimeMs, offset: number): void {
    const campaign = this.#state.campaigns[slot];
    assert(campaign.timerAt === t, 'the timer that runs is the one that its campaign waits for');
    const organization = this.#state.organizations[campaign.orgSlot];
    const { sources, every, asksForHours } = this.#state.planView(campaign);
    if ((asksForHours !== 0 || campaign.hours !== null) && keepHours(campaign, asksForHours, this.#state.clock))
      this.#state.touchParts(campaign, part.hours);
    const completeness = completenessAt(sources, organization.frontiers, t);
    let grain = every;
    for (const { name, source } of sources) grain = Math.max(grain, rhythmOf(organization, name, source));
    const facts = { completeness, grain };
    for (const flight of byStart(campaign.flights)) {
      if (flight.isEvaluable) this.#evaluate(campaign, flight, facts, t, offset);
    }
    this.#spend.look(campaign, completeness, t, offset);
    this.#state.rearmCampaign(campaign, t);
    this.#spend.leave(campaign, completeness, t, offset);
  }

  harvest(): void {
    this.#risk.tell(this.#outputs.partition);
  }

  rearm(): void {
    for (const campaign of this.#state.campaigns) {
      if (campaign.timerAt !== null) this.#state.pushCampaignTimer(campaign);
    }
  }

  #evaluate(campaign: Campaign, flight: Flight, sources: SourceFacts, t: LogTimeMs, offset: number): void {
    const { completeness } = sources;
    const last = flight.lastAsOf;
    const { zone } = flight.dates as FlightDates;
    const { frontier, isStale } = completeness;
    const { clock, limits } = this.#state;
    const now = frontier === null || isStale ? null : standpoint(frontier, zone, clock, limits);
    // What came after the last word needs no source to be complete further than it was then.
    const isLastWord = flight.isRestated && last !== null && (now === null || now.asOf < last);
    const at: Standpoint | null = isLastWord ? { asOf: last as EventTimeMs, isDaily: false, isLastWord } : now;
    if (at === null) return this.#stale(campaign, flight, sources, t, offset);
    const { asOf } = at;
    if (flight.isRestated) return this.#judge(campaign, flight, at, sources, t, offset);
    if (last !== null && (asOf < last || (asOf === last && !flight.wasStale))) return;
    this.#judge(campaign, flight, at, sources, t, offset);
  }

  #judge(campaign: Campaign, flight: Flight, at: Standpoint, sources: SourceFacts, t: LogTimeMs, offset: number) {
    const { asOf } = at;
    const { completeness } = sources;
    const grain = at.isDaily ? Math.max(sources.grain, dayMs) : sources.grain;
    const books = this.#booksOf(campaign, flight, at);
    const values = paceFlight(books, asOf);
    if (flight.rollover !== null) {
      noteLeftover(flight.rollover, books.end, asOf, values);
      rollOverFlights(this.#state, campaign, flight);
    }
    const isInFlight = asOf >= books.start && asOf < books.end;
    const osi = values.osiBp === null ? null : Number(values.osiBp);
    const why =
      asOf < books.end || flight.lastStatus !== values.status
        ? this.#whyPersist(flight, values.status, osi, t, isInFlight, false)
        : this.#whyRestate(flight, values, osi, t, asOf >= books.end + this.#state.limits.evaluatedAfterEndMs);
    if (why !== null) {
      const news = { asOf, t, offset, status: values.status, why };
      this.#persist(campaign, flight, news, completeness, values, moneyAtRisk(books, values, asOf, t));
    }
    const gapMax = 2 * grain;
    const { isLastWord = false } = at;
    const scope: FlightScope = {
      campaign,
      flight,
      asOf,
      t,
      offset,
      completeness,
      books,
      isLastWord,
      gapMax,
      grain,
      moments: this,
    };
    const isLast = asOf >= books.end + this.#state.limits.evaluatedAfterEndMs;
    if (isInFlight) this.#rules.judgeFlight(scope, values, why !== null);
    else if (asOf >= books.end) this.#rules.judgeEnded(scope, values, why !== null, isLast);
    flight.lastAsOf = asOf;
    flight.lastStatus = values.status;
    flight.wasStale = false;
    flight.wasInFlight = isInFlight;
    flight.isDone = isLast;
    // What still comes must be met with a look at the flight: it brings it back.
    if (isLast) campaign.putAway();
    flight.isRestated = false;
    if (why !== null) {
      flight.persistedAt = t;
      flight.persistedOsi = osi;
      flight.persistedSpend = values.money?.spend ?? values.spend;
      if (flight.goal !== null) flight.goal.persisted = values.spend;
    }
    this.#state.touchParts(campaign, part.pace | part.alerts);
  }

  #booksOf(campaign: Campaign, flight: Flight, { isDaily, isLastWord = false }: Standpoint): BooksOfFlight {
    const weightOf = this.#state.weightOf(campaign, flight);
    const { dayAllowanceBp } = this.#state.planView(campaign);
    return new BooksOfFlight(campaign, flight, this.#state.clock, { weightOf, dayAllowanceBp, isDaily, isLastWord });
  }

  /** What the flight was like where nobody could judge it, a grain apart, as known now. */
  missedSince({ campaign, flight, asOf: until, grain }: FlightScope, since: number): PacedMoment[] {
    const { zone } = flight.dates as FlightDates;
    const step = grain * Math.max(1, Math.ceil((until - since) / (grain * missedMax)));
    const moments: PacedMoment[] = [];
    for (let instant = since + step, last = since; instant < until; instant += step) {
      const at = standpoint(instant as EventTimeMs, zone, this.#state.clock, this.#state.limits);
      if (at === null || at.asOf <= last || at.asOf >= until) continue;
      last = at.asOf;
      moments.push({ asOf: at.asOf, values: paceFlight(this.#booksOf(campaign, flight, at), at.asOf) });
    }
    return moments;
  }

  #stale(campaign: Campaign, flight: Flight, { completeness, grain }: SourceFacts, t: LogTimeMs, offset: number): void {
    const asOf = (flight.lastAsOf ?? 0) as EventTimeMs;
    const why = this.#whyPersist(flight, 'stale_data', null, t, true, true);
    if (why !== null) {
      const risk = this.#riskUnheard(campaign, flight, t);
      this.#persist(campaign, flight, { asOf, t, offset, status: 'stale_data', why }, completeness, null, risk);
      flight.persistedAt = t;
      flight.persistedOsi = null;
      flight.persistedSpend = null;
      if (flight.goal !== null) flight.goal.persisted = null;
    }
    if (flight.wasInFlight) {
      const of = { books: null, isLastWord: false, gapMax: Number.POSITIVE_INFINITY, grain, moments: this };
      const scope: FlightScope = { campaign, flight, asOf, t, offset, completeness, ...of };
      this.#rules.judgeFlight(scope, null, why !== null);
    }
    flight.lastStatus = 'stale_data';
    flight.wasStale = true;
    this.#state.touchParts(campaign, part.pace | part.alerts);
  }

  /**
   * What a flight may be spending of which nothing is heard: at the rate at which it was seen last, as known now, at the
   * newest instant before then that its books still tell apart.
   */
  #riskUnheard(campaign: Campaign, flight: Flight, t: LogTimeMs): MoneyAtRisk {
    const { lastAsOf: last, dates } = flight;
    const { clock, limits } = this.#state;
    const at = last === null ? null : standpoint(last as EventTimeMs, (dates as FlightDates).zone, clock, limits);
    if (at === null) return riskUnknown;
    const books = this.#booksOf(campaign, flight, at);
    return moneyAtRisk(books, paceFlight(books, at.asOf), at.asOf, t);
  }

  #whyPersist(
    flight: Flight,
    status: PacingStatus,
    osi: number | null,
    t: LogTimeMs,
    isHourly: boolean,
    isStale: boolean,
  ): PersistedFor | null {
    if (flight.lastStatus !== status) return 'status';
    if (!isStale && isMove(flight, osi)) return 'move';
    return isHourly && flight.persistedAt !== null && t - flight.persistedAt >= hourMs ? 'hour' : null;
  }

  /** A flight that is over has a new last word when it spent something else than was last said. */
  #whyRestate(
    flight: Flight,
    { spend, money }: PacingValues,
    osi: number | null,
    t: number,
    isLast: boolean,
  ): PersistedFor | null {
    const { rollover } = flight;
    const isRolled = rollover !== null && !areAlike(rollover.persisted, rollover.rolled);
    const isSaid = flight.persistedSpend === (money?.spend ?? spend) && !isRolled;
    if (isSaid && (flight.goal === null || flight.goal.persisted === spend)) return null;
    const isDue = flight.persistedAt !== null && t - flight.persistedAt >= hourMs;
    return isLast || isDue || isMove(flight, osi) ? 'restated' : null;
  }

  #persist(
    campaign: Campaign,
    flight: Flight,
    at: { asOf: EventTimeMs; t: LogTimeMs; offset: number; status: PacingStatus; why: PersistedFor },
    completeness: Completeness,
    values: PacingValues | null,
    risk: MoneyAtRisk,
  ): void {
    this.#risk.note(flight, campaign.currency, risk.atRisk);
    if (flight.rollover !== null) flight.rollover.persisted = flight.rollover.rolled;
    const { start, end, zone } = flight.dates as FlightDates;
    const weightOf = this.#state.weightOf(campaign, flight);
    const terms = values?.terms ?? expectationAt(ledgerOf(campaign, flight), at.asOf, weightOf).terms;
    this.#outputs.snapshots.write({
      org_id: campaign.orgId,
      campaign_id: campaign.id,
      flight_id: flight.id,
      as_of: at.asOf,
      evaluated_at: at.t,
      status: at.status,
      persisted_for: at.why,
      mode: terms.mode,
      currency: campaign.currency,
      budget_micros: (flight.goal === null ? terms.budget : terms.limit) ?? 0,
      ...numbers(values),
      unseen_micros: shown(risk.unseen),
      money_at_risk_micros: shown(risk.atRisk),
      daily_cap_micros: values === null || flight.goal !== null ? null : terms.cap,
      goal: flight.goal?.unit ?? 'MONEY',
      ...goalNumbers(terms, values),
      ...rolledNumbers(campaign, flight),
      starts_at: start,
      ends_at: end,
      time_zone: zone.id,
      advertiser: this.#state.campaignPlan(campaign).advertiser ?? '',
      completeness: completeness.text,
      ledger_version: flight.ledgerVersion,
      plan_number: this.#state.planView(campaign).planNumber,
      partition: this.#outputs.partition,
      version: this.#outputs.version(at.offset),
    });
  }
}

function isMove({ persistedOsi: before }: Flight, osi: number | null): boolean {
  if (osi === null || before === null) return osi !== before;
  return Math.abs(osi - before) >= moveBp;
}

function byStart(flights: readonly Flight[]): readonly Flight[] {
  if (flights.length < 2) return flights;
  return flights.toSorted((a, b) => (a.dates?.start ?? 0) - (b.dates?.start ?? 0) || (a.id < b.id ? -1 : 1));
}
