import { assert } from '../model/errors.ts';
import { costBases, type Detail, type EventBatch, flag, kind } from '../model/event-batch.ts';
import type { Campaign } from './campaign.ts';
import { type Counter, counterAt, DayRow, sumAt } from './day-row.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import type { LaneState } from './lane-state.ts';
import type { Operator } from './operator.ts';
import type { Segment } from './segment.ts';

const videoCounters = [
  counterAt.video_starts,
  counterAt.video_first_quartiles,
  counterAt.video_midpoints,
  counterAt.video_third_quartiles,
  counterAt.video_completes,
];

/**
 * Books every counted record on its local day (docs/semantics.md §5), and says which spend item and
 * how many valid impressions it makes, for the operators behind.
 */
export class MeasureDays implements Operator {
  readonly name = 'days';
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #dirtyRows: { campaign: Campaign; day: DayRow }[] = [];

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#outputs = outputs;
  }

  onSegment(segment: Segment): void {
    const { batch, counted, campaigns, from, to } = segment;
    for (let row = from; row < to; row++) {
      if (counted[row] === 0) continue;
      segment.itemMicros[row] = Number.NaN;
      segment.impressions[row] = 0;
      const campaign = campaigns[row];
      if (campaign !== null) this.#book(segment, batch, row, campaign);
    }
  }

  /** Writes the rows that changed since the last harvest, as they stand now. */
  harvest(): void {
    for (const { campaign, day } of this.#dirtyRows) {
      this.#outputs.days.write({
        org_id: campaign.orgId,
        campaign_id: campaign.id,
        date: day.day,
        currency: day.currency,
        ...counters(day),
        conversions_by_touch: day.compactSum(sumAt.conversionsByTouch),
        revenue_by_touch_micros: day.compactSum(sumAt.revenueByTouch),
        conversions_by_conversion: day.compactSum(sumAt.conversionsByConversion),
        revenue_by_conversion_micros: day.compactSum(sumAt.revenueByConversion),
        spend_micros: day.micros(sumAt.spendNanos),
        adjustment_micros: day.micros(sumAt.adjustmentNanos),
        plan_number: day.planNumber,
        partition: this.#outputs.partition,
        version: this.#outputs.version(day.offset),
      });
      day.settle();
    }
    this.#dirtyRows.length = 0;
  }

  get dirtyCount(): number {
    return this.#dirtyRows.length;
  }

  #book(segment: Segment, batch: EventBatch, row: number, campaign: Campaign): void {
    switch (batch.kinds[row]) {
      case kind.impression:
        return this.#impression(segment, batch, row, campaign);
      case kind.click:
        return this.#click(segment, batch, row, campaign);
      case kind.video_progress:
        this.#day(campaign, batch.eventTimes[row], batch, row).addCount(videoCounters[batch.code[row]], 1);
        return;
      case kind.conversion:
        return this.#conversion(batch, row, campaign);
      case kind.spend:
        return this.#spend(segment, batch, row, campaign);
      case kind.spend_adjustment:
        return this.#adjustment(segment, batch, row, campaign);
      case kind.metric_correction:
        return this.#correction(segment, batch, row, campaign);
      case kind.auction_stats:
        return this.#auction(batch, row, campaign);
      default: // Control records book nothing.
    }
  }

  #impression(segment: Segment, batch: EventBatch, row: number, campaign: Campaign): void {
    const at = batch.eventTimes[row];
    const day = this.#day(campaign, at, batch, row);
    const count = batch.counts[row];
    const flags = batch.flags[row];
    if ((flags & flag.invalid) !== 0) {
      day.addCount(counterAt.invalid_impressions, count);
      return;
    }
    day.addCount(counterAt.impressions, count);
    if ((flags & flag.measurable) !== 0) day.addCount(counterAt.measurable_impressions, count);
    if ((flags & flag.viewable) !== 0) day.addCount(counterAt.viewable_impressions, count);
    segment.impressions[row] = count;
    segment.itemAt[row] = at;
    this.#refreshSpendPlan(campaign);
    if (!campaign.spendsFromImpressions || batch.basis[row] !== campaign.spendBasis) return;
    if (this.#isOtherSource(campaign, batch, row)) return;
    this.#item(segment, row, day, batch.amount[row], batch.amount2[row] * count);
  }

  #click(segment: Segment, batch: EventBatch, row: number, campaign: Campaign): void {
    const at = batch.eventTimes[row];
    const day = this.#day(campaign, at, batch, row);
    if ((batch.flags[row] & flag.invalid) !== 0) {
      day.addCount(counterAt.invalid_clicks, 1);
      return;
    }
    day.addCount(counterAt.clicks, 1);
    segment.itemAt[row] = at;
    this.#refreshSpendPlan(campaign);
    if (!campaign.spendsFromImpressions || this.#isOtherSource(campaign, batch, row)) return;
    this.#item(segment, row, day, batch.amount[row], 0);
  }

  #conversion(batch: EventBatch, row: number, campaign: Campaign): void {
    const sign = (batch.flags[row] & flag.reversal) !== 0 ? -1 : 1;
    const weight = sign * batch.amount2[row];
    const revenue = sign * batch.amount[row];
    const touchedAt = Number.isNaN(batch.t2[row]) ? batch.t1[row] : batch.t2[row];
    const touched = this.#day(campaign, touchedAt, batch, row);
    touched.add(sumAt.conversionsByTouch, weight);
    touched.add(sumAt.revenueByTouch, revenue);
    const converted = this.#day(campaign, batch.t1[row], batch, row);
    converted.add(sumAt.conversionsByConversion, weight);
    converted.add(sumAt.revenueByConversion, revenue);
  }

  #spend(segment: Segment, batch: EventBatch, row: number, campaign: Campaign): void {
    this.#refreshSpendPlan(campaign);
    if (campaign.spendsFromImpressions || batch.basis[row] !== campaign.spendBasis) return;
    if (this.#isOtherSource(campaign, batch, row)) return;
    const isCumulative = (batch.flags[row] & flag.cumulative) !== 0;
    const amount = isCumulative ? this.#cumulativeDelta(batch, row, campaign) : batch.amount[row];
    const at = batch.t1[row];
    segment.itemAt[row] = at;
    this.#item(segment, row, this.#day(campaign, at, batch, row), amount, 0);
  }

  /** Feeds that report totals: the difference to the last total of the same period. */
  #cumulativeDelta(batch: EventBatch, row: number, campaign: Campaign): number {
    const source = batch.dictionaries.sources.text(batch.sources[row]);
    const key = `${source}|${batch.basis[row]}|${batch.t1[row]}|${batch.t2[row]}`;
    const amount = batch.amount[row];
    const delta = amount - (campaign.cumulative.get(key)?.amount ?? 0);
    assert(Number.isSafeInteger(delta), 'totals of one period differ by a safe integer');
    campaign.cumulative.set(key, { periodStart: batch.t1[row], amount });
    campaign.newCumulative.add(key);
    return delta;
  }

  #adjustment(segment: Segment, batch: EventBatch, row: number, campaign: Campaign): void {
    const zone = this.#state.zoneOf(campaign);
    const day = this.#dayRow(campaign, batch.t1[row]);
    this.#change(campaign, day, batch, row);
    segment.itemAt[row] = zone.dayStart(batch.t1[row]);
    day.addMicros(sumAt.adjustmentNanos, batch.amount[row], 0);
    this.#item(segment, row, day, batch.amount[row], 0);
  }

  #correction(segment: Segment, batch: EventBatch, row: number, campaign: Campaign): void {
    const { applies_to, deltas } = batch.details.get(row) as Detail & { kind: 'metric_correction' };
    const day = this.#dayRow(campaign, applies_to);
    for (const [name, delta] of deltas) day.addCount(counterAt[name as Counter], delta);
    this.#change(campaign, day, batch, row);
    segment.itemAt[row] = this.#state.zoneOf(campaign).dayStart(applies_to);
    segment.impressions[row] = deltas.get('impressions') ?? 0;
  }

  #auction(batch: EventBatch, row: number, campaign: Campaign): void {
    const day = this.#day(campaign, batch.t1[row], batch, row);
    day.addCount(counterAt.auction_requests, batch.amount[row]);
    day.addCount(counterAt.auction_bids, batch.amount2[row]);
    day.addCount(counterAt.auction_wins, batch.counts[row]);
  }

  #item(segment: Segment, row: number, day: DayRow, micros: number, nanos: number): void {
    segment.itemMicros[row] = micros;
    segment.itemNanos[row] = nanos;
    day.addMicros(sumAt.spendNanos, micros, nanos);
  }

  /** The row of the local day of an instant; the last one looked up stays at hand until a plan may change the zone. */
  #day(campaign: Campaign, at: number, batch: EventBatch, row: number): DayRow {
    const isAtHand = campaign.day !== null && at >= campaign.dayStart && at < campaign.dayEnd;
    if (!isAtHand || campaign.dayPlanEpoch !== this.#state.planEpoch) {
      const zone = this.#state.zoneOf(campaign);
      const number = zone.localDay(at);
      campaign.day = this.#dayRow(campaign, number);
      campaign.dayStart = zone.dayStart(number);
      campaign.dayEnd = zone.dayStart(number + 1);
      campaign.dayPlanEpoch = this.#state.planEpoch;
    }
    const found = campaign.day as DayRow;
    this.#change(campaign, found, batch, row);
    return found;
  }

  #dayRow(campaign: Campaign, number: number): DayRow {
    let day = campaign.days.get(number);
    if (day === undefined) {
      day = new DayRow(number, this.#state.books.days);
      campaign.days.set(number, day);
    }
    return day;
  }

  #change(campaign: Campaign, day: DayRow, batch: EventBatch, row: number): void {
    day.offset = batch.offsets[row];
    // Checks see a whole segment first: the currency may be that of a later record.
    if (day.offset >= campaign.currencySince) day.currency = campaign.currency;
    if (day.planEpoch !== this.#state.planEpoch) {
      day.planEpoch = this.#state.planEpoch;
      day.planNumber = this.#state.planOf(campaign.orgId).plan.number;
    }
    if (day.isDirty) return;
    this.#state.touch(campaign);
    day.isDirty = true;
    this.#dirtyRows.push({ campaign, day });
  }

  #refreshSpendPlan(campaign: Campaign): void {
    if (campaign.planSeen === this.#state.planEpoch) return;
    const spend = this.#state.spendPlan(campaign);
    campaign.planSeen = this.#state.planEpoch;
    campaign.spendsFromImpressions = spend.from === 'impressions';
    campaign.spendSource = spend.source;
    campaign.spendBasis = costBases.indexOf(spend.cost_basis);
  }

  #isOtherSource(campaign: Campaign, batch: EventBatch, row: number): boolean {
    return campaign.spendSource !== '' && batch.dictionaries.sources.text(batch.sources[row]) !== campaign.spendSource;
  }
}

function counters(day: DayRow) {
  return {
    impressions: day.count(counterAt.impressions),
    invalid_impressions: day.count(counterAt.invalid_impressions),
    measurable_impressions: day.count(counterAt.measurable_impressions),
    viewable_impressions: day.count(counterAt.viewable_impressions),
    clicks: day.count(counterAt.clicks),
    invalid_clicks: day.count(counterAt.invalid_clicks),
    video_starts: day.count(counterAt.video_starts),
    video_first_quartiles: day.count(counterAt.video_first_quartiles),
    video_midpoints: day.count(counterAt.video_midpoints),
    video_third_quartiles: day.count(counterAt.video_third_quartiles),
    video_completes: day.count(counterAt.video_completes),
    auction_requests: day.count(counterAt.auction_requests),
    auction_bids: day.count(counterAt.auction_bids),
    auction_wins: day.count(counterAt.auction_wins),
  };
}
