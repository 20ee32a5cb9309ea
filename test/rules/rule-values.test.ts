import { expect, test } from 'vitest';
import { utc } from '../../src/model/zones.ts';
import type { PacingValues } from '../../src/pacing/pacing.ts';
import { ruleVariables } from '../../src/rules/plan.ts';
import { type FlightFacts, flightValues, sourceValues, unknownFlight } from '../../src/rules/rule-values.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 2, 1);

/** A flight of ten days, 2,400.00, halfway through its third day, with a number of its own behind every name. */
const pacing = {
  unit: 'MONEY',
  money: null,
  terms: {
    budget: 2_400_000_000,
    replacedBudget: null,
    cap: 300_000_000,
    limit: null,
    mode: 'TRAFFIC',
    curve: null,
    end: 0,
  },
  budget: 2_400_000_000,
  spend: 611_000_000,
  expected: 600_000_000,
  deliveryBp: 2_545,
  elapsedBp: 2_501,
  osiBp: 10_183,
  projected: 2_444_000_000,
  runRatePerDay: 246_000_000,
  requiredPerDay: 238_533_333,
  liftBp: 9_696,
  exhaustionAt: start + 234 * hour,
  daySpend: 130_000_000,
  dayTarget: 239_000_000,
  dayPacingBp: 10_878,
  dayBudget: 250_000_000,
  capAllowed: 450_000_000,
  impressions2h: 1_234,
  spend2h: 21_500_000,
  expected2h: 20_000_000,
  impressionsFlight: 61_100,
  status: 'on_track',
} as unknown as PacingValues;
const facts: FlightFacts = {
  values: pacing,
  asOf: start + 60 * hour,
  start,
  end: start + 240 * hour,
  zone: utc,
  dayAllowanceBp: 15_000,
  monthSpend: 700_000_000,
  hasImpressions: true,
};

/** Every value, worked out by hand from the numbers above. */
const byHand: Record<keyof typeof ruleVariables.flight, unknown> = {
  'p.status': 'on_track',
  'p.mode': 'traffic',
  'p.osi_pct': 101.83,
  'p.delivery_pct': 25.45,
  'p.elapsed_pct': 25.01,
  'p.elapsed_hours': 60,
  'p.hours_left': 180,
  'p.days_left': 7.5,
  'p.projected_pct': 101.83, // 2,444 of 2,400.
  'p.lift_needed': 0.9696,
  'p.required_daily': 238.533333,
  'p.run_rate_daily': 246,
  'p.exhaust_lead_hours': 6,
  'p.exhaust_lead_pct': 2.5, // 6 of 240 hours.
  'p.day_pct': 52, // 130 of 250.
  'p.day_allowance_pct': 150,
  'p.day_capped': false,
  'p.daily_cap_allowed': 450,
  'p.daily_cap': 300,
  'p.day_spend': 130,
  'p.day_target': 239,
  'p.day_budget': 250,
  'p.month_spend': 700,
  'p.month_allowed': 7_600, // 30.4 times 250.
  'p.budget': 2_400,
  'p.spend': 611,
  'p.expected': 600,
  'p.projected': 2_444,
  'm.impressions_2h': 1_234,
  'm.spend_2h': 21.5,
  'm.expected_spend_2h': 20,
  'm.impressions_flight': 61_100,
  't.local_hour': 12,
};

const names = Object.keys(ruleVariables.flight);

test('there is a value for each of the names that conditions were compiled for', () => {
  expect(flightValues(facts)).toHaveLength(names.length);
  expect(unknownFlight).toHaveLength(Object.keys(ruleVariables.flight).length);
});

test.each(Object.entries(byHand))('%s is %s', (name, value) => {
  expect(flightValues(facts)[names.indexOf(name)]).toBe(value);
});

/** What is not there has no value, and is not zero. */
const absences: readonly [string, Partial<PacingValues>, Partial<FlightFacts>, Partial<typeof byHand>][] = [
  ['no cap', { capAllowed: null, terms: { ...pacing.terms, cap: null } }, {}, { 'p.daily_cap': null }],
  ['no cap is no limit', { capAllowed: null }, {}, { 'p.daily_cap_allowed': null, 'p.day_capped': false }],
  ['nothing expected yet', { osiBp: null, expected: null }, {}, { 'p.osi_pct': null, 'p.expected': null }],
  ['no budget', { budget: 0, deliveryBp: null }, {}, { 'p.projected_pct': null, 'p.delivery_pct': null }],
  ['no run rate', { runRatePerDay: null, liftBp: null }, {}, { 'p.run_rate_daily': null, 'p.lift_needed': null }],
  ['nothing booked for a day', { dayBudget: null }, {}, { 'p.day_pct': null, 'p.month_allowed': null }],
  ['nothing booked but zero', { dayBudget: 0 }, {}, { 'p.day_pct': null, 'p.day_budget': 0 }],
  ['it lasts to the end', { exhaustionAt: null }, {}, { 'p.exhaust_lead_hours': 0, 'p.exhaust_lead_pct': 0 }],
  ['no outlook', { exhaustionAt: null, projected: null }, {}, { 'p.exhaust_lead_hours': null, 'p.projected': null }],
  [
    'no source of impressions',
    {},
    { hasImpressions: false },
    { 'm.impressions_2h': null, 'm.impressions_flight': null },
  ],
  ['a month that is not kept', {}, { monthSpend: null }, { 'p.month_spend': null }],
  ['the cap times the allowance is reached', { daySpend: 450_000_000 }, {}, { 'p.day_capped': true, 'p.day_pct': 180 }],
  ['the end of a day', {}, { asOf: start + 72 * hour }, { 't.local_hour': 24 }],
  ['the start of the flight', {}, { asOf: start }, { 't.local_hour': 0, 'p.elapsed_hours': 0 }],
];
test.each(absences)('%s', (_, values, others, expected) => {
  const found = flightValues({ ...facts, values: { ...pacing, ...values }, ...others });
  expect(Object.fromEntries(names.map((name, i) => [name, found[i]]))).toMatchObject(expected);
});

test('values of a source', () => {
  const source = { heartbeats: true, delay_ms: 0, expected_interval_ms: 3_600_000, stale_after_ms: 7_200_000 };
  expect(sourceValues('dsp', 90_000, source)).toEqual(['dsp', 90, 3_600, 7_200]);
  expect(sourceValues('dsp', null, { ...source, expected_interval_ms: 0 })).toEqual(['dsp', null, 0, 7_200]);
});
