import type { Campaign, FlightDates } from '../lane/campaign.ts';
import { type Completeness, completenessAt, type Standpoint, standpoint } from '../lane/completeness.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { BooksOfOrder, orderDates } from '../lane/order-books.ts';
import { OrderPace } from '../lane/order-pace.ts';
import type { Organization } from '../lane/organization.ts';
import { campaignsOf } from '../lane/organization-books.ts';
import { sourceOf } from '../lane/plan-view.ts';
import { type EventTimeMs, hourMs, type LogTimeMs } from '../model/time.ts';
import { type MoneyAtRisk, moneyAtRisk, riskUnknown } from '../pacing/money-at-risk.ts';
import { type PacingStatus, type PacingValues, paceFlight } from '../pacing/pacing.ts';
import type { RuleValue } from '../rules/condition.ts';
import { isMember } from '../rules/order.ts';
import { orderValues } from '../rules/order-values.ts';
import type { OrderPlan, Plan } from '../rules/plan.ts';
import { requiredSources } from '../rules/plan-sources.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import { numbers, shown } from './pacing-numbers.ts';
import type { OrderMoment } from './rule-places.ts';

const moveBp = 100;

/** Who judges the rules of scope order. */
export interface OrderJudge {
  /** `known` null = unknown. */
  judgeOrder(at: OrderMoment, known: readonly RuleValue[] | null, isPersisted: boolean): void;
  endOrder(at: OrderMoment, reason: 'scope_ended' | 'rule_deleted'): void;
}

interface Members {
  readonly campaigns: readonly Campaign[];
  /** How many have money in another currency. */
  readonly leftOut: number;
}

/** One order of a plan that is looked at. */
interface OrderAtHand extends Pick<OrderMoment, 'organization' | 'id' | 'pace' | 't' | 'offset'> {
  readonly plan: Plan;
  readonly order: OrderPlan;
  readonly dates: FlightDates;
  readonly members: Members;
  readonly completeness: Completeness;
}

/** Evaluates the orders of an organization when its timer runs (docs/semantics.md §8.9), and has their rules judged. */
export class PaceOrders {
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#outputs = outputs;
  }

  look(organization: Organization, t: LogTimeMs, offset: number, rules: OrderJudge): void {
    const { plan } = this.#state.planOf(organization.id);
    const { orders = {} } = plan;
    organization.orders ??= new Map();
    this.#leave(organization, orders, { t, offset }, rules);
    for (const id of Object.keys(orders).sort()) {
      const order = orders[id];
      const dates = orderDates(order);
      const pace = organization.orders.get(id) ?? new OrderPace();
      if (t < dates.start || this.#isOver(pace, dates.end)) continue;
      organization.orders.set(id, pace);
      const members = this.#membersOf(organization, plan, order);
      const completeness = completenessAt(sourcesOf(plan, members), organization.frontiers, t);
      this.#evaluate({ organization, plan, id, order, dates, pace, members, completeness, t, offset }, rules);
    }
  }

  /** Orders that the plan has no more. */
  #leave(
    organization: Organization,
    orders: NonNullable<Plan['orders']>,
    { t, offset }: Pick<OrderMoment, 't' | 'offset'>,
    rules: OrderJudge,
  ): void {
    const known = organization.orders as Map<string, OrderPace>;
    for (const id of [...known.keys()].sort()) {
      if (Object.hasOwn(orders, id)) continue;
      const pace = known.get(id) as OrderPace;
      const zone = this.#state.defaultZone(organization.id);
      const asOf = (pace.lastAsOf ?? 0) as EventTimeMs;
      rules.endOrder(
        { organization, id, order: {}, pace, zone, asOf, t, offset, completeness: { text: '' } },
        'rule_deleted',
      );
      known.delete(id);
    }
  }

  /** Its last word was said. */
  #isOver({ lastAsOf }: OrderPace, end: number): boolean {
    return lastAsOf !== null && lastAsOf >= end + this.#state.limits.evaluatedAfterEndMs;
  }

  #membersOf(organization: Organization, { campaigns }: Plan, order: OrderPlan): Members {
    const found: Campaign[] = [];
    let leftOut = 0;
    for (const campaign of campaignsOf(this.#state, organization)) {
      const { id, currency } = campaign;
      if (currency === '' || !isMember(order, id, Object.hasOwn(campaigns, id) ? campaigns[id] : {})) continue;
      if (currency === order.currency) found.push(campaign);
      else leftOut += 1;
    }
    return { campaigns: found, leftOut };
  }

  #evaluate(at: OrderAtHand, rules: OrderJudge): void {
    const { pace, dates, completeness } = at;
    const { frontier, isStale } = completeness;
    const { clock, limits } = this.#state;
    const now = frontier === null || isStale ? null : standpoint(frontier, dates.zone, clock, limits);
    if (now === null) return this.#stale(at, rules);
    const last = pace.lastAsOf;
    if (last !== null && (now.asOf < last || (now.asOf === last && !pace.wasStale))) return;
    this.#judge(at, now, rules);
  }

  #judge(at: OrderAtHand, { asOf, isDaily }: Standpoint, rules: OrderJudge): void {
    const { pace, dates, members, t } = at;
    const { clock } = this.#state;
    const books = new BooksOfOrder(at, members.campaigns, clock, { isDaily, previousStatus: pace.lastStatus });
    const values = paceFlight(books, asOf);
    const risk = moneyAtRisk(books, values, asOf, t);
    const why = whyPersist(pace, values, { asOf, t, end: dates.end }, this.#state.limits.evaluatedAfterEndMs);
    if (why !== null) this.#persist(at, { asOf, status: values.status, why }, values, risk);
    if (asOf >= dates.start) {
      const { id, order } = at;
      const facts = { id, order, values, risk, asOf, start: dates.start, end: dates.end, zone: dates.zone };
      const counts = { campaigns: members.campaigns.length, leftOut: members.leftOut };
      rules.judgeOrder(momentOf(at, asOf), orderValues({ ...facts, ...counts }), why !== null);
    }
    pace.lastAsOf = asOf;
    pace.lastStatus = values.status;
    pace.wasStale = false;
    if (this.#isOver(pace, dates.end)) rules.endOrder(momentOf(at, asOf), 'scope_ended');
  }

  #stale(at: OrderAtHand, rules: OrderJudge): void {
    const { pace, dates, t } = at;
    const asOf = (pace.lastAsOf ?? 0) as EventTimeMs;
    const isNew = pace.lastStatus !== 'stale_data';
    const isDue = pace.persistedAt !== null && t - pace.persistedAt >= hourMs;
    const why = isNew ? 'status' : isDue ? 'hour' : null;
    if (why !== null) this.#persist(at, { asOf, status: 'stale_data', why }, null, riskUnknown);
    if (asOf >= dates.start) rules.judgeOrder(momentOf(at, asOf), null, why !== null);
    pace.lastStatus = 'stale_data';
    pace.wasStale = true;
  }

  #persist(
    { organization, id, order, pace, members, plan, completeness, t, offset }: OrderAtHand,
    { asOf, status, why }: { readonly asOf: EventTimeMs; readonly status: PacingStatus; readonly why: PersistedFor },
    values: PacingValues | null,
    risk: MoneyAtRisk,
  ): void {
    const { impressions_2h: _, ...money } = numbers(values);
    this.#outputs.orders.write({
      org_id: organization.id,
      order_id: id,
      name: order.name ?? '',
      advertiser: order.advertiser ?? '',
      as_of: asOf,
      evaluated_at: t,
      status,
      persisted_for: why,
      mode: order.mode,
      currency: order.currency,
      campaigns: members.campaigns.length,
      campaigns_left_out: members.leftOut,
      budget_micros: order.budget_micros,
      ...money,
      unseen_micros: shown(risk.unseen),
      money_at_risk_micros: shown(risk.atRisk),
      completeness: completeness.text,
      plan_number: plan.number,
      partition: this.#outputs.partition,
      version: this.#outputs.version(offset),
    });
    pace.persistedAt = t;
    pace.persistedOsi = values?.osiBp == null ? null : Number(values.osiBp);
    pace.persistedSpend = values?.spend ?? null;
  }
}

type PersistedFor = 'status' | 'move' | 'hour' | 'restated';

/** As of flights (docs/semantics.md §7.4). */
function whyPersist(
  pace: OrderPace,
  { status, osiBp, spend }: PacingValues,
  { asOf, t, end }: { readonly asOf: number; readonly t: number; readonly end: number },
  evaluatedAfterEndMs: number,
): PersistedFor | null {
  if (pace.lastStatus !== status) return 'status';
  const osi = osiBp === null ? null : Number(osiBp);
  const before = pace.persistedOsi;
  const isMove = osi === null || before === null ? osi !== before : Math.abs(osi - before) >= moveBp;
  const isDue = pace.persistedAt !== null && t - pace.persistedAt >= hourMs;
  if (asOf < end) return isMove ? 'move' : isDue ? 'hour' : null;
  if (pace.persistedSpend === spend) return null;
  return isMove || isDue || asOf >= end + evaluatedAfterEndMs ? 'restated' : null;
}

function momentOf(
  { organization, id, order, pace, dates, completeness, t, offset }: OrderAtHand,
  asOf: EventTimeMs,
): OrderMoment {
  return { organization, id, order, pace, zone: dates.zone, asOf, t, offset, completeness };
}

/** Of all members, by name; where it has none, of a campaign of which the plan says nothing special. */
function sourcesOf(plan: Plan, { campaigns }: Members) {
  const names = new Set(campaigns.length === 0 ? requiredSources(plan, {}) : []);
  for (const { id } of campaigns)
    for (const name of requiredSources(plan, Object.hasOwn(plan.campaigns, id) ? plan.campaigns[id] : {}))
      names.add(name);
  return [...names].sort().map((name) => ({ name, source: sourceOf(plan, name) }));
}
