import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ceilShare, floorShare, minus, plus, times, type Whole, whole } from '../../src/model/whole.ts';

// Numbers and bigints against bigints alone, above all around the places where doubles give up.
const runs = { seed: 20_261_126, numRuns: 20_000 };
const edges = [0n, 1n, 7n, 1_000n, 10_000n, 86_400_000n, 2n ** 50n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 70n];
const magnitude = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: 0n, max: 2n ** 20n }),
  fc.bigInt({ min: 0n, max: 2n ** 41n }),
  fc.bigInt({ min: 0n, max: 2n ** 54n }),
  fc
    .tuple(fc.constantFrom(...edges), fc.bigInt({ min: -3n, max: 3n }))
    .map(([edge, by]) => (edge + by > 0n ? edge + by : 1n)),
);
const integer = fc.tuple(magnitude, fc.boolean()).map(([value, isNegative]) => (isNegative ? -value : value));
const positive = magnitude.filter((value) => value > 0n);

function floor(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

function expectIs(value: Whole, expected: bigint): void {
  expect(value).toBe(whole(expected));
}

test('sums, differences and products are exact, and in their one form', () => {
  fc.assert(
    fc.property(integer, integer, (a, b) => {
      expectIs(plus(whole(a), whole(b)), a + b);
      expectIs(minus(whole(a), whole(b)), a - b);
      expectIs(times(whole(a), whole(b)), a * b);
      expect(whole(a) < whole(b)).toBe(a < b);
    }),
    runs,
  );
});

test('shares are rounded once, of the exact product', () => {
  fc.assert(
    fc.property(integer, integer, positive, (value, part, of) => {
      expectIs(floorShare(whole(value), whole(part), whole(of)), floor(value * part, of));
      expectIs(ceilShare(whole(value), whole(part), whole(of)), -floor(-value * part, of));
    }),
    runs,
  );
});

test('a share next to a whole number is not rounded over it', () => {
  const factor = fc.bigInt({ min: 1n, max: 2n ** 50n });
  fc.assert(
    fc.property(
      factor,
      fc.bigInt({ min: 1n, max: 2n ** 53n - 2n }),
      fc.integer({ min: -1, max: 1 }),
      (of, value, by) => {
        // value · of ± 1 over `of`, as value' · 1 over of where it fits, else by a product one beside.
        const dividend = value * of + BigInt(by);
        expectIs(floorShare(whole(dividend), 1, whole(of)), floor(dividend, of));
        expectIs(floorShare(whole(value), whole(of), whole(of)), value);
        expectIs(floorShare(whole(value), whole(of), whole(of + 1n)), floor(value * of, of + 1n));
      },
    ),
    runs,
  );
});
