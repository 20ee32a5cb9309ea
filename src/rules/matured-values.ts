import { floorShare, plus, times, type Whole } from '../model/whole.ts';
import { shown, type WindowCounter } from './measures.ts';

/**
 * What a window comes to when all conversions of its clicks and views are in: each day's count over the share that is in
 * by then, `m.cpa_adj_7d` (docs/semantics.md §8.6). Pure.
 */
export const maturedValues = {
  conversions_adj: 'Conversions by the day of their click or view, when all of them are in',
  revenue_adj: 'Their revenue, when all of it is in, currency units',
  cpa_adj: 'Spend per such conversion',
  roas_adj: 'Such revenue over spend',
  maturity_pct: 'How much of what will come is in, over all days of the window, %',
} as const;
type MaturedName = keyof typeof maturedValues;

export interface Matured {
  readonly name: MaturedName;
  /** Whole local days, the newest that is over last. */
  readonly days: number;
}

/** How much is in so many days after the click or view: `byDay[n]` of `all`, the last of them for all days that follow. */
export interface LagCurve {
  readonly byDay: readonly Whole[];
  readonly all: Whole;
}

export interface MaturedBooks {
  /** Null = nobody knows how late conversions are. */
  lagCurve(): LagCurve | null;
  /** Of one local day, 0 = the newest that is over. */
  dayBack(counter: WindowCounter, back: number): Whole;
}

/** The value, one IEEE division of an exact integer; days of which less than half is in count for nothing. */
export function maturedValue({ name, days }: Matured, books: MaturedBooks): number | null {
  const curve = books.lagCurve();
  if (curve === null) return null;
  if (name === 'maturity_pct') {
    let sum: Whole = 0;
    for (let back = 0; back < days; back++) sum = plus(sum, shareIn(curve, back));
    return shown(floorShare(sum, 10_000, times(days, curve.all)), 100);
  }
  const isRevenue = name === 'revenue_adj' || name === 'roas_adj';
  const counter = isRevenue ? 'revenue_by_touch' : 'conversions_by_touch';
  let [spend, come, counting]: [Whole, Whole, number] = [0, 0, 0];
  for (let back = 0; back < days; back++) {
    const isIn = shareIn(curve, back);
    if (times(2, isIn) < curve.all) continue;
    counting += 1;
    spend = plus(spend, books.dayBack('spend', back));
    come = plus(come, floorShare(books.dayBack(counter, back), curve.all, isIn));
  }
  if (counting === 0) return null;
  if (name === 'conversions_adj' || name === 'revenue_adj') return shown(come, 1e6);
  const [of, by] = name === 'cpa_adj' ? [spend, come] : [come, spend];
  return by <= 0 ? null : shown(floorShare(of, 1_000_000, by), 1e6);
}

function shareIn({ byDay, all }: LagCurve, back: number): Whole {
  const share = byDay[Math.min(back, byDay.length - 1)];
  return share > all ? all : share;
}

const namePattern = /^m\.([a-z_]+)_([1-9]\d?)d$/;

export function maturedOf(name: string, daysMax: number): Matured | undefined {
  const [, measure = '', days] = namePattern.exec(name) ?? [];
  if (!Object.hasOwn(maturedValues, measure) || Number(days) > daysMax) return undefined;
  return { name: measure as MaturedName, days: Number(days) };
}
