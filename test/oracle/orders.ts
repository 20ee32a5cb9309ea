import { orderSnapshots } from '../../src/rows/order-snapshots.ts';
import { type OrderPlan, type RulePlan, ruleVariables } from '../../src/rules/plan.ts';
import type { Alert } from './alert-machine.ts';
import type { Campaign, DayRow } from './campaign.ts';
import { startOfDay } from './civil-time.ts';
import { emitEnd, isAmong, isMeant, judgeRules, type Subject, type TimerContext } from './evaluate.ts';
import { Flight } from './flight.ts';
import { completenessOf, type Pacing, pacingAt, statusOf } from './pacing.ts';
import { requiredSources } from './plans.ts';
import { noRisk, type Risk, riskAt } from './risk.ts';
import { shape } from './rows.ts';
import { flightValues } from './rule-values.ts';
import type { Values } from './three-valued.ts';
import { hour } from './whole-numbers.ts';

/** What an evaluation of an order leaves for the next one. */
export interface OrderStory {
  judgedAsOf: number | null;
  last: { readonly status: string; readonly stale: boolean } | null;
  persisted: { readonly osi: bigint | null; readonly spend: bigint | null; readonly t: number } | null;
  readonly alerts: Map<string, Alert>;
}

interface Members {
  readonly counted: readonly Campaign[];
  readonly leftOut: number;
}

/** Evaluates the orders of the plan in force, and takes leave of those that it has no more (§8.9). */
export function evaluateOrders(context: TimerContext, stories: Map<string, OrderStory>): void {
  const { orders = {}, defaults } = context.plan;
  for (const [id, story] of stories) {
    if (Object.hasOwn(orders, id)) continue;
    endOrder(context, id, story, defaults.zone, '', 'rule_deleted');
    stories.delete(id);
  }
  for (const id of Object.keys(orders).sort()) {
    const [s, e] = spanOf(orders[id]);
    const known = stories.get(id);
    const isOver = known?.judgedAsOf != null && known.judgedAsOf >= e + context.bounds.closedAfterMs;
    if (context.t < s || isOver) continue;
    const story = known ?? { judgedAsOf: null, last: null, persisted: null, alerts: new Map() };
    stories.set(id, story);
    evaluateOrder(context, id, orders[id], story);
  }
}

function spanOf({ start, end, zone }: OrderPlan): [number, number] {
  return [startOfDay(zone, dateOf(start)), startOfDay(zone, dateOf(end) + 1)];
}

function dateOf(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / 86_400_000;
}

function membersOf({ plan, members }: TimerContext, order: OrderPlan): Members {
  const fitting = members().filter(({ id, currency }) => currency !== '' && isMeant(order.members, plan, id));
  const counted = fitting.filter(({ currency }) => currency === order.currency);
  return { counted, leftOut: fitting.length - counted.length };
}

function evaluateOrder(context: TimerContext, id: string, order: OrderPlan, story: OrderStory): void {
  const { plan, t, clock, bounds } = context;
  const [s, e] = spanOf(order);
  const members = membersOf(context, order);
  const ids = members.counted.length === 0 ? [''] : members.counted.map((each) => each.id);
  const sources = [...new Set(ids.flatMap((each) => requiredSources(plan, each)))].sort();
  const found = completenessOf(plan, sources, t, clock, context.frontierOf, order.zone, bounds);
  if (found.stale) {
    const asOf = story.judgedAsOf ?? 0;
    const isDue = story.persisted !== null && t - story.persisted.t >= hour;
    const reason = story.last?.status !== 'stale_data' ? 'status' : isDue ? 'hour' : null;
    const stale = { asOf, status: 'stale_data', text: found.text };
    if (reason !== null) persist(context, id, order, story, members, { ...stale, reason }, null, noRisk);
    if (asOf >= s) judge(context, id, order, story, { asOf, text: found.text, values: null }, reason !== null);
    story.last = { status: 'stale_data', stale: true };
    return;
  }
  const { asOf } = found;
  const { judgedAsOf: judged } = story;
  if (judged !== null && (asOf < judged || (asOf === judged && story.last?.stale !== true))) return;
  const { campaign, flight } = asFlight(order, members.counted, context);
  const pacing = pacingAt(campaign, flight, plan, found, clock);
  const status = statusOf(pacing, campaign, story.last?.status ?? null);
  const risk = riskAt(pacing, t);
  const reason = reasonOf(context, story, status, pacing);
  if (reason !== null)
    persist(context, id, order, story, members, { asOf, status, reason, text: found.text }, pacing, risk);
  if (asOf >= s) {
    const values = valuesOf(id, order, members, { pacing, status, risk });
    judge(context, id, order, story, { asOf, text: found.text, values }, reason !== null);
  }
  story.judgedAsOf = asOf;
  story.last = { status, stale: false };
  if (asOf >= e + bounds.closedAfterMs) endOrder(context, id, story, order.zone, found.text, 'scope_ended');
}

/** The members as one campaign with one flight, which has what they have on the order's dates. */
function asFlight(order: OrderPlan, members: readonly Campaign[], { bounds }: TimerContext) {
  const [s, e] = spanOf(order);
  const [startLocal, endLocal] = [dateOf(order.start), dateOf(order.end)];
  const days = new Map<number, DayRow>();
  for (const member of members)
    for (const [date, row] of member.days) {
      if (member.isGone(date)) continue;
      const spendNanos = (days.get(date)?.spendNanos ?? 0n) + row.spendNanos;
      days.set(date, { ...row, counts: new Map(), spendNanos });
    }
  const spend = {
    sum: (from: number, to: number) => members.reduce((sum, each) => sum + each.spend.sum(from, to), 0n),
  };
  const impressions = { sum: () => 0n };
  const campaign = { id: '', statuses: [], days, spend, impressions, bounds } as unknown as Campaign;
  const flight = new Flight('');
  flight.dates = { startLocal, endLocal, zone: order.zone, s, e, fromHour: false, toHour: false };
  const said = { effectiveAt: s, order: 0, seen: s, actual: 0n };
  flight.changes = [
    { ...said, type: 'budget', budget: BigInt(order.budget_micros), cap: null, limit: null },
    { ...said, type: 'flight', mode: order.mode, curve: order.curve ?? null, end: e, rebase: 'NONE' },
  ];
  for (const [date, row] of days) if (date >= startLocal && date <= endLocal) flight.spend.total += row.spendNanos;
  return { campaign, flight };
}

function reasonOf({ t, bounds }: TimerContext, { last, persisted }: OrderStory, status: string, pacing: Pacing) {
  if (last?.status !== status || persisted === null) return 'status';
  const { a, e, osi, spend } = pacing;
  const isDue = t - persisted.t >= hour;
  const before = persisted.osi;
  const isMove = osi === null || before === null ? osi !== before : osi - before >= 100n || before - osi >= 100n;
  if (a < e) return isMove ? 'move' : isDue ? 'hour' : null;
  if (persisted.spend === spend) return null;
  return isMove || isDue || a >= e + bounds.closedAfterMs ? 'restated' : null;
}

function valuesOf(
  id: string,
  order: OrderPlan,
  { counted, leftOut }: Members,
  { pacing, status, risk }: { pacing: Pacing; status: string; risk: Risk },
): Values {
  const micros = (value: bigint | null) => (value === null ? null : Number(value) / 1e6);
  const all: Values = {
    ...flightValues(pacing, status, { allowanceBp: 10_000, expectsImpressions: false }),
    'p.unseen_spend': micros(risk.unseen),
    'p.money_at_risk': micros(risk.atRisk),
    'g.order_id': id,
    'g.name': order.name ?? null,
    'g.advertiser': order.advertiser ?? null,
    'g.currency': order.currency,
    'g.campaigns': counted.length,
    'g.campaigns_left_out': leftOut,
  };
  return Object.fromEntries(Object.keys(ruleVariables.order).map((name) => [name, all[name] ?? null]));
}

function isForOrder({ orders, advertisers, exclude = {} }: RulePlan, id: string, { advertiser }: OrderPlan): boolean {
  return (
    isAmong(orders ?? ['*'], id) &&
    (advertisers === undefined || isAmong(advertisers, advertiser)) &&
    !isAmong(exclude.orders ?? [], id) &&
    !isAmong(exclude.advertisers ?? [], advertiser)
  );
}

function judge(
  context: TimerContext,
  id: string,
  order: OrderPlan,
  story: OrderStory,
  { asOf, text, values }: { asOf: number; text: string; values: Values | null },
  persisted: boolean,
): void {
  const rules = context.plan.rules.filter((rule) => rule.scope === 'order' && isForOrder(rule, id, order));
  const subject = subjectOf(id, order.zone, asOf, text, values);
  judgeRules(context, story, subject, new Map(rules.map((rule) => [rule.id, rule])), persisted);
}

function subjectOf(id: string, zone: string, asOf: number, completeness: string, values: Values | null): Subject {
  const nobody = { campaign: '', flight: '', source: '', campaignOf: null, flightOf: null };
  return { ...nobody, group: id, asOf, completeness, values, zone };
}

function endOrder(
  context: TimerContext,
  id: string,
  { alerts, judgedAsOf }: OrderStory,
  zone: string,
  text: string,
  reason: 'rule_deleted' | 'scope_ended',
): void {
  const subject = subjectOf(id, zone, judgedAsOf ?? 0, text, null);
  for (const rule of [...alerts.keys()].sort()) {
    const alert = alerts.get(rule) as Alert;
    const ended = alert.end(reason);
    if (ended !== null) emitEnd(context, subject, rule, alert.hash, ended);
  }
  alerts.clear();
}

function persist(
  context: TimerContext,
  id: string,
  order: OrderPlan,
  story: OrderStory,
  { counted, leftOut }: Members,
  { asOf, status, reason, text }: { asOf: number; status: string; reason: string; text: string },
  known: Pacing | null,
  risk: Risk,
): void {
  story.persisted = { osi: known?.osi ?? null, spend: known?.spend ?? null, t: context.t };
  context.emit(
    'order_snapshots',
    shape(orderSnapshots, {
      org_id: context.org,
      order_id: id,
      name: order.name ?? '',
      advertiser: order.advertiser ?? '',
      as_of: asOf,
      evaluated_at: context.t,
      status,
      persisted_for: reason,
      mode: order.mode,
      currency: order.currency,
      campaigns: counted.length,
      campaigns_left_out: leftOut,
      budget_micros: BigInt(order.budget_micros),
      spend_micros: known?.spend ?? null,
      expected_micros: known?.expected ?? null,
      delivery_bp: known?.delivery ?? null,
      elapsed_bp: known?.elapsed ?? null,
      osi_bp: known?.osi ?? null,
      projected_micros: known?.projected ?? null,
      run_rate_micros_per_day: known?.runRate ?? null,
      required_micros_per_day: known?.required ?? null,
      lift_bp: known?.lift ?? null,
      exhaustion_at: known?.exhaustionAt ?? null,
      day_target_micros: known?.dayTarget ?? null,
      day_spend_micros: known?.daySpend ?? null,
      day_pacing_bp: known?.dayPacing ?? null,
      spend_2h_micros: known?.spend2h ?? null,
      expected_2h_micros: known?.expected2h ?? null,
      unseen_micros: risk.unseen,
      money_at_risk_micros: risk.atRisk,
      completeness: text,
      plan_number: context.plan.number,
      partition: context.partition,
      version: context.version,
    }),
  );
}

/** Alerts of a rule about an order. */
export function alertOfOrder(stories: ReadonlyMap<string, OrderStory>, order: string, rule: string): Alert | undefined {
  return stories.get(order)?.alerts.get(rule);
}
