import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import { dayMs } from '../../model/time.ts';
import { alertEvents } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { type Json, type RawRow, rowJson, rowShape } from './columns.ts';
import { id, paging, period, periodOf } from './fields.ts';
import { type OperationContext, operation } from './operation.ts';
import { inPeriod, newestFirst, pagedRows } from './paged-rows.ts';
import { valuesOf, valuesSchema } from './receipt-values.ts';

/** States of an alert that somebody should know of. */
const openStates = ['firing', 'recovering', 'no_data', 'error'] as const;
const states = ['ok', 'pending', 'resolved', ...openStates] as const;
const levels = ['none', 'warning', 'critical'] as const;

const columns = alertEvents.columns
  .map(({ name }) => name)
  .filter(
    (name) => !['org_id', 'partition', 'values', 'condition'].includes(name),
  ) as (typeof alertEvents)['columns'][number]['name'][];
const transition = z.strictObject(rowShape(alertEvents, columns)).meta({ title: 'Transition' });
const receiptColumns = [...columns, 'condition', 'partition'] as const;

export const listAlerts = operation({
  doc: 'Alerts as they stand now, each by its newest transition: those that are open unless states are named, critical ones first, then the newest.',
  input: z.strictObject({
    ...paging,
    state: z
      .array(z.enum(states).meta({ title: 'AlertState' }))
      .max(states.length)
      .optional()
      .describe(`States to show; the default is ${openStates.join(', ')}.`),
    level: z
      .array(z.enum(levels).meta({ title: 'AlertLevel' }))
      .max(levels.length)
      .optional()
      .describe('Only alerts of these levels.'),
    mode: z
      .enum(['notify', 'shadow'])
      .meta({ title: 'RuleMode' })
      .optional()
      .describe('Only alerts of rules of this mode.'),
    rule_id: id.optional().describe('The rule.'),
    campaign_id: id.optional().describe('The campaign.'),
  }),
  output: z.array(transition),
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { state = openStates, level = [], mode = '', rule_id = '', campaign_id = '' } = input;
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'alerts', args: [state.toSorted(), level.toSorted(), mode, rule_id, campaign_id] },
      input,
      columns: [
        ...columns,
        "transform(level, ['critical', 'warning'], [0, 1], 2) AS rank",
        '-toUnixTimestamp64Milli(evaluated_at) AS age',
      ],
      table: 'alert_latest FINAL',
      where: [
        'has({states:Array(String)}, to_state)',
        '(empty({levels:Array(String)}) OR has({levels:Array(String)}, level))',
        "({mode:String} = '' OR mode = {mode:String}) AND ({rule:String} = '' OR rule_id = {rule:String})",
        "({campaign:String} = '' OR campaign_id = {campaign:String})",
      ],
      parameters: { states: state, levels: level, mode, rule: rule_id, campaign: campaign_id },
      sortedBy: [
        { name: 'rank', type: 'Int32', first: -1 },
        { name: 'age', type: 'Int64', first: 0 },
        { name: 'fingerprint', type: 'String', first: '' },
      ],
      direction: 'ASC',
    });
    return answerOf(
      shown.map((row) => rowJson(alertEvents, columns, row)),
      shown,
      nextCursor,
    );
  },
});

const historyDaysMax = 31;

export const listTransitions = operation({
  doc: 'What happened: every transition of alerts in a period, the newest first.',
  input: z.strictObject({
    ...period,
    ...paging,
    rule_id: id.optional().describe('The rule.'),
    campaign_id: id.optional().describe('The campaign.'),
    fingerprint: id.optional().describe('Only transitions of this alert.'),
  }),
  output: z.array(transition),
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { rule_id = '', campaign_id = '', fingerprint = '' } = input;
    const { from, to } = periodOf(input, context.ports.now(), historyDaysMax * dayMs);
    const { column, key } = newestFirst('evaluated_at', to);
    const table = await context.tables.since('alert_events', from);
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'transitions', args: [input.from, input.to, rule_id, campaign_id, fingerprint] },
      input,
      columns: [...columns, column],
      table: table.sql,
      where: [
        inPeriod('evaluated_at'),
        "({rule:String} = '' OR rule_id = {rule:String}) AND ({campaign:String} = '' OR campaign_id = {campaign:String})",
        "({fingerprint:String} = '' OR fingerprint = {fingerprint:String})",
      ],
      parameters: { from, to, rule: rule_id, campaign: campaign_id, fingerprint },
      sortedBy: [
        key,
        { name: 'log_offset', type: 'UInt64', first: 0 },
        { name: 'alert_id', type: 'String', first: '' },
      ],
      direction: 'DESC',
    });
    const data = shown.map((row) => rowJson(alertEvents, columns, row));
    return answerOf(data, shown, nextCursor, table.reach);
  },
});

const receipt = z
  .strictObject({
    ...rowShape(alertEvents, receiptColumns),
    values: valuesSchema,
  })
  .meta({ title: 'Receipt' });

export const getTransition = operation({
  doc: 'The receipt of one transition: the condition that decided, every value that it compared, how complete they were, and the plan and record that it followed from.',
  input: z.strictObject({ alert_id: id.describe('The transition, as rows and receipts name it.') }),
  output: receipt,
  scope: 'organization',
  permission: 'alerts.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, { alert_id }) {
    const [found] = await receiptsOf(context, [alert_id]);
    if (found === undefined) throw new EngineError('NOT_FOUND', `no transition ${alert_id} is known`);
    return answerOf(found.receipt, [found.row]);
  },
});

export type Receipt = z.output<typeof receipt>;

/** Receipts of several transitions, the oldest first. */
export async function receiptsOf(
  { tables }: OperationContext,
  alertIds: readonly string[],
): Promise<{ receipt: Receipt; row: RawRow }[]> {
  const rows = await tables.rows<RawRow>({
    sql: `SELECT ${receiptColumns.join(', ')}, values FROM alert_events FINAL
WHERE org_id = {org:String} AND has({alerts:Array(String)}, alert_id)
ORDER BY evaluated_at, log_offset LIMIT 1 BY alert_id`,
    parameters: { alerts: alertIds },
  });
  return rows.map((row) => {
    const values = valuesOf(row.values) as Record<string, Json | boolean>;
    return { receipt: { ...rowJson(alertEvents, receiptColumns, row), values }, row };
  });
}
