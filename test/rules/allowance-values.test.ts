import { expect, test } from 'vitest';
import type { PacingValues } from '../../src/pacing/pacing.ts';
import { allowancesOf, allowanceValue, allowanceValues, firstOfWeek } from '../../src/rules/allowance-values.ts';

const money = { budget: 1_000_000_001, dayBudget: 33_333_333, money: null, terms: { limit: null } } as PacingValues;
const names = Object.keys(allowanceValues) as (keyof typeof allowanceValues)[];
const all = (values: PacingValues, weekSpend: number | null) => {
  const allowances = allowancesOf(
    { week_allowance_bp: 12_500 },
    { week_allowance_bp: 20_000, flight_allowance_bp: 10_500 },
  );
  return Object.fromEntries(names.map((name) => [name, allowanceValue(name, allowances, values, () => weekSpend)]));
};

test('a week is seven booked days times its allowance, a flight its budget times its own; a campaign says otherwise', () => {
  expect(all(money, 300_000_000)).toEqual({
    'p.week_spend': 300,
    'p.week_allowed': 291.666663, // ⌊33.333333 · 7 · 1.25⌋
    'p.week_spent_pct': 128.57,
    'p.week_allowance_pct': 125,
    'p.flight_allowed': 1_050.000001,
    'p.flight_allowance_pct': 105,
  });
});

test('what is not there is absent: a week that is not kept, a day without a budget, a goal that is no money', () => {
  expect(all(money, null)).toMatchObject({
    'p.week_spend': null,
    'p.week_spent_pct': null,
    'p.week_allowed': 291.666663,
  });
  expect(all({ ...money, dayBudget: null }, 1)).toMatchObject({ 'p.week_allowed': null, 'p.week_spent_pct': null });
  expect(all({ ...money, dayBudget: 0 }, 1)).toMatchObject({ 'p.week_allowed': 0, 'p.week_spent_pct': null });
  const clicks = { ...money, money: {}, terms: { limit: 2_000_000 } } as PacingValues;
  expect(all(clicks, 7_000_000)).toMatchObject({ 'p.week_spend': 7, 'p.week_allowed': null, 'p.flight_allowed': 2.1 });
  expect(all({ ...clicks, terms: { limit: null } } as PacingValues, 1)).toMatchObject({ 'p.flight_allowed': null });
});

test('weeks begin on the day that the plan names, before 1970 as after it', () => {
  const friday = Date.UTC(2026, 2, 6) / 86_400_000;
  expect([0, 4, 5, 6].map((starts) => friday - firstOfWeek(friday, starts))).toEqual([4, 0, 6, 5]);
  expect(firstOfWeek(-1, 0)).toBe(-3); // Wednesday, 1969-12-31, and Monday the 29th.
  expect(allowancesOf({ week_starts: 'sunday' }, { week_starts: 'tuesday' }).weekStarts).toBe(6);
  expect(allowancesOf({}, {})).toEqual({ weekBp: 10_000, flightBp: 10_000, weekStarts: 0 });
});
