import { expect, test } from 'vitest';
import { ConditionProblem, compileCondition, variableNames } from '../../src/rules/condition.ts';
import { type OrganizationFacts, organizationValues } from '../../src/rules/organization-values.ts';

const facts: OrganizationFacts = {
  currency: 'EUR',
  members: 4,
  campaigns: 2,
  flights: 13,
  statuses: new Map([
    ['warming_up', 1],
    ['on_track', 2],
    ['behind', 1],
    ['severely_behind', 2],
    ['ahead', 1],
    ['exhausted', 1],
    ['capped_today', 1],
    ['overspent_after_cut', 1],
    ['paused', 1],
    ['blocked', 1],
    ['stale_data', 1],
  ]),
  budget: 300_000_000,
  spend: 90_000_000,
  projected: 310_000_000,
  expected: 120_000_000,
  spendExpected: 80_000_000,
  unseen: 7_500_000,
  atRisk: 500_000,
  today: 11_000_000,
  yesterday: 12_000_000,
  week: 70_000_000,
  month: 2n ** 60n,
};

const named = (of: OrganizationFacts) => {
  const values = organizationValues(of);
  return Object.fromEntries(variableNames('organization').map((name, index) => [name, values[index]]));
};

test('what campaigns come to together, by hand', () => {
  expect(named(facts)).toEqual({
    ...{ 'o.members': 4, 'o.campaigns': 2, 'o.flights': 13, 'o.flights_warming_up': 1, 'o.flights_on_track': 2 },
    ...{ 'o.flights_behind': 3, 'o.flights_severely_behind': 2, 'o.flights_ahead': 1, 'o.flights_exhausted': 1 },
    ...{ 'o.flights_capped': 1, 'o.flights_overspent': 1, 'o.flights_paused': 1, 'o.flights_blocked': 1 },
    'o.flights_stale': 1,
    ...{ 'o.currency': 'EUR', 'o.budget': 300, 'o.spend': 90, 'o.expected': 120, 'o.projected': 310 },
    // 80 of the flights that expect 120; 90 and 310 of 300, rounded down.
    ...{ 'o.osi_pct': 66.66, 'o.delivery_pct': 30, 'o.projected_pct': 103.33 },
    ...{ 'o.unseen_spend': 7.5, 'o.money_at_risk': 0.5, 'o.spend_today': 11, 'o.spend_yesterday': 12 },
    ...{ 'o.spend_7d': 70, 'o.spend_month': Number(2n ** 60n) / 1e6 },
  });
});

test('money of several currencies is absent, and so is a share of nothing', () => {
  const mixed = named({ ...facts, currency: null });
  const known = Object.entries(mixed).flatMap(([name, value]) => (value === null ? [] : [name]));
  expect(known.filter((name) => !/^o\.(members|campaigns|flights.*)$/.test(name))).toEqual([]);
  expect(known).toHaveLength(14);
  const nothing = named({ ...facts, currency: '', budget: 0, spend: 0, expected: 0, spendExpected: 0, projected: 0 });
  expect(nothing).toMatchObject({ 'o.currency': null, 'o.spend': 0, 'o.osi_pct': null, 'o.projected_pct': null });
});

test('what a flight has no organization has, and the nearest name is told', () => {
  const refused = (text: string) => () => compileCondition(text, 'organization');
  expect(refused('p.spend > 1.0')).toThrow(ConditionProblem);
  expect(refused('p.spend > 1.0')).toThrow('unknown name "p.spend"; did you mean "o.spend"?');
  expect(refused('o.spend_week > 1.0')).toThrow('unknown name "o.spend_week"; did you mean "o.spend_7d"?');
  expect(refused('m.spend_flight > 1.0')).toThrow('campaigns together have no flight: name hours, days or today');
  expect(refused('m.clicks_2h > 1.0')).toThrow('m.clicks has the windows 1d to 31d');
  expect(refused('b.spend_1d_mean > 1.0')).toThrow('are not compared with the weeks before');
  expect(refused('m.spendd_7d > 1.0')).toThrow('did you mean "m.spend_7d"?');
  expect(refused('c.campaign_id == "c1"')).toThrow('unknown name "c.campaign_id"');
});
