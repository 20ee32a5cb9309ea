import { expect, test } from 'vitest';
import { findZone } from '../../src/model/zones.ts';
import { comparedParts, resultOf } from '../../src/serving/queries/explain/compare.ts';
import { windowsOfFlight } from '../../src/serving/queries/explain/windows.ts';

// Spans by docs/semantics.md §7.2 and §8.6, written out by hand for one flight in Berlin across the change of clocks.
const zone = findZone('Europe/Berlin')!;
const at = (text: string) => Date.parse(text);
const flight = { startMs: at('2026-03-20T23:00:00Z'), endMs: at('2026-04-30T22:00:00Z'), zone };
const moment = { asOfMs: at('2026-03-30T10:07:00Z'), atMs: at('2026-03-30T10:10:00Z') };
const day = (date: string) => (date < '2026-03-30' ? `${date}T23:00:00.000Z` : `${date}T22:00:00.000Z`);

test.each([
  ['p.osi_pct', [['spend', '2026-03-20T23:00:00.000Z', '2026-03-30T10:07:00.000Z']]],
  ['p.run_rate_daily', [['spend', '2026-03-29T10:00:00.000Z', '2026-03-30T10:07:00.000Z']]],
  ['p.day_spend', [['spend', '2026-03-29T22:00:00.000Z', '2026-03-30T10:07:00.000Z']]],
  ['m.impressions_2h', [['impressions', '2026-03-30T08:00:00.000Z', '2026-03-30T10:07:00.000Z']]],
  ['m.spend_6h', [['spend', '2026-03-30T04:00:00.000Z', '2026-03-30T10:07:00.000Z']]],
  ['m.spend_today', [['spend', '2026-03-29T22:00:00.000Z', '2026-03-30T10:07:00.000Z']]],
  ['m.clicks_2d', [['clicks', day('2026-03-27'), '2026-03-29T22:00:00.000Z']]],
  ['m.clicks_flight', [['clicks', '2026-03-20T23:00:00.000Z', '2026-03-29T22:00:00.000Z']]],
  [
    'm.cpa_1d',
    [
      ['spend', day('2026-03-28'), '2026-03-29T22:00:00.000Z'],
      ['conversions', day('2026-03-28'), '2026-03-29T22:00:00.000Z'],
    ],
  ],
  ['b.spend_1d_prev_week', [['spend', day('2026-03-21'), day('2026-03-22')]]],
  ['p.elapsed_pct', []],
  ['p.budget', []],
])('%s is of the spans that the semantics say', (name, spans) => {
  const found = windowsOfFlight(name, flight, moment).map(({ of, fromMs, toMs }) => [
    of,
    new Date(fromMs).toISOString(),
    new Date(toMs).toISOString(),
  ]);
  expect(found).toEqual(spans);
});

test('a score compares a day with the same of four weeks, and with itself', () => {
  expect(windowsOfFlight('b.spend_1d_score', flight, moment)).toHaveLength(5);
  expect(windowsOfFlight('b.spend_1d_median', flight, moment)).toHaveLength(4);
});

test('a condition is cut at its ands and ors, and each part is judged by its own values', () => {
  const values = { 'p.osi_pct': 80, 'p.daily_cap': null, 'p.status': 'a && b', 'm.cpa_7d': 12 };
  const condition = '(p.osi_pct < 90.0 && (p.daily_cap > 5.0 || m.cpa_7d > 10.0)) || p.status == "a && b"';
  expect(comparedParts(condition, 'flight', values)).toEqual([
    { text: 'p.osi_pct < 90.0', values: { 'p.osi_pct': 80 }, holds: true },
    { text: 'p.daily_cap > 5.0', values: { 'p.daily_cap': null }, holds: null },
    { text: 'm.cpa_7d > 10.0', values: { 'm.cpa_7d': 12 }, holds: true },
    { text: 'p.status == "a && b"', values: { 'p.status': 'a && b' }, holds: true },
  ]);
  expect(resultOf(condition, 'flight', values)).toBe(true);
  expect(comparedParts('known(p.osi_pct) ? p.osi_pct < 1.0 : true', 'flight', values)).toHaveLength(1);
  expect(comparedParts('!(p.osi_pct < 90.0)', 'flight', values)[0]).toMatchObject({ holds: false });
});
