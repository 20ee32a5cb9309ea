import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import { dayMs } from '../../model/time.ts';
import { alertEvents } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { type Json, type RawRow, rowJson, rowShape } from './columns.ts';
import { id, paging, period, periodOf } from './fields.ts';
import { type OperationContext, operation } from './operation.ts';
import { type List, pageOf, positionOf } from './pages.ts';
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
    const { limit, cursor, state = openStates, level = [], mode = '', rule_id = '', campaign_id = '' } = input;
    const list: List = {
      name: 'alerts',
      args: [state.toSorted(), level.toSorted(), mode, rule_id, campaign_id],
      width: 3,
    };
    const [rank = -1, age = 0, fingerprint = ''] = positionOf(context, list, cursor) ?? [];
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${columns.join(', ')}, transform(level, ['critical', 'warning'], [0, 1], 2) AS rank, -toUnixTimestamp64Milli(evaluated_at) AS age
FROM alert_latest FINAL
WHERE org_id = {org:String} AND has({states:Array(String)}, to_state)
  AND (empty({levels:Array(String)}) OR has({levels:Array(String)}, level))
  AND ({mode:String} = '' OR mode = {mode:String}) AND ({rule:String} = '' OR rule_id = {rule:String})
  AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND (rank, age, fingerprint) > ({rank:Int32}, {age:Int64}, {fingerprint:String})
ORDER BY rank, age, fingerprint LIMIT {limit:UInt32}`,
      parameters: {
        ...{ states: state, levels: level, mode, rule: rule_id, campaign: campaign_id, limit: limit + 1 },
        ...{ rank, age, fingerprint },
      },
    });
    const { shown, nextCursor } = pageOf(context, list, rows, {
      limit,
      keyOf: (row) => [Number(row.rank), String(row.age), String(row.fingerprint)],
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
    const { limit, cursor, rule_id = '', campaign_id = '', fingerprint = '' } = input;
    const { from, to } = periodOf(input, context.ports.now(), historyDaysMax * dayMs);
    const list: List = {
      name: 'transitions',
      args: [input.from, input.to, rule_id, campaign_id, fingerprint],
      width: 3,
    };
    const [before = to, offset = 0, alert = ''] = positionOf(context, list, cursor) ?? [];
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${columns.join(', ')}, toUnixTimestamp64Milli(evaluated_at) AS at
FROM alert_events FINAL
WHERE org_id = {org:String}
  AND evaluated_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND evaluated_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
  AND ({rule:String} = '' OR rule_id = {rule:String}) AND ({campaign:String} = '' OR campaign_id = {campaign:String})
  AND ({fingerprint:String} = '' OR fingerprint = {fingerprint:String})
  AND (at, log_offset, alert_id) < ({before:Int64}, {offset:UInt64}, {alert:String})
ORDER BY at DESC, log_offset DESC, alert_id DESC LIMIT {limit:UInt32}`,
      parameters: {
        ...{ from, to, rule: rule_id, campaign: campaign_id, fingerprint, limit: limit + 1 },
        ...{ before, offset, alert },
      },
    });
    const { shown, nextCursor } = pageOf(context, list, rows, {
      limit,
      keyOf: (row) => [String(row.at), String(row.log_offset), String(row.alert_id)],
    });
    return answerOf(
      shown.map((row) => rowJson(alertEvents, columns, row)),
      shown,
      nextCursor,
    );
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
