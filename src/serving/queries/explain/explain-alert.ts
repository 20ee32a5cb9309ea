import * as z from 'zod';
import { alertsTopic } from '../../../model/ids.ts';
import { dayMs } from '../../../model/time.ts';
import type { AlertLevel } from '../../../rules/alert-state.ts';
import { ConditionProblem, type ConditionScope } from '../../../rules/condition.ts';
import { meaningOf } from '../../../rules/telling.ts';
import { getTransition, listTransitions, type Receipt, receiptsOf } from '../alerts.ts';
import { id } from '../fields.ts';
import { type Answer, type OperationContext, operation } from '../operation.ts';
import { comparedParts, type NamedValues } from './compare.ts';
import { addressOf, evidenceOf, type Judged } from './evidence.ts';
import { type ChangeShown, changeShown, evidence, sentences } from './shapes.ts';
import { evidenceTexts, lifeTexts } from './words.ts';

const explained = z
  .strictObject({
    alert_id: id.describe('Identity of the change.'),
    fingerprint: id.describe('The alert: rule and what it judges.'),
    rule_id: id.describe('The rule.'),
    campaign_id: z.string().describe('The campaign; empty for rules of sources.'),
    flight_id: z.string().describe('The flight; empty for rules of others.'),
    source: z.string().describe('The source; empty for rules of others.'),
    order_id: z.string().describe('The order; empty for rules of others.'),
    advertiser: z.string().describe('The advertiser; empty for rules of others.'),
    mode: z.string().describe('`notify` or `shadow`.'),
    evidence: evidence.describe('What this change followed from.'),
    changes: z
      .array(changeShown)
      .describe('The whole life of the alert around it, from its beginning to its end, if it ended.'),
    sentences,
  })
  .meta({ title: 'AlertExplanation' });

/** The life of an alert is looked for so far back and forth; what lasts longer is cut, and says so. */
const lifeMax = 31 * dayMs;
const changesMax = 500;

export const explainAlert = operation({
  doc: 'Why an alert changed its state, as a chain: records, windows, completeness, plan and compared values to this change and to each before and after it, with what people were told. Records are named where bronze can be read, as `paceline explain` can.',
  input: z.strictObject({ alert_id: id.describe('Identity of one change, as `listTransitions` has it.') }),
  output: explained,
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
  cost: 5,
  async run(context, { alert_id }) {
    const found = await getTransition.run(context, { alert_id });
    const receipt = found.data;
    const chain = await lifeOf(context, receipt);
    const changes = chain.map((each) => changeOf(context, each));
    const shown = await evidenceOf(context, judgedOf(receipt));
    const data = {
      ...{ alert_id, fingerprint: text(receipt.fingerprint), rule_id: text(receipt.rule_id) },
      ...{ campaign_id: text(receipt.campaign_id), flight_id: text(receipt.flight_id), source: text(receipt.source) },
      ...{ order_id: text(receipt.group_id), advertiser: text(receipt.advertiser) },
      ...{ mode: text(receipt.mode), evidence: shown, changes },
    };
    const opening = `Alert ${data.fingerprint} of rule ${data.rule_id} (${subjectOf(receipt)}) went from ${receipt.from_state} to ${receipt.to_state}: ${receipt.summary}.`;
    const words = [opening, ...evidenceTexts(shown), 'What became of it:', ...lifeTexts(changes)];
    return answerLike(found, { ...data, sentences: words });
  },
});

/** What a composed answer says of version and age is what its main row says. */
function answerLike<Data>(of: Answer<unknown>, data: Data): Answer<Data> {
  return { ...of, data, nextCursor: null };
}

function text(value: unknown): string {
  return String(value ?? '');
}

function subjectOf(receipt: Receipt): string {
  if (receipt.group_id !== '') return `order ${receipt.group_id}`;
  if (receipt.advertiser !== '') return `advertiser ${receipt.advertiser}`;
  if (receipt.source === '' && receipt.campaign_id === '') return 'the organization';
  if (receipt.source !== '') return `source ${receipt.source}`;
  return receipt.flight_id === ''
    ? `campaign ${receipt.campaign_id}`
    : `campaign ${receipt.campaign_id}, flight ${receipt.flight_id}`;
}

function judgedOf(receipt: Receipt): Judged {
  return {
    ...{ ruleId: text(receipt.rule_id), campaignId: text(receipt.campaign_id), flightId: text(receipt.flight_id) },
    ...{ order: text(receipt.group_id), advertiser: text(receipt.advertiser) },
    ...{ asOfMs: Date.parse(text(receipt.as_of)), atMs: Date.parse(text(receipt.evaluated_at)) },
    place: { partition: Number(receipt.partition), offset: Number(receipt.log_offset) },
    ...{ planNumber: Number(receipt.plan_number), ruleHash: text(receipt.rule_hash) },
    values: receipt.values as NamedValues,
    completeness: text(receipt.completeness),
  };
}

/** From the change that left the alert's rest to the one that ended it, this one among them. */
async function lifeOf(context: OperationContext, receipt: Receipt): Promise<Receipt[]> {
  const at = Date.parse(text(receipt.evaluated_at));
  const fingerprint = text(receipt.fingerprint);
  const listed = async (fromMs: number, toMs: number) => {
    const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
    return (await listTransitions.run(context, { fingerprint, from, to, limit: changesMax })).data.toReversed();
  };
  const before = await listed(at - lifeMax + 1, at + 1);
  const after = await listed(at + 1, at + lifeMax);
  // Changes of one instant: those up to this one, in the order of the log.
  const until = before.findIndex((each) => each.alert_id === receipt.alert_id);
  const past = before.slice(0, until);
  const begin = past.findLastIndex(({ to_state }) => isAtRest(to_state)) + 1;
  const later = [...before.slice(until + 1), ...after];
  const end = later.findIndex(({ to_state }) => isAtRest(to_state));
  const ids = [
    ...past.slice(begin),
    receipt,
    ...(isAtRest(receipt.to_state) ? [] : later.slice(0, end < 0 ? later.length : end + 1)),
  ].map(({ alert_id }) => text(alert_id));
  const found = await receiptsOf(context, ids);
  return found.map((each) => each.receipt);
}

function isAtRest(state: unknown): boolean {
  return state === 'ok' || state === 'resolved';
}

function changeOf({ ports: { past } }: OperationContext, receipt: Receipt): ChangeShown {
  const place = { partition: Number(receipt.partition), offset: Number(receipt.log_offset) };
  return {
    ...{ alert_id: text(receipt.alert_id), evaluated_at: text(receipt.evaluated_at), as_of: text(receipt.as_of) },
    ...{ from_state: text(receipt.from_state), to_state: text(receipt.to_state), level: text(receipt.level) },
    ...{
      reason: text(receipt.reason),
      active_since: receipt.active_since === null ? null : text(receipt.active_since),
    },
    ...{ condition: text(receipt.condition), compared: comparedOf(receipt), summary: text(receipt.summary) },
    ...{ plan_number: Number(receipt.plan_number), decided_by: addressOf(past.topic, place) },
    told: toldOf(receipt),
  };
}

/** Nothing where the condition is of a release that this one does not know. */
function comparedOf({ condition, values, ...of }: Receipt): ChangeShown['compared'] {
  if (condition === '') return [];
  const scope = scopeOf(of);
  try {
    return comparedParts(text(condition), scope, values as NamedValues);
  } catch (error) {
    if (error instanceof ConditionProblem) return [];
    throw error;
  }
}

function scopeOf({
  source,
  campaign_id,
  flight_id,
  group_id,
  advertiser,
}: Omit<Receipt, 'condition' | 'values'>): ConditionScope {
  if (group_id !== '') return 'order';
  if (advertiser !== '') return 'advertiser';
  if (source !== '') return 'source';
  return flight_id !== '' ? 'flight' : campaign_id !== '' ? 'campaign' : 'organization';
}

/** What a committed change is sent as: to the topic of alerts always, to Alertmanager where people are told something new. */
function toldOf({
  mode,
  from_state,
  to_state,
  level,
  told,
  notified,
  withheld,
  partition,
  version,
}: Receipt): string[] {
  const record = `a record of ${alertsTopic}, partition ${partition}, row version ${version}`;
  const alertmanager = 'Alertmanager, where alertmanager.urls names one';
  if (mode === 'shadow') return [`${record}, marked as shadow: Alertmanager hears nothing`];
  if (told !== 'as_state') {
    if (notified === 0)
      return withheld === '' ? [record] : [`${record}; Alertmanager hears nothing of it (${withheld})`];
    return [record, told === '' ? `${alertmanager}: ended` : `${alertmanager}: active, severity ${told}`];
  }
  const severity = meaningOf({ state: text(to_state), level: text(level) as AlertLevel });
  if (severity !== '') return [record, `${alertmanager}: active, severity ${severity}`];
  return meaningOf({ state: text(from_state), level: text(level) as AlertLevel }) === ''
    ? [record]
    : [record, `${alertmanager}: ended`];
}
