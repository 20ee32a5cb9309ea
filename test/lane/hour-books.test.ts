import { expect, test } from 'vitest';
import { HourBooks, hourCounter, hoursKept } from '../../src/lane/hour-books.ts';

const both = hourCounter.spend | hourCounter.impressions;

test('hours are kept in a ring of four weeks less a day and a half: what nobody kept is not known, and never what was there a month before', () => {
  const hours = new HourBooks(both);
  expect(hours.spendOf(0)).toBeNull();
  for (let hour = 100; hour < 100 + hoursKept; hour++) hours.keep(hour, hour * 10, hour);
  expect([hours.spendOf(99), hours.spendOf(100), hours.impressionsOf(100 + hoursKept - 1)]).toEqual([
    null,
    1_000,
    100 + hoursKept - 1,
  ]);
  // Ten hours went by of which nothing was kept.
  const newest = 110 + hoursKept;
  hours.keep(newest, 5, 6);
  expect([hours.spendOf(110), hours.spendOf(111)]).toEqual([null, 1_110]);
  for (let hour = newest - 10; hour < newest; hour++) expect(hours.spendOf(hour)).toBeNull();
  hours.keep(100, 1, 1);
  expect(hours.spendOf(newest - hoursKept)).toBeNull();
});

test('one counter alone, less than nothing, and more than its place holds', () => {
  const hours = new HourBooks(hourCounter.impressions);
  hours.keep(7, 5, -3);
  expect([hours.spendOf(7), hours.impressionsOf(7)]).toEqual([null, -3]);
  hours.keep(8, 5, -(2 ** 40));
  expect(hours.impressionsOf(8)).toBe(-(2 ** 31) + 1);
  const money = new HourBooks(hourCounter.spend);
  money.keep(7, 2n ** 60n, 0);
  expect(money.spendOf(7)).toBe(Number.MAX_SAFE_INTEGER);
  money.forgetSpend();
  expect(money.spendOf(7)).toBeNull();
});
