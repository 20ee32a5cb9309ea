import { expect, test } from 'vitest';
import { partitionOfKey } from '../../src/model/hash.ts';
import { offsetAt, startOfDay } from './civil-time.ts';
import { compareTables } from './compare.ts';
import { foldLog } from './fold.ts';
import { fnv1a, partitionOf } from './hashes.ts';
import { at, options, partitionsWhere, plan, Story } from './story.ts';
import { day, hour } from './whole-numbers.ts';

const zero = '2026-03-10T12:00:00';

test('hashes match published values', () => {
  expect(fnv1a('')).toBe(0x811c9dc5);
  expect(fnv1a('foobar')).toBe(0xbf9cf968);
  for (const key of ['acme', 'a', 'org-17', 'abc', '21'])
    expect(partitionOf(Buffer.from(key), 64)).toBe(partitionOfKey(Buffer.from(key), 0, key.length, 64));
});

test('the day starts where the clocks say', () => {
  expect(startOfDay('Europe/Berlin', at('2026-03-29T00:00:00') / day)).toBe(at('2026-03-28T23:00:00'));
  expect(startOfDay('Europe/Berlin', at('2026-03-30T00:00:00') / day)).toBe(at('2026-03-29T22:00:00'));
  expect(startOfDay('Africa/Cairo', at('2026-04-24T00:00:00') / day)).toBe(at('2026-04-23T22:00:00'));
  expect(offsetAt('Asia/Kathmandu', at(zero))).toBe(5.75 * hour);
});

test('a 23-hour day keeps its own events', () => {
  const story = new Story().flight('2026-03-28T12:00:00', '2026-03-28', '2026-03-31', { tz: 'Europe/Berlin' });
  story.spend('2026-03-28T22:59:59', 1).spend('2026-03-28T23:00:00', 2).spend('2026-03-29T21:59:59', 4);
  story.spend('2026-03-29T22:00:00', 8);
  const spend = story.oracle.tables().campaign_metrics_daily.map((row) => row.spend_micros);
  expect(spend).toEqual([1_000_000n, 6_000_000n, 8_000_000n]);
});

test('lateness counts from the clock: at the bound an event counts, one ms beyond it is late', () => {
  const story = new Story().tick(zero);
  story.event(zero, 'impression', { event_time: at(zero) - 72 * hour });
  story.event(zero, 'click', { event_time: at(zero) - 72 * hour - 1, cost_micros: 5 });
  const tables = story.oracle.tables();
  expect(tables.campaign_metrics_daily.map((row) => row.impressions)).toEqual([1n]);
  expect(tables.late_events).toMatchObject([{ kind: 'click', late_by_ms: 1n, amount_micros: 5n }]);
});

test('a delivery id is a duplicate for two hours of clock, and repeats renew it', () => {
  const id = { event_id: 'ab'.repeat(16) };
  const story = new Story();
  story.spend('2026-03-10T12:00:00', 1, id).spend('2026-03-10T14:00:00', 1, id);
  expect(story.oracle.tables().campaign_metrics_daily[0].impressions).toBe(1n);
  story.spend('2026-03-10T16:00:00.001Z', 1, id);
  expect(story.oracle.tables().campaign_metrics_daily[0].impressions).toBe(2n);
});

test('a delivery id is a duplicate within so many records', () => {
  const id = { event_id: 'ab'.repeat(16) };
  const inside = new Story({ bounds: { duplicateRecords: 2 } }).spend(zero, 1, id).tick(zero).spend(zero, 1, id);
  expect(inside.oracle.tables().campaign_metrics_daily[0].impressions).toBe(1n);
  const beyond = new Story({ bounds: { duplicateRecords: 2 } })
    .spend(zero, 1, id)
    .tick(zero)
    .tick(zero)
    .spend(zero, 1, id);
  expect(beyond.oracle.tables().campaign_metrics_daily[0].impressions).toBe(2n);
});

test('money ids are duplicates for 32 days, whatever kind repeats them', () => {
  const id = { event_id: 'cd'.repeat(16), applies_to: '2026-03-10', delta_micros: 7 };
  const story = new Story().event(zero, 'spend_adjustment', id).event(zero, 'spend_adjustment', id);
  expect(story.oracle.tables().campaign_metrics_daily[0].spend_micros).toBe(7n);
});

test('two minutes ahead of the clock is the limit', () => {
  const story = new Story().tick(zero);
  story.event(zero, 'impression', { event_time: at(zero) + 120_000 });
  story.event(zero, 'impression', { event_time: at(zero) + 120_001 });
  const tables = story.oracle.tables();
  expect(tables.campaign_metrics_daily[0].impressions).toBe(1n);
  expect(tables.dead_letters).toMatchObject([{ reason: 'from_the_future', org_id: 'acme', log_offset: 2n }]);
});

test('a record in a partition that is not its own is a dead letter', () => {
  const foreign = new Story({ partitions: partitionsWhere('acme', false) }).spend(zero, 1);
  expect(foreign.oracle.tables().dead_letters).toMatchObject([{ reason: 'wrong_partition' }]);
  const home = new Story({ partitions: partitionsWhere('acme', true) }).spend(zero, 1);
  expect(home.oracle.tables().dead_letters).toEqual([]);
});

test('the key must be the organization, and no event may speak for the system', () => {
  const story = new Story().event(zero, 'impression', {}, 'other').event(zero, 'impression', { org_id: '_x' }, '_x');
  story.event(zero, 'impression', { currency: 'EUR' }).event(zero, 'impression', { currency: 'USD' });
  story.raw(zero, 'acme', '{').raw(zero, 'acme', null);
  expect(story.oracle.tables().dead_letters.map((row) => [row.org_id, row.reason])).toEqual([
    ['_system', 'bad_id'],
    ['acme', 'currency_mismatch'],
    ['acme', 'bad_json'],
    ['acme', 'empty_value'],
    ['other', 'key_mismatch'],
  ]);
});

test('a cumulative feed adds only what is new', () => {
  const feed = plan({ spend: { from: 'feed', source: 'api', cost_basis: 'TOTAL' } });
  const period = {
    source: 'api',
    basis: 'TOTAL',
    period_start: at(zero) - hour,
    period_end: at(zero),
    cumulative: true,
  };
  const story = new Story().plan(zero, feed);
  story.event(zero, 'spend', { ...period, amount_micros: 100 }).event(zero, 'spend', { ...period, amount_micros: 250 });
  story.event(zero, 'spend', { ...period, amount_micros: 240 }).spend(zero, 99);
  expect(story.oracle.tables().campaign_metrics_daily).toMatchObject([
    { spend_micros: 240n, impressions: 1n, plan_number: 1 },
  ]);
});

test('an adjustment may make spend negative and rounds down', () => {
  const story = new Story().event(zero, 'impression', { cpm_micros: 1 });
  story.event(zero, 'spend_adjustment', { applies_to: '2026-03-10', delta_micros: -3 });
  expect(story.oracle.tables().campaign_metrics_daily).toMatchObject([{ spend_micros: -3n, adjustment_micros: -3n }]);
});

test('an unknown counter, an unknown zone and overlapping flights are refused', () => {
  const story = new Story().event(zero, 'metric_correction', { applies_to: '2026-03-10', deltas: { spend: 1 } });
  story.flight(zero, '2026-03-10', '2026-03-12', { tz: 'Mars/Base' }).flight(zero, '2026-03-10', '2026-03-12');
  story.flight(zero, '2026-03-12', '2026-03-14', { flight_id: 'f2' });
  expect(story.oracle.tables().dead_letters.map((row) => row.reason)).toEqual([
    'unknown_metric',
    'bad_zone',
    'bad_flight',
  ]);
});

test('the comparison finds what is missing, different and too much', () => {
  const story = new Story().spend(zero, 1).spend('2026-03-11T12:00:00', 2);
  const expected = story.oracle.tables();
  expect(compareTables(expected, foldLog(story.records, options))).toEqual([]);
  const [first, second] = expected.campaign_metrics_daily;
  const wrong = {
    ...expected,
    campaign_metrics_daily: [
      { ...first, impressions: 9n },
      { ...second, campaign_id: 'x' },
    ],
  };
  expect(compareTables(expected, wrong)).toHaveLength(3);
});
