import { expect, test } from 'vitest';
import type { PastRecord } from '../../src/serving/ports.ts';
import { controlWords } from '../../src/serving/queries/explain/records.ts';

const budget = {
  currency: 'EUR',
  budget_micros: 500_000_000,
  daily_cap_micros: null,
  actor: null,
  goal: 'MONEY',
  goal_units: null,
  goal_daily_cap: null,
};

test.for([
  [{}, 'budget 500.00 EUR'],
  [{ daily_cap_micros: 20_000_000, actor: 'ann' }, 'budget 500.00 EUR, at most 20.00 a day, by ann'],
  [{ goal: 'CLICKS', goal_units: 100_000 }, 'goal 100000 clicks for at most 500.00 EUR'],
  [
    { goal: 'VIEWABLE_IMPRESSIONS', goal_units: 7, budget_micros: 0, goal_daily_cap: 3, actor: 'ann' },
    'goal 7 viewable impressions, at most 3 a day, by ann',
  ],
] as const)('a budget is told in the unit of its goal: %j', ([fields, words]) => {
  const record = { kind: 'budget_changed', fields: { ...budget, ...fields } } as unknown as PastRecord;
  expect(controlWords(record)).toBe(words);
});
