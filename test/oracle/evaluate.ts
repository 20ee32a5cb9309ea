import { alertEvents, pacingSnapshots, type Row, ruleEvaluations } from '../../src/rows/tables.ts';
import { type Plan, type RulePlan, ruleVariables } from '../../src/rules/plan.ts';
import { Alert, type Moment, outcomeAt, type Step } from './alert-machine.ts';
import type { Bounds } from './bounds.ts';
import type { Campaign } from './campaign.ts';
import { wordValues } from './control-words.ts';
import type { Dates, Flight } from './flight.ts';
import { sha256 } from './hashes.ts';
import { runningOf, togetherValues } from './organization.ts';
import {
  type Completeness,
  completenessAt,
  type FrontierOf,
  inForceAt,
  type Pacing,
  pacingAt,
  placeAt,
  statusOf,
} from './pacing.ts';
import { campaignView, isNeeded, requiredSources, sourceView } from './plans.ts';
import { noRisk, type Risk, riskAt } from './risk.ts';
import { isSame, noteLeft, rollOver } from './rollover.ts';
import { shape } from './rows.ts';
import {
  allowanceValues,
  flightValues,
  goalValues,
  type MaybeValues,
  namedValues,
  sourceValues,
  summaryOf,
  type ValueTerms,
} from './rule-values.ts';
import { shippedRule } from './shipped-rule.ts';
import { meaningOf, type Word } from './telling.ts';
import type { Known, Values } from './three-valued.ts';
import { completeTogether, windowsNamed, windowsTogether } from './together.ts';
import { campaignValues, isNews, rowOf, type Said, SpendReview } from './unplanned.ts';
import { day, hour } from './whole-numbers.ts';
import { namesAsked, namesNamed, namesOf, type WindowPlace, windowValues } from './windows.ts';

type Emitted = 'pacing_snapshots' | 'rule_evaluations' | 'alert_events' | 'unplanned_spend' | 'order_snapshots';

/** What a timer knows when it runs. */
export interface TimerContext {
  readonly org: string;
  readonly plan: Plan;
  /** Scheduled instant of the timer. */
  readonly t: number;
  /** Lane clock. */
  readonly clock: number;
  /** Campaigns of the organization. */
  members(): Campaign[];
  readonly bounds: Bounds;
  readonly offset: number;
  readonly version: bigint;
  readonly partition: number;
  readonly frontierOf: FrontierOf;
  /** A heartbeat of the source was counted. */
  isHeard(source: string): boolean;
  /** Alerts of a source by rule id. */
  ofSource(source: string): ReadonlyMap<string, Alert> | undefined;
  /** How far a source moves at a time, ms (§8.4). */
  rhythmOf(source: string): number;
  /** Alerts of an advertiser by rule id. */
  ofAdvertiser(advertiser: string): ReadonlyMap<string, Alert> | undefined;
  /** Alert of a rule about an order. */
  ofOrder(order: string, rule: string): Alert | undefined;
  emit(table: Emitted, row: Row): void;
}

/** One thing that rules judge at one instant: a flight or a source. */
export interface Subject {
  readonly campaign: string;
  readonly flight: string;
  readonly source: string;
  /** Order. */
  readonly group?: string;
  readonly advertiser?: string;
  readonly asOf: number;
  readonly completeness: string;
  readonly values: MaybeValues;
  /** In which its local time is told. */
  readonly zone: string;
  /** Null for a source. */
  readonly campaignOf: Campaign | null;
  readonly flightOf: Flight | null;
  readonly missedSince?: Moment['missedSince'] | undefined;
}

export function evaluateFlight(context: TimerContext, campaign: Campaign, flight: Flight): void {
  const { plan, t, clock } = context;
  const { zone } = flight.dates as Dates;
  const found = completenessAt(plan, campaign.id, t, clock, context.frontierOf, zone, context.bounds);
  const judged = flight.judgedAsOf;
  // What came after the last word needs no source to be complete further than it was then.
  const isLastWord = flight.isRestated && judged !== null && (found.stale || found.asOf < judged);
  const completeness = isLastWord ? { ...found, stale: false, daily: false, asOf: judged, lastWord: true } : found;
  if (completeness.stale) return evaluateStale(context, campaign, flight, completeness);
  const { asOf } = completeness;
  const isNews =
    flight.isRestated || judged === null || asOf > judged || (asOf === judged && flight.last?.stale === true);
  if (!isNews) return;
  const { s, e } = flight.dates as Dates;
  const pacing = pacingAt(campaign, flight, plan, completeness, clock);
  const status = statusOf(pacing, campaign, flight.last?.status ?? null);
  noteLeft(flight, pacing);
  rollOver(campaign, flight);
  const reason = persistReason(context, flight, status, pacing);
  const risk = riskAt(pacing, context.t);
  if (reason !== null) persist(context, campaign, flight, { completeness, risk }, pacing, status, reason);
  flight.lastBefore = flight.last?.status ?? null;
  flight.last = { status, stale: false };
  flight.judgedAsOf = asOf;
  flight.judgedInFlight = asOf >= s && asOf < e;
  flight.isClosed = asOf >= e + context.bounds.closedAfterMs;
  const values = valuesAt(
    plan,
    campaign,
    flight,
    pacing,
    { status, risk },
    { ...completeness, clock, members: context.members() },
  );
  const missedSince = (last: number) => missedMoments(context, campaign, flight, { last, completeness });
  const subject = { ...flightSubject(campaign, flight, completeness, values), missedSince };
  flight.isRestated = false;
  if (flight.judgedInFlight) judgeRunning(context, campaign, flight, subject, reason !== null);
  if (asOf < e) return;
  const ended = rulesOf(context.plan, campaign, 'ended');
  endAlerts(context, flight, subject, (id) => !ended.has(id));
  judgeRules(context, flight, subject, ended, reason !== null);
  if (flight.isClosed) endAlerts(context, flight, subject, () => true);
}

function evaluateStale(context: TimerContext, campaign: Campaign, flight: Flight, found: Completeness): void {
  const completeness = { ...found, asOf: flight.judgedAsOf ?? 0 };
  const reason = persistReason(context, flight, 'stale_data', null);
  const left = inForceAt(campaign, flight, context.plan, completeness.asOf);
  const risk = riskUnheard(context, campaign, flight);
  if (reason !== null) persist(context, campaign, flight, { completeness, risk }, left, 'stale_data', reason);
  flight.last = { status: 'stale_data', stale: true };
  if (!flight.judgedInFlight) return;
  const subject = flightSubject(campaign, flight, completeness, null);
  judgeRunning(context, campaign, flight, subject, reason !== null);
}

/** Where the last judged as_of can still be told, as it is known now (§7.5). */
function riskUnheard({ plan, clock, bounds, t }: TimerContext, campaign: Campaign, flight: Flight): Risk {
  if (flight.judgedAsOf === null) return noRisk;
  const place = placeAt(flight.judgedAsOf, (flight.dates as Dates).zone, clock, bounds);
  if (place.asOf < clock - bounds.judgedBackMs) return noRisk;
  return riskAt(pacingAt(campaign, flight, plan, place, clock), t);
}

/** `pacing` is null when the evaluation is stale. */
function persistReason(
  { t, bounds: { closedAfterMs } }: TimerContext,
  flight: Flight,
  status: string,
  pacing: Pacing | null,
): string | null {
  if (flight.last === null || flight.last.status !== status || flight.persisted === null) return 'status';
  const isDue = t - flight.persisted.t >= hour;
  if (pacing === null) return isDue ? 'hour' : null;
  const { a, s, e, osi } = pacing;
  const before = flight.persisted.osi;
  const { spend, reached } = flight.persisted;
  const isRolled = !isSame(flight.persisted.rolled, flight.rolled);
  if (a >= e && !isRolled && spend === (pacing.cost?.spend ?? pacing.spend) && reached === pacing.spend) return null;
  const isMove =
    (osi === null) !== (before === null) ||
    (osi !== null && before !== null && (osi - before >= 100n || before - osi >= 100n));
  if (a >= e) return isMove || isDue || a >= e + closedAfterMs ? 'restated' : null;
  if (isMove) return 'move';
  return isDue && a >= s ? 'hour' : null;
}

function persist(
  context: TimerContext,
  campaign: Campaign,
  flight: Flight,
  { completeness: { asOf, text }, risk }: { completeness: Completeness; risk: Risk },
  pacing: Pacing | ReturnType<typeof inForceAt>,
  status: string,
  reason: string,
): void {
  // Stale: every nullable column is null.
  const known = 'spend' in pacing ? pacing : null;
  const cost = known?.cost ?? null;
  const spend = (cost ?? known)?.spend ?? null;
  flight.persisted = {
    osi: known?.osi ?? null,
    spend,
    reached: known?.spend ?? null,
    rolled: flight.rolled,
    t: context.t,
  };
  const isMoney = flight.goal === 'MONEY';
  const { s, e, zone } = flight.dates as Dates;
  const limit = 'limit' in pacing ? pacing.limit : (pacing.cost?.limit ?? null);
  const inMoney = <T>(value: T | null | undefined) => (isMoney ? (value ?? null) : null);
  context.emit(
    'pacing_snapshots',
    shape(pacingSnapshots, {
      org_id: context.org,
      campaign_id: campaign.id,
      flight_id: flight.id,
      as_of: asOf,
      evaluated_at: context.t,
      status,
      persisted_for: reason,
      mode: pacing.mode,
      currency: campaign.currency,
      budget_micros: isMoney ? pacing.budget : (limit ?? 0n),
      spend_micros: spend,
      expected_micros: inMoney(known?.expected),
      delivery_bp: known?.delivery ?? null,
      elapsed_bp: known?.elapsed ?? null,
      osi_bp: known?.osi ?? null,
      projected_micros: (cost ?? known)?.projected ?? null,
      run_rate_micros_per_day: (cost ?? known)?.runRate ?? null,
      required_micros_per_day: inMoney(known?.required),
      lift_bp: known?.lift ?? null,
      exhaustion_at: known?.exhaustionAt ?? null,
      day_target_micros: inMoney(known?.dayTarget),
      day_spend_micros: (cost ?? known)?.daySpend ?? null,
      day_pacing_bp: known?.dayPacing ?? null,
      daily_cap_micros: inMoney(known?.cap),
      impressions_2h: known?.impressions2h ?? null,
      spend_2h_micros: (cost ?? known)?.spend2h ?? null,
      expected_2h_micros: inMoney(known?.expected2h),
      unseen_micros: risk.unseen,
      money_at_risk_micros: risk.atRisk,
      goal: flight.goal,
      goal_total: pacing.budget,
      goal_delivered: known?.spend ?? null,
      goal_expected: known?.expected ?? null,
      goal_projected: known?.projected ?? null,
      goal_run_rate_per_day: known?.runRate ?? null,
      goal_required_per_day: known?.required ?? null,
      goal_day_target: known?.dayTarget ?? null,
      goal_day_delivered: known?.daySpend ?? null,
      goal_daily_cap: known?.cap ?? null,
      goal_delivered_2h: known?.spend2h ?? null,
      goal_expected_2h: known?.expected2h ?? null,
      limit_micros: isMoney ? null : limit,
      limit_reached_at: cost?.limitReachedAt ?? null,
      starts_at: s,
      ends_at: e,
      time_zone: zone,
      advertiser: campaignView(context.plan, campaign.id).advertiser ?? '',
      goal_rolled_in: flight.rolled.goalIn,
      goal_rolled_out: flight.rolled.goalOut,
      limit_rolled_in: flight.rolled.limitIn,
      limit_rolled_out: flight.rolled.limitOut,
      rolled_from: flight.givers.map(({ id, goal }) => `${id}=${goal}`).join(','),
      rolled_to: flight.rolled.to,
      completeness: text,
      ledger_version: flight.ledgerVersion,
      plan_number: context.plan.number,
      partition: context.partition,
      version: context.version,
    }),
  );
}

/** Moments a grain apart between two known outcomes that lie more than two grains apart (§8.4). */
function missedMoments(
  { plan, clock, rhythmOf, bounds, members }: TimerContext,
  campaign: Campaign,
  flight: Flight,
  { last, completeness: { asOf, daily } }: { last: number; completeness: Completeness },
): { x: number; values: Values }[] {
  const rhythms = requiredSources(plan, campaign.id).map((name) => rhythmOf(name));
  const grain = Math.max(plan.defaults.evaluate_every_ms, daily ? day : 0, ...rhythms);
  if (asOf - last <= 2 * grain) return [];
  const step = grain * Math.max(1, Math.ceil((asOf - last) / (100 * grain)));
  const found: { x: number; values: Values }[] = [];
  for (let instant = last + step; instant < asOf; instant += step) {
    const place = placeAt(instant, (flight.dates as Dates).zone, clock, bounds);
    if (place.asOf < clock - bounds.judgedBackMs || place.asOf <= (found.at(-1)?.x ?? last) || place.asOf >= asOf)
      continue;
    const pacing = pacingAt(campaign, flight, plan, place, clock);
    const status = statusOf(pacing, campaign, flight.lastBefore);
    found.push({
      x: place.asOf,
      values: valuesAt(
        plan,
        campaign,
        flight,
        pacing,
        { status, risk: noRisk },
        { ...place, clock, members: members() },
      ),
    });
  }
  return found;
}

/** All that rules may name of a flight. */
function valuesAt(
  plan: Plan,
  campaign: Campaign,
  flight: Flight,
  pacing: Pacing,
  { status, risk }: { status: string; risk: Risk },
  {
    daily,
    lastWord = false,
    clock,
    members,
  }: Pick<Completeness, 'daily' | 'lastWord'> & Pick<WindowPlace, 'clock' | 'members'>,
): Values {
  const terms = valueTerms(plan, campaign);
  const hasImpressions = terms.expectsImpressions || pacing.impressions > 0n;
  const place = { campaign, dates: flight.dates as Dates, pacing, daily, lastWord, hasImpressions, clock, members };
  const { week_allowance_bp, flight_allowance_bp } = campaignView(plan, campaign.id);
  const absentLabels = Object.fromEntries(namesAsked(plan).flatMap((name) => (isLabel(name) ? [[name, null]] : [])));
  return {
    ...absentLabels,
    ...windowValues(plan, place),
    ...wordValues(campaign, flight, plan, pacing.a),
    ...flightValues(pacing, status, terms),
    'p.unseen_spend': risk.unseen === null ? null : Number(risk.unseen) / 1e6,
    'p.money_at_risk': risk.atRisk === null ? null : Number(risk.atRisk) / 1e6,
    ...goalValues(pacing),
    ...allowanceValues(pacing, week_allowance_bp, flight_allowance_bp),
  };
}

function isLabel(name: string): boolean {
  return name.startsWith('c.labels.');
}

/** What rules of flights name that are for the campaign. */
export function namesAskedOf(plan: Plan, campaign: Campaign): string[] {
  const rules = plan.rules.filter((rule) => isMeant(rule, plan, campaign.id));
  return rules.flatMap(namesOf);
}

function valueTerms(plan: Plan, campaign: Campaign): ValueTerms {
  const view = campaignView(plan, campaign.id);
  const expectsImpressions = view.delivery_source !== null || view.spend.from === 'impressions';
  return { allowanceBp: view.day_allowance_bp, expectsImpressions };
}

function flightSubject(campaign: Campaign, flight: Flight, { asOf, text }: Completeness, values: MaybeValues): Subject {
  const { zone } = flight.dates as Dates;
  return {
    campaign: campaign.id,
    flight: flight.id,
    source: '',
    asOf,
    completeness: text,
    values,
    zone,
    campaignOf: campaign,
    flightOf: flight,
  };
}

function byId(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rules of a scope that are in scope for a campaign, by id. */
function rulesOf(plan: Plan, campaign: Campaign, scope: RulePlan['scope']): Map<string, RulePlan> {
  const isInScope = (rule: RulePlan) => rule.scope === scope && isMeant(rule, plan, campaign.id);
  return new Map(plan.rules.filter(isInScope).map((rule) => [rule.id, rule]));
}

/** Whether a campaign has all that the rule asks for, and nothing that it excludes (§8.1). */
export function isMeant(
  { match, campaigns, advertisers, exclude = {} }: Pick<RulePlan, 'match' | 'campaigns' | 'advertisers' | 'exclude'>,
  plan: Plan,
  id: string,
): boolean {
  const { labels, advertiser } = campaignView(plan, id);
  const carried = (wanted: RulePlan['match']) =>
    Object.keys(wanted).filter((name) => Object.hasOwn(labels, name) && [wanted[name]].flat().includes(labels[name]));
  const isAskedFor =
    isAmong(campaigns ?? ['*'], id) &&
    (advertisers === undefined || isAmong(advertisers, advertiser)) &&
    carried(match).length === Object.keys(match).length;
  const isOut =
    isAmong(exclude.campaigns ?? [], id) ||
    isAmong(exclude.advertisers ?? [], advertiser) ||
    carried(exclude.match ?? {}).length > 0;
  return isAskedFor && !isOut;
}

/** Whether a name is one of those, or begins as one that ends with a star. */
export function isAmong(wanted: readonly string[], name: string | undefined): boolean {
  if (name === undefined) return false;
  return wanted.includes(name) || wanted.some((each) => each.at(-1) === '*' && name.startsWith(each.slice(0, -1)));
}

/** Of a flight that runs: where the end moved away again, what was said of an ended flight is over first. */
function judgeRunning(
  context: TimerContext,
  campaign: Campaign,
  flight: Flight,
  subject: Subject,
  persisted: boolean,
): void {
  const ended = rulesOf(context.plan, campaign, 'ended');
  endAlerts(context, flight, { ...subject, values: null }, (id) => ended.has(id));
  judgeRules(context, flight, subject, rulesOf(context.plan, campaign, 'flight'), persisted);
}

export function judgeRules(
  context: TimerContext,
  flight: Pick<Flight, 'alerts'>,
  subject: Subject,
  rules: ReadonlyMap<string, RulePlan>,
  persisted: boolean,
): void {
  const ids = new Set([...rules.keys(), ...flight.alerts.keys()]);
  for (const id of inOrder(context.plan, ids))
    judgeRule(context, subject, flight.alerts, id, rules.get(id), () => persisted);
}

/** Judges one rule on one subject; `wantsRow` says whether a row is due without a transition. */
function judgeRule(
  context: TimerContext,
  subject: Subject,
  alerts: Map<string, Alert>,
  id: string,
  rule: RulePlan | undefined,
  wantsRow: (alert: Alert) => boolean,
): void {
  let steps = 0;
  const known = alerts.get(id);
  if (known !== undefined && known.hash !== rule?.hash) {
    const ended = known.end(rule === undefined ? 'rule_deleted' : 'rule_updated');
    alerts.delete(id);
    if (ended !== null) {
      steps += 1;
      emitEnd(context, subject, id, known.hash, ended);
    }
  }
  if (rule === undefined) return;
  const alert = alerts.get(id) ?? new Alert(rule.hash);
  // An edited rule is still the same rule where rows are due by the hour.
  alert.rowAt ??= known?.rowAt ?? null;
  alerts.set(id, alert);
  const { zone, values: given, asOf: x, missedSince } = subject;
  const outcome = outcomeAt(rule, given, given === null ? context.t : x, zone);
  const patienceMs = subject.source === '' ? 0 : sourceView(context.plan, subject.source).stale_after_ms;
  const moment: Moment = { t: context.t, x, zone, missedSince, patienceMs };
  const before = meaningOf(alert);
  const moved = alert.judge(rule, outcome, subject.values, moment);
  const isHeld = outcome === 'outside' && rule.schedule?.outside === 'hold';
  const word = isHeld
    ? null
    : alert.audience.hear(rule, before, meaningOf(alert), {
        t: context.t,
        zone,
        isInhibited: isInhibited(context, subject, rule),
        isKnown: ['critical', 'warning', 'false', 'insufficient'].includes(outcome),
      });
  const step = moved ?? (word?.isNews === true ? alert.announced() : null);
  if (step === null && steps === 0 && !wantsRow(alert)) return;
  const values = namedValues(rule, subject.values);
  if (step !== null) {
    const filled = (text: string) =>
      summaryOf(text, placesOf(rule.scope, context.plan), {
        ...subject.values,
        ...(['flight', 'ended', 'campaign'].includes(rule.scope) ? { 'c.campaign_id': subject.campaign } : {}),
        ...(rule.scope === 'flight' || rule.scope === 'ended' ? { 'c.flight_id': subject.flight } : {}),
      });
    const annotations = Object.entries(rule.annotations ?? {}).map(([name, text]) => [name, filled(text)] as const);
    emitStep(context, subject, id, step, {
      mode: rule.mode,
      hash: rule.hash,
      values,
      summary: filled(rule.summary),
      labels: sortedJson(Object.entries(rule.labels ?? {})),
      annotations: sortedJson(annotations),
      word: word as Word,
    });
  }
  alert.rowAt = context.t;
  context.emit(
    'rule_evaluations',
    shape(ruleEvaluations, {
      ...address(context, subject, id),
      outcome,
      state: step?.to ?? alert.state,
      level: alert.level,
      values,
      rule_hash: rule.hash,
    }),
  );
}

function sortedJson(entries: readonly (readonly [string, string])[]): string {
  return JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => byId(a, b))));
}

/** Whether an alert of a rule that silences this one fires about the same thing (§8.6). */
function isInhibited(
  { plan, ofSource, ofOrder, ofAdvertiser }: TimerContext,
  subject: Subject,
  { inhibited_by = [] }: RulePlan,
): boolean {
  const { flightOf, campaignOf } = subject;
  return plan.rules
    .filter(({ id, mode }) => inhibited_by.includes(id) && mode === 'notify')
    .flatMap(({ id, scope }): (Alert | undefined)[] => {
      if (scope === 'order') return [ofOrder(subject.group ?? '', id)];
      if (scope === 'organization') return [ofSource('')?.get(id)];
      if (scope === 'advertiser') {
        const whose = campaignOf === null ? subject.advertiser : campaignView(plan, campaignOf.id).advertiser;
        return [ofAdvertiser(whose ?? '')?.get(id)];
      }
      if (campaignOf === null) return [ofSource(subject.source)?.get(id)];
      if (scope === 'source') return requiredSources(plan, campaignOf.id).map((name) => ofSource(name)?.get(id));
      if (scope === 'campaign') return [campaignOf.spendAlerts.get(id)];
      return (flightOf === null ? campaignOf.flights : [flightOf]).map(({ alerts }) => alerts.get(id));
    })
    .some((alert) => alert?.state === 'firing' || alert?.state === 'recovering');
}

/** Who silences others is judged before them. */
function inOrder(plan: Plan, ids: Iterable<string>): string[] {
  const rankOf = (id: string): number => {
    const by = plan.rules.find((rule) => rule.id === id)?.inhibited_by ?? [];
    const known = by.filter((each) => plan.rules.some((rule) => rule.id === each));
    return known.length === 0 ? 0 : 1 + Math.max(...known.map(rankOf));
  };
  return [...ids].sort((a, b) => rankOf(a) - rankOf(b) || byId(a, b));
}

function placesOf(scope: RulePlan['scope'], plan: Plan): string[] {
  const isTogether = scope === 'advertiser' || scope === 'organization';
  const together = isTogether ? plan.rules.filter((rule) => rule.scope === scope).flatMap(windowsNamed) : [];
  const asked = scope === 'flight' || scope === 'ended' ? namesAsked(plan) : together;
  return [...Object.keys(ruleVariables[scope]), ...asked];
}

/** Looks at what the campaign spends that nobody planned (§9). */
export function lookAtSpend(context: TimerContext, campaign: Campaign): void {
  const { plan, t, clock } = context;
  const review = new SpendReview(campaign, plan.defaults.zone, clock);
  const isAsked = () =>
    t < campaign.watchedUntil ||
    campaign.said.size > 0 ||
    [...campaign.spendAlerts.values()].some(({ state }) => state !== 'ok');
  if (!isAsked() && campaign.statuses.length === 0 && !review.isOverBudget()) return;
  const days = review.days();
  for (const date of campaign.said.keys()) if (days.every(([each]) => each !== date)) campaign.said.delete(date);
  let hasNews = false;
  const seen: Said[] = [];
  for (const [date, row] of days) {
    const before = campaign.said.get(date);
    const found = review.weigh(date, row);
    const said = found ?? before;
    if (said !== undefined) seen.push(said);
    if (found === null || !isNews(before, found) || campaign.saidAt.get(date) === context.version) continue;
    hasNews = true;
    campaign.saidAt.set(date, context.version);
    campaign.said.set(date, found);
    const stamp = { plan_number: plan.number, partition: context.partition, version: context.version };
    context.emit('unplanned_spend', rowOf(campaign, date, found, stamp));
  }
  if (!isAsked()) return;
  const subject = spendSubject(context, campaign, {
    ...wordsOfCampaign(plan, campaign),
    ...campaignValues(review, seen),
  });
  const rules = spendRules(plan, campaign);
  for (const id of [...campaign.spendAlerts.keys()].filter((each) => !rules.has(each)).sort(byId))
    judgeRule(context, subject, campaign.spendAlerts, id, undefined, () => false);
  for (const id of inOrder(plan, rules.keys()))
    judgeRule(context, subject, campaign.spendAlerts, id, rules.get(id), () => hasNews);
}

/** What rules of scope campaign may name of what it is. */
function wordsOfCampaign(plan: Plan, campaign: Campaign): Record<string, Known | null> {
  const { labels, advertiser } = campaignView(plan, campaign.id);
  const rules = plan.rules.filter(({ scope }) => scope === 'campaign');
  const asked = rules.flatMap((rule) => namesNamed(rule)).filter(isLabel);
  return {
    ...Object.fromEntries(asked.map((name) => [name, null])),
    ...Object.fromEntries(Object.entries(labels).map(([label, value]) => [`c.labels.${label}`, value])),
    'c.campaign_id': campaign.id,
    'c.advertiser': advertiser ?? null,
  };
}

/** Nobody looks at the campaign any more. */
export function leaveSpend(context: TimerContext, campaign: Campaign): void {
  const subject = spendSubject(context, campaign, null);
  for (const id of [...campaign.spendAlerts.keys()].sort(byId)) {
    const alert = campaign.spendAlerts.get(id) as Alert;
    const ended = alert.end('scope_ended');
    if (ended !== null) emitEnd(context, subject, id, alert.hash, ended);
  }
  campaign.spendAlerts.clear();
}

function spendSubject(context: TimerContext, campaign: Campaign, values: MaybeValues): Subject {
  const { plan, t, clock, bounds } = context;
  const { text } = completenessAt(plan, campaign.id, t, clock, context.frontierOf, 'UTC', bounds);
  const zone = campaign.zone ?? plan.defaults.zone;
  return {
    campaign: campaign.id,
    flight: '',
    source: '',
    asOf: t,
    completeness: text,
    values,
    zone,
    campaignOf: campaign,
    flightOf: null,
  };
}

/** Those of the plan; for one that was written before there were any, the one that ships (§9.4). */
function spendRules(plan: Plan, campaign: Campaign): Map<string, RulePlan> {
  const isOld =
    plan.rules.every(({ scope }) => scope !== 'campaign') && plan.rules.some(({ scope }) => scope === 'flight');
  if (!isOld || plan.rules.some(({ id }) => id === shipped.id)) return rulesOf(plan, campaign, 'campaign');
  return new Map([[shipped.id, shipped]]);
}

const shipped = shippedRule('unplanned-spend');

function endAlerts(context: TimerContext, flight: Flight, subject: Subject, isOver: (id: string) => boolean): void {
  for (const id of [...flight.alerts.keys()].filter(isOver).sort(byId)) {
    const alert = flight.alerts.get(id) as Alert;
    const ended = alert.end('scope_ended');
    if (ended !== null) emitEnd(context, subject, id, alert.hash, ended);
    flight.alerts.delete(id);
  }
}

export function emitEnd(
  context: TimerContext,
  subject: Subject,
  id: string,
  hash: string,
  { step, word }: { step: Step; word: Word },
): void {
  const rule = context.plan.rules.find((each) => each.id === id);
  // An alert that ends with its flight says what became of it.
  const last = step.reason === 'scope_ended' ? subject.values : null;
  const values =
    last !== null && (rule?.scope === 'flight' || rule?.scope === 'ended') ? namedValues(rule, last) : '{}';
  const goal = subject.flightOf?.goal ?? 'MONEY';
  const reached = goal === 'MONEY' ? 'budget spent' : `${goal.split('_').join(' ').toLowerCase()} delivered`;
  const verdict = `, {{p.status}} with {{p.delivery_pct}} % of the ${reached}`;
  const summary = `Rule ${id}: ${step.reason}${last === null ? '' : summaryOf(verdict, placesOf('flight', context.plan), last)}`;
  const labels = sortedJson(Object.entries(rule?.labels ?? {}));
  const receipt = { mode: rule?.mode ?? 'notify', hash, values, summary, labels, annotations: '{}', word };
  emitStep(context, subject, id, step, receipt);
}

function address(context: TimerContext, subject: Subject, id: string) {
  return {
    org_id: context.org,
    rule_id: id,
    campaign_id: subject.campaign,
    flight_id: subject.flight,
    source: subject.source,
    group_id: subject.group ?? '',
    advertiser: subject.advertiser ?? '',
    as_of: subject.asOf,
    evaluated_at: context.t,
    plan_number: context.plan.number,
    partition: context.partition,
    version: context.version,
  };
}

function emitStep(
  context: TimerContext,
  subject: Subject,
  id: string,
  step: Step,
  receipt: {
    mode: string;
    hash: string;
    values: string;
    summary: string;
    labels: string;
    annotations: string;
    word: Word;
  },
): void {
  const scope = [context.org, id, subject.campaign, subject.flight, subject.source];
  if (subject.group !== undefined) scope.push(subject.group);
  if (subject.advertiser !== undefined) scope.push('', subject.advertiser);
  const fingerprint = sha256(scope.join('|')).slice(0, 32);
  const identity = [fingerprint, subject.asOf, context.t, step.from, step.to];
  if (step.reason === 'rule_updated') identity.push(step.reason);
  context.emit(
    'alert_events',
    shape(alertEvents, {
      ...address(context, subject, id),
      alert_id: sha256(identity.join('|')).slice(0, 32),
      fingerprint,
      mode: receipt.mode,
      from_state: step.from,
      to_state: step.to,
      level: step.level,
      reason: step.reason,
      active_since: step.activeSince,
      condition: step.condition,
      values: receipt.values,
      completeness: subject.completeness,
      summary: receipt.summary,
      labels: receipt.labels,
      annotations: receipt.annotations,
      notified: receipt.word.isNews ? 1 : 0,
      told: receipt.word.told,
      withheld: receipt.word.withheld,
      rule_hash: receipt.hash,
      log_offset: context.offset,
    }),
  );
}

/** Judges the source rules of an organization; `alertsOf` keeps the alerts of a source by rule id. */
export function evaluateSources(context: TimerContext, alerts: Map<string, Map<string, Alert>>): void {
  const { plan, t } = context;
  const declared = Object.keys(plan.sources).filter(
    (name) => !sourceView(plan, name).heartbeats || context.isHeard(name) || isNeeded(plan, name),
  );
  for (const name of [...new Set([...declared, ...alerts.keys()])].filter((each) => each !== '').sort(byId)) {
    const isDeclared = declared.includes(name);
    const frontier = context.frontierOf(name);
    const subject: Subject = {
      campaign: '',
      flight: '',
      source: name,
      asOf: t,
      completeness: `${name}=${frontier ?? 'none'}`,
      values: sourceValues(name, t, frontier, sourceView(plan, name)),
      zone: plan.defaults.zone,
      campaignOf: null,
      flightOf: null,
    };
    const ofSource = alerts.get(name) ?? new Map<string, Alert>();
    alerts.set(name, ofSource);
    const rules = new Map(
      plan.rules.filter((rule) => isDeclared && rule.scope === 'source').map((rule) => [rule.id, rule]),
    );
    const isDue = (alert: Alert) => alert.rowAt === null || t - alert.rowAt >= hour;
    for (const id of inOrder(plan, new Set([...rules.keys(), ...ofSource.keys()])))
      judgeRule(context, subject, ofSource, id, rules.get(id), isDue);
    if (ofSource.size === 0) alerts.delete(name);
  }
  evaluateOrganization(context, alerts);
}

/** Rules about what campaigns come to together; their alerts are kept as those of no source. */
function evaluateOrganization(context: TimerContext, alerts: Map<string, Map<string, Alert>>): void {
  const { plan, t } = context;
  const rules = new Map(plan.rules.filter(({ scope }) => scope === 'organization').map((rule) => [rule.id, rule]));
  const known = alerts.get('') ?? new Map<string, Alert>();
  // Rules that are judged later look here for those that silence them.
  alerts.set('', known);
  const isDue = (alert: Alert) => alert.rowAt === null || t - alert.rowAt >= hour;
  for (const id of inOrder(plan, new Set([...rules.keys(), ...known.keys()]))) {
    const rule = rules.get(id);
    const members = rule === undefined ? [] : context.members().filter((each) => isMeant(rule, plan, each.id));
    judgeRule(context, togetherSubject(context, rule, members, 'o'), known, id, rule, isDue);
  }
  if (known.size === 0) alerts.delete('');
}

/** The same for each advertiser of whom the rule has campaigns; `alerts` keeps theirs by advertiser and rule id. */
export function evaluateAdvertisers(context: TimerContext, alerts: Map<string, Map<string, Alert>>): void {
  const { plan, t } = context;
  const isDue = (alert: Alert) => alert.rowAt === null || t - alert.rowAt >= hour;
  const rules = plan.rules.filter(({ scope }) => scope === 'advertiser');
  const whose = (campaign: Campaign) => campaignView(plan, campaign.id).advertiser;
  const named = context.members().flatMap((each) => whose(each) ?? []);
  for (const advertiser of [...new Set([...named, ...alerts.keys()])].sort()) {
    const known = alerts.get(advertiser) ?? new Map<string, Alert>();
    alerts.set(advertiser, known);
    const own = context.members().filter((each) => whose(each) === advertiser);
    const judged = new Map(
      rules.flatMap((rule) => {
        const members = own.filter((each) => isMeant(rule, plan, each.id));
        return members.length === 0 ? [] : [[rule.id, { rule, members }] as const];
      }),
    );
    for (const id of inOrder(plan, new Set([...judged.keys(), ...known.keys()]))) {
      const { rule, members = [] } = judged.get(id) ?? {};
      const subject = { ...togetherSubject(context, rule, members, 'a', advertiser), advertiser };
      judgeRule(context, subject, known, id, rule, isDue);
    }
    if (known.size === 0) alerts.delete(advertiser);
  }
}

/** A rule that is gone knows neither values nor how far anything is complete. */
function togetherSubject(
  context: TimerContext,
  rule: RulePlan | undefined,
  members: readonly Campaign[],
  prefix: 'o' | 'a',
  advertiser?: string,
): Subject {
  const { plan, t } = context;
  const nobody = { campaign: '', flight: '', source: '', campaignOf: null, flightOf: null };
  const about = { ...nobody, asOf: t, zone: plan.defaults.zone };
  if (rule === undefined) return { ...about, completeness: '', values: null };
  const found = completeTogether(context, members, (each) => runningOf(context, each).length > 0);
  const isUnknown = found.stale && (rule.stale_members ?? (prefix === 'a' ? 'unknown' : 'counted')) === 'unknown';
  const values = {
    ...togetherValues(context, members, prefix),
    ...(advertiser === undefined ? {} : { 'a.advertiser': advertiser }),
    ...windowsTogether(context, members, found, rule),
  };
  return { ...about, completeness: found.text, values: isUnknown ? null : values };
}
