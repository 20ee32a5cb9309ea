import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayMs, hourMs } from '../../src/model/time.ts';
import { findZone, type Zone } from '../../src/model/zones.ts';
import { customWeight, largestRemainders, shareOfPieces } from '../../src/pacing/custom-weight.ts';
import { type Change, expectationAt, makeLedger } from '../../src/pacing/flight-ledger.ts';
import { evenWeight, trafficWeight } from '../../src/pacing/pacing-weight.ts';

const zone = findZone('America/New_York') as Zone;
/** Clocks change on 8 March and on 1 November 2026. */
const first = Date.UTC(2026, 2, 6) / dayMs;
const busy = trafficWeight(
  zone,
  Array.from({ length: 168 }, (_, hour) => (hour % 24 < 6 ? 0 : 1 + ((hour * 7) % 11))),
);

const drawnPieces = fc
  .record({
    lengths: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
    shares: fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 12, maxLength: 12 }),
    inside: fc.constantFrom(evenWeight, busy),
  })
  .filter(({ lengths, shares }) => lengths.some((_, at) => shares[at] > 0))
  .map(({ lengths, shares, inside }) => {
    let day = first;
    const pieces = lengths.map((length, at) => {
      const from = zone.dayStart(day);
      day += length;
      return { from, to: zone.dayStart(day), share: shares[at] };
    });
    return { pieces, inside, days: day - first };
  });

const amounts = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 9e15 }));

test('a budget in pieces never falls, has each piece to the unit of its exact fraction, and ends at the budget', () => {
  fc.assert(
    fc.property(drawnPieces, amounts, ({ pieces, inside, days }, budget) => {
      const weight = customWeight(pieces, inside);
      const [start, end] = [pieces[0].from, pieces[pieces.length - 1].to];
      const changes: Change[] = [
        {
          ...{ kind: 'flight', seen: 0, at: start, order: 0, mode: 'CUSTOM', curve: 'c', end },
          ...{ rebase: 'ON_PLAN', actual: 0 },
        } as Change,
        { kind: 'budget', seen: 0, at: start, order: 1, actual: 0, cap: null, budget },
      ];
      const ledger = makeLedger(changes, start, null);
      const expected = (at: number) => BigInt(expectationAt(ledger, at, () => weight).expected ?? -1n);
      let before = 0n;
      for (let day = 0; day <= days; day++) {
        const value = expected(zone.dayStart(first + day) + 7 * hourMs);
        expect(value >= before, `day ${day}`).toBe(true);
        before = value;
      }
      expect(expected(end)).toBe(BigInt(budget));
      expect(expected(end + dayMs)).toBe(BigInt(budget));
      // Of each piece the exact fraction is budget · share / shares: what it has is that rounded down or up.
      const shares = pieces.reduce((sum, { share }) => sum + BigInt(share), 0n);
      let sum = 0n;
      for (const { from, to, share } of pieces) {
        const has = expected(to) - expected(from);
        const least = (BigInt(budget) * BigInt(share)) / shares;
        const isWhole = (BigInt(budget) * BigInt(share)) % shares === 0n;
        expect(has === least || (!isWhole && has === least + 1n), `${has} of ${share}`).toBe(true);
        sum += has;
      }
      expect(sum).toBe(BigInt(budget));
    }),
    { numRuns: 120 },
  );
});

test('inside of a piece its goal lies as its shape says, to the floor of the exact fraction', () => {
  fc.assert(
    fc.property(
      drawnPieces,
      amounts,
      fc.double({ min: 0, max: 1, noNaN: true }),
      ({ pieces, inside }, budget, place) => {
        const weight = customWeight(pieces, inside);
        const { from, to } = pieces[0];
        const at = from + Math.floor((to - from) * place);
        const goal = BigInt(shareOfPieces(weight, budget, from, to));
        const [part, whole] = [inside.between(from, at), inside.between(from, to)].map(BigInt);
        const found = BigInt(shareOfPieces(weight, budget, from, at));
        // The weight is in steps of one of the piece's own.
        const exact = (goal * part) / whole;
        const step = BigInt(Math.ceil(budget / 1e8)) + 1n;
        expect(found <= exact && found >= exact - step, `${found}, exactly ${exact}`).toBe(true);
      },
    ),
    { numRuns: 120 },
  );
});

test('a weight is reached at the first millisecond that has it, and never before the pieces that are dark', () => {
  fc.assert(
    fc.property(
      drawnPieces,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      ({ pieces, inside }, a, b) => {
        const weight = customWeight(pieces, inside);
        const [start, end] = [pieces[0].from, pieces[pieces.length - 1].to];
        const from = start + Math.floor((end - start - 1) * a);
        const need = Math.floor(weight.between(from, end) * b);
        const at = weight.reach(from, need);
        expect(weight.between(from, at)).toBeGreaterThanOrEqual(need);
        if (at > from) expect(weight.between(from, at - 1)).toBeLessThan(need);
      },
    ),
    { numRuns: 200 },
  );
});

test('units that rounding leaves go to the largest remainders, of equal ones to the first', () => {
  expect(largestRemainders(100, [1, 1, 1])).toEqual([34, 33, 33]);
  expect(largestRemainders(10, [15, 15, 70])).toEqual([2, 1, 7]);
  expect(largestRemainders(7, [0, 5, 2])).toEqual([0, 5, 2]);
  expect(largestRemainders(-1, [1, 1])).toEqual([0, -1]);
});
