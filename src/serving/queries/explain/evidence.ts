import { minuteMs } from '../../../model/time.ts';
import { utc } from '../../../model/zones.ts';
import { isTogether } from '../../../rules/asked-values.ts';
import type { CompiledRule } from '../../../rules/compile-plan.ts';
import type { PastRecord, Place } from '../../ports.ts';
import type { OperationContext } from '../operation.ts';
import { comparedParts, type NamedValues, resultOf } from './compare.ts';
import { type KnownPlan, planAt, planNow, plansOf } from './plans.ts';
import { controlsInForce, controlsOf, controlWords, type Delivery, deliveryOf, spanOf } from './records.ts';
import type { Address, Evidence, JudgedCondition, SourceShown, WindowShown } from './shapes.ts';
import { type RecordsInWindow, recordsInWindow } from './window-records.ts';
import { type ValueWindow, windowsOfCampaign, windowsOfFlight } from './windows.ts';
import { campaignsTogether, orderTogether, type Together } from './windows-together.ts';
import { instantText } from './words.ts';

/** One judgement of a rule, as its row has it. */
export interface Judged {
  readonly ruleId: string;
  readonly campaignId: string;
  readonly flightId: string;
  /** Of a rule about campaigns together; empty for others. */
  readonly order: string;
  readonly advertiser: string;
  readonly asOfMs: number;
  /** Log time. */
  readonly atMs: number;
  readonly place: Place;
  readonly planNumber: number;
  readonly ruleHash: string;
  readonly values: NamedValues;
  /** `name=epoch-ms,…`, as the tables have it. */
  readonly completeness: string;
}

/** What a judgement followed from, as far as tables and bronze prove it. */
export async function evidenceOf(context: OperationContext, judged: Judged): Promise<Evidence> {
  const { past } = context.ports;
  const plan = await planOf(context, judged);
  const rule = ruleOf(plan, judged);
  const [decidedBy] = await past.records({
    ...{
      partition: judged.place.partition,
      fromOffset: judged.place.offset,
      untilOffset: judged.place.offset,
      limit: 1,
    },
  });
  const controls = await controlsOf(context, judged.campaignId, judged.place);
  const planRecord = plan?.record ?? null;
  return {
    evaluated_at: instantText(judged.atMs),
    as_of: instantText(judged.asOfMs),
    decided_by: addressOf(past.topic, decidedBy ?? judged.place),
    plan: {
      number: judged.planNumber,
      written_for: planRecord === null ? null : String(planRecord.fields?.org_id),
      record: planRecord === null ? null : addressOf(past.topic, planRecord),
      rule_known_by: rule === null ? null : planRecord === null ? 'hash' : 'record',
    },
    conditions: rule === null || isUnknown(judged) ? [] : conditionsOf(rule, judged.values),
    values: judged.values,
    sources: await sourcesOf(context, judged, plan),
    controls: controlsInForce(controls, judged.flightId, Object.keys(judged.values)).map((record) => ({
      record: addressOf(past.topic, record),
      says: controlWords(record),
    })),
    windows: await windowsOf(context, judged, plan, controls),
    records: past.whyNoRecords,
  };
}

/** The plan of a judgement: as it was recorded, else as it is written now. */
async function planOf(
  { ports: { past }, tables }: OperationContext,
  { place, planNumber }: Pick<Judged, 'place' | 'planNumber'>,
): Promise<KnownPlan | null> {
  if (past.whyNoRecords !== null) return await planNow(past, tables.orgId);
  const plan = planAt(await plansOf(past, tables.orgId, place.partition), tables.orgId, place);
  return plan?.compiled.plan.number === planNumber ? plan : null;
}

/** The rule as it decided, which its hash proves; null = its text is not known. */
function ruleOf(
  plan: KnownPlan | null,
  { ruleId, ruleHash }: Pick<Judged, 'ruleId' | 'ruleHash'>,
): CompiledRule | null {
  const rule = plan === null ? undefined : rulesOf(plan).find((each) => each.plan.id === ruleId);
  return rule?.plan.hash === ruleHash ? rule : null;
}

export function rulesOf({ compiled }: KnownPlan): CompiledRule[] {
  const { flightRules, endedRules, campaignRules, orderRules, advertiserRules, organizationRules, sourceRules } =
    compiled;
  const together = [...orderRules, ...advertiserRules, ...organizationRules];
  return [...flightRules, ...endedRules, ...campaignRules, ...together, ...sourceRules];
}

/** Where nothing was known there is nothing to compare. */
function isUnknown({ values }: Judged): boolean {
  const all = Object.values(values);
  return all.length > 0 && all.every((value) => value === null);
}

/** Guard and levels; behind a guard that is not true no level is judged. */
function conditionsOf({ plan }: CompiledRule, values: NamedValues): JudgedCondition[] {
  const { scope, guard, warning, critical } = plan;
  const judgedPart = (part: JudgedCondition['part'], text: string): JudgedCondition => ({
    ...{ part, text, holds: resultOf(text, scope, values) },
    compared: comparedParts(text, scope, values),
  });
  const found = guard === null ? [] : [judgedPart('guard', guard)];
  if (found.some(({ holds }) => holds !== true)) return found;
  if (critical !== null) found.push(judgedPart('critical', critical.when));
  if (warning !== null) found.push(judgedPart('warning', warning.when));
  return found;
}

export function addressOf(topic: string, at: PastRecord | Place): Address {
  const { partition, offset } = at;
  return 'kind' in at
    ? { topic: at.topic, partition, offset, kind: at.kind, log_time: instantText(at.logTimeMs) }
    : { topic, partition, offset, kind: null, log_time: null };
}

const heartbeatsMax = 20_000;
/** Nothing is taken from further ahead of the log (docs/semantics.md §2). */
const aheadMs = 2 * minuteMs;

async function sourcesOf(
  { ports: { past }, tables }: OperationContext,
  { completeness, atMs, place }: Judged,
  plan: KnownPlan | null,
): Promise<SourceShown[]> {
  const named = frontiersOf(completeness);
  const known = named.flatMap(({ frontierMs }) => frontierMs ?? []);
  const heartbeats =
    known.length === 0
      ? []
      : await past.records({
          ...{ orgIds: [tables.orgId], partition: place.partition, kinds: ['source_heartbeat'] },
          ...{ fromLogMs: Math.min(...known) - aheadMs, untilOffset: place.offset, limit: heartbeatsMax },
        });
  return named.map(({ source, frontierMs }) => {
    const declared = plan?.compiled.plan.sources[source];
    const said = heartbeats.find(
      ({ fields }) => fields?.source === source && fields.complete_through === frontierMs && fields.test !== true,
    );
    // One that has a delay is complete by the clock, whatever it says.
    const isByDelay = declared !== undefined && !declared.heartbeats;
    return {
      source,
      complete_through: frontierMs === null ? null : instantText(frontierMs),
      behind_s: frontierMs === null ? null : (atMs - frontierMs) / 1_000,
      stale_after_s: declared === undefined ? null : declared.stale_after_ms / 1_000,
      record: said === undefined || isByDelay ? null : addressOf(past.topic, said),
    };
  });
}

export function frontiersOf(completeness: string): { source: string; frontierMs: number | null }[] {
  const parts = completeness === '' ? [] : completeness.split(',');
  return parts.map((part) => {
    const [source, said] = part.split('=');
    return { source, frontierMs: said === 'none' ? null : Number(said) };
  });
}

async function windowsOf(
  context: OperationContext,
  judged: Judged,
  plan: KnownPlan | null,
  controls: readonly PastRecord[],
): Promise<WindowShown[]> {
  const together = plan === null ? null : togetherOf(plan, judged);
  const flight = spanOf(controls, judged.flightId);
  const byWindow = new Map<string, { window: ValueWindow; values: string[] }>();
  for (const [name, value] of Object.entries(judged.values)) {
    if (value === null) continue;
    const own =
      together?.windowsOf(name) ??
      (flight === null ? windowsOfCampaign(name, judged) : windowsOfFlight(name, flight, judged));
    for (const window of own) {
      const key = `${window.of} ${window.fromMs} ${window.toMs}`;
      const entry = byWindow.get(key) ?? { window, values: [] };
      entry.values.push(name);
      byWindow.set(key, entry);
    }
  }
  const found = [...byWindow.values()];
  if (found.length === 0) return [];
  const fromMs = Math.min(...found.map(({ window }) => window.fromMs));
  const of = together === null ? judged.campaignId : null;
  const delivery = await deliveryOf(context, of, judged.place, fromMs);
  const zone = together?.zone ?? flight?.zone ?? utc;
  const shown = (window: ValueWindow) => {
    if (delivery === null) return null;
    const spendBy = (campaignId: string) => (plan === null ? null : spendOf(plan, campaignId));
    if (together === null) return recordsInWindow(delivery, { window, spend: spendBy(judged.campaignId), zone });
    return recordsOfSeveral(delivery, together, (campaignId) => ({ window, spend: spendBy(campaignId), zone }));
  };
  return found.map(({ window, values }) => ({
    ...{ values, of: window.of, from: instantText(window.fromMs), to: instantText(window.toMs) },
    records: recordsShown(context.ports.past.topic, shown(window)),
  }));
}

/** Null = the judgement is of one campaign, of a source, or of what the plan does not know. */
function togetherOf({ compiled }: KnownPlan, judged: Judged): Together | null {
  const { plan } = compiled;
  const known = frontiersOf(judged.completeness).flatMap(({ frontierMs }) => frontierMs ?? []);
  const moment = { ...judged, completeMs: known.length === 0 ? null : Math.min(...known) };
  if (judged.order !== '') return orderTogether(plan, judged.order, moment);
  const rule = plan.rules.find(({ id }) => id === judged.ruleId);
  if (rule === undefined || !isTogether(rule.scope)) return null;
  return campaignsTogether(plan, rule, judged.advertiser, moment);
}

/** Of each campaign as its own plan counts it, all together. */
function recordsOfSeveral(
  { records, unused }: Delivery,
  together: Together,
  countingOf: (campaignId: string) => Parameters<typeof recordsInWindow>[1],
): RecordsInWindow {
  const byCampaign = Map.groupBy(records.filter(together.counts), ({ fields }) => String(fields?.campaign_id));
  const all = [...byCampaign].map(([id, own]) => recordsInWindow({ records: own, unused }, countingOf(id)));
  const counts: Record<string, number> = {};
  for (const each of all)
    for (const [why, count] of Object.entries(each.unused)) counts[why] = (counts[why] ?? 0) + count;
  return {
    found: all.flatMap(({ found }) => found).sort((a, b) => a.offset - b.offset),
    unused: counts,
    sum: all.reduce((sum: bigint | null, each) => (sum === null || each.sum === null ? null : sum + each.sum), 0n),
  };
}

function spendOf({ compiled }: KnownPlan, campaignId: string) {
  const { campaigns, defaults } = compiled.plan;
  return (Object.hasOwn(campaigns, campaignId) ? campaigns[campaignId].spend : undefined) ?? defaults.spend;
}

function recordsShown(topic: string, shown: RecordsInWindow | null): WindowShown['records'] {
  if (shown === null) return null;
  const { found, unused, sum } = shown;
  const [first, last] = [found.at(0), found.at(-1)];
  return {
    ...{ count: found.length, unused, adds_up_to: sum === null ? null : String(sum) },
    first: first === undefined ? null : addressOf(topic, first),
    last: last === undefined ? null : addressOf(topic, last),
  };
}
