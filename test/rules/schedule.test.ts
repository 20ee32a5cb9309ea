import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { findZone, type Zone } from '../../src/model/zones.ts';
import { readHours } from '../../src/plans/schedule-text.ts';
import { Schedule, type ScheduleWindow } from '../../src/rules/schedule.ts';
import { hasPassed, isInHours } from '../oracle/hours.ts';
import { rule } from '../oracle/story.ts';

function windowsOf(text: string): ScheduleWindow[] {
  const read = readHours(text);
  if (!Array.isArray(read)) throw new Error(`${read.at}: ${read.message}`);
  return read;
}

test.each([
  ['mon-fri', [{ days: [1, 2, 3, 4, 5], from: 0, to: 1_440 }]],
  ['sat,sun 10:00-14:30', [{ days: [6, 7], from: 600, to: 870 }]],
  ['fri-mon', [{ days: [1, 5, 6, 7], from: 0, to: 1_440 }]],
  ['tue', [{ days: [2], from: 0, to: 1_440 }]],
  ['8:00-24:00', [{ days: [1, 2, 3, 4, 5, 6, 7], from: 480, to: 1_440 }]],
  [
    'sun 22:00-06:00',
    [
      { days: [7], from: 1_320, to: 1_440 },
      { days: [1], from: 0, to: 360 },
    ],
  ],
  ['mon 22:00-00:00', [{ days: [1], from: 1_320, to: 1_440 }]],
])('%s are hours', (text, windows) => {
  expect(readHours(text)).toEqual(windows);
});

test.each([
  ['mon-fry', 4, 'unknown day "fry"; did you mean "fri"?'],
  ['weekdays 08:00-20:00', 0, 'unknown day "weekdays"; days are mon, tue, wed, thu, fri, sat, sun'],
  ['mon-fri 8-20', 8, 'must be hours, such as 08:00-20:00'],
  ['mon-fri 08:00-25:00', 14, 'must be an hour of the day, 00:00 to 24:00'],
  ['mon-fri 24:00-08:00', 8, 'must be an hour of the day, 00:00 to 24:00'],
  ['mon-fri 08:60-09:00', 8, 'must be an hour of the day, 00:00 to 24:00'],
  ['08:00-08:00', 0, 'must end at another time than it begins'],
  ['mon-wed-fri', 0, 'must be a day or two, such as mon-fri'],
  ['08:00-20:00 mon', 12, 'must be hours, such as 08:00-20:00'],
  ['mon tue', 4, 'must be hours, such as 08:00-20:00'],
  ['mon fri 08:00-20:00', 0, 'must be days, hours or both, such as mon-fri 08:00-20:00'],
  [' ', 0, 'must be days, hours or both, such as mon-fri 08:00-20:00'],
])('"%s" is refused', (text, at, message) => {
  expect(readHours(text)).toEqual({ at, message });
});

test('the end of an hour is in it, and its beginning is not: what is judged then is what came before', () => {
  const schedule = new Schedule({ active: windowsOf('mon 08:00-20:00'), outside: 'hold', zone: null });
  const utc = findZone('UTC') as Zone;
  const monday = Date.UTC(2026, 2, 2);
  expect([8, 20, 20 + 1 / 60].map((hour) => schedule.isInside(monday + hour * hourMs, utc))).toEqual([
    false,
    true,
    false,
  ]);
});

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Africa/Cairo'];

test('hours are those of every minute of the local clock, on days on which it changes too', () => {
  const window = fc
    .record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      a: fc.nat(1_440),
      b: fc.nat(1_440),
    })
    .filter(({ a, b }) => a !== b)
    .map(({ days, a, b }) => ({ days, from: Math.min(a, b), to: Math.max(a, b) }));
  const drawn = fc.record({
    active: fc.array(window, { minLength: 1, maxLength: 3 }),
    zone: fc.constantFrom(...zones),
    // Around the changes of spring and autumn, and before the epoch.
    from: fc.oneof(
      fc.integer({ min: Date.UTC(2026, 2, 5), max: Date.UTC(2026, 3, 28) }),
      fc.integer({ min: Date.UTC(2026, 9, 1), max: Date.UTC(2026, 10, 3) }),
      fc.integer({ min: -3 * dayMs, max: 3 * dayMs }),
    ),
    length: fc.integer({ min: 0, max: 3 * dayMs }),
    enough: fc.integer({ min: 1, max: 2 * dayMs }),
  });
  fc.assert(
    fc.property(drawn, ({ active, zone, from, length, enough }) => {
      const plan = { active, outside: 'hold' as const, zone: null };
      const schedule = new Schedule(plan);
      const told = rule('r', { schedule: plan });
      const local = findZone(zone) as Zone;
      const to = from + length;
      expect(schedule.isInside(from, local)).toBe(isInHours(told, zone, from));
      const isEnough = schedule.insideMs(from, to, enough, local) >= enough;
      expect(isEnough).toBe(hasPassed(told, zone, from, to, enough));
      const whole = schedule.insideMs(from, to, Number.POSITIVE_INFINITY, local);
      expect(hasPassed(told, zone, from, to, whole)).toBe(true);
      expect(hasPassed(told, zone, from, to, whole + 1)).toBe(false);
    }),
    { seed: 20_261_130, numRuns: 300 },
  );
});

test('a year of hours is counted in no time', () => {
  const schedule = new Schedule({ active: windowsOf('mon-fri 08:00-20:00'), outside: 'hold', zone: 'Europe/Berlin' });
  const from = Date.UTC(2026, 0, 5);
  const inside = schedule.insideMs(from, from + 364 * dayMs, Number.POSITIVE_INFINITY, findZone('UTC') as Zone);
  expect(inside).toBe(52 * 5 * 12 * hourMs);
  expect(schedule.insideMs(from, from + 364 * dayMs, minuteMs, findZone('UTC') as Zone)).toBeGreaterThanOrEqual(
    minuteMs,
  );
});
