import * as z from 'zod';
import { EngineError } from '../../../model/errors.ts';
import { findZone } from '../../../model/zones.ts';
import { digest } from '../../../rules/alert-receipt.ts';
import { isTogether } from '../../../rules/asked-values.ts';
import type { CompiledRule } from '../../../rules/compile-plan.ts';
import { dayOf, isForOrder } from '../../../rules/order.ts';
import type { OrderPlan, Plan } from '../../../rules/plan.ts';
import { isForCampaign } from '../../../rules/rule-scope.ts';
import { getTransition, listTransitions } from '../alerts.ts';
import { plainAnswer } from '../answers.ts';
import { instant, type RawRow } from '../columns.ts';
import { listEvaluations } from '../evaluations.ts';
import { id, moment } from '../fields.ts';
import { type OperationContext, operation } from '../operation.ts';
import { listOrderSnapshots } from '../orders.ts';
import type { NamedValues } from './compare.ts';
import { evidenceOf, type Judged, rulesOf } from './evidence.ts';
import { newestMs, planBy } from './explain-silence.ts';
import { nearestOf } from './names.ts';
import type { KnownPlan } from './plans.ts';
import { evidence, sentences } from './shapes.ts';
import {
  type Change,
  type Evaluation,
  fired,
  type Known,
  lookBackMs,
  msOf,
  noSuchRule,
  type Reading,
  readOutcome,
  sentenceOf,
  stateOf,
  whyShown,
} from './verdict.ts';
import { evidenceTexts, instantText } from './words.ts';

/** What campaigns have together: an order, an advertiser, or (neither) all of an organization. */
interface Subject {
  readonly order: string;
  readonly advertiser: string;
}

interface Question extends Subject {
  readonly ruleId: string;
  readonly atMs: number;
  readonly plan: KnownPlan | null;
}

export const explainTogether = operation({
  doc: 'Why a rule about an order, an advertiser or the whole organization did not fire, or did: its newest judgement by a moment, with what it compared and what was not complete.',
  input: z.strictObject({
    rule_id: id.describe('The rule, of scope order, advertiser or organization.'),
    order_id: id.optional().describe('The order, for a rule of that scope.'),
    advertiser: id.optional().describe('The advertiser, for a rule of that scope.'),
    at: moment.optional().describe('As it was known at this moment of the log; the default is the newest.'),
  }),
  output: z
    .strictObject({
      rule_id: id.describe('The rule.'),
      order_id: z.string().describe('The order; empty for rules of others.'),
      advertiser: z.string().describe('The advertiser; empty for rules of others.'),
      at: instant.describe('Log time of the question.'),
      why: whyShown,
      because: z.string().describe('In one sentence.'),
      alert_id: id.nullable().describe('The newest change of its alert by then; explain that for more.'),
      evidence: evidence.nullable().describe('The newest judgement by then.'),
      sentences,
    })
    .meta({ title: 'TogetherExplanation' }),
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
  cost: 5,
  async run(context, { rule_id: ruleId, order_id: order = '', advertiser = '', at }) {
    const atMs = at === undefined ? await newestMs(context) : Date.parse(at);
    const plan = await planBy(context, { partition: await partitionOf(context) }, atMs);
    const question: Question = { ruleId, order, advertiser, atMs, plan };
    const rule = plan === null ? undefined : rulesOf(plan).find((each) => each.plan.id === ruleId);
    if (rule !== undefined) requireSubject(rule, question);
    const known = await knownOf(context, question);
    const isNone = rule === undefined && known.evaluation === null && known.change === null;
    const reading: Reading = isNone
      ? { why: 'no_such_rule', because: await noSuchRule(context, question) }
      : readTogether(known, rule ?? null, question);
    const { evaluation, change } = known;
    const judged = evaluation === null ? null : await judgedOf(context, question, known, evaluation);
    const shown = judged === null ? null : await evidenceOf(context, judged);
    const because = sentenceOf(reading.because);
    const data = {
      ...{ rule_id: ruleId, order_id: order, advertiser, at: instantText(atMs), why: reading.why, because },
      ...{ alert_id: change === null ? null : String(change.alert_id), evidence: shown },
      sentences: [
        `Rule ${ruleId} about ${subjectText(question)}, as known at ${instantText(atMs)}: ${because}`,
        ...(shown === null ? [] : evidenceTexts(shown)),
      ],
    };
    return { ...plainAnswer(data), asOfMs: atMs };
  },
});

function subjectText({ order, advertiser }: Subject): string {
  if (order !== '') return `order ${order}`;
  return advertiser === '' ? 'the organization' : `advertiser ${advertiser}`;
}

/** Where its plans lie; an organization lives in one partition. */
async function partitionOf({ tables }: OperationContext): Promise<number> {
  const [row] = await tables.rows<RawRow>({
    sql: `SELECT partition FROM (
  SELECT partition FROM rule_evaluations WHERE org_id = {org:String} LIMIT 1
  UNION ALL SELECT partition FROM campaign_metrics_daily WHERE org_id = {org:String} LIMIT 1
) LIMIT 1`,
    parameters: {},
  });
  return row === undefined ? 0 : Number(row.partition);
}

/** The rule is about what is asked for, and that exists; throws REQUEST_INVALID or NOT_FOUND. */
function requireSubject({ plan: { id: ruleId, scope } }: CompiledRule, question: Question): void {
  const { order, advertiser, plan } = question;
  const { orders = {}, campaigns } = (plan as KnownPlan).compiled.plan;
  if (scope !== 'order' && !isTogether(scope)) {
    const what = scope === 'source' ? 'sources' : scope === 'campaign' ? 'campaigns' : 'flights of campaigns';
    throw new EngineError('REQUEST_INVALID', `rule ${ruleId} judges ${what}, each for itself: name a campaign`);
  }
  const advertisers = [...new Set(Object.values(campaigns).flatMap((each) => each.advertiser ?? []))].sort();
  requireOne(ruleId, scope === 'order', order, 'order', Object.keys(orders).sort());
  requireOne(ruleId, scope === 'advertiser', advertiser, 'advertiser', advertisers);
}

function requireOne(ruleId: string, isAbout: boolean, name: string, what: string, known: readonly string[]): void {
  if (!isAbout) {
    if (name !== '') throw new EngineError('REQUEST_INVALID', `rule ${ruleId} judges no ${what}s: leave ${name} out`);
    return;
  }
  const there = known.slice(0, 10).join(', ') || 'none';
  if (name === '')
    throw new EngineError('REQUEST_INVALID', `rule ${ruleId} judges ${what}s: name one; there are ${there}`);
  if (known.includes(name)) return;
  const near = nearestOf(name, known);
  const hint = near === null ? `there are ${there}` : `did you mean ${near}?`;
  throw new EngineError('NOT_FOUND', `the plan in force has no ${what} ${name}; ${hint}`);
}

async function knownOf(context: OperationContext, { ruleId, order, advertiser, atMs }: Question): Promise<Known> {
  const until = { from: instantText(atMs + 1 - lookBackMs), to: instantText(atMs + 1), limit: 1 };
  const about = { ...(order === '' ? {} : { order_id: order }), ...(advertiser === '' ? {} : { advertiser }) };
  const [evaluation = null] = (await listEvaluations.run(context, { rule_id: ruleId, ...about, ...until })).data;
  const place = [context.tables.orgId, ruleId, '', '', ''];
  const fingerprint = digest([
    ...place,
    ...(order === '' ? [] : [order]),
    ...(advertiser === '' ? [] : ['', advertiser]),
  ]);
  const [change = null] = (await listTransitions.run(context, { fingerprint, ...until })).data;
  const [snapshot = null] =
    order === '' ? [] : (await listOrderSnapshots.run(context, { order_id: order, ...until })).data;
  return { evaluation, change, snapshot: snapshot as Known['snapshot'] };
}

/** Why nothing was judged, else what the newest rows say. Pure. */
function readTogether(known: Known, rule: CompiledRule | null, question: Question): Reading {
  const { evaluation, change } = known;
  const state = stateOf(known);
  if (change !== null && (state === 'firing' || state === 'recovering')) return fired(change, state, rule);
  const because = rule === null ? null : whyNotFor(rule, question);
  if (because !== null) return because;
  if (evaluation !== null) return readOutcome(evaluation, known, rule, question.plan);
  return { why: 'not_judged', because: `no judgement of ${subjectText(question)} is kept of the month before` };
}

function whyNotFor({ plan: rule }: CompiledRule, { order, advertiser, atMs, plan }: Question): Reading | null {
  const { plan: known } = (plan as KnownPlan).compiled;
  if (rule.scope === 'order') return whyNotForOrder(rule, order, (known.orders ?? {})[order], atMs);
  if (rule.scope !== 'advertiser') return null;
  const own = Object.entries(known.campaigns).filter(([, each]) => each.advertiser === advertiser);
  if (own.some(([campaignId, each]) => isForCampaign(rule, campaignId, each))) return null;
  return { why: 'not_for_it', because: `the rule is for none of the campaigns of ${advertiser} that the plan names` };
}

function whyNotForOrder(rule: Plan['rules'][number], id: string, order: OrderPlan, atMs: number): Reading | null {
  if (!isForOrder(rule, id, order)) {
    const wanted = [...(rule.orders ?? []), ...(rule.advertisers ?? [])];
    const excluded = [...(rule.exclude?.orders ?? []), ...(rule.exclude?.advertisers ?? [])];
    const words = [
      ...(wanted.length === 0 ? [] : [`for ${wanted.slice(0, 10).join(', ')} alone`]),
      ...(excluded.length === 0 ? [] : [`not for ${excluded.slice(0, 10).join(', ')}`]),
    ];
    return { why: 'not_for_it', because: `the rule is ${words.join(' and ')}` };
  }
  const starts = findZone(order.zone)?.dayStart(dayOf(order.start)) ?? 0;
  if (atMs >= starts) return null;
  return { why: 'not_started', because: `the order starts on ${order.start} (${order.zone})` };
}

/** Completeness stands in the snapshot of the order, or in the change, of the same instant. */
async function judgedOf(
  context: OperationContext,
  { ruleId, order, advertiser }: Question,
  { change, snapshot }: { readonly change: Change | null; readonly snapshot: Known['snapshot'] },
  evaluation: Evaluation,
): Promise<Judged> {
  const atMs = msOf(evaluation.evaluated_at);
  const isOfChange = change !== null && msOf(change.evaluated_at) === atMs;
  const isOfSnapshot = snapshot !== null && msOf(snapshot.evaluated_at) === atMs;
  const completeness = isOfChange
    ? (await getTransition.run(context, { alert_id: String(change.alert_id) })).data.completeness
    : isOfSnapshot
      ? snapshot.completeness
      : '';
  const [, offset] = String(evaluation.version).split(':');
  return {
    ...{ ruleId, campaignId: '', flightId: '', order, advertiser, atMs, asOfMs: msOf(evaluation.as_of) },
    place: { partition: Number(evaluation.partition), offset: Number(offset) },
    ...{ planNumber: Number(evaluation.plan_number), ruleHash: String(evaluation.rule_hash) },
    values: evaluation.values as NamedValues,
    completeness: String(completeness),
  };
}
