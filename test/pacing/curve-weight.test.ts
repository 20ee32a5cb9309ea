import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayMs } from '../../src/model/time.ts';
import { findZone, type Zone } from '../../src/model/zones.ts';
import { type CurveMode, curveWeight } from '../../src/pacing/curve-weight.ts';
import { type Change, expectationAt, makeLedger } from '../../src/pacing/flight-ledger.ts';

const whole = 1e15;
const modes: readonly CurveMode[] = ['AHEAD', 'FRONT_LOADED'];
const ideal: Readonly<Record<CurveMode, (phi: number) => number>> = {
  AHEAD: (phi) => 1 - (1 - phi) ** 1.2,
  FRONT_LOADED: (phi) => phi + 0.4 * phi * (1 - phi),
};

/** A flight of 1 ms to three years, and instants of it in order. */
const flights = fc
  .tuple(fc.constantFrom(...modes), fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 1, max: 1_100 * dayMs }))
  .chain(([mode, start, length]) =>
    fc
      .array(fc.integer({ min: -1_000, max: length + 1_000 }), { minLength: 3, maxLength: 3 })
      .map((all) => ({ mode, start, end: start + length, at: all.sort((a, b) => a - b).map((each) => start + each) })),
  );

test('weight only grows, adds up, is that of the curve, and is all used at the end', () => {
  fc.assert(
    fc.property(flights, ({ mode, start, end, at: [a, b, c] }) => {
      const { between } = curveWeight(mode, start, end);
      expect(between(start, end)).toBe(whole);
      expect(between(a, b)).toBeGreaterThanOrEqual(0);
      expect(between(a, b) + between(b, c)).toBe(between(a, c));
      const phi = Math.min(1, Math.max(0, (b - start) / (end - start)));
      expect(between(start, b) / whole).toBeCloseTo(ideal[mode](phi), 12);
    }),
  );
});

test('the instant that a weight is reached is the first that has it', () => {
  fc.assert(
    fc.property(flights, fc.double({ min: 0, max: 1, noNaN: true }), ({ mode, start, end, at: [, b] }, share) => {
      const weight = curveWeight(mode, start, end);
      const from = Math.min(Math.max(b, start), end);
      const need = Math.floor(weight.between(from, end) * share);
      const reached = weight.reach(from, need);
      expect(weight.between(from, reached)).toBeGreaterThanOrEqual(need);
      expect(reached === from || weight.between(from, reached - 1) < need).toBe(true);
    }),
  );
});

test.each(modes)(
  '%s expects more with time, and the very budget at the end, through raises and days of 23 and 25 hours',
  (mode) => {
    const zone = findZone('America/New_York') as Zone;
    // From before 8 March to after 1 November 2026, both of which change the clocks.
    const first = Date.UTC(2026, 2, 6) / dayMs;
    const start = zone.dayStart(first);
    const dayCounts = fc.integer({ min: 1, max: 245 });
    const changes = fc.array(
      fc.tuple(fc.double({ min: 0, max: 0.99, noNaN: true }), fc.integer({ min: 0, max: 9e15 })),
      {
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(dayCounts, fc.integer({ min: 0, max: 9e15 }), changes, (days, budget, raises) => {
        const end = zone.dayStart(first + days);
        const flight: Change = {
          kind: 'flight',
          seen: 0,
          at: start,
          order: 0,
          mode,
          curve: null,
          end,
          rebase: 'ON_PLAN',
          actual: 0,
        };
        const steps = raises.toSorted(([one], [other]) => one - other);
        const amounts = [budget];
        for (const [, more] of steps) amounts.push(Math.min(9e15, amounts[amounts.length - 1] + more));
        const budgets = amounts.map((each, order): Change & { kind: 'budget' } => ({
          ...{ kind: 'budget', order: order + 1, seen: 0, actual: 0, cap: null, budget: each },
          at: order === 0 ? start : Math.round(start + steps[order - 1][0] * (end - start)),
        }));
        const ledger = makeLedger([flight, ...budgets], start, null);
        const expected = (at: number) =>
          BigInt(
            expectationAt(ledger, at, (each, _, until) => curveWeight(each as CurveMode, start, until)).expected ?? -1n,
          );
        const instants = Array.from({ length: days + 1 }, (_, day) => zone.dayStart(first + day));
        const values = instants.map(expected);
        for (let day = 1; day <= days; day++) expect(values[day] >= values[day - 1], `day ${day}`).toBe(true);
        expect(values.at(-1)).toBe(BigInt(amounts[amounts.length - 1]));
        expect(expected(end + dayMs)).toBe(values.at(-1));
      }),
      { numRuns: 60 },
    );
  },
);

test('a change in mid-flight leaves an AHEAD flight on its curve over the rest', () => {
  const { between } = curveWeight('AHEAD', 0, 1_000_000);
  const rest = curveWeight('AHEAD', 400_000, 1_000_000);
  for (const at of [400_000, 500_000, 777_777, 999_999])
    expect(between(400_000, at) / between(400_000, 1_000_000)).toBeCloseTo(rest.between(400_000, at) / whole, 11);
});
