import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import { revenueIn } from './book.ts';
import type { Campaign, DayRow } from './campaign.ts';
import { localDay, startOfDay } from './civil-time.ts';
import type { Dates } from './flight.ts';
import { hoursBefore, sumOfHours } from './hour-books.ts';
import { lagCurve, maturedPattern } from './lags.ts';
import { judgedDay, type Pacing } from './pacing.ts';
import { campaignView } from './plans.ts';
import { namesIn } from './three-valued.ts';
import { floorDivide, floorTo, hour, quarter } from './whole-numbers.ts';

/** Windows over counters, and the weeks before them (docs/semantics.md §8.6). */

/** Where an evaluation stands, as far as windows hang on it. */
export interface WindowPlace {
  readonly campaign: Campaign;
  readonly dates: Dates;
  readonly pacing: Pacing;
  readonly daily: boolean;
  /** Only totals are known. */
  readonly lastWord: boolean;
  readonly hasImpressions: boolean;
  /** Of the lane. */
  readonly clock: number;
  /** Of the organization. */
  readonly members: readonly Campaign[];
}

export const delivery = new Set([
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
]);
const counted = new Set([...delivery, 'auction_requests', 'auction_bids', 'auction_wins']);

export const ratios: Readonly<Record<string, readonly [of: string, by: readonly string[], factor: bigint]>> = {
  ctr_pct: ['clicks', ['impressions'], 100_000_000n],
  ivt_pct: ['invalid_impressions', ['impressions', 'invalid_impressions'], 100_000_000n],
  invalid_clicks_pct: ['invalid_clicks', ['clicks', 'invalid_clicks'], 100_000_000n],
  viewable_pct: ['viewable_impressions', ['measurable_impressions'], 100_000_000n],
  vcr_pct: ['video_completes', ['video_starts'], 100_000_000n],
  win_rate_pct: ['auction_wins', ['auction_bids'], 100_000_000n],
  cvr_pct: ['conversions', ['clicks'], 100n],
  cpm: ['spend', ['impressions'], 1_000n],
  cpc: ['spend', ['clicks'], 1n],
  cpcv: ['spend', ['video_completes'], 1n],
  cpa: ['spend', ['conversions'], 1_000_000n],
  cpa_by_touch: ['spend', ['conversions_by_touch'], 1_000_000n],
  roas: ['revenue', ['spend'], 1_000_000n],
  roas_by_touch: ['revenue_by_touch', ['spend'], 1_000_000n],
};

const asked = new WeakMap<Plan, readonly string[]>();

/** The names that rules about flights read and that §8.2 does not list. */
export function namesAsked(plan: Plan): readonly string[] {
  let names = asked.get(plan);
  if (names === undefined) {
    names = [...new Set(plan.rules.flatMap(namesOf))].filter(
      (name) =>
        isWindow(name) ||
        maturedPattern.test(name) ||
        /^[ec]\.|^p\.(goal|limit|unseen_spend$|money_at_risk$)/.test(name),
    );
    asked.set(plan, names);
  }
  return names;
}

/** What a rule about flights names. */
export function namesOf(rule: RulePlan): string[] {
  return rule.scope === 'flight' || rule.scope === 'ended' ? namesNamed(rule) : [];
}

/** What a rule names in its conditions and its summary. */
export function namesNamed({ guard, warning, critical, summary, annotations = {} }: RulePlan): string[] {
  const conditions = [guard, warning?.when, warning?.clear, critical?.when, critical?.clear];
  const texts = [summary, ...Object.values(annotations)].join(' ');
  const places = [...texts.matchAll(/\{\{\s*([A-Za-z._0-9:-]+)\s*\}\}/g)].map(([, name]) => name);
  return [...conditions.flatMap((each) => (each ? namesIn(each) : [])), ...places];
}

/** Every window that the rules of the plan name; other names are left out. */
export function windowValues(plan: Plan, place: WindowPlace): Record<string, number | null> {
  const values: Record<string, number | null> = {};
  for (const name of namesAsked(plan)) {
    const [, what, days] = maturedPattern.exec(name) ?? [];
    if (what !== undefined) values[name] = place.lastWord ? null : matured(plan, place, what, Number(days));
  }
  for (const name of namesAsked(plan).filter(isWindow)) {
    const [, space, measure, window, statistic] = pattern.exec(name) as RegExpExecArray;
    const sums = new Sums(place);
    if (place.lastWord) values[name] = null;
    else if (space === 'm') values[name] = over(sums.measure(measure, window), unitOf(measure));
    else
      values[name] = statistic.startsWith('peers_')
        ? againstPeers(plan, place, measure, window, statistic.slice('peers_'.length))
        : baseline(sums, measure, window, statistic);
  }
  return values;
}

export const pattern = /^([mb])\.([a-z_]+)_(\d+[dh]|today|flight)(?:_([a-z0-9_]+))?$/;

export function isWindow(name: string): boolean {
  const [, , measure] = pattern.exec(name) ?? [];
  return measure !== undefined && (measure in ratios || isCounter(measure));
}

function isCounter(name: string): boolean {
  return counted.has(name) || /^(spend|adjustments|(conversions|revenue)(_by_touch)?)$/.test(name);
}

export function unitOf(measure: string): number {
  return counted.has(measure) ? 1 : 1e6;
}

function over(value: bigint | null, unit: number): number | null {
  return value === null ? null : Number(value) / unit;
}

/** What is there of a window when all its conversions are in. */
function matured(plan: Plan, place: WindowPlace, what: string, days: number): number | null {
  const curve = lagCurve(place.campaign, plan);
  if (curve === null) return null;
  const backs = Array.from({ length: days }, (_, back) => back);
  if (what === 'maturity_pct') {
    const sum = backs.reduce((all, back) => all + curve.at(back), 0n);
    return Number(floorDivide(10_000n * sum, BigInt(days) * curve.all)) / 100;
  }
  const ripe = backs.filter((back) => 2n * curve.at(back) >= curve.all);
  if (ripe.length === 0) return null;
  const sums = new Sums(place);
  const counter = what === 'revenue_adj' || what === 'roas_adj' ? 'revenue_by_touch' : 'conversions_by_touch';
  const spend = ripe.reduce((all, back) => all + sums.sumOfDay('spend', back), 0n);
  const come = ripe.reduce(
    (all, back) => all + floorDivide(sums.sumOfDay(counter, back) * curve.all, curve.at(back)),
    0n,
  );
  if (what === 'conversions_adj' || what === 'revenue_adj') return Number(come) / 1e6;
  const [of, by] = what === 'cpa_adj' ? [spend, come] : [come, spend];
  return by <= 0n ? null : Number(floorDivide(of * 1_000_000n, by)) / 1e6;
}

class Sums {
  readonly #at: WindowPlace;
  readonly #last: number;

  constructor(at: WindowPlace) {
    this.#at = at;
    this.#last = localDay(at.pacing.zone, at.pacing.a) - 1;
  }

  /** In whole units. */
  measure(name: string, window: string): bigint | null {
    const isFine = ['spend', 'impressions', 'cpm'].includes(name);
    return this.#ratio(name, (counter) => this.#counter(counter, window, isFine));
  }

  ratioOf(name: string, sumOf: (counter: string) => bigint | null): bigint | null {
    return this.#ratio(name, sumOf);
  }

  sumOfDay(counter: string, back: number): bigint {
    return this.#days(counter, this.#last - back, this.#last - back) ?? 0n;
  }

  /** So many local days before the newest window that is over, which is 0 of them; null = that does not count. */
  at(name: string, window: string, back: number): bigint | null {
    return this.#ratio(name, (counter) => this.sumAt(counter, window, back));
  }

  sumAt(counter: string, window: string, back: number): bigint | null {
    const count = Number.parseInt(window, 10);
    if (window.endsWith('d')) {
      const last = this.#last - back;
      if (back > 0 && !this.#wasThere(last - count + 1)) return null;
      return this.#days(counter, last - count + 1, last);
    }
    const { daily, campaign, clock, pacing, hasImpressions } = this.#at;
    if (daily || (delivery.has(counter) && !hasImpressions)) return null;
    const from = hoursBefore(pacing.zone, pacing.a, count, back);
    if (back > 0 && !this.#wasThere(localDay(pacing.zone, from))) return null;
    return sumOfHours(campaign, counter as 'spend' | 'impressions', { from, count, clock });
  }

  #wasThere(first: number): boolean {
    return Array.from({ length: 8 }, (_, back) => first - back).some((date) => this.#row(date) !== undefined);
  }

  /** Of sums over several windows, each as often as its weight says. */
  together(name: string, window: string, all: readonly number[], weights = all.map(() => 1n)): bigint | null {
    return this.#ratio(name, (counter) => this.sumOf(counter, window, all, weights));
  }

  sumOf(
    counter: string,
    window: string,
    all: readonly number[],
    weights: readonly bigint[] = all.map(() => 1n),
  ): bigint | null {
    const sums = all.map((back) => this.sumAt(counter, window, back));
    if (sums.includes(null)) return null;
    return (sums as bigint[]).reduce((sum, each, index) => sum + weights[index] * each, 0n);
  }

  #ratio(name: string, sumOf: (counter: string) => bigint | null): bigint | null {
    if (!(name in ratios)) return sumOf(name);
    const [of, by, factor] = ratios[name];
    const sums = [of, ...by].map(sumOf);
    if (sums.includes(null)) return null;
    const [part, ...whole] = sums as bigint[];
    const divisor = whole.reduce((sum, each) => sum + each, 0n);
    return divisor <= 0n ? null : floorDivide(part * factor, divisor);
  }

  #counter(counter: string, window: string, isFine: boolean): bigint | null {
    const { pacing, daily, campaign, dates, hasImpressions } = this.#at;
    const count = Number.parseInt(window, 10);
    if (window.endsWith('d')) return this.#days(counter, this.#last - count + 1, this.#last);
    if (!isFine) return this.#days(counter, dates.startLocal, Math.min(dates.endLocal, this.#last));
    if (delivery.has(counter) && !hasImpressions) return null;
    if (window === 'flight') return counter === 'spend' ? (pacing.cost ?? pacing).spend : pacing.impressions;
    const { a, zone } = pacing;
    if (window === 'today') {
      if (counter === 'spend') return (pacing.cost ?? pacing).daySpend;
      const today = judgedDay(pacing, a);
      if (!daily) return campaign.impressions.sum(startOfDay(zone, today), a);
      return startOfDay(zone, today) < a ? this.#days(counter, today, today) : 0n;
    }
    if (daily) return null;
    const from = floorTo(a - count * hour, quarter);
    return counter === 'spend' ? floorDivide(campaign.spend.sum(from, a), 1_000n) : campaign.impressions.sum(from, a);
  }

  #row(date: number): DayRow | undefined {
    const { campaign } = this.#at;
    return campaign.isGone(date) ? undefined : campaign.days.get(date);
  }

  #days(counter: string, first: number, last: number): bigint | null {
    if (delivery.has(counter) && !this.#at.hasImpressions) return null;
    let sum = 0n;
    for (let date = first; date <= last; date++) {
      const row = this.#row(date);
      if (row !== undefined) sum += columnOf(row, counter);
    }
    return counter === 'spend' || counter === 'adjustments' ? floorDivide(sum, 1_000n) : sum;
  }
}

export function columnOf(row: DayRow, counter: string): bigint {
  if (counter === 'spend') return row.spendNanos;
  if (counter === 'adjustments') return row.adjustmentNanos;
  if (counted.has(counter)) return row.counts.get(counter) ?? 0n;
  const column = counter.endsWith('_by_touch') ? counter : `${counter}_by_conversion`;
  if (counter.startsWith('conversions')) return row.counts.get(column) ?? 0n;
  return row.counts.get(revenueIn(`${column}_micros`, row.currency)) ?? 0n;
}

function baseline(sums: Sums, measure: string, window: string, asked: string): number | null {
  const isDaily = asked.startsWith('daily_');
  const statistic = isDaily ? asked.slice('daily_'.length) : asked;
  const backs = isDaily ? [1, 2, 3, 4, 5, 6, 7] : [7, 14, 21, 28];
  const unit = unitOf(measure);
  const now = sums.at(measure, window, 0);
  if (statistic === 'now') return over(now, unit);
  if (statistic.startsWith('prev_')) return over(sums.at(measure, window, backs[0]), unit);
  const counting = backs.filter((back) => sums.at(measure, window, back) !== null);
  const values = counting.map((back) => sums.at(measure, window, back) as bigint);
  const own = counting.map((back) =>
    statistic === 'ewma' ? 2n ** BigInt(backs.length - 1 - backs.indexOf(back)) : 1n,
  );
  const total = (of: string) => sums.together(of, window, counting, own);
  return statisticOf(sums, { measure, window, statistic, now, values, own, total });
}

/** The organization's other campaigns that are alike by advertiser or label, by id. */
function againstPeers(plan: Plan, place: WindowPlace, measure: string, window: string, asked: string): number | null {
  const [, label, statistic] = /^(?:by_([a-z0-9]+)_)?(.*)$/.exec(asked) as RegExpExecArray;
  const groupOf = ({ id }: Campaign) => {
    const { advertiser, labels } = campaignView(plan, id);
    if (label === undefined) return advertiser;
    return Object.hasOwn(labels, label) ? labels[label] : undefined;
  };
  const { campaign } = place;
  const group = groupOf(campaign);
  const count = Number.parseInt(window, 10);
  const last = localDay(place.pacing.zone, place.pacing.a) - 1;
  const peers = place.members
    .filter((each) => group !== undefined && each.id !== campaign.id && groupOf(each) === group)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, 64)
    .filter((each) => each.currency === campaign.currency)
    .filter((each) =>
      Array.from({ length: 8 }, (_, back) => last - count + 1 - back).some(
        (date) => !each.isGone(date) && each.days.has(date),
      ),
    )
    .map((each) => new Sums({ ...place, campaign: each, hasImpressions: true }));
  const counting = peers.filter((each) => each.at(measure, window, 0) !== null);
  const values = counting.map((each) => each.at(measure, window, 0) as bigint);
  const sums = new Sums(place);
  const total = (of: string) =>
    sums.ratioOf(of, (counter) => counting.reduce((sum, each) => sum + (each.sumAt(counter, window, 0) as bigint), 0n));
  const now = sums.at(measure, window, 0);
  if (statistic === 'now') return over(now, unitOf(measure));
  if (statistic === 'n') return values.length;
  return statisticOf(sums, { measure, window, statistic, now, values, own: values.map(() => 1n), total });
}

interface Compared {
  readonly measure: string;
  readonly window: string;
  readonly statistic: string;
  readonly now: bigint | null;
  /** Those that count. */
  readonly values: readonly bigint[];
  /** What each weighs. */
  readonly own: readonly bigint[];
  /** A measure, or a counter, of them together. */
  total(of: string): bigint | null;
}

function statisticOf(
  sums: Sums,
  { measure, window, statistic, now, values, own, total: together }: Compared,
): number | null {
  const unit = unitOf(measure);
  const n = values.length;
  if (statistic === 'n') return n;
  if (n < 3) return null;
  if (statistic === 'mean' || statistic === 'ewma') {
    const total = together(measure);
    const divisor = own.reduce((sum, each) => sum + each);
    return over(measure in ratios ? total : floorDivide(total as bigint, divisor), unit);
  }
  if (statistic === 'expected' || statistic === 'z') return share(sums, measure, window, together, statistic);
  const middle = middleOf(values);
  if (statistic === 'median') return over(middle, unit);
  const distances = values.map((value) => (value < middle ? middle - value : value - middle));
  const mad = middleOf(distances);
  if (statistic === 'mad') return over(mad, unit);
  if (now === null) return null;
  if (statistic === 'ratio') return middle <= 0n ? null : over(floorDivide(10_000n * now, middle), 10_000);
  const x = now - middle;
  if (mad > 0n) return over(floorDivide(6_745n * x, 100n * mad), 100);
  const all = distances.reduce((sum, each) => sum + each, 0n);
  if (all > 0n) return over(floorDivide(100_000_000n * BigInt(n) * x, 1_253_314n * all), 100);
  return x === 0n ? 0 : null;
}

/** Of a share in per cent: how many there should be, or how far the two proportions are apart. */
function share(
  sums: Sums,
  measure: string,
  window: string,
  together: (counter: string) => bigint | null,
  statistic: 'expected' | 'z',
): number | null {
  const [of, by] = ratios[measure];
  const [x1, ...parts1] = [of, ...by].map((counter) => sums.sumAt(counter, window, 0));
  const [x2, ...parts2] = [of, ...by].map((counter) => together(counter));
  if (x1 === null || x2 === null || parts1.includes(null) || parts2.includes(null)) return null;
  const n1 = (parts1 as bigint[]).reduce((sum, each) => sum + each);
  const n2 = (parts2 as bigint[]).reduce((sum, each) => sum + each);
  if (n1 <= 0n || n2 <= 0n) return null;
  const unit = unitOf(of);
  if (statistic === 'expected') return over(floorDivide(n1 * x2, n2), unit);
  const successes = x1 + x2;
  const failures = BigInt(unit) * (n1 + n2) - successes;
  if (successes <= 0n || failures <= 0n) return null;
  const apart = x1 * n2 - x2 * n1;
  const square = floorDivide(10_000n * apart * apart * (n1 + n2), n1 * n2 * successes * failures);
  let root = BigInt(Math.floor(Math.sqrt(Number(square))));
  while (root * root > square) root -= 1n;
  while ((root + 1n) * (root + 1n) <= square) root += 1n;
  return Number(apart < 0n && root > 0n ? -root : root) / 100;
}

function middleOf(values: readonly bigint[]): bigint {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : floorDivide(sorted[half - 1] + sorted[half], 2n);
}
