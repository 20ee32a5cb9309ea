import { nearest } from '../model/nearest.ts';
import type { Whole } from '../model/whole.ts';
import {
  type Baseline,
  type BaselineBooks,
  baselineStatistics,
  baselineValue,
  type Season,
  type Statistic,
  seasons,
  statisticsOf,
} from './baselines.ts';
import { type Matured, type MaturedBooks, maturedOf, maturedValue, maturedValues } from './matured-values.ts';
import { type Measure, measures, ofSums, shown, type WindowCounter } from './measures.ts';

/**
 * Values that sum counters of a campaign over a window of time, and ratios of such sums: `m.MEASURE_WINDOW`; and what
 * they are compared with: `b.MEASURE_WINDOW_STATISTIC` (docs/semantics.md §8.6). Conditions, docs/rules.md and what is
 * worked out go by these names. Pure.
 */

export type Window =
  | { readonly of: 'hours'; readonly count: number }
  | { readonly of: 'days'; readonly count: number }
  | { readonly of: 'today' }
  | { readonly of: 'flight' };

/** Hours that end at as_of; whole local days, the last of them the newest that is over at as_of. */
export const windowHours = [1, 2, 6, 12, 24] as const;
export const windowDaysMax = 31;
/** What is compared with weeks before is of at most so many days; with days before, of one. */
export const baselineDaysMax = 7;

export type WindowValue =
  | { readonly kind: 'window'; readonly measure: Measure; readonly window: Window }
  | ({ readonly kind: 'baseline' } & Baseline)
  | ({ readonly kind: 'matured' } & Matured);

/** What a name asks for; undefined = it names no window. */
export function windowValueOf(name: string): WindowValue | undefined {
  const matured = maturedOf(name, windowDaysMax);
  if (matured !== undefined) return { kind: 'matured', ...matured };
  const [, space, measureName, windowName, tail] = namePattern.exec(name) ?? [];
  const measure = measures.get(measureName ?? '');
  if (measure === undefined) return undefined;
  const window = windowOf(windowName);
  if (window === undefined || !hasWindow(measure, window)) return undefined;
  if (space === 'm') return tail === undefined ? { kind: 'window', measure, window } : undefined;
  const [, infix = '', label = null, statistic] = /^(daily_|peers_(?:by_([a-z0-9]+)_)?)?(.*)$/.exec(tail ?? '') ?? [];
  const season: Season = infix === '' ? 'weekly' : infix === seasons.daily.infix ? 'daily' : 'peers';
  if (!isStatistic(statistic) || !statisticsOf(measure, season).includes(statistic)) return undefined;
  if (window.of !== 'days' && window.of !== 'hours') return undefined;
  if (window.of === 'days' && window.count > (season === 'daily' ? 1 : baselineDaysMax)) return undefined;
  if (window.of === 'hours' && season === 'peers') return undefined;
  return { kind: 'baseline', measure, span: window, season, label, statistic };
}

const namePattern = /^([mb])\.([a-z_]+)_(\d{1,2}[hd]|today|flight)(?:_([a-z0-9_]+))?$/;

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

/** Why a name that looks like a window is none, with what there is; undefined = it does not look like one. */
export function windowHint(name: string): string | undefined {
  const [, space, rest, tail] = /^([mb])\.([a-z_]+?)(_(?:\d+[a-z]+|today|flight)(?:_.*)?)$/.exec(name) ?? [];
  if (rest === undefined) return undefined;
  const measure = measures.get(rest);
  if (Object.hasOwn(maturedValues, rest)) return `m.${rest} has the windows 1d to ${windowDaysMax}d`;
  if (measure === undefined) {
    const longer = [...measures.keys()].find((each) => each.startsWith(`${rest}_`));
    const meant = `${space}.${longer}${tail}`;
    return windowValueOf(meant) === undefined ? undefined : `did you mean "${meant}"?`;
  }
  if (space === 'm') return `m.${rest} has the windows ${windowsOf(measure)}`;
  const near = /_\d+[hd]_/.test(name) ? nearest(name, windowNamesLike(name)) : undefined;
  return near === undefined ? baselinesOf(measure) : `did you mean "${near}"?`;
}

export function windowsOf(measure: Measure): string {
  const days = `1d to ${windowDaysMax}d`;
  if (!measure.isFine) return `${days} and flight`;
  return `${windowHours.map((hours) => `${hours}h`).join(', ')}, today, ${days} and flight`;
}

function baselinesOf(measure: Measure): string {
  const { name, isFine } = measure;
  const hours = isFine ? `${windowHours.map((each) => `${each}h`).join(', ')} and ` : '';
  const windows = `${hours}1d to ${baselineDaysMax}d`;
  const statistics = statisticsOf(measure, 'weekly').join(', ');
  return `b.${name} has the windows ${windows}, each with ${statistics}: b.${name}_1d_median; the days before are b.${name}_1d_daily_median, campaigns of the same advertiser b.${name}_1d_peers_median, those with the same label "tier" b.${name}_1d_peers_by_tier_median`;
}

/** Names as people write them, to look for the nearest: each measure with one window, each statistic of one window. */
export function windowNamesLike(name: string): string[] {
  const [, space, rest, window, tail = ''] =
    /^([mb])\.([a-z_]+?)(_\d+[hd]|_today|_flight)(_[a-z_]+)?$/.exec(name) ?? [];
  if (space === undefined) return [];
  const others = [...measures.keys(), ...Object.keys(maturedValues)].map((each) => `${space}.${each}${window}${tail}`);
  const tails = Object.values(seasons).flatMap(({ infix }) =>
    Object.keys(baselineStatistics).map((each) => `b.${rest}${window}_${infix}${each}`),
  );
  return [...others, ...(space === 'b' ? tails : [])].filter((each) => windowValueOf(each) !== undefined);
}

/** What is asked of a campaign's books, in whole units of the counter; null = there is none. */
export interface WindowBooks extends BaselineBooks, MaturedBooks {
  /** `byDays`: in whole days, also where the counter is kept more finely. */
  sum(counter: WindowCounter, window: Window, byDays: boolean): Whole | null;
}

/** The value, one IEEE division of an exact integer; null = there is none. */
export function workOut(value: WindowValue, books: WindowBooks): number | null {
  if (value.kind === 'baseline') return baselineValue(value, books);
  if (value.kind === 'matured') return maturedValue(value, books);
  return windowOver(value, books);
}

/** The same of a window alone. */
export function windowOver(
  { measure, window }: Extract<WindowValue, { kind: 'window' }>,
  books: Pick<WindowBooks, 'sum'>,
): number | null {
  return shown(
    ofSums(measure, (counter) => books.sum(counter, window, !measure.isFine)),
    measure.scale,
  );
}
