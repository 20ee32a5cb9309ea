import type { Plan } from '../../src/rules/plan.ts';
import type { Campaign, DayRow } from './campaign.ts';
import { localDay, startOfDay } from './civil-time.ts';
import type { OracleEvent } from './events.ts';
import { campaignView, isSpendSource } from './plans.ts';

/** Where an event is booked: daily counters, spend items and impression items (§4.3, §5). */
export interface BookContext {
  readonly campaign: Campaign;
  readonly plan: Plan;
  readonly zone: string;
  readonly offset: number;
}

/** Counters that a metric_correction may name. */
export const correctable: readonly string[] = [
  'impressions',
  'invalid_impressions',
  'measurable_impressions',
  'viewable_impressions',
  'clicks',
  'invalid_clicks',
  'video_starts',
  'video_first_quartiles',
  'video_midpoints',
  'video_third_quartiles',
  'video_completes',
  'auction_requests',
  'auction_bids',
  'auction_wins',
];

const quartileColumns: Readonly<Record<string, string>> = {
  START: 'video_starts',
  FIRST_QUARTILE: 'video_first_quartiles',
  MIDPOINT: 'video_midpoints',
  THIRD_QUARTILE: 'video_third_quartiles',
  COMPLETE: 'video_completes',
};

export function book(context: BookContext, event: OracleEvent): void {
  switch (event.kind) {
    case 'impression':
      return bookImpression(context, event);
    case 'click':
      return bookClick(context, event);
    case 'video_progress':
      return add(rowAt(context, event.eventTime), quartileColumns[event.fields.quartile], 1);
    case 'auction_stats':
      return bookAuctions(context, event);
    case 'conversion':
      return bookConversion(context, event);
    case 'spend':
      return bookSpend(context, event);
    case 'spend_adjustment':
      return bookAdjustment(context, event);
    case 'metric_correction':
      return bookCorrection(context, event);
    case 'tick':
    case 'org_plan':
    case 'budget_changed':
    case 'flight_changed':
    case 'status_changed':
    case 'creative_status':
    case 'source_heartbeat':
      return;
    default:
      event.kind satisfies never;
  }
}

function rowOn(context: BookContext, date: number): DayRow {
  const row = context.campaign.dayRow(date);
  row.currency = context.campaign.currency;
  row.planNumber = context.plan.number;
  row.offset = context.offset;
  return row;
}

function rowAt(context: BookContext, instant: number): DayRow {
  return rowOn(context, localDay(context.zone, instant));
}

function add(row: DayRow, column: string, amount: number): void {
  row.counts.set(column, (row.counts.get(column) ?? 0n) + BigInt(amount));
}

function addSpend(context: BookContext, row: DayRow, instant: number, nanos: bigint): void {
  row.spendNanos += nanos;
  context.campaign.addSpendItem(instant, nanos);
}

function paysByDelivery({ plan, campaign }: BookContext, source: string): string | null {
  const { spend } = campaignView(plan, campaign.id);
  return spend.from === 'impressions' && isSpendSource(spend, source) ? spend.cost_basis : null;
}

function bookImpression(context: BookContext, { eventTime, source, fields }: OracleEvent): void {
  const row = rowAt(context, eventTime);
  if (fields.invalid) return add(row, 'invalid_impressions', fields.batch_count);
  add(row, 'impressions', fields.batch_count);
  if (fields.measurable) add(row, 'measurable_impressions', fields.batch_count);
  if (fields.viewable) add(row, 'viewable_impressions', fields.batch_count);
  context.campaign.addImpressionItem(eventTime, BigInt(fields.batch_count));
  if (paysByDelivery(context, source) !== fields.basis) return;
  const nanos = 1_000n * BigInt(fields.cost_micros) + BigInt(fields.cpm_micros) * BigInt(fields.batch_count);
  addSpend(context, row, eventTime, nanos);
}

function bookClick(context: BookContext, { eventTime, source, fields }: OracleEvent): void {
  const row = rowAt(context, eventTime);
  if (fields.invalid) return add(row, 'invalid_clicks', 1);
  add(row, 'clicks', 1);
  if (paysByDelivery(context, source) !== null) addSpend(context, row, eventTime, 1_000n * BigInt(fields.cost_micros));
}

function bookAuctions(context: BookContext, { fields }: OracleEvent): void {
  const row = rowAt(context, fields.minute);
  add(row, 'auction_requests', fields.requests);
  add(row, 'auction_bids', fields.bids);
  add(row, 'auction_wins', fields.wins);
}

function bookConversion(context: BookContext, { fields }: OracleEvent): void {
  const sign = fields.reversal ? -1 : 1;
  const millionths = sign * Math.round(fields.weight * 1e6);
  const revenue = sign * fields.revenue_micros;
  const byConversion = rowAt(context, fields.conversion_time);
  add(byConversion, 'conversions_by_conversion', millionths);
  add(byConversion, 'revenue_by_conversion_micros', revenue);
  const byTouch = rowAt(context, fields.touch_time ?? fields.conversion_time);
  add(byTouch, 'conversions_by_touch', millionths);
  add(byTouch, 'revenue_by_touch_micros', revenue);
}

function bookSpend(context: BookContext, { source, fields }: OracleEvent): void {
  const { spend } = campaignView(context.plan, context.campaign.id);
  if (spend.from !== 'feed' || !isSpendSource(spend, source) || spend.cost_basis !== fields.basis) return;
  let micros = BigInt(fields.amount_micros);
  if (fields.cumulative) {
    const key = `${source}|${fields.basis}|${fields.period_start}|${fields.period_end}`;
    micros -= BigInt(context.campaign.cumulative.get(key) ?? 0);
    context.campaign.cumulative.set(key, fields.amount_micros);
  }
  addSpend(context, rowAt(context, fields.period_start), fields.period_start, 1_000n * micros);
}

function bookAdjustment(context: BookContext, { fields }: OracleEvent): void {
  const row = rowOn(context, fields.applies_to);
  const nanos = 1_000n * BigInt(fields.delta_micros);
  row.adjustmentNanos += nanos;
  addSpend(context, row, startOfDay(context.zone, fields.applies_to), nanos);
}

function bookCorrection(context: BookContext, { fields }: OracleEvent): void {
  const row = rowOn(context, fields.applies_to);
  for (const [counter, delta] of Object.entries(fields.deltas)) {
    add(row, counter, delta);
    if (counter === 'impressions')
      context.campaign.addImpressionItem(startOfDay(context.zone, fields.applies_to), BigInt(delta));
  }
}
