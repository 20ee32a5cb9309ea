import { campaign, column, org, partition, plan, type Table, table, version } from './columns.ts';
import { flightColumns } from './flight-columns.ts';
import { goalColumns } from './goal-columns.ts';
import { orderSnapshots } from './order-snapshots.ts';
import { rolloverColumns } from './rollover-columns.ts';

export type { Column, ColumnType, ColumnValue, ReadRowOf, Row, RowInHand, RowOf, Table } from './columns.ts';
/**
 * The tables that operators write, described once: ClickHouse DDL, RowBinary encoders, the reference
 * in docs/tables.md and the start-up check all come from here. What each value means to the last
 * digit is docs/semantics.md.
 */

export const campaignMetricsDaily = table({
  name: 'campaign_metrics_daily',
  doc: "Additive counters per campaign and local day, restated in place. Ratios are the reader's: sum over sum.",
  key: ['org_id', 'campaign_id', 'date'],
  partitionBy: 'date',
  columns: [
    org,
    campaign,
    column('date', 'Date32', "Day in the campaign's own zone."),
    column('currency', 'LowCardinality(String)', 'ISO-4217 of every money column; empty while no money was seen.'),
    column('impressions', 'Int64', 'Valid impressions, after corrections.'),
    column('invalid_impressions', 'Int64', 'Impressions flagged as invalid traffic; not in `impressions`.'),
    column('measurable_impressions', 'Int64', 'Valid impressions whose viewability was measurable.'),
    column('viewable_impressions', 'Int64', 'Valid impressions that were viewable.'),
    column('clicks', 'Int64', 'Valid clicks, after corrections.'),
    column('invalid_clicks', 'Int64', 'Clicks flagged as invalid traffic; not in `clicks`.'),
    column('video_starts', 'Int64', 'VAST start.'),
    column('video_first_quartiles', 'Int64', 'VAST firstQuartile.'),
    column('video_midpoints', 'Int64', 'VAST midpoint.'),
    column('video_third_quartiles', 'Int64', 'VAST thirdQuartile.'),
    column('video_completes', 'Int64', 'VAST complete.'),
    column('auction_requests', 'Int64', 'Bid requests.'),
    column('auction_bids', 'Int64', 'Bids.'),
    column('auction_wins', 'Int64', 'Auctions won.'),
    column('conversions_by_touch', 'Decimal(18,6)', 'Weighted conversions booked on the day of their touch.'),
    column('revenue_by_touch_micros', 'Int64', 'Revenue booked on the day of the touch; reversals subtract.'),
    column('conversions_by_conversion', 'Decimal(18,6)', 'Weighted conversions booked on their own day.'),
    column('revenue_by_conversion_micros', 'Int64', 'Revenue booked on the day of the conversion.'),
    column('spend_micros', 'Int64', "Spend of the campaign's one spend source and cost basis, adjustments included."),
    column('adjustment_micros', 'Int64', 'The part of `spend_micros` that came from spend adjustments.'),
    column(
      'clock_set_right',
      'Int64',
      "Events of sources with `clock: untrusted` whose time lay ahead of the log's, and which are booked at the log's time.",
      { since: 2, fallback: 0 },
    ),
    plan,
    partition,
    version,
  ],
});

export const pacingSnapshots = table({
  name: 'pacing_snapshots',
  doc: 'How a flight stood, as known at one offset. Immutable; a correction shows in the next one.',
  key: ['org_id', 'campaign_id', 'flight_id', 'as_of', 'evaluated_at'],
  partitionBy: 'evaluated_at',
  columns: [
    org,
    campaign,
    column('flight_id', 'String', 'Flight, unique inside its campaign.'),
    column(
      'as_of',
      'DateTime64(3)',
      "Completeness frontier of the flight's sources, event time; spend and expectation are both taken here.",
    ),
    column('evaluated_at', 'DateTime64(3)', 'Scheduled instant of the timer, log time.'),
    column('status', 'LowCardinality(String)', 'Pacing status.'),
    column('persisted_for', 'LowCardinality(String)', 'Why this snapshot was kept: status, move, hour or restated.'),
    column('mode', 'LowCardinality(String)', 'EVEN, TRAFFIC, ASAP, AHEAD, FRONT_LOADED, DAYPARTED or CUSTOM.'),
    column('currency', 'LowCardinality(String)', 'ISO-4217 of every money column.'),
    column(
      'budget_micros',
      'Int64',
      'Budget in force at `as_of`; of a flight whose goal is no money the most that it may cost, 0 = no limit.',
    ),
    column('spend_micros', 'Nullable(Int64)', 'Flight spend booked before `as_of`.'),
    column('expected_micros', 'Nullable(Int64)', 'Expected spend at `as_of` by the segment ledger; null when ASAP.'),
    column('delivery_bp', 'Nullable(Int64)', 'Spend over budget, basis points.'),
    column('elapsed_bp', 'Nullable(Int64)', 'Elapsed weight over total weight, basis points.'),
    column('osi_bp', 'Nullable(Int64)', 'On-schedule indicator: spend over expected spend, basis points.'),
    column('projected_micros', 'Nullable(Int64)', 'Spend at the end of the flight at the current run rate.'),
    column('run_rate_micros_per_day', 'Nullable(Int64)', 'Average spend per 24 h over the run-rate window.'),
    column('required_micros_per_day', 'Nullable(Int64)', 'Remaining budget per 24 h of remaining flight.'),
    column('lift_bp', 'Nullable(Int64)', 'Required over current run rate, weight against weight, basis points.'),
    column(
      'exhaustion_at',
      'Nullable(DateTime64(3))',
      'When the budget runs out at the current run rate, if before the end.',
    ),
    column('day_target_micros', 'Nullable(Int64)', "Today's share of what remained at local midnight, capped."),
    column('day_spend_micros', 'Nullable(Int64)', 'Spend booked since local midnight and before `as_of`.'),
    column(
      'day_pacing_bp',
      'Nullable(Int64)',
      "Today's spend over the share of today's target that has elapsed, basis points.",
    ),
    column('daily_cap_micros', 'Nullable(Int64)', 'Daily cap in force.'),
    column(
      'impressions_2h',
      'Nullable(Int64)',
      'Valid impressions in the last two hours before `as_of` (window start floored to 15 min).',
    ),
    column('spend_2h_micros', 'Nullable(Int64)', 'Spend in the same window.'),
    column('expected_2h_micros', 'Nullable(Int64)', 'Expected spend in the same window.'),
    column(
      'unseen_micros',
      'Nullable(Int64)',
      'What the flight may have spent after `as_of` and before `evaluated_at`, at the run rate; of stale flights too.',
      { since: 2, fallback: null },
    ),
    column(
      'money_at_risk_micros',
      'Nullable(Int64)',
      'The part of `unseen_micros` for which neither the budget nor the daily caps had room.',
      { since: 2, fallback: null },
    ),
    ...goalColumns,
    ...flightColumns,
    ...rolloverColumns,
    column(
      'completeness',
      'String',
      'Each required source with its frontier: name=epoch-ms, comma separated, by name; `none` = not known.',
    ),
    column('ledger_version', 'Int64', 'Highest ledger version among the segments in force; 0 = none.'),
    plan,
    partition,
    version,
  ],
});

export const unplannedSpend = table({
  name: 'unplanned_spend',
  doc: 'Money that nobody planned, per campaign and local day, by why. Only days that have, or had, some; restated in place.',
  key: ['org_id', 'campaign_id', 'date'],
  partitionBy: 'date',
  columns: [
    org,
    campaign,
    column('date', 'Date32', "Day in the campaign's own zone."),
    column('currency', 'LowCardinality(String)', 'ISO-4217 of every money column.'),
    column(
      'status',
      'LowCardinality(String)',
      'What most of it is: no_flight, no_budget, before_start, between_flights, after_end, paused or over_budget; planned = nothing is left of it.',
    ),
    column('spend_micros', 'Int64', 'All spend of the day.'),
    column('unplanned_micros', 'Int64', 'Sum of the columns that follow.'),
    column('no_flight_micros', 'Int64', 'While the campaign has no flight at all.'),
    column('no_budget_micros', 'Int64', 'In a flight without a budget.'),
    column('before_start_micros', 'Int64', 'Before its first flight.'),
    column('between_flights_micros', 'Int64', 'Between two flights.'),
    column('after_end_micros', 'Int64', 'After its last flight.'),
    column('paused_micros', 'Int64', 'In a flight, while the advertiser had it paused or ended.'),
    column('over_budget_micros', 'Int64', 'In a flight, beyond its budget, and none of the above.'),
    plan,
    partition,
    version,
  ],
});

export const otherRevenue = table({
  name: 'other_revenue',
  doc: "Revenue in other currencies than the campaign's, per campaign, local day and currency; restated in place. That in the campaign's own stands in `campaign_metrics_daily`.",
  key: ['org_id', 'campaign_id', 'date', 'currency'],
  partitionBy: 'date',
  columns: [
    org,
    campaign,
    column('date', 'Date32', "Day in the campaign's own zone."),
    column('currency', 'LowCardinality(String)', 'ISO-4217 of the revenue.'),
    column('revenue_by_touch_micros', 'Int64', 'Revenue booked on the day of the touch; reversals subtract.'),
    column('revenue_by_conversion_micros', 'Int64', 'Revenue booked on the day of the conversion.'),
    plan,
    partition,
    version,
  ],
});

const group = column('group_id', 'String', 'Order that the rule judged; empty for all other rules.', {
  since: 2,
  fallback: '',
});
const advertiser = column('advertiser', 'String', 'Advertiser that the rule judged; empty for all other rules.', {
  since: 3,
  fallback: '',
});

export const ruleEvaluations = table({
  name: 'rule_evaluations',
  doc: 'One judgement of one rule: at each persisted snapshot, each hour, and each alert transition.',
  key: ['org_id', 'rule_id', 'campaign_id', 'flight_id', 'source', 'evaluated_at', 'group_id', 'advertiser'],
  partitionBy: 'evaluated_at',
  columns: [
    org,
    column('rule_id', 'LowCardinality(String)', 'Rule.'),
    column('campaign_id', 'String', 'Campaign; empty for source rules.'),
    column('flight_id', 'String', 'Flight; empty for rules of sources and campaigns.'),
    column('source', 'LowCardinality(String)', 'Source; empty for all other rules.'),
    column('as_of', 'DateTime64(3)', 'Event time up to which the values are complete.'),
    column('evaluated_at', 'DateTime64(3)', 'Scheduled instant of the timer, log time.'),
    column(
      'outcome',
      'LowCardinality(String)',
      'critical, warning, false, insufficient, outside (its hours), unknown or error.',
    ),
    column('state', 'LowCardinality(String)', 'State of the alert after this judgement.'),
    column('level', 'LowCardinality(String)', 'Level of the alert after this judgement: none, warning, critical.'),
    column('values', 'String', 'The values that the rule names, as JSON with sorted keys; unknown ones are null.'),
    column('rule_hash', 'String', 'Hash of the part of the rule that decides.'),
    group,
    advertiser,
    plan,
    partition,
    version,
  ],
});

const toldDoc =
  'What people are told from here on: warning, critical, no_data, error; empty = that nothing is. `as_state` in rows written before there was this column: what the state says.';
const withheldDoc =
  'Why they are not told what is: shadow, flapping, inhibited, cool_down, day_limit; empty = they are.';

export const alertEvents = table({
  name: 'alert_events',
  doc: 'One immutable row per transition of an alert, with its decision receipt.',
  key: ['org_id', 'alert_id', 'evaluated_at'],
  partitionBy: 'evaluated_at',
  columns: [
    org,
    column(
      'alert_id',
      'String',
      'Identity of the transition: hash of fingerprint, as_of, evaluated_at, from, to, and of the reason when that is rule_updated.',
    ),
    column('fingerprint', 'String', 'Identity of the alert: hash of organization, rule and scope.'),
    column('rule_id', 'LowCardinality(String)', 'Rule.'),
    column('campaign_id', 'String', 'Campaign; empty for source rules.'),
    column('flight_id', 'String', 'Flight; empty for rules of sources and campaigns.'),
    column('source', 'LowCardinality(String)', 'Source; empty for all other rules.'),
    column('mode', 'LowCardinality(String)', 'notify or shadow.'),
    column('from_state', 'LowCardinality(String)', 'State before.'),
    column(
      'to_state',
      'LowCardinality(String)',
      'State after: ok, pending, firing, recovering, resolved, no_data, error.',
    ),
    column('level', 'LowCardinality(String)', 'Level after: none, warning, critical.'),
    column(
      'reason',
      'LowCardinality(String)',
      'Why: condition, escalated, deescalated, cleared, guard, schedule, no_data, error, announced, scope_ended, rule_updated, rule_deleted.',
    ),
    column('as_of', 'DateTime64(3)', 'Event time up to which the values are complete.'),
    column('evaluated_at', 'DateTime64(3)', 'Scheduled instant of the timer, log time.'),
    column('active_since', 'Nullable(DateTime64(3))', 'Since when the condition has held, event time.'),
    column('condition', 'String', 'The condition that decided, as written.'),
    column('values', 'String', 'The values that the rule names, as JSON with sorted keys; unknown ones are null.'),
    column('completeness', 'String', 'As in pacing_snapshots.'),
    column('summary', 'String', 'One sentence for a person.'),
    column('labels', 'String', 'Labels of the rule, as JSON with sorted keys.', { since: 2, fallback: '{}' }),
    column('annotations', 'String', 'Further texts of the rule, the same way.', { since: 2, fallback: '{}' }),
    column('notified', 'UInt8', '1 where people are told something else from here on.', { since: 2, fallback: 1 }),
    column('told', 'LowCardinality(String)', toldDoc, { since: 2, fallback: 'as_state' }),
    column('withheld', 'LowCardinality(String)', withheldDoc, { since: 2, fallback: '' }),
    column('rule_hash', 'String', 'Hash of the part of the rule that decides.'),
    { ...group, since: 3 },
    { ...advertiser, since: 4 },
    plan,
    column('log_offset', 'UInt64', 'Offset of the record at which this was decided.'),
    partition,
    version,
  ],
});

export const deadLetters = table({
  name: 'dead_letters',
  doc: 'Records that could not be used, with their address, the reason and their raw bytes.',
  key: ['org_id', 'topic', 'partition', 'log_offset', 'log_time'],
  partitionBy: 'log_time',
  columns: [
    column(
      'org_id',
      'LowCardinality(String)',
      'Organization of the record key where it is a valid id that is not reserved, else _system.',
    ),
    column('topic', 'LowCardinality(String)', 'Topic.'),
    partition,
    column('log_offset', 'UInt64', 'Offset.'),
    column('log_time', 'DateTime64(3)', 'Append time.'),
    column('reason', 'LowCardinality(String)', 'Closed set; docs/events.md explains each.'),
    column('detail', 'String', 'One sentence naming the field and the value.'),
    column('schema_id', 'Int32', 'Writer schema id; -1 = none.'),
    column('key', 'String', 'Raw key bytes, at most 1 KiB.'),
    column('raw', 'String', 'Raw value bytes, at most 64 KiB.'),
    column('raw_length', 'UInt32', 'Length of the whole value.'),
    column('raw_sha256', 'String', 'SHA-256 of the whole value, lower-case hex.'),
    version,
  ],
});

export const lateEvents = table({
  name: 'late_events',
  doc: 'Valid events beyond the allowed lateness of their kind: counted here, in no other table.',
  key: ['org_id', 'campaign_id', 'partition', 'log_offset', 'log_time'],
  partitionBy: 'log_time',
  columns: [
    org,
    campaign,
    partition,
    column('log_offset', 'UInt64', 'Offset.'),
    column('log_time', 'DateTime64(3)', 'Append time.'),
    column('kind', 'LowCardinality(String)', 'Kind of the event.'),
    column('event_id', 'String', 'event_id, lower-case hex.'),
    column(
      'booked_at',
      'DateTime64(3)',
      'Event time that decided: event_time, period_start, conversion_time or the start of applies_to.',
    ),
    column('late_by_ms', 'Int64', 'How far beyond the allowed lateness, ms.'),
    column('amount_micros', 'Int64', 'Money of the event: cost, spend, delta or revenue.'),
    version,
  ],
});

export const conversionsDaily = table({
  name: 'conversions_daily',
  doc: 'Conversions of a campaign and local day by type and by what brought them about; their sums are those of `campaign_metrics_daily`.',
  key: ['org_id', 'campaign_id', 'date', 'conversion_type', 'attribution'],
  partitionBy: 'date',
  columns: [
    org,
    campaign,
    column('date', 'Date32', "Day in the campaign's own zone."),
    column(
      'conversion_type',
      'LowCardinality(String)',
      'As the events say; empty where they do not, `other` beyond the first 32 types of a campaign.',
    ),
    column(
      'attribution',
      'LowCardinality(String)',
      'CLICK = click-through, VIEW = view-through, NONE = not said, as reports of totals never do.',
    ),
    column('conversions_by_touch', 'Decimal(18,6)', 'Weighted conversions booked on the day of their touch.'),
    column('conversions_by_conversion', 'Decimal(18,6)', 'Weighted conversions booked on their own day.'),
    plan,
    partition,
    version,
  ],
});

export const tables: readonly Table[] = [
  campaignMetricsDaily,
  pacingSnapshots,
  ruleEvaluations,
  alertEvents,
  deadLetters,
  lateEvents,
  unplannedSpend,
  otherRevenue,
  conversionsDaily,
  orderSnapshots,
];

/** A table that keeps the newest row of another for each thing that it tells of. ClickHouse fills it with every insert. */
export interface LatestTable {
  readonly name: string;
  readonly doc: string;
  /** Whose rows it keeps, with the same columns. */
  readonly of: Table;
  readonly key: readonly string[];
  /** The view that fills it. It shows the same rows, so whatever guards them guards it too. */
  readonly filledBy: string;
}

export const latestTables: readonly LatestTable[] = [
  {
    name: 'pacing_latest',
    doc: 'How each flight stands: its newest snapshot by `evaluated_at`.',
    of: pacingSnapshots,
    key: ['org_id', 'campaign_id', 'flight_id'],
    filledBy: 'to_pacing_latest',
  },
  {
    name: 'alert_latest',
    doc: 'How each alert stands: its newest transition by `evaluated_at`.',
    of: alertEvents,
    key: ['org_id', 'fingerprint'],
    filledBy: 'to_alert_latest',
  },
];

/** What shows a table's rows of all times, also those that the lake alone has, is called so. */
export function historyName({ name }: Pick<Table, 'name'>): string {
  return `all_${name}`;
}

/** A table's rows in the lake, as ClickHouse reads them there, are called so. */
export function goldName({ name }: Pick<Table, 'name'>): string {
  return `gold_${name}`;
}

/** A table beside it, for weeks that are brought back from the lake to be looked at, is called so. */
export function restoredName({ name }: Pick<Table, 'name'>): string {
  return `restored_${name}`;
}

/** Every name under which rows of organizations can be read; what guards organizations guards them all. */
export const tenantTables: readonly string[] = [
  ...tables.flatMap((table) => [table.name, historyName(table), goldName(table), restoredName(table)]),
  ...latestTables.flatMap(({ name, filledBy }) => [name, filledBy]),
];
