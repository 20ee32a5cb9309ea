import { floorShare, plus, type Whole } from '../model/whole.ts';

/**
 * What is counted of a campaign, and ratios of it: the measures of windows and of what they are compared with
 * (docs/semantics.md §8.6). Declared here once. Pure.
 */

/** A counter that windows sum. `isFine`: kept by the quarter-hour, so that windows of hours can be told. */
interface CounterFacts {
  readonly meaning: string;
  /** What one unit of the value is in the counter's own, whole ones: micros of money, millionths of conversions. */
  readonly scale: number;
  readonly isFine: boolean;
  /** Where nobody says that delivery is complete, none counted is not zero. */
  readonly isDelivery: boolean;
}

const count = { scale: 1, isFine: false, isDelivery: true } as const;
const told = { scale: 1, isFine: false, isDelivery: false } as const;
const millionths = { ...told, scale: 1e6 } as const;

export const windowCounters = {
  spend: { meaning: 'Spend, currency units', scale: 1e6, isFine: true, isDelivery: false },
  adjustments: { ...millionths, meaning: 'The adjustments in it, currency units' },
  impressions: { ...count, isFine: true, meaning: 'Valid impressions' },
  invalid_impressions: { ...count, meaning: 'Invalid impressions' },
  measurable_impressions: { ...count, meaning: 'Valid impressions whose viewability was measured' },
  viewable_impressions: { ...count, meaning: 'Viewable impressions' },
  clicks: { ...count, meaning: 'Valid clicks' },
  invalid_clicks: { ...count, meaning: 'Invalid clicks' },
  video_starts: { ...count, meaning: 'Videos started' },
  video_first_quartiles: { ...count, meaning: 'Videos seen to a quarter' },
  video_midpoints: { ...count, meaning: 'Videos seen to the middle' },
  video_third_quartiles: { ...count, meaning: 'Videos seen to three quarters' },
  video_completes: { ...count, meaning: 'Videos seen to the end' },
  auction_requests: { ...told, meaning: 'Bid requests' },
  auction_bids: { ...told, meaning: 'Bids' },
  auction_wins: { ...told, meaning: 'Auctions won' },
  conversions: { ...millionths, meaning: 'Conversions, on the day on which they came' },
  conversions_by_touch: { ...millionths, meaning: 'Conversions, on the day of their click or view' },
  revenue: { ...millionths, meaning: 'Revenue of conversions, on the day on which they came, currency units' },
  revenue_by_touch: { ...millionths, meaning: 'Revenue, on the day of its click or view, currency units' },
} as const satisfies Record<string, CounterFacts>;
export type WindowCounter = keyof typeof windowCounters;
/** Those of one currency: of several they do not add up. */
export const moneyCounters: ReadonlySet<WindowCounter> = new Set([
  'spend',
  'adjustments',
  'revenue',
  'revenue_by_touch',
]);

/** Value = ⌊Σ of · factor / Σ by⌋ / 10^6, of counters in their own whole units. */
export interface RatioFacts {
  readonly meaning: string;
  readonly of: WindowCounter;
  readonly factor: number;
  readonly by: readonly WindowCounter[];
}

export const windowRatios = {
  ctr_pct: { meaning: 'Click rate: clicks over impressions, %', of: 'clicks', factor: 1e8, by: ['impressions'] },
  ivt_pct: {
    meaning: 'Invalid impressions over all impressions, %',
    of: 'invalid_impressions',
    factor: 1e8,
    by: ['impressions', 'invalid_impressions'],
  },
  invalid_clicks_pct: {
    meaning: 'Invalid clicks over all clicks, %',
    of: 'invalid_clicks',
    factor: 1e8,
    by: ['clicks', 'invalid_clicks'],
  },
  viewable_pct: {
    meaning: 'Viewable over measured impressions, %',
    of: 'viewable_impressions',
    factor: 1e8,
    by: ['measurable_impressions'],
  },
  vcr_pct: {
    meaning: 'Videos seen to the end over those started, %',
    of: 'video_completes',
    factor: 1e8,
    by: ['video_starts'],
  },
  win_rate_pct: { meaning: 'Auctions won over bids, %', of: 'auction_wins', factor: 1e8, by: ['auction_bids'] },
  cvr_pct: { meaning: 'Conversions over clicks, %', of: 'conversions', factor: 100, by: ['clicks'] },
  cpm: { meaning: 'Spend per thousand impressions', of: 'spend', factor: 1_000, by: ['impressions'] },
  cpc: { meaning: 'Spend per click', of: 'spend', factor: 1, by: ['clicks'] },
  cpcv: { meaning: 'Spend per video seen to the end', of: 'spend', factor: 1, by: ['video_completes'] },
  cpa: { meaning: 'Spend per conversion', of: 'spend', factor: 1e6, by: ['conversions'] },
  cpa_by_touch: {
    meaning: 'Spend per conversion, by the day of the click or view',
    of: 'spend',
    factor: 1e6,
    by: ['conversions_by_touch'],
  },
  roas: { meaning: 'Revenue over spend', of: 'revenue', factor: 1e6, by: ['spend'] },
  roas_by_touch: {
    meaning: 'Revenue over spend, by the day of the click or view',
    of: 'revenue_by_touch',
    factor: 1e6,
    by: ['spend'],
  },
} as const satisfies Record<string, RatioFacts>;

export interface Measure {
  readonly name: string;
  readonly counters: readonly WindowCounter[];
  /** Null = the counter itself. */
  readonly ratio: RatioFacts | null;
  /** What one unit of the value is in whole ones. */
  readonly scale: number;
  /** All its counters are kept by the quarter-hour. */
  readonly isFine: boolean;
}

export const measures: ReadonlyMap<string, Measure> = new Map([
  ...Object.entries(windowCounters).map(([name, { scale, isFine }]): [string, Measure] => {
    return [name, { name, counters: [name as WindowCounter], ratio: null, scale, isFine }];
  }),
  ...Object.entries(windowRatios).map(([name, ratio]: [string, RatioFacts]): [string, Measure] => {
    const counters = [ratio.of, ...ratio.by];
    const isFine = counters.every((each) => windowCounters[each].isFine);
    return [name, { name, counters, ratio, scale: 1e6, isFine }];
  }),
]);

/** The measure in whole units, of sums of its counters; null = there is none. */
export function ofSums({ counters, ratio }: Measure, sumOf: (counter: WindowCounter) => Whole | null): Whole | null {
  if (ratio === null) return sumOf(counters[0]);
  const of = sumOf(ratio.of);
  let by: Whole = 0;
  for (const counter of ratio.by) {
    const sum = sumOf(counter);
    if (sum === null) return null;
    by = plus(by, sum);
  }
  return of === null || by <= 0 ? null : floorShare(of, ratio.factor, by);
}

/** One IEEE division of an exact integer. */
export function shown(value: Whole | null, scale: number): number | null {
  return value === null ? null : Number(value) / scale;
}
