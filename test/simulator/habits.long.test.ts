import { expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { findZone, utc } from '../../src/model/zones.ts';
import { flightSpan, makeWorld, type WorldOptions } from '../../src/simulator/make-world.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import type { RecordAppender } from '../../src/simulator/produce-records.ts';
import { RecordProducer } from '../../src/simulator/produce-records.ts';
import { simulateWorld } from '../../src/simulator/simulate-world.ts';
import { feedHabits, type World } from '../../src/simulator/world.ts';
import { askOffset } from '../oracle/civil-time.ts';
import { compareTables } from '../oracle/compare.ts';
import type { LogRecord } from '../oracle/events.ts';
import { foldLog } from '../oracle/fold.ts';
import { options } from '../oracle/story.ts';
import { shippedRules } from '../rules/healthy/shipped-rules.ts';
import { runScenario } from '../scenarios/run-scenario.ts';

const small = { days: 2, campaigns: 6, organizations: 6, partitions: 1, impressionsPerDay: 600 };

/** A simulated world as JSON records of its only partition. */
function logOf(world: World): LogRecord[] {
  const records: LogRecord[] = [];
  const log: RecordAppender = {
    partitions: 1,
    bufferedBytes: 0,
    add: (_, logTimeMs, key, value) =>
      records.push({ topic: eventsTopic, partition: 0, offset: records.length, logTimeMs, key, value }) - 1,
    flush: async () => {},
  };
  const producer = new RecordProducer(log, makeEventCodec('jsonl').encoder);
  for (const record of simulateWorld(world, plansOfWorld(world, { rules: shippedRules(), evaluateEveryMs: hourMs })))
    producer.add(record);
  return records;
}

function expectExact({ faults, ...rest }: World, about: string) {
  // A schema that is asked for, and megabytes, are tried elsewhere.
  const world = { ...rest, faults: faults.filter(({ kind }) => kind !== 'unknown_schema' && kind !== 'oversized') };
  const log = logOf(world);
  const expected = foldLog(log, options);
  const engine = runScenario(log, { batch: () => 200, commits: () => true, crashes: () => false });
  expect(compareTables(expected, engine, { show: 5, anyDecoderReason: true }), about).toEqual([]);
  return { expected, log };
}

const seeds = Array.from({ length: 12 }, (_, seed) => 300 + seed);

test('worlds of several seeds have feeds of every habit, alone and two on a budget, apps, retries and late conversions', () => {
  const organizations = seeds.flatMap((seed) => makeWorld({ ...small, seed }).organizations);
  const habits = organizations.flatMap(({ feeds }) => feeds.map(({ habit }) => habit));
  for (const habit of feedHabits) expect(habits, habit).toContain(habit);
  expect(organizations.some(({ feeds }) => feeds.length === 2)).toBe(true);
  expect(organizations.some(({ app }) => app !== null)).toBe(true);
  expect(organizations.some((each) => each.retries_late)).toBe(true);
  expect(organizations.some((each) => each.converts_late)).toBe(true);
});

test.each(seeds)(
  'what feeds of every habit report is booked as the oracle does, and contradicts nothing (seed %i)',
  (seed) => {
    const world = makeWorld({ ...small, seed });
    const { expected } = expectExact(world, `seed ${seed}`);
    const reasons = new Set(expected.dead_letters.map(({ reason }) => reason));
    expect(reasons).not.toContain('overlapping_report');
    const fed = world.campaigns.filter(({ spend_from, pace }) => spend_from === 'feed' && pace > 0);
    for (const { org_id, campaign_id, start_ms } of fed) {
      if (start_ms > world.startMs) continue;
      const snapshots = expected.pacing_snapshots.filter(
        (row) => row.org_id === org_id && row.campaign_id === campaign_id && row.spend_micros !== null,
      );
      expect(snapshots.length, `${org_id}/${campaign_id} is judged, seed ${seed}`).toBeGreaterThan(0);
    }
  },
);

test('a day so far grows, a final day takes the place of its hours, and a restated one that of the final day', () => {
  for (const habit of ['day_so_far', 'hours_then_day', 'days', 'days_late'] as const) {
    const base = makeWorld({ ...small, days: 5, seed: 1, zones: ['America/New_York'] });
    const [organization] = base.organizations;
    const feed = { source: 'social-feed', habit, lag_ms: habit === 'days_late' ? 52 * hourMs : hourMs, share: 1 };
    const world: World = { ...base, organizations: [{ ...organization, feeds: [feed] }], faults: [] };
    const campaign = base.campaigns.find(({ org_id }) => org_id === organization.org_id);
    if (campaign === undefined) throw new Error('the world has a campaign');
    const today = Math.floor(base.startMs / dayMs);
    const span = flightSpan(findZone('America/New_York') ?? utc, today - 5, today + 9);
    const running = { ...span, pace: 1, zone: 'America/New_York', daily_cap_micros: null, mode: 'EVEN' as const };
    const told = { ...campaign, ...running, spend_from: 'feed' as const, is_counted_by_feed: true };
    const periods = new Map<string, number[]>();
    for (const { value } of logOf({ ...world, campaigns: [told] })) {
      const event = JSON.parse(
        Buffer.from(value ?? [])
          .toString('latin1')
          .startsWith('{')
          ? Buffer.from(value ?? []).toString()
          : '{}',
      );
      if (event.type !== 'performance_report') continue;
      const period = `${event.period_start} ${event.period_end}`;
      periods.set(period, [...(periods.get(period) ?? []), event.spend_micros]);
    }
    const days = [...periods].filter(([period]) => {
      const [from, to] = period.split(' ').map(Number);
      return to - from >= 23 * hourMs;
    });
    const most = Math.max(...days.map(([, amounts]) => amounts.length));
    expect(days.length, habit).toBeGreaterThan(1);
    expect(most, habit).toBeGreaterThan(habit === 'day_so_far' ? 20 : 1);
    if (habit === 'hours_then_day') expect(periods.size).toBeGreaterThan(days.length + 24);
  }
});

/** Every change of a clock in a year, one zone for each: instant, and how far the clock jumps. */
function changesOf(year: number): { zone: string; at: number }[] {
  const changes = new Map<string, { zone: string; at: number }>();
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += dayMs) {
      const before = askOffset(zone, day);
      const after = askOffset(zone, day + dayMs);
      if (before === after) continue;
      let [low, high] = [day, day + dayMs];
      while (high - low > minuteMs) {
        const middle = low + Math.floor((high - low) / 2 / minuteMs) * minuteMs;
        if (askOffset(zone, middle) === before) low = middle;
        else high = middle;
      }
      changes.set(`${high} ${before} ${after}`, { zone, at: high });
    }
  }
  return [...changes.values()];
}

test('every change of every clock of a year is met, as the oracle does', () => {
  const changes = changesOf(2026);
  expect(changes.length).toBeGreaterThan(20);
  for (const [index, { zone, at }] of changes.entries()) {
    const world: WorldOptions = {
      ...small,
      seed: 500 + index,
      campaigns: 3,
      organizations: 3,
      impressionsPerDay: 200,
      startMs: Math.floor((at - dayMs) / hourMs) * hourMs,
      zones: [zone],
    };
    expectExact(makeWorld(world), `${zone} at ${new Date(at).toISOString()}, seed ${500 + index}`);
  }
});
