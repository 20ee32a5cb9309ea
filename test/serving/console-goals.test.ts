import { expect, test } from 'vitest';
import { asShown } from '../../src/serving/console/pages/goals.ts';

const money = {
  goal: 'MONEY',
  currency: 'EUR',
  budget_micros: '500000000',
  spend_micros: '90000000',
  goal_total: '500000000',
  goal_delivered: '90000000',
};

test('a flight of money is shown as it is', () => {
  expect(asShown(money)).toBe(money);
});

test.each([
  ['VIEWABLE_IMPRESSIONS', '48', '24', 'viewable impressions', '48000000', '24000000'],
  ['CONVERSIONS', '12000000', '2250000', 'conversions', '12000000', '2250000'],
  // Beyond what a double holds.
  ['CLICKS', '9007199254740993', '1', 'clicks', '9007199254740993000000', '1000000'],
])('of %s people see its own amounts and its unit', (goal, goal_total, goal_delivered, currency, whole, reached) => {
  const told = { ...money, goal, goal_total, goal_delivered };
  expect(asShown(told)).toEqual({ ...told, currency, budget_micros: whole, spend_micros: reached });
});

test('what is not known is not zero', () => {
  expect(asShown({ ...money, goal: 'CLICKS', goal_delivered: null }).spend_micros).toBeNull();
});
