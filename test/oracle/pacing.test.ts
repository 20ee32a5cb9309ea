import { expect, test } from 'vitest';
import type { Row } from '../../src/rows/tables.ts';
import { at, plan, rule, Story } from './story.ts';
import { hour } from './whole-numbers.ts';

const start = '2026-03-01T00:00:00';
const direct = { delay_ms: 0, heartbeats: false, expected_interval_ms: 0, stale_after_ms: 6 * hour };
const spend = { from: 'impressions', source: 'dsp', cost_basis: 'MEDIA' } as const;
const waiting = (rules: ReturnType<typeof rule>[] = []) => plan({ spend }, { sources: { dsp: direct }, rules });

function snapshotAfter(story: Story, instant: string): Row {
  const rows = story.oracle.tables().pacing_snapshots.filter((row) => Number(row.evaluated_at) > at(instant));
  return rows[0];
}

test('the numbers of an even flight, by hand', () => {
  // 240 euros over ten days; two days in, 24 of 48 are spent, in the first day.
  const story = new Story().plan(start, waiting()).flight(start, '2026-03-01', '2026-03-10').budget(start, 240);
  story.spend('2026-03-01T23:59:59', 24).ticksUntil('2026-03-02T23:50:00').spend('2026-03-02T23:55:00', 1);
  story.ticksUntil('2026-03-03T01:10:00');
  const row = snapshotAfter(story, '2026-03-03T00:55:00');
  const passed = BigInt(Number(row.as_of) - at(start));
  const expected = (240_000_000n * passed) / BigInt(240 * hour);
  expect(row).toMatchObject({ spend_micros: 25_000_000n, expected_micros: expected, status: 'severely_behind' });
  expect(row.osi_bp).toBe((10_000n * 25_000_000n) / expected);
  expect(row.delivery_bp).toBe(1_041n);
  expect(row.required_micros_per_day).toBe((215_000_000n * 86_400_000n) / (BigInt(240 * hour) - passed));
});

test('spend after as_of is known but not judged', () => {
  const late = plan({ spend }, { sources: { dsp: { ...direct, delay_ms: hour } } });
  const story = new Story().plan(start, late).flight(start, '2026-03-01', '2026-03-10').budget(start, 240);
  story.ticksUntil('2026-03-01T03:00:00').spend('2026-03-01T03:00:00', 7).ticksUntil('2026-03-01T03:50:00');
  expect(story.oracle.tables().pacing_snapshots.every((row) => row.spend_micros === 0n)).toBe(true);
  story.ticksUntil('2026-03-01T05:30:00');
  expect(story.oracle.tables().pacing_snapshots.at(-1)?.spend_micros).toBe(7_000_000n);
});

test('a budget change that starts from actual spend forgives what was missed', () => {
  const story = new Story().plan(start, waiting());
  story.flight(start, '2026-03-01', '2026-03-10', { rebase: 'ON_ACTUAL' }).budget(start, 240);
  story.spend('2026-03-01T01:00:00', 10).ticksUntil('2026-03-02T00:00:00');
  story.budget('2026-03-02T00:00:00', 226, { ledger_version: 2 }).ticksUntil('2026-03-02T00:10:00');
  const row = snapshotAfter(story, '2026-03-02T00:00:00');
  // 216 euros are left for nine days: one euro an hour from ten.
  const since = BigInt(Number(row.as_of) - at('2026-03-02T00:00:00'));
  expect(row.expected_micros).toBe(10_000_000n + (216_000_000n * since) / BigInt(216 * hour));
});

test('a flight that gets its dates late counts the days that are booked', () => {
  const story = new Story().plan(start, waiting()).spend('2026-03-01T10:00:00', 3).spend('2026-03-02T10:00:00', 4);
  story.flight('2026-03-02T11:00:00', '2026-03-02', '2026-03-10').budget('2026-03-02T11:00:00', 240);
  story.ticksUntil('2026-03-02T11:10:00');
  expect(snapshotAfter(story, start).spend_micros).toBe(4_000_000n);
  story
    .flight('2026-03-02T12:00:00', '2026-03-01', '2026-03-10', { ledger_version: 2 })
    .ticksUntil('2026-03-02T13:10:00');
  expect(snapshotAfter(story, '2026-03-02T12:10:00').spend_micros).toBe(7_000_000n);
});

test('asap expects nothing, even before its start', () => {
  const story = new Story().plan(start, waiting()).budget(start, 240);
  story.flight(start, '2026-03-02', '2026-03-10', { mode: 'ASAP' }).ticksUntil('2026-03-02T00:10:00');
  const rows = story.oracle.tables().pacing_snapshots;
  expect(rows.map((row) => row.status)).toEqual(['not_started', 'on_track']);
  expect(rows.map((row) => [row.expected_micros, row.osi_bp])).toEqual([
    [null, null],
    [null, null],
  ]);
});

test('an alert of two levels rises, falls back and ends with its flight', () => {
  const levels = rule('pace', {
    warning: { when: 'm.spend_2h > 1.0', clear: 'm.spend_2h < 0.5', for_ms: 0 },
    critical: { when: 'm.spend_2h > 5.0', clear: null, for_ms: 0 },
  });
  const story = new Story()
    .plan(start, waiting([levels]))
    .flight(start, '2026-03-01', '2026-03-01')
    .budget(start, 240);
  story.spend('2026-03-01T02:00:00', 2).ticksUntil('2026-03-01T03:00:00').spend('2026-03-01T03:00:00', 5);
  story.ticksUntil('2026-03-01T23:00:00').spend('2026-03-01T23:00:00', 2).ticksUntil('2026-03-02T01:00:00');
  const alerts = story.oracle.tables().alert_events.toSorted((a, b) => Number(a.evaluated_at) - Number(b.evaluated_at));
  expect(alerts.map((row) => [row.from_state, row.to_state, row.level, row.reason])).toEqual([
    ['ok', 'firing', 'warning', 'condition'],
    ['firing', 'firing', 'critical', 'escalated'],
    ['firing', 'firing', 'warning', 'deescalated'],
    ['firing', 'resolved', 'none', 'cleared'],
    ['ok', 'firing', 'warning', 'condition'],
    ['firing', 'resolved', 'none', 'scope_ended'],
  ]);
  expect(alerts[2].condition).toBe('!(m.spend_2h > 5.0)');
  expect(alerts[3].condition).toBe('m.spend_2h < 0.5');
  const verdict = 'Rule pace: scope_ended, ended_under with 3.75 % of the budget spent';
  expect(alerts[5]).toMatchObject({ values: '{"m.spend_2h":2}', summary: verdict, condition: '' });
});

test('between clear and when an alert holds its level', () => {
  const band = rule('band', { warning: { when: 'm.spend_2h > 3.0', clear: 'm.spend_2h < 1.0', for_ms: 0 } });
  const story = new Story()
    .plan(start, waiting([band]))
    .flight(start, '2026-03-01', '2026-03-10')
    .budget(start, 240);
  story.spend('2026-03-01T02:00:00', 4).ticksUntil('2026-03-01T03:00:00').spend('2026-03-01T03:00:00', 2);
  story.ticksUntil('2026-03-01T04:50:00');
  expect(story.oracle.tables().alert_events).toHaveLength(1);
  story.ticksUntil('2026-03-01T05:30:00');
  expect(story.oracle.tables().alert_events).toHaveLength(2);
});

test('a guard that turns false, and a plan that drops or rewrites a rule, end its alert', () => {
  const guarded = rule('guarded', {
    guard: 't.local_hour < 4.0',
    warning: { when: 'p.spend >= 0.0', clear: null, for_ms: 0 },
  });
  const kept = rule('kept', { warning: { when: 'p.spend >= 0.0', clear: null, for_ms: 0 } });
  const rewritten = rule('kept', { warning: { when: 'p.spend > 99.0', clear: null, for_ms: 0 } });
  const first = waiting([guarded, kept]);
  const story = new Story().plan(start, first).flight(start, '2026-03-01', '2026-03-10').budget(start, 240);
  story.ticksUntil('2026-03-01T04:30:00').plan('2026-03-01T04:30:00', { ...waiting([rewritten]), number: 2 });
  story.ticksUntil('2026-03-01T05:00:00').plan('2026-03-01T05:00:00', { ...waiting(), number: 2 });
  story.ticksUntil('2026-03-01T05:30:00');
  const ends = story.oracle.tables().alert_events.filter((row) => row.to_state === 'resolved');
  expect(ends.map((row) => [row.rule_id, row.reason]).sort()).toEqual([
    ['guarded', 'guard'],
    ['kept', 'rule_updated'],
  ]);
  expect(ends.find((row) => row.rule_id === 'kept')?.rule_hash).toBe(kept.hash);
});

test('a source that lags is told about, hour by hour', () => {
  const lag = rule('lag', {
    scope: 'source',
    critical: { when: 's.lag_s > 3600.0', clear: null, for_ms: 0 },
    summary: '{{s.name}} {{s.nope}}',
  });
  const feed = { dsp: { ...direct, heartbeats: true } };
  const story = new Story().plan(start, plan({ spend }, { sources: feed, rules: [lag] }));
  story
    .ticksUntil('2026-03-01T00:10:00')
    .event('2026-03-01T00:10:00', 'source_heartbeat', { complete_through: at('2026-03-01T00:10:00') });
  story.ticksUntil('2026-03-01T02:10:00');
  const { alert_events, rule_evaluations } = story.oracle.tables();
  expect(alert_events).toMatchObject([
    { source: 'dsp', to_state: 'firing', level: 'critical', summary: 'dsp {{s.nope}}' },
  ]);
  expect(rule_evaluations.map((row) => row.outcome)).toEqual(['unknown', 'false', 'critical']);
});
