import * as z from 'zod';
import { dayMs } from '../../model/time.ts';
import { ruleEvaluations } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { rowJson, rowShape } from './columns.ts';
import { id, paging, period, periodOf } from './fields.ts';
import { operation } from './operation.ts';
import { inPeriod, newestFirst, pagedRows } from './paged-rows.ts';
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
  'group_id',
  'advertiser',
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
    order_id: id.optional().describe('The order.'),
    advertiser: id.optional().describe('The advertiser.'),
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
    const { rule_id, campaign_id = '', flight_id = '', source = '', outcome = [] } = input;
    const { order_id = '', advertiser = '' } = input;
    const { from, to } = periodOf(input, context.ports.now(), evaluationDaysMax * dayMs);
    const { column, key } = newestFirst('evaluated_at', to);
    const table = await context.tables.since('rule_evaluations', from);
    const { shown, nextCursor } = await pagedRows(context, {
      list: {
        name: 'evaluations',
        args: [
          ...[input.from, input.to, rule_id, campaign_id, flight_id, source, order_id, advertiser],
          outcome.toSorted(),
        ],
      },
      input,
      columns: [...columns, 'values', column],
      table: table.sql,
      where: [
        'rule_id = {rule:String}',
        inPeriod('evaluated_at'),
        "({campaign:String} = '' OR campaign_id = {campaign:String}) AND ({flight:String} = '' OR flight_id = {flight:String})",
        "({source:String} = '' OR source = {source:String})",
        "({order:String} = '' OR group_id = {order:String}) AND ({advertiser:String} = '' OR advertiser = {advertiser:String})",
        '(empty({outcomes:Array(String)}) OR has({outcomes:Array(String)}, outcome))',
      ],
      parameters: {
        ...{ from, to, rule: rule_id, campaign: campaign_id, flight: flight_id, source, outcomes: outcome },
        ...{ order: order_id, advertiser },
      },
      sortedBy: [
        key,
        { name: 'campaign_id', type: 'String', first: '' },
        { name: 'flight_id', type: 'String', first: '' },
        { name: 'source', type: 'String', first: '' },
        { name: 'group_id', type: 'String', first: '' },
        { name: 'advertiser', type: 'String', first: '' },
      ],
      direction: 'DESC',
    });
    const data = shown.map((row) => ({ ...rowJson(ruleEvaluations, columns, row), values: valuesOf(row.values) }));
    return answerOf(data, shown, nextCursor, table.reach);
  },
});
