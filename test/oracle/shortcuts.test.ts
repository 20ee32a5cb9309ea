import fc from 'fast-check';
import { expect, test } from 'vitest';
import { askOffset, hourOfWeek, offsetAt } from './civil-time.ts';
import { ItemBook } from './item-book.ts';
import { at } from './story.ts';
import { ask, failed } from './three-valued.ts';
import { TrafficWeight } from './weight.ts';
import { hour, minute, quarter } from './whole-numbers.ts';

/** The oracle's few shortcuts, each against the plain definition it stands for. */
const seed = 20_260_301;
const change = at('2026-03-28T00:00:00');

test('a sum of items is the sum of the items', () => {
  const instant = fc.integer({ min: -5 * hour, max: 30 * hour });
  const items = fc.array(fc.tuple(instant, fc.bigInt({ min: -9n, max: 99n })), { maxLength: 40 });
  fc.assert(
    fc.property(items, instant, instant, (all, from, to) => {
      const book = new ItemBook();
      for (const [when, amount] of all) book.add(when, amount);
      const inside = all.filter(([when]) => when >= from && when < to);
      expect(book.sum(from, to)).toBe(inside.reduce((sum, [, amount]) => sum + amount, 0n));
    }),
    { seed },
  );
});

test('a traffic weight is the sum over quarter-hours, across a change of the clocks', () => {
  const profile = Array.from({ length: 168 }, (_, index) => (index * 7) % 13);
  const slow = (a: number, b: number): bigint => {
    let sum = 0n;
    for (let q = Math.floor(a / quarter) * quarter; q < b; q += quarter) {
      const overlap = Math.min(b, q + quarter) - Math.max(a, q);
      sum += BigInt(profile[hourOfWeek('Europe/Berlin', q)]) * BigInt(Math.max(0, overlap));
    }
    return sum;
  };
  const instant = fc.integer({ min: change, max: change + 60 * hour });
  fc.assert(
    fc.property(instant, instant, fc.bigInt({ min: 1n, max: BigInt(100 * hour) }), (a, b, wanted) => {
      const weight = new TrafficWeight('Europe/Berlin', profile);
      expect(weight.between(a, b)).toBe(slow(a, b));
      const end = a + 20 * hour;
      const u = weight.reach(a, wanted, end);
      if (u === null) expect(slow(a, end - 1) < wanted).toBe(true);
      else expect([slow(a, u) >= wanted, slow(a, u - 1) < wanted, u < end]).toEqual([true, true, true]);
    }),
    { seed },
  );
  expect(hourOfWeek('Europe/Berlin', at('2026-03-29T00:59:00'))).toBe(6 * 24 + 1);
  expect(hourOfWeek('Europe/Berlin', at('2026-03-29T00:59:00') + minute)).toBe(6 * 24 + 3);
});

test('the offset of a quarter-hour is what the formatter says, all year', () => {
  const zones = ['America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca'];
  const differing: string[] = [];
  for (const zone of zones)
    for (let when = at('2026-01-01T00:00'); when < at('2027-01-01T00:00'); when += quarter)
      if (offsetAt(zone, when + minute) !== askOffset(zone, when)) differing.push(`${zone} ${when}`);
  expect(differing).toEqual([]);
});

test('unknown and error go the way of the definition', () => {
  const values = { 'p.x': null, 'p.y': 1, 'p.zero': 0 };
  const unknown = 'p.x > 1.0';
  const error = 'p.y / p.zero > 1.0';
  const cases: [string, unknown][] = [
    [`false && ${unknown}`, false],
    [`${unknown} && false`, false],
    [`true || ${error}`, true],
    [`${error} || true`, true],
    [`true && ${unknown}`, null],
    [`${unknown} && ${error}`, failed],
    [`false || ${unknown}`, null],
    [`!(${unknown})`, null],
    [`${unknown} ? true : true`, null],
    [`p.y > 0.0 ? false : ${error}`, false],
    ['p.x + p.y > 0.0', null],
    ['-p.y < p.zero', true],
  ];
  for (const [condition, answer] of cases) expect(ask(condition, values), condition).toBe(answer);
});
