import type { RejectReason } from '../../src/events/event-batch.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { amountsOfReports } from './burden.ts';
import type { Campaign, DayRow } from './campaign.ts';
import { localDay, startOfDay } from './civil-time.ts';
import type { OracleEvent, TypedCount } from './events.ts';
import { campaignView, isSpendSource } from './plans.ts';
import { type Change, endOfReport, type Report, type ReportBook, share } from './reports.ts';
import { floorTo, quarter } from './whole-numbers.ts';

/** Where an event is booked: daily counters, spend items and impression items (§4.3, §5). */
export interface BookContext {
  readonly campaign: Campaign;
  readonly plan: Plan;
  readonly zone: string;
  readonly offset: number;
  readonly clock: number;
  /** Days of touches before this instant are closed (§2.6). */
  readonly touchesFrom: number;
}

/** Counters that a metric_correction or a performance_report may name. */
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

/** What a performance_report may say. */
export const reportable: readonly string[] = [
  ...correctable,
  'conversions_by_touch',
  'conversions_by_conversion',
  'revenue_by_touch_micros',
  'revenue_by_conversion_micros',
];

const quartileColumns: Readonly<Record<string, string>> = {
  START: 'video_starts',
  FIRST_QUARTILE: 'video_first_quartiles',
  MIDPOINT: 'video_midpoints',
  THIRD_QUARTILE: 'video_third_quartiles',
  COMPLETE: 'video_completes',
};

/** Books a record that passed every check; the answer is the reason of a dead letter, then nothing was booked. */
export function book(context: BookContext, event: OracleEvent): RejectReason | null {
  if (event.isSetRight) {
    const at = event.kind === 'conversion' ? event.fields.conversion_time : event.eventTime;
    addAt(context, at, 'clock_set_right', 1n);
  }
  switch (event.kind) {
    case 'spend':
    case 'performance_report':
      return bookReport(context, event);
    case 'impression':
      bookImpression(context, event);
      break;
    case 'click':
      bookClick(context, event);
      break;
    case 'video_progress':
      addAt(context, event.eventTime, quartileColumns[event.fields.quartile], 1n);
      context.campaign.addGoalItem(quartileColumns[event.fields.quartile], event.eventTime, 1n);
      break;
    case 'auction_stats':
      bookAuctions(context, event);
      break;
    case 'conversion':
      bookConversion(context, event);
      break;
    case 'spend_adjustment':
      bookAdjustment(context, event);
      break;
    case 'metric_correction':
      bookCorrection(context, event);
      break;
    case 'tick':
    case 'org_plan':
    case 'budget_changed':
    case 'flight_changed':
    case 'status_changed':
    case 'creative_status':
    case 'source_heartbeat':
      break;
    default:
      event.kind satisfies never;
  }
  return null;
}

function rowOn({ campaign, plan, offset }: BookContext, date: number): DayRow {
  const row = campaign.dayRow(date);
  row.currency = campaign.currency;
  row.planNumber = plan.number;
  row.offset = offset;
  return row;
}

function add(row: DayRow, column: string, amount: bigint): void {
  if (column.startsWith('conversions_by_')) return addConversions(row, column, amount);
  const [, currency] = column.split('|');
  if (currency !== undefined && currency !== row.currency && amount !== 0n) row.others.add(currency);
  if (column === 'spend') row.spendNanos += amount;
  else row.counts.set(column, (row.counts.get(column) ?? 0n) + amount);
}

/** Conversions as a column: by touch or by conversion, what brought them about, and of what type. */
function typed(column: string, attribution: string, type: string): string {
  return `${column}\t${attribution}\t${type}`;
}

function addConversions(row: DayRow, column: string, amount: bigint): void {
  if (amount === 0n) return;
  const [sum, attribution = 'NONE', type = ''] = column.split('\t');
  row.counts.set(sum, (row.counts.get(sum) ?? 0n) + amount);
  const key = `${attribution}\t${type}`;
  const known = row.typed.get(key) ?? { attribution, type, sums: new Map<string, bigint>() };
  known.sums.set(sum, (known.sums.get(sum) ?? 0n) + amount);
  row.typed.set(key, { ...known, planNumber: row.planNumber, offset: row.offset });
}

/** Books by instant: on its local day, which may be another one once the zone is known. */
function addAt(context: BookContext, instant: number, column: string, amount: bigint): void {
  const day = localDay(context.zone, instant);
  add(rowOn(context, day), column, amount);
  if (context.campaign.zone === null) context.campaign.provisional.push({ instant, column, amount, day });
}

function addSpend(context: BookContext, instant: number, nanos: bigint): void {
  addAt(context, instant, 'spend', nanos);
  context.campaign.noteMoney(instant, instant, context.clock);
  context.campaign.addSpendItem(instant, nanos);
}

function paysByDelivery({ plan, campaign }: BookContext, source: string): string | null {
  const { spend } = campaignView(plan, campaign.id);
  return spend.from === 'impressions' && isSpendSource(spend, source) ? spend.cost_basis : null;
}

function bookImpression(context: BookContext, { eventTime, source, fields }: OracleEvent): void {
  const count = BigInt(fields.batch_count);
  if (fields.invalid) return addAt(context, eventTime, 'invalid_impressions', count);
  addAt(context, eventTime, 'impressions', count);
  if (fields.measurable) addAt(context, eventTime, 'measurable_impressions', count);
  if (fields.viewable) addAt(context, eventTime, 'viewable_impressions', count);
  context.campaign.addImpressionItem(eventTime, count);
  if (fields.viewable) context.campaign.addGoalItem('viewable_impressions', eventTime, count);
  if (paysByDelivery(context, source) !== fields.basis) return;
  addSpend(context, eventTime, 1_000n * BigInt(fields.cost_micros) + BigInt(fields.cpm_micros) * count);
}

function bookClick(context: BookContext, { eventTime, source, fields }: OracleEvent): void {
  const count = BigInt(fields.batch_count);
  if (fields.invalid) return addAt(context, eventTime, 'invalid_clicks', count);
  addAt(context, eventTime, 'clicks', count);
  context.campaign.addGoalItem('clicks', eventTime, count);
  if (paysByDelivery(context, source) !== null) addSpend(context, eventTime, 1_000n * BigInt(fields.cost_micros));
}

function bookAuctions(context: BookContext, { fields }: OracleEvent): void {
  addAt(context, fields.minute, 'auction_requests', BigInt(fields.requests));
  addAt(context, fields.minute, 'auction_bids', BigInt(fields.bids));
  addAt(context, fields.minute, 'auction_wins', BigInt(fields.wins));
}

function bookConversion(context: BookContext, { fields }: OracleEvent): void {
  const sign = fields.reversal ? -1 : 1;
  const millionths = BigInt(sign * Math.round(fields.weight * 1e6));
  const revenue = BigInt(sign * fields.revenue_micros);
  const touched = fields.touch_time ?? fields.conversion_time;
  const type = context.campaign.typeOf(fields.conversion_type);
  context.campaign.addGoalItem('conversions_by_conversion', fields.conversion_time, millionths);
  addAt(context, fields.conversion_time, typed('conversions_by_conversion', fields.attribution, type), millionths);
  addAt(context, fields.conversion_time, revenueIn('revenue_by_conversion_micros', fields.currency), revenue);
  if (touched < context.touchesFrom) return;
  addAt(context, touched, typed('conversions_by_touch', fields.attribution, type), millionths);
  addAt(context, touched, revenueIn('revenue_by_touch_micros', fields.currency), revenue);
}

/** Revenue is kept by currency; the row shows that of the campaign's. */
export function revenueIn(column: string, currency: string): string {
  return `${column}|${currency}`;
}

function bookAdjustment(context: BookContext, { fields }: OracleEvent): void {
  const row = rowOn(context, fields.applies_to);
  const nanos = 1_000n * BigInt(fields.delta_micros);
  row.adjustmentNanos += nanos;
  row.spendNanos += nanos;
  const instant = instantOfDay(context, fields.applies_to);
  context.campaign.adjustments.push({ date: fields.applies_to, nanos, instant });
  context.campaign.noteMoney(instant, instant, context.clock);
  context.campaign.addSpendItem(instant, nanos);
}

/** The start of a day, or that of the first flight that begins on it where none has that. */
function instantOfDay({ campaign, zone }: BookContext, date: number): number {
  const dayStart = startOfDay(zone, date);
  return campaign.takerOf(date, dayStart)?.dates?.s ?? dayStart;
}

function bookCorrection(context: BookContext, { fields }: OracleEvent): void {
  const row = rowOn(context, fields.applies_to);
  const dayStart = instantOfDay(context, fields.applies_to);
  for (const [counter, delta] of Object.entries(fields.deltas)) {
    add(row, counter, BigInt(delta));
    if (counter === 'impressions') context.campaign.addToFlights(dayStart, BigInt(delta));
    else context.campaign.addToGoals(counter, dayStart, BigInt(delta));
  }
}

// Reports (§4.4).

function bookReport(context: BookContext, event: OracleEvent): RejectReason | null {
  const { campaign } = context;
  const { source, fields } = event;
  const isSpend = wantsSpend(context, event);
  const span = spanOf(event);
  let forgetTypes = () => {};
  const changes: [ReportBook, string, Change][] = [];
  const weigh = (book: ReportBook, feed: string, report: Report) => {
    const change = book.weigh(feed, report);
    if (change !== null) changes.push([book, feed, change]);
    return change !== null;
  };
  if (event.kind === 'performance_report') {
    const amounts = new Map<string, bigint>();
    for (const [name, count] of fields.counts)
      amounts.set(name.startsWith('revenue_') ? revenueIn(name, fields.currency) : name, count);
    const known = campaign.typesKnown;
    if (!weigh(campaign.counterReports, source, { ...span, amounts })) return 'overlapping_report';
    if (changes[0][2].joined.length > 0) addTyped(campaign, amounts, fields.typed);
    forgetTypes = () => campaign.forgetTypesBeyond(known);
  }
  if (isSpend && fields.amount_micros !== null) {
    const amounts = new Map([['spend', 1_000n * BigInt(fields.amount_micros)]]);
    if (!weigh(campaign.spendReports, `${source}|${fields.basis}`, { ...span, amounts })) return 'overlapping_report';
  }
  const left = changes.flatMap(([, , change]) => change.left);
  const joined = changes.flatMap(([, , change]) => change.joined);
  if (!campaign.burden.take(amountsOfReports(joined), amountsOfReports(left))) {
    forgetTypes();
    return 'money_out_of_range';
  }
  if (isSpend && fields.amount_micros !== null) campaign.noteMoney(span.from, span.to, context.clock);
  for (const [book, feed, change] of changes) {
    book.apply(feed, change);
    for (const report of change.left) bookSpan(context, report, -1n);
    for (const report of change.joined) bookSpan(context, report, 1n);
  }
  return null;
}

/** Types are told apart once the report counts. */
function addTyped(campaign: Campaign, amounts: Map<string, bigint>, all: readonly TypedCount[]): void {
  for (const { column, attribution, type, millionths } of all) {
    if (millionths === 0n) continue;
    const name = campaign.typeOf(type);
    const key = name === '' && attribution === 'NONE' ? column : typed(column, attribution, name);
    amounts.set(key, (amounts.get(key) ?? 0n) + millionths);
  }
}

/** Whether the plan takes spend from what the record reports. */
function wantsSpend(
  { plan, campaign }: Pick<BookContext, 'plan' | 'campaign'>,
  { source, fields }: OracleEvent,
): boolean {
  const { spend } = campaignView(plan, campaign.id);
  return spend.from === 'feed' && isSpendSource(spend, source) && spend.cost_basis === fields.basis;
}

function spanOf({ kind, eventTime, fields }: OracleEvent): Omit<Report, 'amounts'> {
  return {
    isTotal: kind === 'performance_report' || fields.cumulative,
    from: fields.period_start,
    to: endOfReport(fields.period_start, fields.period_end, eventTime, fields.as_of),
    order: fields.source_seq ?? fields.produced_at ?? eventTime,
  };
}

/** Adds what lies on each local day of the span to its row, and what lies in each flight to its total. */
function bookSpan(context: BookContext, report: Report, sign: bigint): void {
  const { campaign, zone } = context;
  for (const { day, from, to } of daysOf(report, zone)) {
    const row = rowOn(context, day);
    for (const measure of report.amounts.keys()) add(row, measure, sign * share(report, measure, from, to));
  }
  campaign.addReportToFlights(report, sign);
}

/** The local days that a span has instants of; a span of no length has that of its instant. */
function daysOf(report: Report, zone: string, after = Number.NEGATIVE_INFINITY) {
  const days: { day: number; from: number; to: number }[] = [];
  const first = Math.max(report.from, after);
  const last = report.to === report.from ? report.from + 1 : report.to;
  for (let at = first, day = localDay(zone, first); at < last; day++) {
    const to = Math.min(startOfDay(zone, day + 1), last);
    if (to > at) days.push({ day, from: at, to });
    at = Math.max(at, to);
  }
  return days;
}

/** Moves what was booked by instant, and is not too old, to the days of another zone (§4.1). */
export function rebook(
  campaign: Campaign,
  zone: string,
  { clock, order, plan, wasKnown }: { clock: number; order: number; plan: number; wasKnown: boolean },
): void {
  const before = campaign.bookingZone;
  campaign.bookingZone = zone;
  if (before === null || before === zone || wasKnown) return;
  for (const each of campaign.adjustments) {
    campaign.spend.items.add(each.instant, -each.nanos);
    each.instant = startOfDay(zone, each.date);
    campaign.spend.items.add(each.instant, each.nanos);
  }
  const oldest = floorTo(clock, quarter) - 285 * quarter;
  const change = (day: number, column: string, amount: bigint) => {
    const row = campaign.dayRow(day);
    row.currency = campaign.currency;
    row.planNumber = plan;
    row.offset = order;
    add(row, column, amount);
  };
  for (const { left, joined, column, amount } of movedQuarters(campaign, zone, oldest)) {
    change(left, column, -amount);
    change(joined, column, amount);
  }
  if (campaign.zone !== null) campaign.provisional = [];
  for (const report of [...campaign.spendReports.all(), ...campaign.counterReports.all()]) {
    for (const measure of report.amounts.keys()) {
      const parts = (in_: string, sign: bigint) =>
        daysOf(report, in_, oldest).map((part) => ({
          ...part,
          amount: sign * share(report, measure, part.from, part.to),
        }));
      moveParts([...parts(before, -1n), ...parts(zone, 1n)], (day, amount) => change(day, measure, amount));
    }
  }
}

/** What each quarter-hour takes to another day, by column; those that hold nothing of it touch no row. */
function movedQuarters(campaign: Campaign, zone: string, oldest: number) {
  const moved = new Map<string, { left: number; joined: number; column: string; amount: bigint }>();
  for (const each of campaign.provisional) {
    const day = localDay(zone, each.instant);
    if (each.instant < oldest || day === each.day) continue;
    const key = `${floorTo(each.instant, quarter)} ${each.column}`;
    const sum = moved.get(key) ?? { left: each.day, joined: day, column: each.column, amount: 0n };
    sum.amount += each.amount;
    moved.set(key, sum);
    each.day = day;
  }
  return [...moved.values()].filter(({ amount }) => amount !== 0n);
}

/** Only days whose amount changes are touched. */
function moveParts(
  parts: readonly { day: number; amount: bigint }[],
  change: (day: number, amount: bigint) => void,
): void {
  const byDay = new Map<number, bigint>();
  for (const { day, amount } of parts) byDay.set(day, (byDay.get(day) ?? 0n) + amount);
  for (const [day, amount] of byDay) if (amount !== 0n) change(day, amount);
}
