import * as z from 'zod';
import { EngineError } from '../../../model/errors.ts';
import { dayMs } from '../../../model/time.ts';
import { digest } from '../../../rules/alert-receipt.ts';
import type { CompiledRule } from '../../../rules/compile-plan.ts';
import { isForCampaign } from '../../../rules/rule-scope.ts';
import { getTransition, listTransitions } from '../alerts.ts';
import { instant } from '../columns.ts';
import { listEvaluations } from '../evaluations.ts';
import { id } from '../fields.ts';
import { getFlight } from '../flights.ts';
import type { OperationContext } from '../operation.ts';
import type { NamedValues } from './compare.ts';
import { evidenceOf, frontiersOf, type Judged, rulesOf } from './evidence.ts';
import { judgedAgainAt, nearestOf, rulesJudged } from './names.ts';
import type { KnownPlan } from './plans.ts';
import { evidence } from './shapes.ts';
import { instantText, spanText } from './words.ts';

/** Why a rule said nothing, one word each. */
const whys = [
  'fired',
  'shadow',
  'withheld',
  'no_such_rule',
  'not_for_campaign',
  'not_for_it',
  'flight_unknown',
  'not_started',
  'flight_over',
  'not_judged',
  'outside_hours',
  'guard_false',
  'level_not_true',
  'for_not_over',
  'unknown',
  'error',
] as const;
type Why = (typeof whys)[number];
export const whyShown = z
  .enum(whys)
  .meta({ title: 'RuleVerdictReason' })
  .describe(
    '`fired`: it was not silent. `shadow`: it fires, and nobody is told. `withheld`: it fires, and people are not told (yet). `no_such_rule`, `not_for_campaign`, `not_for_it` (the order or advertiser), `flight_unknown`: it was never asked. `not_started`, `flight_over`, `not_judged`: not at that time. `outside_hours`: its schedule leaves that hour out. `guard_false`, `level_not_true`: it was asked and said no. `for_not_over`: it holds, not yet for long enough. `unknown`: a source is not complete. `error`: a condition has no result.',
  );

export const verdict = z
  .strictObject({
    rule_id: id.describe('The rule.'),
    flight_id: z.string().describe('Empty for rules of campaigns.'),
    why: whyShown,
    because: z.string().describe('In one sentence.'),
    until: instant.nullable().describe('Where it was `unknown`: when the flight was judged again; null = not yet.'),
    alert_id: id.nullable().describe('The newest change of its alert by then; explain that for more.'),
    evidence: evidence.nullable().describe('The newest judgement by then, where one rule is asked for.'),
  })
  .meta({ title: 'RuleVerdict' });
export type Verdict = z.output<typeof verdict>;

interface CampaignQuestion {
  readonly campaignId: string;
  readonly atMs: number;
  /** In force at the moment; null = it is not known. */
  readonly plan: KnownPlan | null;
  readonly flights: readonly string[];
  /** With the evidence of the newest judgement. */
  readonly isWhole: boolean;
}

/** What is the same for every rule is asked of the tables once. */
interface RuleQuestion extends CampaignQuestion {
  readonly ruleId: string;
  snapshotOf(flightId: string): Promise<Snapshot | null>;
  judgedRules(): Promise<readonly string[]>;
}

/** Rules that are looked at side by side, so that one call does not take every connection to the tables. */
const rulesAtOnce = 4;

/** Verdicts of rules, in their order: one a flight, or one where the rule was asked of none. */
export async function verdictsOf(
  context: OperationContext,
  question: CampaignQuestion,
  ruleIds: readonly string[],
): Promise<Verdict[]> {
  const { campaignId, atMs } = question;
  const snapshots = new Map<string, Promise<Snapshot | null>>();
  let judged: Promise<readonly string[]> | null = null;
  const shared = {
    snapshotOf(flightId: string) {
      const known = snapshots.get(flightId) ?? snapshotAt(context, campaignId, flightId, atMs);
      snapshots.set(flightId, known);
      return known;
    },
    judgedRules() {
      judged ??= rulesJudged(context, atMs);
      return judged;
    },
  };
  const verdicts: Verdict[] = [];
  for (let from = 0; from < ruleIds.length; from += rulesAtOnce) {
    const some = ruleIds.slice(from, from + rulesAtOnce);
    const told = await Promise.all(some.map((ruleId) => ofRule(context, { ...question, ...shared, ruleId })));
    verdicts.push(...told.flat());
  }
  return verdicts;
}

async function ofRule(context: OperationContext, question: RuleQuestion): Promise<Verdict[]> {
  const { plan, ruleId, campaignId } = question;
  const rule = plan === null ? undefined : rulesOf(plan).find((each) => each.plan.id === ruleId);
  // Where plans are not recorded, what is written now says nothing against what was judged.
  const isRecorded = plan !== null && plan.record !== null;
  if (rule === undefined && (isRecorded || !(await question.judgedRules()).includes(ruleId))) {
    // Before anything was judged no rule was there, and it is not the name that is wrong.
    if (plan === null && !(await wasEvaluated(question))) return [neverEvaluated(question)];
    return [silent(question, '', 'no_such_rule', await noSuchRule(context, question, question.judgedRules))];
  }
  const because = rule === undefined || plan === null ? null : whyNotFor(rule, plan, campaignId);
  if (because !== null) return [silent(question, '', 'not_for_campaign', because)];
  const flights = rule?.plan.scope === 'campaign' ? [''] : question.flights;
  if (flights.length === 0) return [neverEvaluated(question)];
  const verdicts: Verdict[] = [];
  for (const flightId of flights) verdicts.push(await verdictOf(context, question, flightId, rule ?? null));
  return verdicts;
}

async function wasEvaluated({ flights, snapshotOf }: RuleQuestion): Promise<boolean> {
  const snapshots = await Promise.all(flights.map((flight) => snapshotOf(flight)));
  return snapshots.some((snapshot) => snapshot !== null);
}

function neverEvaluated(question: RuleQuestion): Verdict {
  return silent(question, '', 'flight_unknown', 'the campaign has no flight that was evaluated by then');
}

function silent({ ruleId }: RuleQuestion, flightId: string, why: Why, because: string): Verdict {
  return {
    rule_id: ruleId,
    flight_id: flightId,
    why,
    because: sentenceOf(because),
    until: null,
    alert_id: null,
    evidence: null,
  };
}

export async function noSuchRule(
  context: OperationContext,
  { plan, ruleId, atMs }: Pick<RuleQuestion, 'plan' | 'ruleId' | 'atMs'>,
  judgedRules = () => rulesJudged(context, atMs) as Promise<readonly string[]>,
): Promise<string> {
  const others = await context.ports.past.organizationsOfRule(ruleId);
  if (others !== null && !others.includes(context.tables.orgId))
    return `the rule is written for ${others.join(', ')} and not for ${context.tables.orgId}`;
  const known = plan === null ? await judgedRules() : rulesOf(plan).map((each) => each.plan.id);
  const near = nearestOf(ruleId, known);
  const where =
    plan === null
      ? 'no judgement of such a rule is known'
      : plan.record === null
        ? 'no such rule is written now, and no judgement of one is known'
        : `plan ${plan.compiled.plan.number}, in force then, has no such rule`;
  return near === null ? `${where}; it has ${known.join(', ') || 'none'}` : `${where}; did you mean ${near}?`;
}

/** Null = it is for it. The first of what keeps the campaign out, each asked alone. */
function whyNotFor({ plan }: CompiledRule, { compiled }: KnownPlan, campaignId: string): string | null {
  if (plan.scope === 'source') return 'the rule judges sources, not campaigns';
  if (plan.scope === 'organization') return 'the rule judges campaigns together, not each';
  if (plan.scope === 'advertiser') return 'the rule judges the campaigns of an advertiser together, not each';
  if (plan.scope === 'order') return 'the rule judges orders, and what their campaigns spend together';
  const own = Object.hasOwn(compiled.plan.campaigns, campaignId) ? compiled.plan.campaigns[campaignId] : {};
  if (isForCampaign(plan, campaignId, own)) return null;
  const { match, campaigns, advertisers, exclude } = plan;
  if (!isForCampaign({ match: {}, campaigns }, campaignId, own)) return `the rule is for ${listed(campaigns)} alone`;
  if (!isForCampaign({ match: {}, advertisers }, campaignId, own))
    return `the rule is for campaigns of ${listed(advertisers)}, and this one is of ${own.advertiser ?? 'no advertiser that the plan names'}`;
  for (const [name, wanted] of Object.entries(match)) {
    if (isForCampaign({ match: { [name]: wanted } }, campaignId, own)) continue;
    const labels = own.labels ?? {};
    const has = Object.hasOwn(labels, name) ? `has ${name}: ${labels[name]}` : `has no label ${name}`;
    return `the rule is for campaigns with the label ${name}: ${[wanted].flat().join(' or ')}, and this one ${has}`;
  }
  return `the rule leaves out what fits ${JSON.stringify(exclude)}, as this campaign does`;
}

function listed(names: readonly string[] | undefined): string {
  return (names ?? []).slice(0, 10).join(', ');
}

export type Evaluation = Awaited<ReturnType<typeof listEvaluations.run>>['data'][number];
export type Change = Awaited<ReturnType<typeof listTransitions.run>>['data'][number];
type Snapshot = Awaited<ReturnType<typeof getFlight.run>>['data'];

/** What the tables have of a rule and a flight by a moment. */
export interface Known {
  readonly evaluation: Evaluation | null;
  readonly change: Change | null;
  /** Of the flight, or of the order. */
  readonly snapshot: Pick<Snapshot, 'status' | 'evaluated_at' | 'completeness'> | null;
}

async function verdictOf(
  context: OperationContext,
  question: RuleQuestion,
  flightId: string,
  rule: CompiledRule | null,
): Promise<Verdict> {
  const known = await knownOf(context, question, flightId);
  const { evaluation, change } = known;
  const { why, because } = readVerdict(known, flightId, rule, question.plan);
  const again =
    why === 'unknown' && evaluation !== null && flightId !== ''
      ? await judgedAgainAt(context, { campaignId: question.campaignId, flightId }, msOf(evaluation.evaluated_at))
      : null;
  const until = again === null ? null : instantText(again);
  const tail =
    why !== 'unknown' ? '' : until === null ? '; it was not judged again since' : `; it was judged again at ${until}`;
  const judged =
    question.isWhole && evaluation !== null ? await judgedOf(context, question, flightId, evaluation, change) : null;
  return {
    ...{ rule_id: question.ruleId, flight_id: flightId, why, because: sentenceOf(`${because}${tail}`), until },
    alert_id: change === null ? null : String(change.alert_id),
    evidence: judged === null ? null : await evidenceOf(context, judged),
  };
}

/** Rows of the tables are looked for so far back. */
export const lookBackMs = 31 * dayMs;

async function knownOf(
  context: OperationContext,
  { ruleId, campaignId, atMs, snapshotOf }: RuleQuestion,
  flightId: string,
): Promise<Known> {
  const until = { from: instantText(atMs + 1 - lookBackMs), to: instantText(atMs + 1), limit: 1 };
  const about = { rule_id: ruleId, campaign_id: campaignId, ...(flightId === '' ? {} : { flight_id: flightId }) };
  const fingerprint = digest([context.tables.orgId, ruleId, campaignId, flightId, '']);
  const [evaluations, changes, snapshot] = await Promise.all([
    listEvaluations.run(context, { ...about, ...until }),
    listTransitions.run(context, { fingerprint, ...until }),
    snapshotOf(flightId),
  ]);
  return { evaluation: evaluations.data[0] ?? null, change: changes.data[0] ?? null, snapshot };
}

async function snapshotAt(
  context: OperationContext,
  campaign_id: string,
  flight_id: string,
  atMs: number,
): Promise<Snapshot | null> {
  if (flight_id === '') return null;
  try {
    return (await getFlight.run(context, { campaign_id, flight_id, known_at: instantText(atMs) })).data;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

export interface Reading {
  readonly why: Why;
  readonly because: string;
}

/** What the rows say, by the state of the alert first: docs/semantics.md §8.4. Pure. */
function readVerdict(known: Known, flightId: string, rule: CompiledRule | null, plan: KnownPlan | null): Reading {
  const { evaluation, change, snapshot } = known;
  const state = stateOf(known);
  if (change !== null && (state === 'firing' || state === 'recovering')) return fired(change, state, rule);
  const ended = snapshot !== null && String(snapshot.status).startsWith('ended_');
  const scope = rule?.plan.scope ?? (flightId === '' ? 'campaign' : 'flight');
  if (scope === 'flight' && ended)
    return {
      why: 'flight_over',
      because: `the flight was over (${snapshot.status}, judged at ${snapshot.evaluated_at}), and the rule judges flights while they run`,
    };
  if (evaluation === null) return neverJudged(known, scope, ended);
  return readOutcome(evaluation, known, rule, plan);
}

export function stateOf({ evaluation, change }: Pick<Known, 'evaluation' | 'change'>): string {
  if (change === null) return evaluation === null ? 'ok' : String(evaluation.state);
  // A change has an evaluation of the same instant, but for one that ends its alert.
  const isNewer = evaluation === null || msOf(change.evaluated_at) >= msOf(evaluation.evaluated_at);
  return String(isNewer ? change.to_state : evaluation.state);
}

export function fired(change: Change, state: string, rule: CompiledRule | null): Reading {
  const since = `${state === 'firing' ? 'it is firing' : 'it fired and is recovering'} (${change.level}) since ${change.evaluated_at}, change ${change.alert_id}`;
  if (change.mode === 'shadow') return { why: 'shadow', because: `${since}; the rule is in shadow, so nobody is told` };
  const withheld = String(change.withheld);
  if (withheld === '') return { why: 'fired', because: `it is not silent: ${since}` };
  const rules = withheld === 'inhibited' ? (rule?.plan.inhibited_by ?? []) : [];
  const by = rules.length === 0 ? '' : ` (${rules.join(', ')})`;
  return {
    why: 'withheld',
    because: `${since}; people are not told of it: ${withheldWords[withheld] ?? withheld}${by}`,
  };
}

/** Why people are not told of an alert, by the column `withheld`. */
const withheldWords: Readonly<Record<string, string>> = {
  flapping: 'it comes and goes',
  inhibited: 'a rule that says it better fires',
  cool_down: 'they were told a short while ago',
  day_limit: 'they were told often enough that day',
};

function neverJudged({ snapshot }: Known, scope: string, isEnded: boolean): Reading {
  if (scope === 'campaign')
    return {
      why: 'not_judged',
      because: 'no money was seen that nobody had planned, so the rule had nothing to judge',
    };
  if (snapshot === null) return { why: 'flight_unknown', because: 'the flight was not evaluated by then' };
  const { status, evaluated_at, completeness } = snapshot;
  if (status === 'not_started')
    return { why: 'not_started', because: `the flight had not started (snapshot of ${evaluated_at})` };
  if (scope === 'ended' && !isEnded)
    return {
      why: 'not_judged',
      because: `the rule judges flights after their end, and this one was ${status} at ${evaluated_at}`,
    };
  if (status === 'stale_data')
    return {
      why: 'unknown',
      because: `the flight could never be judged: ${slowestOf(String(completeness), msOf(evaluated_at), null)}`,
    };
  return {
    why: 'not_judged',
    because: `the flight was ${status} at ${evaluated_at}, and no judgement of the rule is kept of the month before`,
  };
}

export function readOutcome(
  evaluation: Evaluation,
  known: Known,
  rule: CompiledRule | null,
  plan: KnownPlan | null,
): Reading {
  const { outcome, evaluated_at, level } = evaluation;
  const at = `at ${evaluated_at}, the newest judgement that is kept`;
  switch (outcome) {
    case 'insufficient':
      return { why: 'guard_false', because: `its guard was not true ${at}` };
    case 'false':
      return { why: 'level_not_true', because: `none of its levels was true ${at}` };
    case 'outside': {
      const does = rule?.plan.schedule?.outside;
      const then = does === 'drop' ? 'it drops what it had' : 'nothing happens, and its time stands still';
      return { why: 'outside_hours', because: `it was outside of its schedule ${at}, where ${then}` };
    }
    case 'unknown': {
      const { snapshot } = known;
      const isSame = snapshot !== null && snapshot.status === 'stale_data';
      const text = isSame ? String(snapshot.completeness) : '';
      return { why: 'unknown', because: `nobody could tell ${at}: ${slowestOf(text, msOf(evaluated_at), plan)}` };
    }
    case 'error':
      return { why: 'error', because: `a condition of it had no result ${at}` };
    default:
      return { why: 'for_not_over', because: `${holding(known, String(level), rule)} (${at})` };
  }
}

/** Since when the level holds, and for how long it must. */
function holding({ change, evaluation }: Known, level: string, rule: CompiledRule | null): string {
  const own = level === 'critical' ? rule?.plan.critical : rule?.plan.warning;
  const needs = own == null ? 'for as long as it must' : `for ${spanText(own.for_ms)}`;
  if (change?.active_since == null || evaluation === null) return `its ${level} level held, not yet ${needs}`;
  const since = msOf(change.active_since);
  const held = spanText(msOf(evaluation.as_of) - since);
  const due = own == null ? '' : `, until ${instantText(since + own.for_ms)}`;
  return `its ${level} level had held for ${held}, since ${change.active_since}, and must hold ${needs}${due}`;
}

/** The source that is the reason, in words. */
function slowestOf(completeness: string, atMs: number, plan: KnownPlan | null): string {
  const sources = frontiersOf(completeness);
  if (sources.length === 0) return 'a source of it was not complete';
  const isLate = ({ source, frontierMs }: (typeof sources)[number]) => {
    const bound = plan?.compiled.plan.sources[source]?.stale_after_ms;
    return frontierMs === null || (bound !== undefined && atMs - frontierMs > bound);
  };
  const late = sources.filter(isLate);
  const shown =
    late.length > 0 ? late : sources.toSorted((a, b) => (a.frontierMs ?? 0) - (b.frontierMs ?? 0)).slice(0, 1);
  return shown.map(({ source, frontierMs }) => sourceWords(source, frontierMs, atMs, plan)).join('; ');
}

function sourceWords(source: string, frontierMs: number | null, atMs: number, plan: KnownPlan | null): string {
  if (frontierMs === null) return `source ${source} had never said how far it is complete`;
  const bound = plan?.compiled.plan.sources[source]?.stale_after_ms;
  const after = bound === undefined ? '' : `, more than the ${spanText(bound)} after which nothing is judged`;
  return `source ${source} was complete only through ${instantText(frontierMs)}, ${spanText(atMs - frontierMs)} behind${after}`;
}

/** A judgement with what its row leaves out: completeness stands in the snapshot, or in the change, of the same instant. */
async function judgedOf(
  context: OperationContext,
  { campaignId, ruleId }: RuleQuestion,
  flightId: string,
  evaluation: Evaluation,
  change: Change | null,
): Promise<Judged> {
  const atMs = msOf(evaluation.evaluated_at);
  const snapshot = await snapshotAt(context, campaignId, flightId, atMs);
  const isOfChange = change !== null && msOf(change.evaluated_at) === atMs;
  const completeness = isOfChange
    ? (await getTransition.run(context, { alert_id: String(change.alert_id) })).data.completeness
    : snapshot !== null && msOf(snapshot.evaluated_at) === atMs
      ? snapshot.completeness
      : '';
  const [, offset] = String(evaluation.version).split(':');
  return {
    ...{ ruleId, campaignId, flightId, order: '', advertiser: '', atMs, asOfMs: msOf(evaluation.as_of) },
    place: { partition: Number(evaluation.partition), offset: Number(offset) },
    ...{ planNumber: Number(evaluation.plan_number), ruleHash: String(evaluation.rule_hash) },
    values: evaluation.values as NamedValues,
    completeness: String(completeness),
  };
}

export function sentenceOf(words: string): string {
  return `${words[0].toUpperCase()}${words.slice(1)}${words.endsWith('?') ? '' : '.'}`;
}

export function msOf(value: unknown): number {
  return Date.parse(String(value));
}
