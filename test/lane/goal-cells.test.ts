import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GoalCells } from '../../src/lane/goal-cells.ts';
import { floorTo, hourMs, minuteMs, quarterMs } from '../../src/model/time.ts';

const quartersBehind = 285;
const begin = Date.UTC(2026, 2, 1);

/** Events of some days, as late as they come, each with the clock that met it. */
const events = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 0, max: 2 * hourMs }),
      late: fc.oneof(fc.integer({ min: -2 * minuteMs, max: 10 * minuteMs }), fc.integer({ min: 0, max: 100 * hourMs })),
      amount: fc.oneof(fc.integer({ min: -5, max: 900 }), fc.constant(Number.MAX_SAFE_INTEGER)),
    }),
    { maxLength: 200 },
  )
  .map((all) => {
    let clock = begin;
    return all.map(({ gap, late, amount }) => {
      clock += gap;
      return { at: clock - late, clock, amount };
    });
  });

test('a goal counts what happened in a span to the unit, by quarter-hours and, lately, by minutes', () => {
  fc.assert(
    fc.property(
      events,
      fc.integer({ min: 0, max: 280 }),
      fc.integer({ min: 0, max: 170 }),
      (all, quarters, minutes) => {
        const cells = new GoalCells(begin, quartersBehind);
        for (const { at, amount, clock } of all) cells.add(at, amount, clock);
        const clock = all.at(-1)?.clock ?? begin;
        const to = floorTo(clock, minuteMs) - minutes * minuteMs;
        const from = floorTo(to, quarterMs) - quarters * quarterMs;
        if (from < floorTo(clock, quarterMs) - quartersBehind * quarterMs) return;
        // What came so late that nobody asks for it any more was never kept.
        const isKept = (each: { at: number; clock: number }) =>
          Math.floor(each.at / quarterMs) > Math.floor(each.clock / quarterMs) - (quartersBehind + 3);
        const inside = all.filter((each) => each.at >= from && each.at < to && isKept(each));
        const wanted = inside.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
        expect(BigInt(cells.sum(from, to))).toBe(wanted);
      },
    ),
  );
});

test('what is long ago is forgotten, whatever comes', () => {
  const cells = new GoalCells(begin, quartersBehind);
  for (let minute = 0; minute < 10_000; minute++) cells.add(begin + minute * minuteMs, 1, begin + minute * minuteMs);
  expect(cells.minutes.size).toBeLessThanOrEqual(183);
  expect(cells.quarters.size).toBeLessThanOrEqual(quartersBehind + 4);
});
