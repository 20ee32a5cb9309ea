import { ExactSum } from '../model/money.ts';

/** Counters that a metric correction may name, in the order of their columns. */
export const correctableCounters = [
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
] as const;
export type Counter = (typeof correctableCounters)[number];

/** One campaign and local day; the heart of `campaign_metrics_daily`. */
export class DayRow {
  readonly day: number;
  impressions = 0;
  invalid_impressions = 0;
  measurable_impressions = 0;
  viewable_impressions = 0;
  clicks = 0;
  invalid_clicks = 0;
  video_starts = 0;
  video_first_quartiles = 0;
  video_midpoints = 0;
  video_third_quartiles = 0;
  video_completes = 0;
  auction_requests = 0;
  auction_bids = 0;
  auction_wins = 0;
  readonly conversionsByTouch = new ExactSum();
  readonly revenueByTouch = new ExactSum();
  readonly conversionsByConversion = new ExactSum();
  readonly revenueByConversion = new ExactSum();
  readonly spendNanos = new ExactSum();
  readonly adjustmentNanos = new ExactSum();
  currency = '';
  planNumber = 0;
  /** Offset of the last record booked here. */
  offset = 0;
  isDirty = false;
  /** Plan epoch in which `planNumber` was looked up; derived. */
  planEpoch = -1;

  constructor(day: number) {
    this.day = day;
  }
}
