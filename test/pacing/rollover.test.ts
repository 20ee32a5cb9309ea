import fc from 'fast-check';
import { expect, test } from 'vitest';
import { goalUnits, rollovers } from '../../src/events/event-batch.ts';
import { dayMs } from '../../src/model/time.ts';
import { type Change, expectationAt, makeLedger } from '../../src/pacing/flight-ledger.ts';
import { evenWeight } from '../../src/pacing/pacing-weight.ts';
import { nothing, type RollingFlight, raisedLedger, rollOver, withoutRaise } from '../../src/pacing/rollover.ts';

const most = Number.MAX_SAFE_INTEGER;
const amount = fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: most }));

interface Drawn {
  readonly flight: RollingFlight;
  readonly budget: number;
  readonly spent: bigint;
}

const drawnFlights = fc.array(
  fc.record({
    unit: fc.constantFrom(...goalUnits.slice(0, 3)),
    rollover: fc.constantFrom(...rollovers),
    budget: amount,
    limit: fc.option(amount),
    spent: fc.integer({ min: -1_000, max: most }),
    spentByShare: fc.option(fc.integer({ min: 0, max: 1_500 })),
    cost: amount,
    isOver: fc.boolean(),
    to: fc.integer({ min: 0, max: 30 }),
  }),
  { minLength: 1, maxLength: 24 },
);

function flightsOf(drawn: typeof drawnFlights extends fc.Arbitrary<infer Of> ? Of : never): Drawn[] {
  return drawn.map(({ unit, rollover, budget, limit, spent, spentByShare, cost, isOver, to }, at) => {
    const money = unit === 'MONEY' ? null : limit;
    const own = spentByShare === null ? BigInt(spent) : (BigInt(budget) * BigInt(spentByShare)) / 1_000n;
    const left = (of: number, used: bigint) => Number(BigInt(of) - (used < 0n ? 0n : used));
    return {
      budget,
      spent: own,
      flight: {
        ...{ id: `f${at}`, unit, rollover, isOver, hasLimit: money !== null, inherited: nothing },
        to: to > at && to < drawn.length ? `f${to}` : null,
        left: isOver ? { goal: left(budget, own), limit: money === null ? 0 : left(money, BigInt(cost)) } : null,
        room: { goal: most - budget, limit: most - (money ?? 0) },
      },
    };
  });
}

test('budgets with what rolled in, less what rolled out, come to the budgets as they were said, to the micro', () => {
  fc.assert(
    fc.property(drawnFlights, (drawn) => {
      const flights = flightsOf(drawn);
      const rolled = rollOver(flights.map(({ flight }) => flight));
      let [said, now] = [0n, 0n];
      let [limitsIn, limitsOut] = [0n, 0n];
      for (const [at, { flight, budget, spent }] of flights.entries()) {
        const { in: came, out, to } = rolled[at];
        said += BigInt(budget);
        now += BigInt(budget) + BigInt(came.goal) - BigInt(out.goal);
        limitsIn += BigInt(came.limit);
        limitsOut += BigInt(out.limit);
        // No budget leaves what a number holds exactly, nobody gives what it spent, and nobody gives without being asked to.
        expect(Number.isSafeInteger(budget + came.goal)).toBe(true);
        const used = spent < 0n ? 0n : spent;
        if (out.goal > 0) expect(BigInt(budget) + BigInt(came.goal) - used >= BigInt(out.goal)).toBe(true);
        if (flight.rollover === 'NONE' || !flight.isOver) expect(out).toEqual(nothing);
        // What goes, goes to a later flight of the same goal.
        const taker = flights.findIndex(({ flight: { id } }) => id === to);
        expect(to === null).toBe(out.goal === 0 && out.limit === 0);
        if (to !== null) expect([taker > at, flights[taker].flight.unit]).toEqual([true, flight.unit]);
      }
      expect(now).toBe(said);
      expect(limitsIn).toBe(limitsOut);
    }),
    { numRuns: 2_000 },
  );
});

test('what rolls over goes to the next or the last flight of its goal, all of it, and on from there', () => {
  const flight = (id: string, rollover: RollingFlight['rollover'], left: number | null): RollingFlight => ({
    ...{ id, rollover, unit: 'MONEY', isOver: left !== null, hasLimit: false, inherited: nothing, to: null },
    left: left === null ? null : { goal: left, limit: 0 },
    room: { goal: most, limit: most },
  });
  const inAndOut = (flights: RollingFlight[]) =>
    rollOver(flights).map((each) => [each.in.goal, each.out.goal, each.to]);
  expect(
    inAndOut([flight('a', 'NEXT', 10), flight('b', 'LAST', -4), flight('c', 'NONE', 7), flight('d', 'NONE', null)]),
  ).toEqual([
    [0, 10, 'b'],
    [10, 6, 'd'],
    [0, 0, null],
    [6, 0, null],
  ]);
  // Who is over keeps what it has, though another one is the last by now.
  expect(
    inAndOut([{ ...flight('a', 'LAST', 10), to: 'b' }, flight('b', 'NONE', 3), flight('c', 'NONE', null)]),
  ).toEqual([
    [0, 10, 'b'],
    [10, 0, null],
    [0, 0, null],
  ]);
  expect(
    inAndOut([{ ...flight('a', 'LAST', 10), to: 'b' }, flight('b', 'NONE', null), flight('c', 'NONE', null)]),
  ).toEqual([
    [0, 10, 'c'],
    [0, 0, null],
    [10, 0, null],
  ]);
});

test('a ledger with what rolled in expects what one with larger budgets expects, and settles to what was said', () => {
  const start = Date.UTC(2026, 2, 2);
  const changesOf = (budgets: readonly number[], more: number): Change[] => [
    {
      ...{ kind: 'flight', at: start, order: 0, seen: 0, mode: 'EVEN', curve: null, end: start + 20 * dayMs },
      ...{ rebase: 'ON_PLAN', actual: 0 },
    } as Change,
    ...budgets.map(
      (budget, at): Change => ({
        ...{ kind: 'budget', at: start + at * dayMs, order: at + 1, seen: 0, cap: null, actual: 0 },
        budget: budget + more,
      }),
    ),
  ];
  const budgets = fc.array(fc.integer({ min: 0, max: 1e12 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      budgets,
      fc.integer({ min: 0, max: 1e12 }),
      fc.integer({ min: 0, max: 21 * 24 }),
      (said, more, hour) => {
        const raised = raisedLedger(makeLedger(changesOf(said, 0), start, null), { goal: more, limit: 0 });
        const larger = makeLedger(changesOf(said, more), start, null);
        const at = start + (hour * dayMs) / 24;
        expect(expectationAt(raised, at, () => evenWeight)).toEqual(expectationAt(larger, at, () => evenWeight));
        const { terms, segment } = expectationAt(raised, at, () => evenWeight);
        const settled = {
          ...{ start, until: at, order: 9, terms, segment, flightAt: start, statusAt: start },
          budget: { at: start, order: 1, budget: said[0], step: null },
        };
        const own = expectationAt(makeLedger(changesOf(said, 0), start, null), at, () => evenWeight).terms;
        expect(withoutRaise(settled, { goal: more, limit: 0 }).terms).toEqual(own);
      },
    ),
  );
});
