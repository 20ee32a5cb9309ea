import { expect, test } from 'vitest';
import { counterAt, DayRow, daySlab, sumAt } from '../../src/operators/day-row.ts';
import { CellSlab, DeliveryCells } from '../../src/operators/delivery-cells.ts';

const minuteMs = 60_000;

test('cells that were given back are empty for the campaign that gets them', () => {
  const slab = new CellSlab();
  const clock = 30_000 * minuteMs;
  const first = new DeliveryCells(slab);
  const other = new DeliveryCells(slab);
  first.book(clock, clock, 7, 5, 3);
  other.book(clock, clock, 2, 0, 1);
  first.release();
  const next = new DeliveryCells(slab);
  next.book(clock - 20 * minuteMs, clock, 1, 0, 1);
  expect(next.spend(clock - 30 * minuteMs, clock + 15 * minuteMs)).toBe(1_000n);
  expect(next.impressions(clock, clock + 15 * minuteMs)).toBe(0);
  expect(other.spend(clock, clock + 15 * minuteMs)).toBe(2_000n);
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
