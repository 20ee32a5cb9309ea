import { historyName, type Table, tables } from '../../rows/tables.ts';
import { onCluster } from './ddl.ts';

/** A view for dashboards: plain SQL over FINAL, so it can never count a row twice. */
interface View {
  readonly name: string;
  readonly doc: string;
  /** What one that takes values is called with, as an example. */
  readonly values?: string;
  readonly select: string;
}

/** Basis points or per-mille style ratios are null where the denominator is zero: unknown, not zero. */
function ratio(numerator: string, denominator: string, factor = 1): string {
  return `if(${denominator} = 0, NULL, ${factor === 1 ? '' : `${factor} * `}${numerator} / ${denominator})`;
}

const day = 'campaign_metrics_daily';

const campaignDays = `SELECT *,
  spend_micros / 1000000 AS spend,
  ${ratio('clicks', 'impressions')} AS ctr,
  ${ratio('viewable_impressions', 'measurable_impressions')} AS viewability,
  ${ratio('spend_micros', 'impressions', 1000)} AS cpm_micros,
  ${ratio('spend_micros', 'clicks')} AS cpc_micros,
  ${ratio('toFloat64(conversions_by_touch)', 'clicks')} AS conversion_rate,
  ${ratio('spend_micros', 'toFloat64(conversions_by_touch)')} AS cpa_micros,
  ${ratio('revenue_by_touch_micros', 'spend_micros')} AS roas,
  ${ratio('video_completes', 'video_starts')} AS video_completion_rate,
  ${ratio('auction_wins', 'auction_bids')} AS win_rate
FROM {db}.${day} FINAL`;

/** Transitions with how long the state before had lasted, over those that `where` leaves. */
const alertHistory = (where: string) => `SELECT *,
  if(row_number() OVER alert = 1, NULL,
     toUnixTimestamp64Milli(evaluated_at) - toUnixTimestamp64Milli(lagInFrame(evaluated_at) OVER alert)) AS state_before_ms
FROM {db}.alert_events FINAL${where}
WINDOW alert AS (PARTITION BY org_id, fingerprint ORDER BY evaluated_at, log_offset
                 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;

export const views: readonly View[] = [
  {
    name: 'v_campaign_days',
    doc: 'Campaign and local day, with ratios. For longer periods sum the counters and divide then.',
    select: campaignDays,
  },
  {
    name: 'v_org_days',
    doc: 'Organization, currency and local day: sums over campaigns, with ratios of sums.',
    select: `SELECT org_id, date, currency, count() AS campaigns,
  sum(d.impressions) AS impressions, sum(d.clicks) AS clicks,
  sum(d.conversions_by_touch) AS conversions_by_touch,
  sum(d.spend_micros) AS spend_micros, sum(d.revenue_by_touch_micros) AS revenue_by_touch_micros,
  ${ratio('sum(d.clicks)', 'sum(d.impressions)')} AS ctr,
  ${ratio('sum(d.spend_micros)', 'sum(d.impressions)', 1000)} AS cpm_micros,
  ${ratio('sum(d.revenue_by_touch_micros)', 'sum(d.spend_micros)')} AS roas
FROM {db}.${day} AS d FINAL GROUP BY org_id, date, currency`,
  },
  {
    name: 'v_pacing_latest',
    doc: 'The newest snapshot of every flight.',
    select: 'SELECT * FROM {db}.pacing_latest FINAL',
  },
  {
    name: 'v_revenue_by_currency',
    doc: "Revenue of campaigns by local day and currency, the campaign's own and all others.",
    select: `SELECT org_id, campaign_id, date, currency, revenue_by_touch_micros, revenue_by_conversion_micros
FROM {db}.${day} FINAL WHERE currency != ''
UNION ALL SELECT org_id, campaign_id, date, currency, revenue_by_touch_micros, revenue_by_conversion_micros
FROM {db}.other_revenue FINAL`,
  },
  {
    name: 'v_unplanned_open',
    doc: 'Days of campaigns with money that nobody planned, newest first.',
    select: `SELECT * FROM {db}.unplanned_spend FINAL WHERE status != 'planned'
ORDER BY date DESC, unplanned_micros DESC`,
  },
  {
    name: 'v_alerts_open',
    doc: 'Alerts that are firing or recovering now, or cannot be judged: the newest transition of each.',
    select: `SELECT * FROM {db}.alert_latest FINAL WHERE to_state IN ('firing', 'recovering', 'no_data', 'error')`,
  },
  {
    name: 'v_alert_history',
    doc: 'Every transition, with how long the state before it had lasted, ms; null for the first.',
    select: alertHistory(''),
  },
  {
    name: 'v_dead_letters_by_reason',
    doc: 'Dead letters per organization, topic, reason and hour of the log, with one example address.',
    select: `SELECT org_id, topic, reason, toStartOfHour(log_time) AS hour, count() AS records,
  argMax((partition, log_offset), (log_time, log_offset)) AS example_partition_offset, max(log_time) AS last_log_time
FROM {db}.dead_letters FINAL GROUP BY org_id, topic, reason, hour`,
  },
  {
    name: 'v_late_by_kind',
    doc: 'Late events per organization, kind and day of booking: how many, how much, how late.',
    select: `SELECT org_id, kind, toDate(booked_at) AS booked_day, count() AS events,
  sum(l.amount_micros) AS amount_micros, max(late_by_ms) AS latest_by_ms
FROM {db}.late_events AS l FINAL GROUP BY org_id, kind, booked_day`,
  },
  {
    name: 'v_org_pacing',
    doc: "One organization's newest snapshots: SELECT … FROM v_org_pacing(org = 'acme').",
    values: "org = 'acme'",
    select: 'SELECT * FROM {db}.pacing_latest FINAL WHERE org_id = {org:String}',
  },
  {
    name: 'v_org_campaign_days',
    doc: "One organization's campaign days of a period, both ends in it: SELECT … FROM v_org_campaign_days(org = 'acme', since = '2026-03-01', until = '2026-03-31').",
    values: "org = 'acme', since = '2026-03-01', until = '2026-03-31'",
    select: `${campaignDays} WHERE org_id = {org:String} AND date BETWEEN {since:Date32} AND {until:Date32}`,
  },
  {
    name: 'v_org_alert_history',
    doc: "One organization's transitions of a period, with how long the state before had lasted, ms; null where it began more than 31 days before the period: SELECT … FROM v_org_alert_history(org = 'acme', since = '2026-03-01 00:00:00', until = '2026-03-08 00:00:00').",
    values: "org = 'acme', since = '2026-03-01 00:00:00', until = '2026-03-08 00:00:00'",
    // A window over all there ever was is what a bound behind it cannot spare.
    select: `SELECT * FROM (
${alertHistory(` WHERE org_id = {org:String} AND evaluated_at >= {since:DateTime64(3, 'UTC')} - INTERVAL 31 DAY
  AND evaluated_at < {until:DateTime64(3, 'UTC')}`)}
) WHERE evaluated_at >= {since:DateTime64(3, 'UTC')}`,
  },
];

/** Rows of all times: what the table has, until months leave it and gold's are added (docs/lakehouse.md). */
export const historyViews: readonly View[] = tables.map((table: Table) => ({
  name: historyName(table),
  doc: `Rows of \`${table.name}\` of all times, each once: those that left for the lake too.`,
  select: `SELECT * FROM {db}.${table.name} FINAL`,
}));

export function createView(view: View, database: string, cluster: string | null): string {
  return `CREATE OR REPLACE VIEW ${database}.${view.name}${onCluster(cluster)} SQL SECURITY INVOKER AS ${view.select.replaceAll('{db}', database)}`;
}
