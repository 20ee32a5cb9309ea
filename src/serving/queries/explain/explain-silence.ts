import * as z from 'zod';
import { EngineError } from '../../../model/errors.ts';
import { isOfCampaigns } from '../../../rules/compile-plan.ts';
import { plainAnswer } from '../answers.ts';
import { instant } from '../columns.ts';
import { id, moment } from '../fields.ts';
import { getMark } from '../marks.ts';
import { type OperationContext, operation } from '../operation.ts';
import { rulesOf } from './evidence.ts';
import { type CampaignNames, namesOfCampaign, nearestCampaign, nearestOf, rulesJudged } from './names.ts';
import { type KnownPlan, planAt, planNow, plansOf } from './plans.ts';
import { rolloverTexts } from './rollover-words.ts';
import { sentences } from './shapes.ts';
import { type Verdict, verdict, verdictsOf } from './verdict.ts';
import { evidenceTexts, instantText } from './words.ts';

const explained = z
  .strictObject({
    campaign_id: id.describe('The campaign.'),
    at: instant.describe('Log time of the question.'),
    verdicts: z.array(verdict).max(4_096).describe('One for each flight and rule.'),
    sentences,
  })
  .meta({ title: 'CampaignExplanation' });

const about = {
  campaign_id: id.describe('The campaign.'),
  flight_id: id.optional().describe('Only of this flight.'),
  at: moment.optional().describe('As it was known at this moment of the log; the default is the newest.'),
};
const common = {
  output: explained,
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
} as const;

export const explainSilence = operation({
  ...common,
  doc: 'Why a rule did not fire for a campaign, or did: its newest judgement by a moment, with what it compared, what was not complete, and since when it holds.',
  input: z.strictObject({ ...about, rule_id: id.describe('The rule.') }),
  cost: 5,
  async run(context, input) {
    return await explain(context, input, true);
  },
});

export const explainCampaign = operation({
  ...common,
  doc: 'How every rule stands for a campaign, and why, at a moment: one verdict for each flight and rule. With `rule_id` of that rule alone.',
  input: z.strictObject({ ...about, rule_id: id.optional().describe('Only this rule.') }),
  cost: 10,
  async run(context, input) {
    return await explain(context, input, input.rule_id !== undefined);
  },
});

interface Question {
  readonly campaign_id: string;
  readonly flight_id?: string | undefined;
  readonly rule_id?: string | undefined;
  readonly at?: string | undefined;
}

async function explain(context: OperationContext, question: Question, isWhole: boolean) {
  const { campaign_id, flight_id, rule_id } = question;
  const atMs = question.at === undefined ? await newestMs(context) : Date.parse(question.at);
  const names = await namesOfCampaign(context, campaign_id);
  if (names === null) throw await unknownCampaign(context, campaign_id);
  if (flight_id !== undefined && !names.flights.includes(flight_id))
    throw unknownFlight(campaign_id, flight_id, names.flights);
  const plan = await planBy(context, names, atMs);
  const flights = flight_id === undefined ? names.flights : [flight_id];
  const rules = rule_id === undefined ? await rulesToTell(context, plan, atMs) : [rule_id];
  const verdicts = await verdictsOf(context, { campaignId: campaign_id, atMs, plan, flights, isWhole }, rules);
  const rolled = await rolloverTexts(context, { campaignId: campaign_id, flights, atMs });
  const said = verdicts.flatMap(verdictTexts);
  const opening = `Campaign ${campaign_id}, as known at ${instantText(atMs)}:`;
  const data = { campaign_id, at: instantText(atMs), verdicts, sentences: [opening, ...rolled, ...said] };
  return { ...plainAnswer(data), asOfMs: atMs };
}

/** The newest thing that the tables know: in a replayed log now is long ago. */
export async function newestMs(context: OperationContext): Promise<number> {
  const { evaluated_at } = (await getMark.run(context, {})).data;
  return evaluated_at === null ? context.ports.now() : Date.parse(evaluated_at);
}

function verdictTexts({ rule_id, flight_id, because, evidence: shown }: Verdict): string[] {
  const of = flight_id === '' ? '' : `, flight ${flight_id}`;
  const own = shown === null ? [] : evidenceTexts(shown).map((each) => `  ${each}`);
  return [`Rule ${rule_id}${of}: ${because}`, ...own];
}

async function unknownCampaign(context: OperationContext, campaignId: string): Promise<EngineError> {
  const near = await nearestCampaign(context, campaignId);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return new EngineError('NOT_FOUND', `no table knows campaign ${campaignId} of ${context.tables.orgId}${hint}`);
}

function unknownFlight(campaignId: string, flightId: string, flights: readonly string[]): EngineError {
  const near = nearestOf(flightId, flights);
  const hint =
    near === null ? `; it has ${flights.join(', ') || 'none that was evaluated'}` : `; did you mean ${near}?`;
  return new EngineError('NOT_FOUND', `no flight ${flightId} of campaign ${campaignId} was ever evaluated${hint}`);
}

/** The plan in force at a moment: of the records until then, else as it is written now. */
export async function planBy(
  { ports: { past }, tables }: OperationContext,
  { partition }: Pick<CampaignNames, 'partition'>,
  atMs: number,
): Promise<KnownPlan | null> {
  if (past.whyNoRecords !== null) return await planNow(past, tables.orgId);
  const records = (await plansOf(past, tables.orgId, partition)).filter(({ logTimeMs }) => logTimeMs <= atMs);
  return planAt(records, tables.orgId, { offset: Number.MAX_SAFE_INTEGER });
}

/** Rules about campaigns and their flights; where no plan is known, those that were judged in the month before. */
async function rulesToTell(context: OperationContext, plan: KnownPlan | null, atMs: number): Promise<string[]> {
  if (plan === null) return await rulesJudged(context, atMs);
  const told = rulesOf(plan).filter((rule) => isOfCampaigns(rule.plan.scope));
  return told.map((rule) => rule.plan.id).sort();
}
