import * as z from 'zod';
import { dayMs } from '../../model/time.ts';
import { ruleEvaluations } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { type RawRow, rowJson, rowShape } from './columns.ts';
import { id, paging, period, periodOf } from './fields.ts';
import { operation } from './operation.ts';
import { type List, pageOf, positionOf } from './pages.ts';
import { valuesOf, valuesSchema } from './receipt-values.ts';

const columns = [
  'rule_id',
  'campaign_id',
  'flight_id',
  'source',
  'as_of',
  'evaluated_at',
  'outcome',
  'state',
  'level',
  'rule_hash',
  'plan_number',
  'partition',
  'version',
] as const;

const evaluationDaysMax = 31;

export const listEvaluations = operation({
  doc: 'Why a rule fired, and why it did not: its judgements of a period with the values that it looked at, the newest first. Name a campaign and a flight, or a source, to follow one thing.',
  input: z.strictObject({
    rule_id: id.describe('The rule.'),
    campaign_id: id.optional().describe('The campaign.'),
    flight_id: id.optional().describe('The flight of it.'),
    source: id.optional().describe('The source: a feed, as its records name it.'),
    outcome: z
      .array(z.enum(['critical', 'warning', 'false', 'insufficient', 'outside', 'unknown', 'error']))
      .max(7)
      .optional()
      .describe('Only judgements of these outcomes.'),
    ...period,
    ...paging,
  }),
  output: z.array(
    z.strictObject({ ...rowShape(ruleEvaluations, columns), values: valuesSchema }).meta({ title: 'Evaluation' }),
  ),
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
  cost: 3,
  async run(context, input) {
    const { limit, cursor, rule_id, campaign_id = '', flight_id = '', source = '', outcome = [] } = input;
    const { from, to } = periodOf(input, context.ports.now(), evaluationDaysMax * dayMs);
    const args = [input.from, input.to, rule_id, campaign_id, flight_id, source, outcome.toSorted()];
    const list: List = { name: 'evaluations', args, width: 4 };
    const [before = to, campaign = '', flight = '', ofSource = ''] = positionOf(context, list, cursor) ?? [];
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${columns.join(', ')}, values, toUnixTimestamp64Milli(evaluated_at) AS at
FROM rule_evaluations FINAL
WHERE org_id = {org:String} AND rule_id = {rule:String}
  AND evaluated_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND evaluated_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
  AND ({campaign:String} = '' OR campaign_id = {campaign:String}) AND ({flight:String} = '' OR flight_id = {flight:String})
  AND ({source:String} = '' OR source = {source:String})
  AND (empty({outcomes:Array(String)}) OR has({outcomes:Array(String)}, outcome))
  AND (at, campaign_id, flight_id, source) < ({before:Int64}, {before_campaign:String}, {before_flight:String}, {before_source:String})
ORDER BY at DESC, campaign_id DESC, flight_id DESC, source DESC LIMIT {limit:UInt32}`,
      parameters: {
        ...{
          rule: rule_id,
          campaign: campaign_id,
          flight: flight_id,
          source,
          outcomes: outcome,
          from,
          to,
          limit: limit + 1,
        },
        ...{ before, before_campaign: campaign, before_flight: flight, before_source: ofSource },
      },
    });
    const { shown, nextCursor } = pageOf(context, list, rows, {
      limit,
      keyOf: (row) => [String(row.at), String(row.campaign_id), String(row.flight_id), String(row.source)],
    });
    const data = shown.map((row) => ({ ...rowJson(ruleEvaluations, columns, row), values: valuesOf(row.values) }));
    return answerOf(data, shown, nextCursor);
  },
});
