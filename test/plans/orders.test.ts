import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/control/config/problem.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';

const people = [
  'defaults: {}',
  'organizations:',
  '  acme:',
  '    zone: Europe/Berlin',
  '    campaigns:',
  '      spring-sale: { labels: { tier: gold }, advertiser: nord, currency: EUR }',
  '      autumn: { labels: { tier: silver }, advertiser: sued }',
  '    profiles: {}',
  '    orders:',
];

function read(order: string) {
  const directory = mkdtempSync(join(tmpdir(), 'orders-'));
  const file = join(directory, 'organizations.yaml');
  writeFileSync(file, [...people, `      q1: ${order}`].join('\n'));
  return { file, drafts: () => readPlanFiles({ organizations: file, rules: null }).drafts };
}

test('an order says who, how much, when and how; without a zone it has that of the organization', () => {
  const text = '{ name: Spring, advertiser: nord, currency: EUR, budget: 1000.5, start: 2026-03-01, end: 2026-03-31 }';
  expect(read(text).drafts()[1].orders).toEqual({
    q1: {
      ...{ name: 'Spring', advertiser: 'nord', currency: 'EUR', budget_micros: 1_000_500_000 },
      ...{ start: '2026-03-01', end: '2026-03-31', zone: 'Europe/Berlin', mode: 'EVEN' },
      members: { match: {}, advertisers: ['nord'] },
    },
  });
  const all =
    "{ currency: JPY, budget: '9007199254.740991', start: 2026-03-01, end: 2026-03-01, mode: ASAP, members: all, zone: UTC }";
  const written = all.replace('JPY', 'EUR');
  expect(read(written).drafts()[1].orders?.q1).toMatchObject({
    budget_micros: Number.MAX_SAFE_INTEGER,
    members: { match: {} },
  });
});

const dates = 'start: 2026-03-01, end: 2026-03-31';
const money = 'currency: EUR, budget: 10';

test.each([
  [
    `{ ${money}, ${dates}, members: { advertisers: [nrod] } }`,
    '10:101: acme: order "q1": no campaign is of an advertiser "nrod"; did you mean "nord"?',
  ],
  [
    `{ ${money}, ${dates}, members: { match: { teir: gold } } }`,
    'no campaign carries the label "teir"; did you mean "tier"?',
  ],
  [
    `{ ${money}, ${dates}, members: { campaigns: [sprng-sale] } }`,
    'campaign "sprng-sale" is in no plan; did you mean "spring-sale"?',
  ],
  [`{ ${money}, ${dates}, advertiser: nrod }`, 'no campaign is of an advertiser "nrod"; did you mean "nord"?'],
  [`{ ${money}, ${dates} }`, 'an order needs members, or an advertiser whose campaigns they are'],
  [
    `{ ${money}, ${dates}, members: {} }`,
    'must name campaigns, advertisers or labels (match); `all` are all campaigns of the organization',
  ],
  [`{ ${money}, ${dates}, members: { advertiser: [nord] } }`, 'unknown key "advertiser"; did you mean "advertisers"?'],
  [
    `{ currency: USD, budget: 10, ${dates}, members: all }`,
    '10:23: acme: order "q1": campaign "spring-sale" is in EUR, and the order in USD: their money does not add up',
  ],
  [`{ currency: euro, budget: 10, ${dates}, members: all }`, 'must be an ISO-4217 code, such as EUR'],
  [
    `{ ${money}, start: 2026-02-30, end: 2026-03-31, members: all }`,
    '10:47: organizations.acme.orders.q1.start: must be a date between 2000 and 2100, such as 2026-03-31',
  ],
  [`{ ${money}, start: 2026-03-02, end: 2026-03-01, members: all }`, 'must not lie before its start, 2026-03-02'],
  [`{ ${money}, start: 2026-03-02, end: 2029-04-01, members: all }`, 'makes it 1127 days long, more than 1100'],
  [
    `{ currency: EUR, budget: 10.0000001, ${dates}, members: all }`,
    'must be an amount from 0 to 9007199254, with 6 decimals at most',
  ],
  [`{ ${money}, ${dates}, members: all, mode: even }`, 'EVEN'],
  [`{ ${money}, ${dates}, members: all, curve: busy }`, 'mode EVEN follows no curve; TRAFFIC, DAYPARTED and CUSTOM do'],
  [`{ ${money}, ${dates}, members: all, mode: TRAFFIC, curve: busy }`, 'profile "busy" does not exist'],
])('what cannot be is named with its place: %s', (text, message) => {
  const { file, drafts } = read(text);
  expect(drafts).toThrow(ConfigError);
  try {
    drafts();
  } catch (error) {
    const { problems } = error as ConfigError;
    const shown = problems.map((each) => `${each.line}:${each.column}: ${each.message}`);
    expect(shown.join('\n')).toContain(message);
    for (const each of problems) expect(each).toMatchObject({ file, line: 10 });
  }
});
