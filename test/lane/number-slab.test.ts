import { expect, test } from 'vitest';
import { counterAt, DayRow, daySlab, sumAt } from '../../src/lane/day-row.ts';
import { CellsOfALane, cellsOf } from '../operators/one-campaign.ts';

const minuteMs = 60_000;

test('cells that were given back are empty for the campaign that gets them', () => {
  const lane = new CellsOfALane();
  const clock = 30_000 * minuteMs;
  const [first, other, next] = [lane.campaign(), lane.campaign(), lane.campaign()];
  lane.book(first, clock, clock, 7, 5, 3);
  lane.book(other, clock, clock, 2, 0, 1);
  first.forgetCells();
  lane.book(next, clock - 20 * minuteMs, clock, 1, 0, 1);
  lane.book(first, clock, clock, 0, 9, 1);
  expect(cellsOf(next).spend(clock - 30 * minuteMs, clock + 15 * minuteMs)).toBe(1_000);
  expect(cellsOf(next).impressions(clock, clock + 15 * minuteMs)).toBe(0);
  expect(cellsOf(other).spend(clock, clock + 15 * minuteMs)).toBe(2_000);
  expect(cellsOf(first).spend(clock, clock + 15 * minuteMs)).toBe(9);
});

test('what a flight spent is exact beyond the safe integers, and its record goes to the next flight empty', () => {
  const lane = new CellsOfALane();
  const flight = lane.flight('spring');
  const most = Number.MAX_SAFE_INTEGER;
  flight.addSpend(most, most);
  flight.impressions = 4;
  expect(flight.spentNanos).toBe(BigInt(most) * 1_001n);
  flight.addSpend(-most, -most);
  expect(flight.spentNanos).toBe(0);
  flight.release();
  expect(lane.flight('summer').impressions).toBe(0);
});

test('a forgotten day keeps its numbers until its row is written, and then gives them back', () => {
  const slab = daySlab();
  const forgotten = new DayRow(20_000, slab);
  forgotten.addCount(counterAt.clicks, 4);
  forgotten.isDirty = true;
  forgotten.forget();
  const next = new DayRow(20_000, slab);
  next.addCount(counterAt.clicks, 1);
  expect(forgotten.count(counterAt.clicks)).toBe(4);
  forgotten.settle();
  const last = new DayRow(20_001, slab);
  expect(last.count(counterAt.clicks)).toBe(0);
  expect(next.count(counterAt.clicks)).toBe(1);
});

test('the sums of a day are exact beyond the safe integers, and come back to them', () => {
  const day = new DayRow(20_000, daySlab());
  const most = Number.MAX_SAFE_INTEGER;
  day.addMicros(sumAt.spendNanos, most, most);
  expect(day.compactSum(sumAt.spendNanos)).toBe(BigInt(most) * 1_001n);
  expect(day.micros(sumAt.spendNanos)).toBe((BigInt(most) * 1_001n) / 1_000n);
  day.addMicros(sumAt.spendNanos, -most, -most);
  day.add(sumAt.spendNanos, -1);
  expect(day.compactSum(sumAt.spendNanos)).toBe(-1);
  expect(day.micros(sumAt.spendNanos)).toBe(-1);
  expect(day.compactSum(sumAt.revenueByTouch)).toBe(0);
});
