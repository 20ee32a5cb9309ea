import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GoalUnit, goalUnits } from '../../src/events/event-batch.ts';
import { dayMs, hourMs } from '../../src/model/time.ts';
import { utc } from '../../src/model/zones.ts';
import { type Change, makeLedger } from '../../src/pacing/flight-ledger.ts';
import { type FlightBooks, type PacingValues, paceFlight } from '../../src/pacing/pacing.ts';
import { evenWeight } from '../../src/pacing/pacing-weight.ts';

const start = Date.UTC(2026, 2, 2);

interface World {
  readonly days: number;
  readonly total: number;
  readonly cap: number | null;
  readonly limit: number | null;
  /** Of the goal, and of money, an hour. */
  readonly reached: readonly number[];
  readonly spent: readonly number[];
}

const amount = fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 9e12 }));
const worlds = fc.record<World>({
  days: fc.integer({ min: 1, max: 40 }),
  total: amount,
  cap: fc.option(amount),
  limit: fc.option(fc.integer({ min: 1, max: 9e12 })),
  reached: fc.array(amount, { minLength: 1, maxLength: 200 }),
  spent: fc.array(amount, { minLength: 1, maxLength: 200 }),
});
const hours = fc.integer({ min: -5, max: 45 * 24 });

function booksOf(unit: GoalUnit, { days, total, cap, limit, reached, spent }: World, until: number): FlightBooks {
  const end = start + days * dayMs;
  const changes: Change[] = [
    { kind: 'flight', at: start, order: 0, seen: 0, mode: 'EVEN', curve: null, end, rebase: 'ON_PLAN', actual: 0 },
    {
      ...{ kind: 'budget', at: start, order: 1, seen: 0, budget: total, cap, actual: 0 },
      ...(limit === null || unit === 'MONEY' ? {} : { limit }),
    },
  ];
  const sum = (of: readonly number[], from: number, to: number) => {
    let found = 0n;
    for (const [hour, each] of of.entries()) {
      const at = start + hour * hourMs;
      if (at >= from && at < to && at < until) found += BigInt(each);
    }
    return Number(found);
  };
  return {
    unit,
    start,
    end,
    zone: utc,
    ledger: makeLedger(changes, start, null),
    statuses: [],
    previousStatus: null,
    dayAllowanceBp: 10_000,
    isDaily: false,
    goalBetween: (from, to) => sum(reached, from, to),
    goalBefore: (at) => sum(reached, start, Math.min(at, end)),
    spendBetween: (from, to) => sum(spent, from, to),
    spentBefore: (at) => sum(spent, start, Math.min(at, end)),
    impressionsBetween: () => 0,
    impressionsBefore: () => 0,
    weightOf: () => evenWeight,
  };
}

/** All but what only a goal of money, or none of it, has. */
function common({ unit: _, money: __, terms: ___, ...values }: PacingValues) {
  return values;
}

test('the same amounts are paced the same, whatever they count', () => {
  const units = goalUnits.filter((unit) => unit !== 'MONEY' && unit !== 'CONVERSIONS');
  fc.assert(
    fc.property(worlds, hours, fc.constantFrom(...units), (world, hour, unit) => {
      const free = { ...world, limit: null };
      const at = start + hour * hourMs;
      const ofMoney = paceFlight(booksOf('MONEY', free, at), at);
      const ofUnits = paceFlight(booksOf(unit, free, at), at);
      expect(common(ofUnits)).toEqual(common(ofMoney));
      expect(ofMoney.money).toBeNull();
    }),
  );
});

test('money beside a goal is that of a flight of money with the limit for a budget', () => {
  fc.assert(
    fc.property(worlds, hours, (world, hour) => {
      const at = start + hour * hourMs;
      const { money, status } = paceFlight(booksOf('CLICKS', world, at), at);
      const { limit } = world;
      const asBudget = { ...world, total: limit ?? 0, cap: null, reached: world.spent };
      const alone = paceFlight(booksOf('MONEY', asBudget, at), at);
      expect(money).toMatchObject({
        spend: alone.spend,
        projected: alone.projected,
        runRatePerDay: alone.runRatePerDay,
        daySpend: alone.daySpend,
        spend2h: alone.spend2h,
        limitReachedAt: limit === null ? null : alone.exhaustionAt,
      });
      const isOver = at >= start + world.days * dayMs || at < start;
      if (limit !== null && alone.spend >= limit && !isOver)
        expect(['exhausted', 'overspent_after_cut']).toContain(status);
    }),
  );
});

test('half a conversion is no ground for a verdict', () => {
  const world = { days: 10, total: 2_000_000, cap: null, limit: null, reached: [0], spent: [0] };
  const at = start + 4 * dayMs;
  const values = paceFlight(booksOf('CONVERSIONS', world, at), at);
  expect(values).toMatchObject({ expected: 800_000, osiBp: null, status: 'warming_up' });
  const later = start + 5 * dayMs;
  expect(paceFlight(booksOf('CONVERSIONS', world, later), later)).toMatchObject({
    osiBp: 0,
    status: 'severely_behind',
  });
});
