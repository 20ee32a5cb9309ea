import { floorShare, minus, plus, squareRoot, times, type Whole } from '../model/whole.ts';

/**
 * Values that sum counters of a campaign over a window of time, and ratios of such sums: `m.MEASURE_WINDOW`; and the same
 * windows of the weeks before: `b.MEASURE_WINDOW_STATISTIC` (docs/semantics.md §8.6). Declared here once: conditions,
 * docs/rules.md and what is worked out go by it. Pure.
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

/** Value = ⌊Σ of · factor / Σ by⌋ / 10^6, of counters in their own whole units. */
interface RatioFacts {
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

export type Window =
  | { readonly of: 'hours'; readonly count: number }
  | { readonly of: 'days'; readonly count: number }
  | { readonly of: 'today' }
  | { readonly of: 'flight' };

/** Hours that end at as_of; whole local days, the last of them the newest that is over at as_of. */
export const windowHours = [1, 2, 6, 12, 24] as const;
export const windowDaysMax = 31;
/** Weeks before whose windows are compared, of at most so many days. */
const baselineWeeks = 4;
export const baselineDaysMax = 7;
/** Statistics of the weeks before, in the order of the page. */
export const baselineStatistics = {
  prev_week: 'The same window a week before',
  n: 'How many of the last four weeks have a value there, 0 to 4',
  mean: 'Their mean; of a ratio the ratio of the sums',
  ewma: 'Their mean in which each week weighs twice the one before it; of a ratio of the sums',
  median: 'Their median',
  mad: 'The median of their distances from the median',
  ratio: 'The window over the median',
  score: "The window's distance from the median in robust standard deviations",
  expected: "How many there should be of what the window's ratio counts, at the ratio of the weeks; of `_pct` alone",
  z: "By how many standard deviations the window's ratio is above that of the weeks, as two proportions; of `_pct` alone",
} as const;
export type Statistic = keyof typeof baselineStatistics;
/** Fewer weeks than these have no mean, no median and nothing that follows from them. */
const baselineSamplesMin = 3;

export type WindowValue =
  | { readonly kind: 'window'; readonly measure: Measure; readonly window: Window }
  | { readonly kind: 'baseline'; readonly measure: Measure; readonly days: number; readonly statistic: Statistic };

/** What a name asks for; undefined = it names no window. */
export function windowValueOf(name: string): WindowValue | undefined {
  const [, space, measureName, windowName, statistic] = namePattern.exec(name) ?? [];
  const measure = measures.get(measureName ?? '');
  if (measure === undefined) return undefined;
  const window = windowOf(windowName);
  if (window === undefined) return undefined;
  if (space === 'm') {
    if (statistic !== undefined || !hasWindow(measure, window)) return undefined;
    return { kind: 'window', measure, window };
  }
  if (
    !isStatistic(statistic) ||
    !statisticsOf(measure).includes(statistic) ||
    window.of !== 'days' ||
    window.count > baselineDaysMax
  )
    return undefined;
  return { kind: 'baseline', measure, days: window.count, statistic };
}

const namePattern = /^([mb])\.([a-z_]+)_(\d{1,2}[hd]|today|flight)(?:_([a-z_]+))?$/;

function windowOf(name: string): Window | undefined {
  if (name === 'today' || name === 'flight') return { of: name };
  const amount = Number(name.slice(0, -1));
  // One way to write each: no 07d.
  if (String(amount) !== name.slice(0, -1)) return undefined;
  if (name.endsWith('h'))
    return windowHours.some((each) => each === amount) ? { of: 'hours', count: amount } : undefined;
  return amount >= 1 && amount <= windowDaysMax ? { of: 'days', count: amount } : undefined;
}

function hasWindow({ isFine }: Measure, { of }: Window): boolean {
  return isFine || of === 'days' || of === 'flight';
}

function isStatistic(name: string | undefined): name is Statistic {
  return name !== undefined && Object.hasOwn(baselineStatistics, name);
}

/** Of shares of a whole alone it can be said how many there should be, and how sure a difference is. */
export function statisticsOf({ name }: Measure): Statistic[] {
  const all = Object.keys(baselineStatistics) as Statistic[];
  return name.endsWith('_pct') ? all : all.filter((each) => each !== 'expected' && each !== 'z');
}

/** Why a name that looks like a window is none, with what there is; undefined = it does not look like one. */
export function windowHint(name: string): string | undefined {
  const [, space, rest, tail] = /^([mb])\.([a-z_]+?)(_(?:\d+[a-z]+|today|flight)(?:_.*)?)$/.exec(name) ?? [];
  if (rest === undefined) return undefined;
  const measure = measures.get(rest);
  if (measure === undefined) {
    const longer = [...measures.keys()].find((each) => each.startsWith(`${rest}_`));
    const meant = `${space}.${longer}${tail}`;
    return windowValueOf(meant) === undefined ? undefined : `did you mean "${meant}"?`;
  }
  return space === 'm' ? `m.${rest} has the windows ${windowsOf(measure)}` : baselinesOf(measure);
}

export function windowsOf(measure: Measure): string {
  const days = `1d to ${windowDaysMax}d`;
  if (!measure.isFine) return `${days} and flight`;
  return `${windowHours.map((hours) => `${hours}h`).join(', ')}, today, ${days} and flight`;
}

function baselinesOf(measure: Measure): string {
  const { name } = measure;
  const statistics = statisticsOf(measure).join(', ');
  return `b.${name} has the windows 1d to ${baselineDaysMax}d, each with ${statistics}: b.${name}_1d_median`;
}

/** Names as people write them, to look for the nearest: each measure with one window. */
export function windowNamesLike(name: string): string[] {
  const [, space, , tail] = /^([mb])\.([a-z_]+?)((?:_\d+[hd]|_today|_flight)(?:_[a-z_]+)?)?$/.exec(name) ?? [];
  if (space === undefined || tail === undefined) return [];
  return [...measures.keys()]
    .map((each) => `${space}.${each}${tail}`)
    .filter((each) => windowValueOf(each) !== undefined);
}

/** What is asked of a campaign's books, in whole units of the counter; null = there is none. */
export interface WindowBooks {
  /** `byDays`: in whole days, also where the counter is kept more finely. */
  sum(counter: WindowCounter, window: Window, byDays: boolean): Whole | null;
  /** Of the same local days so many weeks before; null = the campaign had no days there. */
  weeksBefore(counter: WindowCounter, days: number, weeks: number): Whole | null;
}

/** The value, one IEEE division of an exact integer; null = there is none. */
export function workOut(value: WindowValue, books: WindowBooks): number | null {
  const { measure } = value;
  if (value.kind === 'window') return shown(ofWindow(measure, value.window, books), measure.scale);
  return baseline(measure, value.days, value.statistic, books);
}

function ofWindow(measure: Measure, window: Window, books: WindowBooks): Whole | null {
  return ofSums(measure, (counter) => books.sum(counter, window, !measure.isFine));
}

/** The measure in whole units, of sums of its counters. */
function ofSums({ counters, ratio }: Measure, sumOf: (counter: WindowCounter) => Whole | null): Whole | null {
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

function baseline(measure: Measure, days: number, statistic: Statistic, books: WindowBooks): number | null {
  const { scale } = measure;
  const ofWeek = (weeks: number) => ofSums(measure, (counter) => books.weeksBefore(counter, days, weeks));
  if (statistic === 'prev_week') return shown(ofWeek(1), scale);
  const weeks = Array.from({ length: baselineWeeks }, (_, index) => index + 1);
  const samples = weeks.flatMap((week) => {
    const value = ofWeek(week);
    return value === null ? [] : [{ week, value }];
  });
  if (statistic === 'n') return samples.length;
  if (samples.length < baselineSamplesMin) return null;
  const values = samples.map(({ value }) => value);
  if (statistic === 'mean' || statistic === 'ewma') {
    const weightOf = (week: number) => (statistic === 'mean' ? 1 : 2 ** (baselineWeeks - week));
    const sumOf = (counter: WindowCounter) =>
      samples.reduce(
        (sum: Whole, { week }) => plus(sum, times(weightOf(week), books.weeksBefore(counter, days, week) as Whole)),
        0,
      );
    const sum = ofSums(measure, sumOf);
    if (measure.ratio !== null || sum === null) return shown(sum, scale);
    return shown(
      floorShare(
        sum,
        1,
        samples.reduce((all, { week }) => all + weightOf(week), 0),
      ),
      scale,
    );
  }
  if (statistic === 'expected' || statistic === 'z') {
    const before = partsOf(measure, (counter) =>
      samples.reduce((sum: Whole, { week }) => plus(sum, books.weeksBefore(counter, days, week) as Whole), 0),
    );
    const now = partsOf(measure, (counter) => books.sum(counter, { of: 'days', count: days }, true));
    return now === null || before === null ? null : againstWeeks(measure, statistic, now, before);
  }
  const middle = median(values);
  if (statistic === 'median') return shown(middle, scale);
  const distances = values.map((value) => distance(value, middle));
  const spread = median(distances);
  if (statistic === 'mad') return shown(spread, scale);
  const now = ofWindow(measure, { of: 'days', count: days }, books);
  if (now === null) return null;
  if (statistic === 'ratio') return middle <= 0 ? null : shown(floorShare(now, 10_000, middle), 10_000);
  return shown(score(minus(now, middle), spread, distances), 100);
}

/** What a share is of, and of how many. */
interface Parts {
  readonly of: Whole;
  readonly by: Whole;
}

function partsOf({ ratio }: Measure, sumOf: (counter: WindowCounter) => Whole | null): Parts | null {
  if (ratio === null) return null;
  const of = sumOf(ratio.of);
  const by = ratio.by.map(sumOf);
  if (of === null || by.includes(null)) return null;
  return { of, by: (by as Whole[]).reduce(plus) };
}

function againstWeeks({ ratio }: Measure, statistic: 'expected' | 'z', now: Parts, before: Parts): number | null {
  const { scale } = windowCounters[(ratio as RatioFacts).of];
  if (now.by <= 0 || before.by <= 0) return null;
  if (statistic === 'expected') return shown(floorShare(before.of, now.by, before.by), scale);
  return twoProportions(now, before, scale);
}

/** z of two proportions with their pooled variance, hundredths towards 0; null where all or none are counted. */
function twoProportions(now: Parts, before: Parts, scale: number): number | null {
  const [x1, n1, x2, n2] = [now.of, now.by, before.of, before.by].map(BigInt);
  const [x, n] = [x1 + x2, n1 + n2];
  const others = BigInt(scale) * n - x;
  if (x <= 0n || others <= 0n) return null;
  const distance = x1 * n2 - x2 * n1;
  const hundredths = Number(squareRoot((10_000n * distance * distance * n) / (n1 * n2 * x * others))) / 100;
  return distance < 0n ? 0 - hundredths : hundredths;
}

/** Hundredths of 0.6745 · x / MAD; without MAD of x / (1.253314 · mean distance) (Iglewicz and Hoaglin, 1993). */
function score(x: Whole, mad: Whole, distances: readonly Whole[]): Whole | null {
  if (mad > 0) return floorShare(x, 6_745, times(100, mad));
  const all = distances.reduce(plus);
  if (all > 0) return floorShare(times(x, distances.length), 100_000_000, times(1_253_314, all));
  return x === 0 ? 0 : null;
}

/** The middle one, of two their mean rounded down. */
function median(values: readonly Whole[]): Whole {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const high = sorted[sorted.length >> 1];
  return sorted.length % 2 === 1 ? high : floorShare(plus(sorted[(sorted.length >> 1) - 1], high), 1, 2);
}

function distance(a: Whole, b: Whole): Whole {
  return a < b ? minus(b, a) : minus(a, b);
}

function shown(value: Whole | null, scale: number): number | null {
  return value === null ? null : Number(value) / scale;
}
