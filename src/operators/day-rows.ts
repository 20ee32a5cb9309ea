import type { Campaign } from '../lane/campaign.ts';
import { takeFormerTypes } from '../lane/conversion-types.ts';
import { clockSetRightAt, counterAt, type DayRow, sumAt } from '../lane/day-row.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { assert } from '../model/errors.ts';
import type { campaignMetricsDaily, RowInHand } from '../rows/tables.ts';
import type { LaneOutputs } from './lane-outputs.ts';

interface DirtyRow {
  readonly campaign: Campaign;
  readonly day: DayRow;
}

/** Writes what days hold into the tables of days. */
export class DayRows {
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #row: RowInHand<typeof campaignMetricsDaily> = {
    org_id: '',
    campaign_id: '',
    date: 0,
    currency: '',
    impressions: 0,
    invalid_impressions: 0,
    measurable_impressions: 0,
    viewable_impressions: 0,
    clicks: 0,
    invalid_clicks: 0,
    video_starts: 0,
    video_first_quartiles: 0,
    video_midpoints: 0,
    video_third_quartiles: 0,
    video_completes: 0,
    auction_requests: 0,
    auction_bids: 0,
    auction_wins: 0,
    conversions_by_touch: 0,
    revenue_by_touch_micros: 0,
    conversions_by_conversion: 0,
    revenue_by_conversion_micros: 0,
    spend_micros: 0,
    adjustment_micros: 0,
    clock_set_right: 0,
    plan_number: 0,
    partition: 0,
    version: 0,
  };

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#outputs = outputs;
  }

  /** Writes rows as they stand now. */
  write(dirtyRows: readonly DirtyRow[]): void {
    const { currencies } = this.#state.books;
    const row = this.#row;
    for (let i = 0; i < dirtyRows.length; i++) {
      const { campaign, day } = dirtyRows[i];
      assert(day.isDirty, 'a row that waits has changed, and was not given back');
      row.org_id = campaign.orgId;
      row.campaign_id = campaign.id;
      row.date = day.day;
      row.currency = day.currency < 0 ? '' : currencies.text(day.currency);
      row.impressions = day.count(counterAt.impressions);
      row.invalid_impressions = day.count(counterAt.invalid_impressions);
      row.measurable_impressions = day.count(counterAt.measurable_impressions);
      row.viewable_impressions = day.count(counterAt.viewable_impressions);
      row.clicks = day.count(counterAt.clicks);
      row.invalid_clicks = day.count(counterAt.invalid_clicks);
      row.video_starts = day.count(counterAt.video_starts);
      row.video_first_quartiles = day.count(counterAt.video_first_quartiles);
      row.video_midpoints = day.count(counterAt.video_midpoints);
      row.video_third_quartiles = day.count(counterAt.video_third_quartiles);
      row.video_completes = day.count(counterAt.video_completes);
      row.auction_requests = day.count(counterAt.auction_requests);
      row.auction_bids = day.count(counterAt.auction_bids);
      row.auction_wins = day.count(counterAt.auction_wins);
      row.conversions_by_touch = day.compactSum(sumAt.conversionsByTouch);
      row.revenue_by_touch_micros = day.compactSum(sumAt.revenueByTouch);
      row.conversions_by_conversion = day.compactSum(sumAt.conversionsByConversion);
      row.revenue_by_conversion_micros = day.compactSum(sumAt.revenueByConversion);
      row.spend_micros = day.micros(sumAt.spendNanos);
      row.adjustment_micros = day.micros(sumAt.adjustmentNanos);
      row.clock_set_right = day.count(clockSetRightAt);
      row.plan_number = day.planNumber;
      row.partition = this.#outputs.partition;
      row.version = this.#outputs.version(day.offset);
      this.#outputs.days.write(row);
      this.#tellOtherRevenue(campaign, day);
      this.#tellConversions(campaign, day);
      day.settle();
    }
  }

  #tellOtherRevenue(campaign: Campaign, day: DayRow): void {
    if (day.otherRevenue === null) return;
    for (const [currency, { byTouch, byConversion }] of day.otherRevenue) {
      this.#outputs.otherRevenue.write({
        org_id: campaign.orgId,
        campaign_id: campaign.id,
        date: day.day,
        currency: this.#state.books.currencies.text(currency),
        revenue_by_touch_micros: byTouch,
        revenue_by_conversion_micros: byConversion,
        plan_number: day.planNumber,
        partition: this.#outputs.partition,
        version: this.#outputs.version(day.offset),
      });
    }
  }

  /** Of conversions only what changed: days change with every impression. */
  #tellConversions(campaign: Campaign, day: DayRow): void {
    if (day.conversions === null) return;
    const types = takeFormerTypes(day) ?? campaign.typesOfConversions();
    for (const each of day.conversions) {
      if (!each.isDirty) continue;
      each.isDirty = false;
      this.#outputs.conversions.write({
        org_id: campaign.orgId,
        campaign_id: campaign.id,
        date: day.day,
        conversion_type: types.nameOf(each.code),
        attribution: types.attributionOf(each.code),
        conversions_by_touch: each.byTouch,
        conversions_by_conversion: each.byConversion,
        plan_number: each.planNumber,
        partition: this.#outputs.partition,
        version: this.#outputs.version(each.offset),
      });
    }
  }
}
