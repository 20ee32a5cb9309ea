import { expect, test } from 'vitest';
import type { Whole } from '../../src/model/whole.ts';
import { statisticsOf } from '../../src/rules/baselines.ts';
import { ConditionProblem, compileCondition } from '../../src/rules/condition.ts';
import { measures, type WindowCounter, type windowCounters, windowRatios } from '../../src/rules/measures.ts';
import { type WindowBooks, windowValueOf, workOut } from '../../src/rules/window-values.ts';

type Sums = Partial<Record<WindowCounter, Whole | null>>;

/** Books that say the same of every window, and of the weeks before what `weeks` has. */
function books(now: Sums, weeks: readonly (Sums | null)[] = []): WindowBooks {
  return {
    sum: (counter) => now[counter] ?? null,
    now: (counter) => now[counter] ?? null,
    lagCurve: () => null,
    dayBack: () => 0,
    peers: () => weeks.length,
    ofPeer: (counter, _, __, place) => weeks[place]?.[counter] ?? null,
    before: (counter, _, days) => weeks[days / 7 - 1]?.[counter] ?? null,
  };
}

function value(name: string, ...from: Parameters<typeof books>): number | null {
  const asked = windowValueOf(name);
  if (asked === undefined) throw new Error(`${name} is no window`);
  return workOut(asked, books(...from));
}

const day: Record<WindowCounter, Whole> = {
  spend: 123_456_789, // 123.456789
  adjustments: -1_000_000,
  impressions: 90_000,
  invalid_impressions: 10_000,
  measurable_impressions: 80_000,
  viewable_impressions: 50_000,
  clicks: 70,
  invalid_clicks: 30,
  video_starts: 900,
  video_first_quartiles: 800,
  video_midpoints: 700,
  video_third_quartiles: 600,
  video_completes: 500,
  auction_requests: 1_000_000,
  auction_bids: 400_000,
  auction_wins: 95_000,
  conversions: 12_500_000, // 12.5
  conversions_by_touch: 10_000_000,
  revenue: 400_000_000,
  revenue_by_touch: 370_370_367,
};

/** Every measure, worked out by hand from the numbers above. */
const byHand: Record<keyof typeof windowCounters | keyof typeof windowRatios, number> = {
  spend: 123.456789,
  adjustments: -1,
  impressions: 90_000,
  invalid_impressions: 10_000,
  measurable_impressions: 80_000,
  viewable_impressions: 50_000,
  clicks: 70,
  invalid_clicks: 30,
  video_starts: 900,
  video_first_quartiles: 800,
  video_midpoints: 700,
  video_third_quartiles: 600,
  video_completes: 500,
  auction_requests: 1_000_000,
  auction_bids: 400_000,
  auction_wins: 95_000,
  conversions: 12.5,
  conversions_by_touch: 10,
  revenue: 400,
  revenue_by_touch: 370.370367,
  ctr_pct: 0.077777, // 70 of 90,000, rounded down.
  ivt_pct: 10,
  invalid_clicks_pct: 30,
  viewable_pct: 62.5,
  vcr_pct: 55.555555,
  win_rate_pct: 23.75,
  cvr_pct: 17.857142, // 12.5 of 70.
  cpm: 1.371742,
  cpc: 1.763668,
  cpcv: 0.246913,
  cpa: 9.876543,
  cpa_by_touch: 12.345678,
  roas: 3.24, // 400 over 123.456789 is 3.2400000295.
  roas_by_touch: 3,
};

test('every measure is what its counters make of it', () => {
  expect([...measures.keys()].sort()).toEqual(Object.keys(byHand).sort());
  for (const [name, hand] of Object.entries(byHand)) expect(value(`m.${name}_1d`, day), name).toBe(hand);
});

test('a ratio of nothing, of less than nothing, or of what nobody told is absent, a count of nothing is 0', () => {
  for (const [name, { of, by }] of Object.entries(windowRatios)) {
    const nothing = Object.fromEntries(by.map((each) => [each, 0]));
    expect(value(`m.${name}_7d`, { ...day, ...nothing }), name).toBeNull();
    expect(value(`m.${name}_7d`, { ...day, ...Object.fromEntries(by.map((each) => [each, -5])) }), name).toBeNull();
    expect(value(`m.${name}_7d`, { ...day, [of]: null }), name).toBeNull();
    expect(value(`m.${name}_7d`, { ...day, [by[0]]: null }), name).toBeNull();
  }
  expect(value('m.clicks_7d', { clicks: 0 })).toBe(0);
  expect(value('m.ctr_pct_7d', { clicks: -7, impressions: 9 })).toBe(-77.777778); // Towards minus infinity.
});

test('money beyond the safe integers stays exact', () => {
  const spend = 2n ** 60n;
  expect(value('m.cpa_7d', { spend, conversions: 3_000_000 })).toBe(Number(spend / 3n) / 1e6);
});

const four = [{ spend: 100 }, { spend: 140 }, { spend: 90 }, { spend: 101 }];

test.each([
  ['prev_week', 0.0001],
  ['n', 4],
  ['mean', 0.000107], // ⌊431/4⌋.
  ['ewma', 0.000109], // (8 · 100 + 4 · 140 + 2 · 90 + 101)/15 = 109.4.
  ['median', 0.0001], // ⌊(100 + 101)/2⌋.
  ['mad', 0.000005], // 0, 1, 10 and 40 from it: ⌊(1 + 10)/2⌋.
  ['ratio', 2.5],
  ['score', 20.23], // 0.6745 · 150/5 = 20.235.
])('four weeks of 100, 140, 90 and 101 micros, and 250 now: %s', (statistic, hand) => {
  expect(value(`b.spend_1d_${statistic}`, { spend: 250 }, four)).toBe(hand);
});

test('four weeks of 100 clicks of 10,000, and 60 now: 100 were to be expected, and chance does not do that', () => {
  const weeks = four.map(() => ({ impressions: 10_000, clicks: 100 }));
  const now = { impressions: 10_000, clicks: 60 };
  expect(value('b.ctr_pct_1d_expected', now, weeks)).toBe(100);
  // 0.006 − 0.01 over √(0.0092 · 0.9908 · (1/10,000 + 1/40,000)) = −3.7473.
  expect(value('b.ctr_pct_1d_z', now, weeks)).toBe(-3.74);
  expect(value('b.ctr_pct_1d_z', { impressions: 10_000, clicks: 140 }, weeks)).toBe(3.46); // 0.004 / 0.0011556 = 3.461.
  // Conversions are told in millionths: 8 of 100 in each week, of 90 clicks none.
  const tracked = four.map(() => ({ clicks: 100, conversions: 8_000_000 }));
  expect(value('b.cvr_pct_1d_expected', { clicks: 90, conversions: 0 }, tracked)).toBe(7.2);
  expect(value('b.cvr_pct_1d_z', { clicks: 90, conversions: 0 }, tracked)).toBe(-2.77); // 0.08 over 0.02884.
  for (const nothing of [0, -5]) expect(value('b.ctr_pct_1d_z', { impressions: nothing, clicks: 1 }, weeks)).toBeNull();
  const none = weeks.map(({ impressions }) => ({ impressions, clicks: 0 }));
  expect(value('b.ctr_pct_1d_z', { impressions: 9, clicks: 0 }, none)).toBeNull();
  expect(value('b.ctr_pct_1d_expected', { impressions: 9, clicks: 0 }, none)).toBe(0);
});

test('three weeks are the least for a mean; n and the week before ask for none', () => {
  const two = [null, ...four.slice(1, 3), null];
  for (const statistic of statisticsOf(measures.get('spend')!, 'weekly')) {
    const found = value(`b.spend_1d_${statistic}`, { spend: 250 }, two);
    expect(found, statistic).toBe(statistic === 'n' ? 2 : statistic === 'now' ? 0.00025 : null);
    const three = value(`b.spend_1d_${statistic}`, { spend: 250 }, [...four.slice(0, 3), null]);
    expect(three, statistic).not.toBeNull();
  }
});

test('where weeks are alike the mean distance takes the place of the MAD, and nothing is said of what has no distance', () => {
  const alike = [{ spend: 100 }, { spend: 100 }, { spend: 100 }, { spend: 140 }];
  expect(value('b.spend_1d_score', { spend: 150 }, alike)).toBe(3.98); // 50 / (1.253314 · 10) = 3.989.
  const same = alike.map(() => ({ spend: 100 }));
  expect(value('b.spend_1d_score', { spend: 100 }, same)).toBe(0);
  expect(value('b.spend_1d_score', { spend: 101 }, same)).toBeNull();
  expect(
    value(
      'b.spend_1d_ratio',
      { spend: 101 },
      same.map(() => ({ spend: 0 })),
    ),
  ).toBeNull();
});

test('the mean of a ratio is the ratio of the sums, and a week of nothing has no ratio', () => {
  const weeks = [
    { clicks: 1, impressions: 100 },
    { clicks: 9, impressions: 900 },
    { clicks: 0, impressions: 0 },
    { clicks: 50, impressions: 1_000 },
  ];
  expect(value('b.ctr_pct_7d_n', { clicks: 3, impressions: 100 }, weeks)).toBe(3);
  expect(value('b.ctr_pct_7d_mean', { clicks: 3, impressions: 100 }, weeks)).toBe(3); // 60 of 2,000.
  expect(value('b.ctr_pct_7d_median', { clicks: 3, impressions: 100 }, weeks)).toBe(1);
  expect(value('b.ctr_pct_7d_ratio', { clicks: 3, impressions: 100 }, weeks)).toBe(3);
  expect(value('b.ctr_pct_7d_ratio', { clicks: 3, impressions: 0 }, weeks)).toBeNull();
});

test.each([
  ['m.ctr_1d', 'did you mean "m.ctr_pct_1d"?'],
  ['m.ctr_pct_3h', 'm.ctr_pct has the windows 1d to 31d and flight'],
  ['m.clicks_today', 'm.clicks has the windows 1d to 31d and flight'],
  ['m.spend_3h', 'm.spend has the windows 1h, 2h, 6h, 12h, 24h, today, 1d to 31d and flight'],
  ['m.spend_32d', 'm.spend has the windows 1h, 2h, 6h, 12h, 24h, today, 1d to 31d and flight'],
  ['m.spend_07d', 'm.spend has the windows 1h, 2h, 6h, 12h, 24h, today, 1d to 31d and flight'],
  ['m.spendd_7d', 'did you mean "m.spend_7d"?'],
  ['m.spend_1d_median', 'm.spend has the windows 1h, 2h, 6h, 12h, 24h, today, 1d to 31d and flight'],
  [
    'b.spend_1d',
    'b.spend has the windows 1h, 2h, 6h, 12h, 24h and 1d to 7d, each with prev_week, n, mean, ewma, median, mad, now, ratio, score: b.spend_1d_median; the days before are b.spend_1d_daily_median',
  ],
  [
    'b.spend_8d_mean',
    'b.spend has the windows 1h, 2h, 6h, 12h, 24h and 1d to 7d, each with prev_week, n, mean, ewma, median, mad, now, ratio, score: b.spend_1d_median; the days before are b.spend_1d_daily_median',
  ],
  ['b.click_1d_mean', 'did you mean "b.clicks_1d_mean"?'],
  ['b.spend_1h_medain', 'did you mean "b.spend_1h_median"?'],
  ['b.spend_1h_daily_scor', 'did you mean "b.spend_1h_daily_score"?'],
])('%s is none, and the refusal says what there is', (name, hint) => {
  const refused = () => compileCondition(`p.osi_pct > 1.0 && ${name} > 0.0`, 'flight');
  expect(refused).toThrow(ConditionProblem);
  expect(refused).toThrow(`unknown name "${name}"; ${hint}`);
});

test('no other scope has windows', () => {
  for (const scope of ['campaign', 'source'] as const)
    expect(() => compileCondition('m.spend_7d > 1.0', scope)).toThrow('unknown name "m.spend_7d"');
});

test('labels are named with a dot or in brackets, and are one value', () => {
  const { names } = compileCondition(
    'c.labels.tier == "gold" || c.labels["tier"] != c.labels["data-center"]',
    'flight',
  );
  expect(names).toEqual(['c.labels.data-center', 'c.labels.tier']);
  expect(compileCondition('known(c.labels["a:b"]) && known(c.labels.a)', 'campaign').names).toHaveLength(2);
});

test.each([
  ['c.labels == "gold"', 'unknown name "c.labels"; name the label: c.labels.tier, or c.labels["tier"]'],
  ['c.labels["a b"] == "gold"', 'unknown name "c.labels.a b"'],
  ['p["osi_pct"] > 1.0', 'only names like p.osi_pct are allowed'],
  ['c.labels.a.b == "x"', 'only names like p.osi_pct are allowed'],
  ['c.labels[1] == "x"', 'only names like p.osi_pct are allowed'],
  ['c.campaign == "x"', 'unknown name "c.campaign"; did you mean "c.campaign_id"?'],
  ['e.budget_change > 50.0', 'unknown name "e.budget_change"; did you mean "e.budget_change_pct"?'],
  ['e.budget_by > 50.0', 'this is a double, it must be a string'],
  ['c.labels.limit > 50.0', 'this is a double, it must be a string'],
])('%s is refused', (condition, problem) => {
  expect(() => compileCondition(condition, 'flight')).toThrow(problem);
});

test('what is not of its scope is refused', () => {
  expect(() => compileCondition('c.flight_id == "f1"', 'campaign')).toThrow('unknown name "c.flight_id"');
  expect(() => compileCondition('e.creatives > 1.0', 'campaign')).toThrow('unknown name "e.creatives"');
  expect(() => compileCondition('c.campaign_id == "c1"', 'source')).toThrow('unknown name "c.campaign_id"');
});
