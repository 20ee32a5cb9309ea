import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PacingMode, pacingModes } from '../../src/events/event-batch.ts';
import { makeWeightOf } from '../../src/lane/find-weight.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { findZone, type Zone } from '../../src/model/zones.ts';
import { type Change, expectationAt, makeLedger } from '../../src/pacing/flight-ledger.ts';
import { raisedLedger } from '../../src/pacing/rollover.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { testPlan } from '../operators/random-world.ts';
import type { Campaign } from '../oracle/campaign.ts';
import { Flight } from '../oracle/flight.ts';
import { ledgerOf } from '../oracle/pacing.ts';

/** Flights over days of 23, 24 and 25 hours, and over half an hour's change. */
const beginnings = [
  ['America/New_York', Date.UTC(2026, 2, 6)],
  ['America/New_York', Date.UTC(2026, 9, 30)],
  ['Europe/London', Date.UTC(2026, 2, 28)],
  ['Australia/Lord_Howe', Date.UTC(2026, 3, 3)],
  ['Asia/Kolkata', Date.UTC(2026, 5, 1)],
] as const;

const dateOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10);

const drawn = fc.record({
  beginning: fc.constantFrom(...beginnings),
  days: fc.integer({ min: 2, max: 9 }),
  budget: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 9e14 })),
  more: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9e14 })),
  shares: fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 9, maxLength: 9 }).filter((all) => all[0] > 0),
  inside: fc.constantFrom('even' as const, 'traffic' as const),
  instants: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
});
type Drawn = (typeof drawn extends fc.Arbitrary<infer Of> ? Of : never) & { readonly mode: PacingMode };

function planOf({ beginning: [, first], days, shares, inside }: Omit<Drawn, 'mode'>): Plan {
  const day = first / dayMs;
  const pieces = Array.from({ length: days }, (_, at) => ({ from: dateOf(day + at), share: shares[at % 9] }));
  return {
    ...testPlan(1),
    profiles: { busy: Array.from({ length: 168 }, (_, hour) => (hour % 24 < 5 ? 0 : 1 + ((hour * 7) % 13))) },
    dayparts: { office: { active: [{ days: [1, 2, 3, 4, 5, 6, 7], from: 90, to: 18 * 60 + 15 }], zone: null } },
    curves: { pieces: { pieces, until: dateOf(day + days - 1), inside } },
  };
}

/** What is expected at each instant by the engine, and by the oracle. */
function expectations(world: Drawn, instants: readonly number[], start: number, end: number, zone: Zone) {
  const { mode, beginning, days, budget, more } = world;
  const curve = { DAYPARTED: 'office', CUSTOM: 'pieces' }[mode as string] ?? null;
  const plan = planOf(world);
  const startDay = beginning[1] / dayMs;
  const dates = { startDay, endDay: startDay + days - 1, start, end, zone, startsInside: false, endsInside: false };
  const flightChange = { at: start, order: 0, seen: 0, mode, curve, end, rebase: 'ON_PLAN', actual: 0 } as const;
  const changes: Change[] = [
    { kind: 'flight', ...flightChange },
    { kind: 'budget', at: start, order: 1, seen: 0, budget, cap: null, actual: 0 },
  ];
  const ledger = raisedLedger(makeLedger(changes, start, null), { goal: more, limit: 0 });
  const weightOf = makeWeightOf(plan, {}, dates);
  const flight = new Flight('f');
  flight.dates = {
    ...{
      startLocal: startDay,
      endLocal: dates.endDay,
      zone: zone.id,
      s: start,
      e: end,
      fromHour: false,
      toHour: false,
    },
  };
  const said = { effectiveAt: start, seen: 0, actual: 0n } as const;
  flight.changes = [
    { type: 'flight', ...said, order: 0, mode, curve, end, rebase: 'ON_PLAN' },
    { type: 'budget', ...said, order: 1, budget: BigInt(budget), cap: null, limit: null },
  ];
  flight.rolled = { goalIn: BigInt(more), limitIn: 0n, goalOut: 0n, limitOut: 0n, to: '' };
  const oracle = ledgerOf({ id: 'c', statuses: [] } as unknown as Campaign, flight, plan).ledger;
  return instants.map((at) => ({
    engine: BigInt(expectationAt(ledger, at, weightOf).expected ?? -1),
    oracle: oracle.expectedAt(at),
  }));
}

test.each(pacingModes.filter((mode): mode is PacingMode => mode !== 'ASAP'))(
  'what is expected of %s never falls, is the exact fraction as the oracle has it, and ends at the budget to the unit',
  (mode) => {
    fc.assert(
      fc.property(drawn, (said) => {
        const world = { ...said, mode };
        const [zoneId, first] = world.beginning;
        const zone = findZone(zoneId) as Zone;
        const [start, end] = [zone.dayStart(first / dayMs), zone.dayStart(first / dayMs + world.days)];
        const some = world.instants.map((share) => start + Math.floor((end - start) * share));
        const midnights = Array.from({ length: world.days }, (_, at) => zone.dayStart(first / dayMs + at));
        const changeOver = midnights.flatMap((at) => [at + 2 * hourMs, at + 3 * hourMs + 7 * minuteMs]);
        const instants = [start, ...some, ...midnights, ...changeOver, end, end + dayMs].sort((a, b) => a - b);
        const found = expectations(world, instants, start, end, zone);
        const whole = BigInt(world.budget) + BigInt(world.more);
        let before = 0n;
        for (const [at, { engine, oracle }] of found.entries()) {
          const where = `${zoneId} ${new Date(instants[at]).toISOString()}`;
          expect(engine, where).toBe(oracle);
          expect(engine >= before, where).toBe(true);
          before = engine;
        }
        expect(found[0].engine).toBe(0n);
        expect(found.at(-1)?.engine).toBe(whole);
        expect(found.at(-2)?.engine).toBe(whole);
        // Even time needs no weight: the fraction itself.
        if (mode !== 'EVEN') return;
        for (const [at, { engine }] of found.entries()) {
          const passed = BigInt(Math.min(instants[at], end) - start);
          expect(engine).toBe((whole * passed) / BigInt(end - start));
        }
      }),
      { numRuns: 60 },
    );
  },
);
