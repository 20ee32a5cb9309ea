import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Report, ReportFeed, shareOf } from '../../src/lane/report-feed.ts';
import { ReportBook, share } from '../oracle/reports.ts';

const seed = 20_261_130;
const minute = 60_000;
const instant = fc.integer({ min: 0, max: 120 }).map((n) => n * 5 * minute);
const told = fc.record({
  from: instant,
  length: fc.constantFrom(0, 1, 3, 6, 12, 24, 48).map((n) => n * 5 * minute),
  order: fc.integer({ min: 0, max: 5 }),
  amount: fc.integer({ min: -50, max: 1_000_000 }),
  isTotal: fc.boolean(),
});

test('which reports count is what the plain reading says, report by report', () => {
  fc.assert(
    fc.property(fc.array(told, { maxLength: 40 }), instant, instant, (all, x, y) => {
      const feed = new ReportFeed<number>();
      const book = new ReportBook();
      for (const { from, length, order, amount, isTotal } of all) {
        const report: Report<number> = { from, to: from + length, order: isTotal ? order : Number.NaN, amount };
        const plain = { isTotal, from, to: from + length, order, amounts: new Map([['spend', BigInt(amount)]]) };
        const [verdict, change] = [feed.weigh(report), book.weigh('f', plain)];
        expect(verdict === null).toBe(change === null);
        if (verdict === null || change === null) continue;
        const heard: number[] = [];
        feed.put(report, verdict, (_from, _to, each, sign) => heard.push(sign * each));
        book.apply('f', change);
        const wanted = [
          ...change.left.map((each) => -Number(each.amounts.get('spend'))),
          ...change.joined.map(() => amount),
        ];
        expect(heard.toSorted()).toEqual(wanted.toSorted());
      }
      expect(BigInt(feed.sharesBetween(x, y, (amount) => amount, 1))).toBe(book.sum('spend', x, y));
      expect(feed.all()).toHaveLength(book.all().length);
      const copy = new ReportFeed<number>();
      for (const report of feed.all()) copy.restore(report);
      expect(copy.all()).toEqual(feed.all());
    }),
    { seed, numRuns: 2_000 },
  );
});

test('shares of a span add up to the whole, whatever the cuts', () => {
  fc.assert(
    fc.property(fc.array(instant, { minLength: 2, maxLength: 8 }), fc.integer(), (cuts, amount) => {
      const [first, ...rest] = cuts.toSorted((a, b) => a - b);
      const end = rest.at(-1) as number;
      let from = first;
      let sum = 0n;
      for (const to of rest) {
        sum += BigInt(shareOf(amount, first, end, from, to));
        from = to;
      }
      if (first < end) expect(sum).toBe(BigInt(amount));
      const plain = { isTotal: true, from: first, to: end, order: 0, amounts: new Map([['spend', BigInt(amount)]]) };
      expect(BigInt(shareOf(amount, first, end, cuts[0], cuts[1]))).toBe(share(plain, 'spend', cuts[0], cuts[1]));
    }),
    { seed },
  );
});
