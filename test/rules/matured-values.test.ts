import { expect, test } from 'vitest';
import { declaredCurve, LagBooks } from '../../src/lane/lag-books.ts';
import { type LagCurve, maturedValue } from '../../src/rules/matured-values.ts';
import type { WindowCounter } from '../../src/rules/measures.ts';
import { windowValueOf } from '../../src/rules/window-values.ts';

/** The newest day first. */
const days: Partial<Record<WindowCounter, readonly number[]>> = {
  spend: [100_000_000, 90_000_000, 80_000_000],
  conversions_by_touch: [2_000_000, 3_000_000, 4_000_000],
  revenue_by_touch: [30_000_000, 70_000_000, 100_000_000],
};

function value(name: string, curve: LagCurve | null): number | null {
  const asked = windowValueOf(name);
  if (asked?.kind !== 'matured') throw new Error(`${name} is none of these`);
  return maturedValue(asked, { lagCurve: () => curve, dayBack: (counter, back) => days[counter]?.[back] ?? 0 });
}

test.each([
  // 2/0.5 + 3/0.8 + 4/1.
  ['m.conversions_adj_3d', 11.75],
  ['m.revenue_adj_3d', 247.5], // 60 + 87.5 + 100.
  ['m.cpa_adj_3d', 22.978723], // 270/11.75.
  ['m.roas_adj_3d', 0.916666], // 247.5/270.
  ['m.maturity_pct_3d', 76.66], // (50 + 80 + 100)/3.
  ['m.cpa_adj_1d', 25],
])('half of a day, 80 %% and all of it is in: %s', (name, hand) => {
  expect(value(name, declaredCurve([5_000, 8_000, 10_000]))).toBe(hand);
});

test('days of which less than half is in count for nothing, and without any nothing is said', () => {
  const slow = declaredCurve([1_000, 4_999, 8_000, 10_000]);
  expect(value('m.conversions_adj_3d', slow)).toBe(5); // 4/0.8 alone.
  expect(value('m.cpa_adj_3d', slow)).toBe(16); // 80/5: the spend of the others is left out, too.
  expect(value('m.conversions_adj_2d', slow)).toBeNull();
  expect(value('m.maturity_pct_2d', slow)).toBe(29.99);
  for (const name of ['m.cpa_adj_3d', 'm.maturity_pct_3d']) expect(value(name, null)).toBeNull();
});

test('a curve is what five weeks of conversions say, thirty of them at least', () => {
  const lags = new LagBooks();
  const monday = 20_514;
  for (let i = 0; i < 20; i++) lags.add(monday, 0, 1_000_000);
  for (let i = 0; i < 9; i++) lags.add(monday, 2, 1_000_000);
  expect(lags.curve()).toBeNull();
  lags.add(monday + 6, 40, 1_000_000);
  const { byDay, all } = lags.curve()!;
  expect([byDay[0], byDay[1], byDay[2], byDay[30], byDay[31], all]).toEqual([20e6, 20e6, 29e6, 29e6, 30e6, 30e6]);
  expect(value('m.conversions_adj_1d', lags.curve())).toBe(3); // 2/(20/30).
  lags.add(monday + 34, 0, 5_000_000);
  expect(lags.curve()!.all).toBe(35e6);
  // Six weeks on, those of the first one are forgotten, and what comes from there is not counted.
  lags.add(monday + 35, 0, 30_000_000);
  lags.add(monday, 0, 1_000_000);
  expect(lags.curve()!.all).toBe(35e6);
});
