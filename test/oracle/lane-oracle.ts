import type { RejectReason } from '../../src/events/event-batch.ts';
import { deadLetters, lateEvents, type Row } from '../../src/rows/tables.ts';
import type { Plan } from '../../src/rules/plan.ts';
import type { Alert } from './alert-machine.ts';
import { book, correctable, rebook, reportable } from './book.ts';
import { type Bounds, written } from './bounds.ts';
import { isBearable } from './burden.ts';
import { Campaign } from './campaign.ts';
import { booking, inTime, isMonthly, keyProblem, latestInstant, moneyOf, orgOfKey, Seen } from './check.ts';
import { applyControl } from './control.ts';
import { noteWords } from './control-words.ts';
import { hasCurrencyFor } from './currency.ts';
import {
  evaluateAdvertisers,
  evaluateFlight,
  evaluateSources,
  leaveSpend,
  lookAtSpend,
  namesAskedOf,
  type TimerContext,
} from './evaluate.ts';
import type { Decode, LogRecord, OracleEvent } from './events.ts';
import { fnv1a, partitionOf, sha256 } from './hashes.ts';
import { keepHours } from './hour-books.ts';
import { noteLag } from './lags.ts';
import { alertOfOrder, evaluateOrders, type OrderStory } from './orders.ts';
import { hasOrganizationTimer } from './organization.ts';
import { PlanKeys } from './plan-keys.ts';
import {
  duplicateBoundsOf,
  latenessOf,
  Plans,
  parsePlan,
  type Quotas,
  quotasOf,
  reportsReachBack,
  sourceView,
} from './plans.ts';
import {
  conversionRows,
  dailyRows,
  emptyRows,
  otherRevenueRows,
  shape,
  sortRows,
  type TableName,
  type TableRows,
  tableNamed,
} from './rows.ts';
import { day, floorTo, hour, minute, nextInstant } from './whole-numbers.ts';

export interface OracleOptions {
  readonly partitions: number;
  readonly generation: number;
  readonly decode: Decode;
  /** Public key that the stream's plans begin with; absent = they need no signature. */
  readonly planKey?: string | null;
  /** Smaller bounds for tests of the bounds themselves. */
  readonly bounds?: Partial<Bounds>;
}

interface Timer {
  readonly rank: 0 | 1;
  readonly org: string;
  readonly campaign: string;
  t: number;
}

interface Organization {
  readonly id: string;
  /** Every instant that a source moved to, oldest first. */
  readonly moves: Map<string, number[]>;
  /** Reports of periods that began earlier are late whatever the plan says. */
  reportsSince: number;
  /** By source, then rule. */
  readonly alerts: Map<string, Map<string, Alert>>;
  readonly orders: Map<string, OrderStory>;
  /** Alerts about advertisers, by rule id. */
  readonly advertisers: Map<string, Map<string, Alert>>;
}

/** The fold of one lane's log by docs/semantics.md, one record at a time. */
export class LaneOracle {
  readonly #topic: string;
  readonly #partition: number;
  readonly #options: OracleOptions;
  readonly #bounds: Bounds;
  readonly #plans = new Plans();
  readonly #organizations = new Map<string, Organization>();
  readonly #campaigns = new Map<string, Campaign>();
  readonly #timers = new Map<string, Timer>();
  /** What owners used of their shares: of records that are remembered for a month, and of dead letters. */
  readonly #rare = new Map<string, { span: number; count: number }>();
  readonly #letters = new Map<string, { span: number; count: number }>();
  readonly #seen: Seen;
  /** What a closing forgot: it takes up room, and its rows stay. */
  readonly #forgotten: Campaign[] = [];
  #forgottenOrganizations = 0;
  readonly #keys: PlanKeys;
  readonly #rows = emptyRows();
  readonly #partitionOfKey = new Map<string, number>();
  #nextDue = Number.POSITIVE_INFINITY;
  #clock = Number.NEGATIVE_INFINITY;

  constructor(lane: { readonly topic: string; readonly partition: number }, options: OracleOptions) {
    this.#topic = lane.topic;
    this.#partition = lane.partition;
    this.#options = options;
    this.#bounds = { ...written, ...options.bounds };
    this.#seen = new Seen(this.#bounds);
    this.#keys = new PlanKeys(options.planKey ?? null, lane.partition);
  }

  apply(record: LogRecord): void {
    this.#clock = Math.max(this.#clock, record.logTimeMs);
    this.#runTimers(record.offset);
    const decoded = this.#options.decode(record);
    if ('refused' in decoded) return this.#bury(record, decoded.refused, decoded.schemaId);
    if (decoded.kind === 'tick') return;
    const event = {
      ...inTime(decoded, this.#plans.inForce(decoded.org), record.logTimeMs),
      schemaId: decoded.schemaId,
    };
    const problem = this.#admit(record, event);
    if (problem !== null) this.#bury(record, problem, event.schemaId);
    this.#setTimers(event);
  }

  /** All rows so far. */
  tables(): TableRows {
    // Rows of those that exist replace the ones of those that were forgotten.
    const all = [...this.#forgotten, ...this.#campaigns.values()];
    const daily = newest(
      all.flatMap((campaign) => dailyRows(campaign, this.#partition, (offset) => this.#version(offset))),
      ({ org_id, campaign_id, date }) => `${org_id} ${campaign_id} ${date}`,
    );
    // Rows of a key replace each other.
    const unplanned = new Map(
      this.#rows.unplanned_spend.map((row) => [`${row.org_id} ${row.campaign_id} ${row.date}`, row]),
    );
    const others = newest(
      all.flatMap((campaign) => otherRevenueRows(campaign, this.#partition, (offset) => this.#version(offset))),
      ({ org_id, campaign_id, date, currency }) => `${org_id} ${campaign_id} ${date} ${currency}`,
    );
    const conversions = newest(
      all.flatMap((campaign) => conversionRows(campaign, this.#partition, (offset) => this.#version(offset))),
      (row) => `${row.org_id} ${row.campaign_id} ${row.date} ${row.conversion_type} ${row.attribution}`,
    );
    const rows = {
      ...this.#rows,
      conversions_daily: conversions,
      campaign_metrics_daily: daily,
      unplanned_spend: [...unplanned.values()],
      other_revenue: others,
    };
    const sorted = Object.entries(rows).map(([name, each]) => [name, sortRows(tableNamed(name), each)]);
    return Object.fromEntries(sorted) as Record<TableName, Row[]>;
  }

  #version(offset: number): bigint {
    return BigInt(this.#options.generation) * 2n ** 48n + BigInt(offset);
  }

  // Checks 2 to 5; the answer is the reason of a dead letter.
  #admit(record: LogRecord, event: OracleEvent): RejectReason | null {
    const isOfAll = event.kind === 'org_plan' && (event.org === '_default' || this.#keys.isOfKeys(event.org));
    const problem = keyProblem(event, record.key, isOfAll);
    if (problem !== null) return problem;
    const isDoor = event.kind === 'org_plan' && parsePlan(event.fields.body)?.closed === true;
    if (record.key !== null && !isDoor && this.#partitionOf(record.key) !== this.#partition) return 'wrong_partition';
    if (!isOfAll) {
      const room = (event.kind === 'org_plan' ? 2 : 1) * this.#bounds.organizations;
      const known = this.#organizations.size + this.#forgottenOrganizations;
      if (!this.#organizations.has(event.org) && known >= room) return 'quota';
      const needsPlan = !this.#organizations.has(event.org) && known >= this.#bounds.organizations;
      if (!needsPlan) this.#organization(event.org);
    }
    if (event.kind !== 'org_plan' && this.#isClosed(event.org)) return 'organization_closed';
    const bounds = duplicateBoundsOf(this.#plans.inForce(event.org), this.#bounds);
    const isDuplicate = this.#seen.noteDelivery(event, record.offset, this.#clock, bounds);
    if (event.kind === 'org_plan') return this.#decide(event, record.offset);
    if (latestInstant(event, this.#zoneOf(event)) > this.#clock + this.#bounds.aheadMs) return 'from_the_future';
    const late = this.#lateBy(event);
    if (late !== null) {
      this.#keepLate(record, event, late);
      return null;
    }
    if (event.kind === 'source_heartbeat' && this.#isUnwelcome(event)) return 'quota';
    if (isMonthly(event) && !this.#takeShare(this.#rare, event.org, day, this.#quotasOf(event.org).rarePerDay))
      return 'quota';
    if (isDuplicate || this.#seen.isRepeated(event, this.#clock) || event.test) return null;
    if (event.kind === 'source_heartbeat') {
      this.#advance(event);
      return null;
    }
    return this.#count(record, event);
  }

  /** Takes one of what the owner may have in a span of the clock; false = nothing is left. */
  #takeShare(
    used: Map<string, { span: number; count: number }>,
    owner: string,
    spanMs: number,
    share: number,
  ): boolean {
    const span = Math.floor(this.#clock / spanMs);
    const known = used.get(owner);
    const count = known?.span === span ? known.count : 0;
    if (count >= share) return false;
    used.set(owner, { span, count: count + 1 });
    return true;
  }

  #quotasOf(owner: string): Quotas {
    return quotasOf(this.#plans.inForce(owner), this.#bounds);
  }

  #isUnwelcome({ org, source }: OracleEvent): boolean {
    const { moves } = this.#organization(org);
    if (moves.size < this.#quotasOf(org).undeclared || moves.has(source)) return false;
    return !Object.hasOwn(this.#plans.inForce(org).sources, source);
  }

  #partitionOf(key: Uint8Array): number {
    const text = Buffer.from(key).toString('latin1');
    let partition = this.#partitionOfKey.get(text);
    if (partition === undefined) {
      partition = partitionOf(key, this.#options.partitions);
      this.#partitionOfKey.set(text, partition);
    }
    return partition;
  }

  #decide({ org, fields: { number, body, signature } }: OracleEvent, offset: number): RejectReason | null {
    const said = { org, number, body, signature, offset };
    if (this.#keys.isOfKeys(org)) return this.#keys.takeRing(said, this.#plans.organizations());
    if (this.#keys.isForged(said)) return 'bad_signature';
    const plan = parsePlan(body);
    if (plan === null || plan.org_id !== org || plan.number !== number) return 'bad_plan';
    const rank = this.#keys.rank(said, this.#plans.numberOf(org));
    if (rank === 'jump') return 'bad_signature';
    if (rank === 'newer') this.#putInForce(org, plan);
    return null;
  }

  #putInForce(org: string, plan: Plan): void {
    const owners = org === '_default' ? [...this.#organizations.keys()] : [org];
    const before = owners.map((each) => [each, this.#plans.inForce(each)] as const);
    for (const each of owners) this.#organization(each);
    const wasClosed = this.#isClosed(org);
    this.#plans.put(org, plan);
    this.#keys.tookPlan(org);
    if (this.#isClosed(org) && !wasClosed) this.#forget(org);
    // What no report could reach any more stays out of reach, whatever the new plan allows.
    for (const [each, old] of before) {
      if (this.#plans.inForce(each) === old) continue;
      const organization = this.#organization(each);
      organization.reportsSince = Math.max(
        organization.reportsSince,
        this.#clock - reportsReachBack(old, this.#bounds),
      );
    }
  }

  #isClosed(org: string): boolean {
    return org !== '_default' && this.#plans.own(org)?.closed === true;
  }

  /** As if no record of it had ever been met (§2.4). */
  #forget(org: string): void {
    for (const [key, campaign] of this.#campaigns) {
      if (campaign.org !== org) continue;
      this.#forgotten.push(campaign);
      this.#campaigns.delete(key);
    }
    for (const [name, timer] of this.#timers) if (timer.org === org) this.#timers.delete(name);
    this.#nextDue = Math.min(...[...this.#timers.values()].map(({ t }) => t));
    this.#seen.forget(org);
    this.#rare.delete(org);
    this.#organizations.delete(org);
    this.#forgottenOrganizations += 1;
    this.#organization(org);
  }

  #advance({ org, source, fields }: OracleEvent): void {
    const { moves } = this.#organization(org);
    const before = moves.get(source) ?? [];
    if (before.every((instant) => instant < fields.complete_through))
      moves.set(source, [...before.slice(-3), fields.complete_through]);
  }

  // Checks 9 and 10, then the books.
  #count(record: LogRecord, event: OracleEvent): RejectReason | null {
    const campaign = this.#campaign(event);
    if (campaign === 'quota' || campaign === 'too_many_campaigns') return campaign;
    const { fields } = event;
    const plan = this.#plans.inForce(event.org);
    const moment = { clock: this.#clock, order: record.offset, plan: plan.number };
    if (campaign.zone === null && event.kind !== 'flight_changed')
      rebook(campaign, plan.defaults.zone, { ...moment, wasKnown: false });
    if (!hasCurrencyFor(campaign, event, plan, record.offset)) return 'currency_mismatch';
    if (event.kind === 'impression') {
      const nanos = BigInt(fields.cpm_micros) * BigInt(fields.batch_count);
      if (nanos > 2n ** 53n - 1n || nanos < 1n - 2n ** 53n) return 'money_out_of_range';
    }
    if (event.kind === 'performance_report' && [...fields.counts.keys()].some((name) => !reportable.includes(name)))
      return 'unknown_metric';
    if (event.kind === 'metric_correction' && Object.keys(fields.deltas).some((name) => !correctable.includes(name)))
      return 'unknown_metric';
    campaign.lastCountedAt = this.#clock;
    const answer = applyControl(campaign, event, plan, this.#clock, record.offset);
    if (answer === 'dropped') return null;
    if (answer !== 'counted') return answer;
    noteWords(campaign, event, record.offset, namesAskedOf(plan, campaign));
    const touchesFrom = this.#clock - latenessOf(plan, event.source, 'conversion', this.#bounds);
    if (controls.has(event.kind)) campaign.watchedUntil = this.#clock + this.#bounds.closedAfterMs;
    const context = {
      campaign,
      plan,
      zone: this.#zoneOf(event),
      offset: record.offset,
      clock: this.#clock,
      touchesFrom,
    };
    if (!isBearable(context, event)) return 'money_out_of_range';
    if (event.kind === 'conversion') noteLag(campaign, event, namesAskedOf(plan, campaign), context);
    return book(context, event);
  }

  #campaign(event: OracleEvent): Campaign | 'quota' | 'too_many_campaigns' {
    const key = `${event.org}/${event.campaign}`;
    const known = this.#campaigns.get(key);
    if (known?.isIdle(this.#clock)) known.forget();
    if (known !== undefined) return known;
    // Those that were forgotten still exist: their rows do.
    const ofOne = [...this.#campaigns.values()].filter(({ org }) => org === event.org).length;
    if (ofOne >= this.#quotasOf(event.org).campaignsOfOne) return 'quota';
    if (this.#campaigns.size + this.#forgotten.length >= this.#bounds.campaigns) return 'too_many_campaigns';
    const campaign = new Campaign(event.org, event.campaign, this.#clock, this.#bounds);
    this.#campaigns.set(key, campaign);
    return campaign;
  }

  #organization(id: string): Organization {
    let organization = this.#organizations.get(id);
    if (organization === undefined) {
      organization = {
        id,
        moves: new Map(),
        alerts: new Map(),
        orders: new Map(),
        advertisers: new Map(),
        reportsSince: Number.NEGATIVE_INFINITY,
      };
      this.#organizations.set(id, organization);
    }
    return organization;
  }

  #zoneOf(event: OracleEvent): string {
    const campaign = this.#campaigns.get(`${event.org}/${event.campaign}`);
    // Also of one that is idle: it is forgotten by a record that passes check 8, not by one that comes to be checked.
    return campaign?.zone ?? this.#plans.inForce(event.org).defaults.zone;
  }

  #lateBy(event: OracleEvent): { bookedAt: number; by: number } | null {
    const booked = booking(event, this.#zoneOf(event));
    if (booked === null) return null;
    let oldest = this.#clock - latenessOf(this.#plans.inForce(event.org), event.source, booked.of, this.#bounds);
    if (booked.of === 'report') oldest = Math.max(oldest, this.#organization(event.org).reportsSince);
    const by = oldest - booked.bookedAt;
    return by > 0 ? { bookedAt: booked.bookedAt, by } : null;
  }

  #keepLate(record: LogRecord, event: OracleEvent, late: { bookedAt: number; by: number }): void {
    this.#rows.late_events.push(
      shape(lateEvents, {
        org_id: event.org,
        campaign_id: event.campaign,
        partition: this.#partition,
        log_offset: record.offset,
        log_time: record.logTimeMs,
        kind: event.kind,
        event_id: event.eventId,
        booked_at: late.bookedAt,
        late_by_ms: late.by,
        amount_micros: moneyOf(event),
        version: this.#version(record.offset),
      }),
    );
  }

  #bury(record: LogRecord, reason: RejectReason, schemaId: number): void {
    const value = record.value ?? new Uint8Array();
    const org = orgOfKey(record.key);
    const owner = this.#organizations.has(org) ? org : '_system';
    const isWhole = this.#takeShare(this.#letters, owner, hour, this.#quotasOf(owner).lettersPerHour);
    this.#rows.dead_letters.push(
      shape(deadLetters, {
        org_id: org,
        topic: this.#topic,
        partition: this.#partition,
        log_offset: record.offset,
        log_time: record.logTimeMs,
        reason: isWhole ? (this.#isClosed(org) ? 'organization_closed' : reason) : 'quota',
        detail: '',
        schema_id: schemaId,
        key: (record.key ?? new Uint8Array()).slice(0, 1_024),
        raw: value.slice(0, isWhole && !this.#isClosed(org) ? 65_536 : 0),
        raw_length: value.length,
        raw_sha256: sha256(value),
        version: this.#version(record.offset),
      }),
    );
  }

  // Timers (§1).
  #setTimers(event: OracleEvent): void {
    const owners = event.org === '_default' ? [...this.#organizations.keys()] : [event.org];
    for (const org of owners) {
      const plan = this.#plans.inForce(org);
      if (!this.#organizations.has(org) || !hasOrganizationTimer(plan)) continue;
      this.#setTimer({ rank: 0, org, campaign: '', t: 0 }, this.#clock, plan);
    }
    const campaign = this.#campaigns.get(`${event.org}/${event.campaign}`);
    if (campaign === undefined || !isDue(campaign, this.#clock)) return;
    // Set by delivery or money, it waits for the next minute (§1.5).
    const after = controls.has(event.kind) ? this.#clock : floorTo(this.#clock, minute) + minute - 1;
    this.#setTimer({ rank: 1, org: event.org, campaign: event.campaign, t: 0 }, after, this.#plans.inForce(event.org));
  }

  #setTimer(timer: Timer, after: number, plan: Plan): void {
    const name = timer.rank === 0 ? timer.org : `${timer.org}/${timer.campaign}`;
    if (this.#timers.has(name)) return;
    timer.t = nextInstant(after, fnv1a(name), plan.defaults.evaluate_every_ms);
    this.#timers.set(name, timer);
    this.#nextDue = Math.min(this.#nextDue, timer.t);
  }

  #runTimers(offset: number): void {
    for (let run = 0; run < this.#bounds.timersPerRecord && this.#nextDue <= this.#clock; run++) {
      const [name, timer] = [...this.#timers].reduce((first, each) => (isBefore(each[1], first[1]) ? each : first));
      this.#timers.delete(name);
      this.#runTimer(timer, offset);
      this.#nextDue = Math.min(...[...this.#timers.values()].map(({ t }) => t));
    }
  }

  #runTimer({ rank, org, campaign, t }: Timer, offset: number): void {
    const plan = this.#plans.inForce(org);
    const { moves, alerts, orders, advertisers } = this.#organization(org);
    const context: TimerContext = {
      org,
      plan,
      t,
      clock: this.#clock,
      members: () => [...this.#campaigns.values()].filter((each) => each.org === org),
      bounds: this.#bounds,
      offset,
      version: this.#version(offset),
      partition: this.#partition,
      frontierOf: (source) => {
        const { heartbeats, delay_ms } = sourceView(plan, source);
        return heartbeats ? (moves.get(source)?.at(-1) ?? null) : t - delay_ms;
      },
      isHeard: (source) => moves.has(source),
      ofSource: (source) => alerts.get(source),
      ofAdvertiser: (advertiser) => advertisers.get(advertiser),
      ofOrder: (order, rule) => alertOfOrder(orders, order, rule),
      rhythmOf: (source) => {
        const { heartbeats, expected_interval_ms } = sourceView(plan, source);
        if (expected_interval_ms > 0 || !heartbeats) return expected_interval_ms;
        const instants = moves.get(source) ?? [];
        const steps = instants.slice(1).map((instant, i) => instant - instants[i]);
        steps.sort((a, b) => a - b);
        return steps.length === 0 ? 0 : steps[Math.floor((steps.length - 1) / 2)];
      },
      emit: (table, row) => this.#rows[table].push(row),
    };
    if (rank === 0) {
      evaluateSources(context, alerts);
      evaluateOrders(context, orders);
      evaluateAdvertisers(context, advertisers);
      if (hasOrganizationTimer(plan)) this.#setTimer({ rank, org, campaign, t: 0 }, t, plan);
      return;
    }
    const known = this.#campaigns.get(`${org}/${campaign}`) as Campaign;
    keepHours(known, namesAskedOf(plan, known), context.clock);
    for (const flight of known.flightsInOrder()) if (flight.isEvaluable) evaluateFlight(context, known, flight);
    lookAtSpend(context, known);
    if (isDue(known, t)) this.#setTimer({ rank, org, campaign, t: 0 }, t, plan);
    else leaveSpend(context, known);
  }
}

/** The last row of each key. */
function newest<R extends Row>(rows: readonly R[], keyOf: (row: R) => string): R[] {
  return [...new Map(rows.map((row) => [keyOf(row), row])).values()];
}

const controls: ReadonlySet<string> = new Set(['budget_changed', 'flight_changed', 'status_changed']);

/** Whether the campaign's timer is to run again after `t`. */
function isDue(campaign: Campaign, t: number): boolean {
  return t < campaign.watchedUntil || campaign.flights.some(({ isEvaluable }) => isEvaluable);
}

function isBefore(a: Timer, b: Timer): boolean {
  if (a.t !== b.t) return a.t < b.t;
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.org !== b.org) return a.org < b.org;
  return a.campaign < b.campaign;
}
