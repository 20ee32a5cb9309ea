import { floorShare, minus, plus, squareRoot, times, type Whole } from '../model/whole.ts';
import { type Measure, ofSums, type RatioFacts, shown, type WindowCounter, windowCounters } from './measures.ts';

/** What a window is compared with: the same window before, and what is said of it (docs/semantics.md §8.6). Pure. */

/** Whole local days, the newest that is over last; or whole hours of the clock, the same way. */
export interface Span {
  readonly of: 'days' | 'hours';
  readonly count: number;
}

/** How far apart the windows are that are compared, how many of them there are, and what they are called. */
export const seasons = {
  weekly: { infix: '', days: 7, samples: 4 },
  daily: { infix: 'daily_', days: 1, samples: 7 },
  /** No time before, but other campaigns; `peers_by_LABEL_` says by which label they are alike. */
  peers: { infix: 'peers_', days: 0, samples: 64 },
} as const;
export type Season = keyof typeof seasons;

/** Fewer windows than these have no mean, no median and nothing that follows from them. */
const samplesMin = 3;

/** Statistics of the windows before, in the order of the page. */
export const baselineStatistics = {
  prev_week: 'The same window a week before',
  prev_day: 'The same window a day before; `daily` alone',
  n: 'How many of the last four weeks have a value there, 0 to 4; of the last seven days, 0 to 7; of the peers, 0 to 64',
  mean: 'Their mean; of a ratio the ratio of the sums',
  ewma: 'Their mean in which each weighs twice the one before it; of a ratio of the sums',
  median: 'Their median',
  mad: 'The median of their distances from the median',
  now: 'The window itself',
  ratio: 'The window over the median',
  score: "The window's distance from the median in robust standard deviations",
  expected: "How many there should be of what the window's ratio counts, at the ratio of those; of `_pct` alone",
  z: "By how many standard deviations the window's ratio is above that of those, as two proportions; of `_pct` alone",
} as const;
export type Statistic = keyof typeof baselineStatistics;

/** Of shares of a whole alone it can be said how many there should be, and how sure a difference is. */
export function statisticsOf({ name }: Measure, season: Season): Statistic[] {
  const others = { weekly: ['prev_day'], daily: ['prev_week'], peers: ['prev_day', 'prev_week', 'ewma'] }[season];
  const all = (Object.keys(baselineStatistics) as Statistic[]).filter((each) => !others.includes(each));
  return name.endsWith('_pct') ? all : all.filter((each) => each !== 'expected' && each !== 'z');
}

export interface Baseline {
  readonly measure: Measure;
  readonly span: Span;
  readonly season: Season;
  /** Of peers: the label that they have alike; null = the advertiser. */
  readonly label: string | null;
  readonly statistic: Statistic;
}

/** What is asked of a campaign's books, in whole units of the counter; null = there is none. */
export interface BaselineBooks {
  /** Over the newest span that is over. */
  now(counter: WindowCounter, span: Span): Whole | null;
  /** Over the same span so many local days before; null = it is not known. */
  before(counter: WindowCounter, span: Span, days: number): Whole | null;
  /** Of another campaign like it, by its place; null = it did not run, or its money is of another kind. */
  ofPeer(counter: WindowCounter, span: Span, label: string | null, place: number): Whole | null;
  /** How many others there are. */
  peers(label: string | null): number;
}

/** A window before that has a value. */
interface Sample {
  /** How many seasons ago, 1 = the newest. */
  readonly step: number;
  readonly value: Whole;
}

export function baselineValue(
  { measure, span, season, label, statistic }: Baseline,
  books: BaselineBooks,
): number | null {
  const { scale } = measure;
  const { days, samples: samplesMax } = seasons[season];
  const isPeers = season === 'peers';
  const stepsMax = isPeers ? books.peers(label) : samplesMax;
  const of = (step: number) => (counter: WindowCounter) =>
    isPeers ? books.ofPeer(counter, span, label, step - 1) : books.before(counter, span, days * step);
  const now = (counter: WindowCounter) => books.now(counter, span);
  if (statistic === 'now') return shown(ofSums(measure, now), scale);
  if (statistic === 'prev_week' || statistic === 'prev_day') return shown(ofSums(measure, of(1)), scale);
  const samples: Sample[] = [];
  for (let step = 1; step <= stepsMax; step++) {
    const value = ofSums(measure, of(step));
    if (value !== null) samples.push({ step, value });
  }
  if (statistic === 'n') return samples.length;
  if (samples.length < samplesMin) return null;
  /** Of the samples together, each as often as it weighs. */
  const together = (weightOf: (step: number) => number) => (counter: WindowCounter) => {
    let sum: Whole = 0;
    for (const { step } of samples) sum = plus(sum, times(weightOf(step), of(step)(counter) as Whole));
    return sum;
  };
  if (statistic === 'mean') return mean(measure, samples, together, () => 1);
  if (statistic === 'ewma') return mean(measure, samples, together, (step) => 2 ** (stepsMax - step));
  if (statistic === 'expected' || statistic === 'z') {
    const [parts, before] = [partsOf(measure, now), partsOf(measure, together(alike))];
    return parts === null || before === null ? null : againstBefore(measure, statistic, parts, before);
  }
  return againstMedian(statistic, samples, () => ofSums(measure, now), scale);
}

const alike = () => 1;

function mean(
  measure: Measure,
  samples: readonly Sample[],
  together: (weightOf: (step: number) => number) => (counter: WindowCounter) => Whole,
  weightOf: (step: number) => number,
): number | null {
  const sum = ofSums(measure, together(weightOf));
  if (measure.ratio !== null || sum === null) return shown(sum, measure.scale);
  let weights = 0;
  for (const { step } of samples) weights += weightOf(step);
  return shown(floorShare(sum, 1, weights), measure.scale);
}

/** What hangs on the median of some values, the newest window's own value among it. */
function againstMedian(
  statistic: 'median' | 'mad' | 'ratio' | 'score',
  samples: readonly { readonly value: Whole }[],
  nowOf: () => Whole | null,
  scale: number,
): number | null {
  const values = samples.map(({ value }) => value);
  const middle = median(values);
  if (statistic === 'median') return shown(middle, scale);
  const distances = values.map((value) => distance(value, middle));
  const spread = median(distances);
  if (statistic === 'mad') return shown(spread, scale);
  const now = nowOf();
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

function againstBefore({ ratio }: Measure, statistic: 'expected' | 'z', now: Parts, before: Parts): number | null {
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
