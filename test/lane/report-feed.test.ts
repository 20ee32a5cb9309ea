import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { type Report, ReportFeed, shareOf } from '../../src/lane/report-feed.ts';
import { LongReportList, ReportList, reportsTogetherMax } from '../../src/lane/report-list.ts';
import { randomSource } from '../operators/random-world.ts';
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

const day = 24 * 60 * minute;

/** How many entries of arrays were moved meanwhile, and most in one go. */
function countMoves(work: () => void): { all: number; most: number } {
  const moves = { all: 0, most: 0 };
  const { splice } = Array.prototype;
  const counting = function (this: unknown[], ...args: Parameters<typeof splice>) {
    const moved = this.length - args[0];
    moves.all += moved;
    moves.most = Math.max(moves.most, moved);
    return splice.apply(this, args);
  };
  const spy = vi.spyOn(Array.prototype, 'splice').mockImplementation(counting);
  work();
  spy.mockRestore();
  return moves;
}

test.each<[string, (n: number, count: number) => number]>([
  ['forwards', (n) => n],
  ['backwards', (n, count) => count - n],
  ['from both ends', (n, count) => (n % 2 === 0 ? n : 2 * count - n)],
  ['in any order', (n, count) => (n * 7_919) % count],
])('a hundred thousand periods that come %s move a bounded number of others each', (_, placeOf) => {
  const count = 100_003;
  const feed = new ReportFeed<number>();
  const put = (report: Report<number>) => {
    const verdict = feed.weigh(report);
    if (verdict !== null) feed.put(report, verdict, () => {});
  };
  const moves = countMoves(() => {
    for (let n = 0; n < count; n++) {
      const from = placeOf(n, count) * minute;
      put({ from, to: from + minute, order: n, amount: 1 });
    }
  });
  expect(feed.length).toBe(count);
  // Three numbers and an amount of each that is moved.
  expect(moves.most).toBeLessThanOrEqual(3 * (reportsTogetherMax + 1));
  expect(moves.all).toBeLessThan(count * 4 * reportsTogetherMax);
  // What is over is forgotten in one go, and a day takes the place of all its minutes.
  const forgetting = countMoves(() => feed.forgetBefore(10 * day));
  expect(forgetting.all).toBeLessThan(4 * count);
  const left = feed.all();
  expect(left.map(({ from }) => from)).toEqual(left.map(({ from }) => from).toSorted((a, b) => a - b));
  const within = left.filter(({ from }) => from >= 20 * day && from < 21 * day).length;
  expect(within).toBeGreaterThan(700);
  put({ from: 20 * day, to: 21 * day, order: 1, amount: 7 });
  expect(feed.length).toBe(left.length - within + 1);
  expect(feed.sharesBetween(20 * day, 21 * day, (amount) => amount, 1)).toBe(7);
});

test('a long list says what a short one would', () => {
  const random = randomSource(seed);
  const [long, short] = [new LongReportList<number>(new ReportList()), new ReportList<number>()];
  const below = (n: number) => Math.floor(random() * n);
  for (let n = 0; n < 20_000; n++) {
    if (random() < 0.9) {
      const report = { from: below(50_000), to: 0, order: n, amount: n };
      const at = short.firstFrom(report.from);
      expect(long.firstFrom(report.from)).toBe(at);
      for (const list of [long, short]) list.insert(at, report);
    } else {
      const first = below(short.length);
      const last = Math.min(short.length, first + below(random() < 0.02 ? 5_000 : 8));
      for (const list of [long, short]) list.remove(first, last);
    }
    if (n % 500 > 0) continue;
    expect(long.length).toBe(short.length);
    for (let at = 0; at < short.length; at += 1 + below(40))
      expect([long.from(at), long.to(at), long.order(at), long.amount(at)]).toEqual([
        short.from(at),
        short.to(at),
        short.order(at),
        short.amount(at),
      ]);
  }
  for (const list of [long, short]) list.remove(0, list.length);
  expect([long.length, long.firstFrom(3)]).toEqual([0, 0]);
  long.insert(0, { from: 1, to: 2, order: 3, amount: 4 });
  expect(long.amount(0)).toBe(4);
});
