import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, formatProblem } from '../../src/control/config/problem.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import { readRule } from '../../src/plans/rule-file.ts';

/** What a person sees of a rule file that is wrong. */
function troubles(text: string): string[] {
  return readRule('r.yaml', text).problems.map(formatProblem);
}

test('a mistake in a condition is named with its very place, however the text is written', () => {
  const start = 'id: r\nname: R\ncritical:\n';
  const hint = 'critical.when: unknown name "p.osi_pt"; did you mean "p.osi_pct"?';
  expect(troubles(`${start}  when: p.osi_pt < 75.0`)).toEqual([`r.yaml:4:9: ${hint}`]);
  expect(troubles(`${start}  when: 'p.osi_pt < 75.0'`)).toEqual([`r.yaml:4:10: ${hint}`]);
  expect(troubles(`${start}  when: 'p.mode == "it''s" && p.osi_pt < 75.0'`)).toEqual([`r.yaml:4:31: ${hint}`]);
  expect(troubles(`${start}  when: "p.mode == \\"asap\\" && p.osi_pt < 75.0"`)).toEqual([`r.yaml:4:32: ${hint}`]);
  expect(troubles(`${start}  when: |\n    p.spend > 1.0 &&\n    p.osi_pt < 75.0`)).toEqual([`r.yaml:6:5: ${hint}`]);
});

test.each([
  ['p.osi_pct', 'critical.when: condition is a double, it must be a bool'],
  ['p.osi_pct < "a"', 'critical.when: this is a string, it must be a double'],
  ['p.osi_pct < 75', 'critical.when: write 75.0: all numbers are doubles'],
  ['p.status.matches("a.*")', 'critical.when: ".matches()" is not allowed in a condition'],
  ['s.lag_s > 1.0', 'critical.when: unknown name "s.lag_s"; docs/rules.md lists the names'],
  ['p.osi_pct <', 'critical.when: something is missing at its end'],
])('the condition %s is refused', (when, message) => {
  const [problem] = troubles(`id: r\nname: R\ncritical:\n  when: '${when}'\n`);
  expect(problem.replace(/^r\.yaml:4:\d+: /, '')).toBe(message);
});

test('a rule with other mistakes names all of them', () => {
  expect(troubles('id: r\nname: R\nwarning:\n  whn: p.day_capped\n  for: 2 hours\nguard: 7\n')).toEqual([
    'r.yaml:6:8: guard must be text',
    'r.yaml:4:3: warning.when is missing',
    'r.yaml:5:8: warning.for: must be a duration like 90s, 5m, 2h or 1d',
    'r.yaml:4:3: unknown key "whn"; did you mean "when"?',
  ]);
  expect(troubles('id: r\nname: R\n')).toEqual(['r.yaml:1:1: a rule needs a warning or a critical level']);
});

test.each([
  ["campaigns: ['*']", '5:13: campaigns.0: must be an id, or the beginning of ids and a *'],
  ["campaigns: ['spring-*-x']", '5:13: campaigns.0: must be an id, or the beginning of ids and a *'],
  ['campaigns: []', '5:12: campaigns must be 1 entries long at least'],
  ['campaings: [a]', '5:1: unknown key "campaings"; did you mean "campaigns"?'],
  ['exclude: { campaing: [a] }', '5:12: unknown key "campaing"; did you mean "campaigns"?'],
  ['exclude: {}', '5:10: exclude: must name campaigns, advertisers or labels (match)'],
  ["schedule: { active: 'mon-fry 08:00-20:00' }", '5:26: schedule.active: unknown day "fry"; did you mean "fri"?'],
  ["schedule: { active: [mon, '8-20'] }", '5:28: schedule.active: must be hours, such as 08:00-20:00'],
  ['schedule: { active: mon, outside: downgrade }', '5:35: outside: downgrade needs both levels'],
  ['schedule: { active: mon, outside: pause }', '5:35: schedule.outside must be hold or drop or downgrade'],
  [
    'schedule: { active: mon, zone: Europe/Belin }',
    '5:32: schedule.zone: must be an IANA time zone, such as Europe/Berlin',
  ],
  ['labels: { severity: page }', '5:21: labels.severity has a name that is none: every alert has that one by itself'],
  [
    'labels: { my-team: a }',
    '5:20: labels.my-team has a name that is none: must be 1 to 64 of a-z A-Z 0-9 _, and begin with none of 0-9',
  ],
  ['labels: { __x: a }', '5:16: labels.__x has a name that is none: names that start with __ are reserved'],
  [
    'annotations: { summary: a }',
    '5:25: annotations.summary has a name that is none: every alert has that one by itself',
  ],
  [
    "annotations: { runbook: 'x {{p.osi_pc}}' }",
    '5:28: annotations.runbook: unknown name "p.osi_pc"; did you mean "p.osi_pct"?',
  ],
  ['notify: {}', '5:9: notify: must say cool_down, max_per_day or flapping'],
  ['notify: { cooldown: 1h }', '5:11: unknown key "cooldown"; did you mean "cool_down"?'],
  ['notify: { max_per_day: 0 }', '5:24: notify.max_per_day must be 1 at least'],
  ['notify: { flapping: { above: 20, below: 30 } }', '5:21: notify.flapping: below must be less than above'],
  ['match: { tier: 7 }', '5:16: match.tier must be text, or must be a list'],
])('%s is refused', (text, message) => {
  expect(troubles(`id: r\nname: R\ncritical:\n  when: 'p.spend > 1.0'\n${text}\n`)).toContain(`r.yaml:${message}`);
});

test('a rule about sources chooses no campaigns', () => {
  const start = "id: r\nname: R\nscope: source\ncritical: { when: 's.lag_s > 1.0' }\n";
  expect(troubles(`${start}match: { tier: gold }\nadvertisers: [nord]\n`)).toEqual([
    'r.yaml:5:8: match: a rule of scope source judges no campaigns',
    'r.yaml:6:14: advertisers: a rule of scope source judges no campaigns',
  ]);
});

function readFiles(organizations: string, rules: Readonly<Record<string, string>> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-plans-'));
  mkdirSync(join(directory, 'rules'));
  writeFileSync(join(directory, 'organizations.yaml'), organizations);
  for (const [name, text] of Object.entries(rules)) writeFileSync(join(directory, 'rules', name), text);
  try {
    return readPlanFiles({ organizations: join(directory, 'organizations.yaml'), rules: join(directory, 'rules') });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ''));
  }
}

test('quotas are read, added to those of everyone, and refused beyond their bounds', () => {
  const read = readFiles(
    'defaults:\n  quotas: { campaigns: 10 }\norganizations:\n  acme:\n    quotas: { dead_letters_per_hour: 20 }\n  bolt:\n',
  );
  if (Array.isArray(read)) throw new Error(read.join('\n'));
  expect(read.drafts.map(({ org_id, defaults }) => [org_id, defaults.quotas])).toEqual([
    ['_default', { campaigns: 10 }],
    ['acme', { campaigns: 10, dead_letters_per_hour: 20 }],
    ['bolt', { campaigns: 10 }],
  ]);
  const section = 'organizations:\n  acme:\n    quotas:\n';
  expect(readFiles(`${section}      campaigns: 500001\n      heartbeat_sources: 0\n      dead_letters: 7\n`)).toEqual([
    'organizations.yaml:4:18: organizations.acme.quotas.campaigns must be 500000 at most',
    'organizations.yaml:5:26: organizations.acme.quotas.heartbeat_sources must be 1 at least',
    'organizations.yaml:6:7: unknown key "dead_letters"; known here: campaigns, heartbeat_sources, remembered_records_per_day, dead_letters_per_hour',
  ]);
});

test('organizations and rules are held against each other', () => {
  const rule = (organizations: string) => `id: r\nname: R\n${organizations}warning: { when: p.day_capped }\n`;
  expect(
    readFiles('defaults: { zone: Mars/Olympus, profile: night }\norganizations:\n  acme: { zoen: UTC }\n', {}),
  ).toEqual([
    'organizations.yaml:1:19: defaults.zone: must be an IANA time zone, such as Europe/Berlin',
    'organizations.yaml:3:11: unknown key "zoen"; did you mean "zone"?',
  ]);
  const night = `night: [${Array(168).fill(1).join()}]`;
  expect(
    readFiles(`defaults: { profile: nigt, delivery_source: ads, sources: { dsp: {} }, profiles: { ${night} } }\n`),
  ).toEqual([
    'organizations.yaml:1:22: _default: profile "nigt" does not exist; did you mean "night"?',
    'organizations.yaml:1:45: _default: source "ads" is not in sources; known there: dsp',
  ]);
  expect(readFiles('organizations:\n', { 'a.yaml': rule(''), 'b.yaml': rule('organizations: [acme]\n') })).toEqual([
    `rules/b.yaml:1:1: rule id "r" is also used in rules/a.yaml`,
    'rules/b.yaml:3:17: organization "acme" is not in the organizations file',
  ]);
});

test('a plan is its defaults with what an organization says otherwise, and the rules that name it or nobody', () => {
  const read = readFiles(
    'defaults:\n  zone: Europe/Berlin\n  sources: { dsp: { delay: 1m } }\norganizations:\n  acme: { day_allowance_percent: 150, sources: { feed: { heartbeats: true } } }\n',
    {
      'a.yaml': 'id: a\nname: A\nwarning: { when: p.day_capped }\n',
      'b.yaml': 'id: b\nname: B\norganizations: [acme]\nwarning: { when: p.day_capped }\n',
    },
  );
  if (Array.isArray(read)) throw new Error(read.join('\n'));
  const [shared, acme] = read.drafts;
  expect([shared.org_id, shared.rules.map(({ id }) => id)]).toEqual(['_default', ['a']]);
  expect([acme.org_id, acme.rules.map(({ id }) => id)]).toEqual(['acme', ['a', 'b']]);
  expect(acme.defaults).toEqual({ ...shared.defaults, day_allowance_bp: 15_000 });
  expect(Object.keys(acme.sources)).toEqual(['dsp', 'feed']);
});

test('what people mistype is refused with its place, the nearest name and our words', () => {
  const rule = (more: string) => ({ 'r.yaml': `id: r\nname: R\n${more}\n` });
  const night = Array(168).fill(1).join();
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    [
      'defaults: {}\n',
      rule('warning: { when: \'p.mode == "evn"\' }'),
      'rules/r.yaml:3:29: warning.when: p.mode is never "evn"; did you mean "even"?',
    ],
    [
      'defaults: {}\n',
      rule('warning: { when: \'"xyz" != p.status\' }'),
      'rules/r.yaml:3:19: warning.when: p.status is never "xyz"; it is one of not_started',
    ],
    [
      'defaults: {}\n',
      rule('warning: { when: p.day_capped }\nsummary: "Now {{p.nope}} of {{p.osi_pct}}"'),
      'rules/r.yaml:4:15: summary: unknown name "p.nope"; did you mean "p.mode"?',
    ],
    ['defaults: {}\n', rule('warning: { when: p.day_capped }\nsummary: "{{p.osi_pc}}"'), 'did you mean "p.osi_pct"?'],
    ...(
      [
        ['summary: "at {{p.osi_pct"', '4:14: summary: this "{{" is never closed'],
        ['summary: "at {{p.osi_pct}"', '4:14: summary: this "{{" is never closed'],
        ['summary: "{{p.osi_pct}} of {{ {{p.spend}}"', '4:28: summary: this "{{" is never closed'],
        ['summary: "at p.osi_pct}}"', '4:23: summary: this "}}" closes nothing'],
        ['summary: "at {p.osi_pct} %"', '4:14: summary: one brace is text as it stands; write "{{p.osi_pct}}"'],
        ['summary: "at ${p.osi_pct} %"', '4:15: summary: one brace is text as it stands; write "{{p.osi_pct}}"'],
        ["annotations: { runbook: 'x {{p.spend' }", '4:28: annotations.runbook: this "{{" is never closed'],
        ["annotations: { runbook: 'x {{}}' }", '4:28: annotations.runbook: unknown name ""'],
        ['summary: "{{p.osi_pct | upper}}"', '4:11: summary: unknown name "p.osi_pct | upper"; known here: p.status'],
      ] as const
    ).map(
      ([more, message]) =>
        ['defaults: {}\n', rule(`warning: { when: p.day_capped }\n${more}`), `rules/r.yaml:${message}`] as const,
    ),
    [
      'organizations: { acme: {} }\n',
      rule('warning: { when: p.day_capped }\norganizations: [_default, acne]'),
      'rules/r.yaml:4:27: organization "acne" is not in the organizations file; did you mean "acme"?',
    ],
    [
      'defaults: {}\n',
      rule('warning: { when: p.day_capped, for: 500d }'),
      'rules/r.yaml:3:37: warning.for: must be at most 400d',
    ],
    [
      'defaults: { evaluate_every: 90s }\n',
      {},
      'organizations.yaml:1:29: defaults.evaluate_every: must be whole minutes, from 1m to 1d',
    ],
    [
      'defaults: { day_allowance_percent: 20 }\n',
      {},
      'organizations.yaml:1:36: defaults.day_allowance_percent must be 100 at least',
    ],
    [
      'defaults: { spend: { from: imp, source: a } }\n',
      {},
      'organizations.yaml:1:28: defaults.spend.from must be impressions or feed',
    ],
    ['defaults: { spend: { from: feed, source: "" } }\n', {}, '_default: spend from a feed must name its source'],
    [
      `defaults: { profiles: { n: [${night}] } }\norganizations: { acme: { campaigns: { c: { profile: m } } } }\n`,
      {},
      'organizations.yaml:2:53: acme: profile "m" does not exist',
    ],
    ['hello\n', {}, 'organizations.yaml:1:1: the file must be a mapping of keys'],
    ['--- {}\n--- {}\n', {}, 'a second document begins here'],
  ];
  for (const [organizations, rules, words] of cases) {
    const found = readFiles(organizations, rules);
    expect(Array.isArray(found) ? found.join('\n') : 'nothing is wrong', words).toContain(words);
  }
});

test('rules that silence each other or nobody are named with their place', () => {
  const rule = (id: string, by: string) =>
    `id: ${id}\nname: R\ninhibited_by: [${by}]\nwarning: { when: p.day_capped }\n`;
  const troubles = readFiles('defaults: {}\n', { 'a.yaml': rule('a', 'b'), 'b.yaml': rule('b', 'a, data-freshnes') });
  expect(Array.isArray(troubles) ? troubles.toSorted() : troubles).toEqual([
    'rules/a.yaml:3:16: rules silence each other: a, b, a',
    'rules/b.yaml:3:16: rules silence each other: b, a, b',
    'rules/b.yaml:3:19: no rule "data-freshnes"',
  ]);
  expect(readFiles('defaults: {}\n', { 'a.yaml': rule('late-feed', 'late-fed') })).toEqual([
    'rules/a.yaml:3:16: no rule "late-fed"; did you mean "late-feed"?',
  ]);
});

test('serving hours are read as people write them, and refused with their place', () => {
  const read = readFiles(`defaults:
  daypart: office
  dayparts:
    office: mon-fri 08:00-20:00
    night: { active: ['fri,sat 22:00-02:30'], zone: Europe/London }
organizations:
  acme:
    dayparts: { office: [mon, tue 09:00-12:00] }
    campaigns: { c1: { daypart: night } }
`);
  if (Array.isArray(read)) throw new Error(read.join());
  const [defaults, acme] = read.drafts;
  expect(defaults.dayparts).toEqual({
    office: { active: [{ days: [1, 2, 3, 4, 5], from: 480, to: 1_200 }], zone: null },
    night: {
      active: [
        { days: [5, 6], from: 1_320, to: 1_440 },
        { days: [6, 7], from: 0, to: 150 },
      ],
      zone: 'Europe/London',
    },
  });
  expect(acme.dayparts?.office.active).toHaveLength(2);
  expect(acme.defaults.daypart).toBe('office');
  const troubles = (text: string) => readFiles(`defaults:\n${text}\n`);
  expect(troubles('  daypart: ofice\n  dayparts: { office: mon-fri }')).toEqual([
    'organizations.yaml:2:12: _default: daypart "ofice" does not exist; did you mean "office"?',
  ]);
  expect(troubles('  dayparts: { office: { active: mon-fri 08:10-20:00 } }')).toEqual([
    expect.stringContaining('must begin and end at quarter-hours'),
  ]);
  expect(troubles('  dayparts: { office: { active: mon-fry } }')).toEqual([
    expect.stringContaining('unknown day "fry"; did you mean "fri"?'),
  ]);
  expect(troubles('  dayparts: { office: mon-fry }')).toEqual([expect.stringContaining('unknown day "fry"')]);
});

test('goals in pieces are read in per cent and in units, and refused with their place', () => {
  const read = readFiles(`defaults:
  curves:
    launch:
      pieces: [{ from: 2026-03-02, percent: 33.3 }, { from: 2026-03-05T12:15, percent: 66.7 }]
      until: 2026-03-15
organizations:
  acme:
    curves:
      april:
        goal: 90.25
        pieces: [{ from: 2026-04-01, goal: 60 }, { from: 2026-04-16, goal: 30.25 }]
        until: 2026-04-30T18:00
        inside: traffic
    campaigns: { c1: { curve: april } }
`);
  if (Array.isArray(read)) throw new Error(read.join());
  const launch = {
    pieces: [
      { from: '2026-03-02', share: 333 },
      { from: '2026-03-05T12:15', share: 667 },
    ],
    until: '2026-03-15',
    inside: 'even',
  };
  const april = {
    pieces: [
      { from: '2026-04-01', share: 6_000 },
      { from: '2026-04-16', share: 3_025 },
    ],
    until: '2026-04-30T18:00',
    inside: 'traffic',
  };
  expect(read.drafts.map(({ curves }) => curves)).toEqual([{ launch }, { launch, april }]);

  const troubles = (pieces: string, rest = 'until: 2026-03-15') =>
    readFiles(`defaults:\n  curves:\n    a:\n      pieces: [${pieces}]\n      ${rest}\n`);
  const whole = '{ from: 2026-03-02, percent: 100 }';
  expect(troubles('{ from: 2026-03-02, percent: 50 }, { from: 2026-03-05, percent: 45.5 }')).toEqual([
    expect.stringMatching(/^organizations\.yaml:4:\d+: .*come to 95\.5 percent, not 100/),
  ]);
  expect(troubles('{ from: 2026-03-02, goal: 50 }', 'until: 2026-03-15\n      goal: 60')).toEqual([
    expect.stringMatching(/^organizations\.yaml:4:\d+: .*come to 50, and the goal of the curve is 60/),
  ]);
  expect(troubles('{ from: 2026-03-05, percent: 50 }, { from: 2026-03-02, percent: 50 }')).toEqual([
    expect.stringMatching(/^organizations\.yaml:4:\d+: .*begins at 2026-03-02, which is not after 2026-03-05/),
  ]);
  expect(troubles(whole, 'until: 2026-03-01')).toEqual([
    expect.stringMatching(/^organizations\.yaml:5:\d+: .*is over before the last piece begins, at 2026-03-02/),
  ]);
  expect(troubles('{ from: 2026-02-30, percent: 100 }')).toEqual([
    expect.stringContaining('must be a local day or quarter-hour'),
  ]);
  expect(troubles('{ from: 2026-03-02T12:10, percent: 100 }')).toEqual([
    expect.stringContaining('must be a quarter-hour'),
  ]);
  expect(troubles('{ from: 2026-03-02, goal: 100 }')).toEqual([expect.stringContaining('must say percent')]);
  expect(troubles('{ from: 2026-03-02, goal: 100, percent: 1 }')).toEqual([
    expect.stringContaining('needs either percent or goal'),
  ]);
  expect(readFiles('defaults: { campaigns: { c1: { curve: lunch } }, curves: {} }\n')).toEqual([
    expect.stringContaining('curve "lunch" does not exist'),
  ]);
});

test('allowances of week and flight are read for everyone and for a campaign', () => {
  const read = readFiles(`defaults:
  week_allowance_percent: 120
  flight_allowance_percent: 105.5
  week_starts: sunday
  campaigns: { c1: { week_allowance_percent: 150, week_starts: monday } }
organizations:
  acme: { flight_allowance_percent: 110 }
`);
  if (Array.isArray(read)) throw new Error(read.join());
  const [all, acme] = read.drafts;
  const week = { week_allowance_bp: 12_000, week_starts: 'sunday' };
  expect(all.defaults).toMatchObject({ ...week, flight_allowance_bp: 10_550 });
  expect(acme.defaults).toMatchObject({ ...week, flight_allowance_bp: 11_000 });
  expect(all.campaigns.c1).toEqual({ week_allowance_bp: 15_000, week_starts: 'monday' });
  expect(readFiles('defaults: { week_starts: sonday }\n')).toEqual([
    expect.stringContaining('must be monday or tuesday'),
  ]);
  expect(readFiles('defaults: { week_allowance_percent: 90 }\n')).toEqual([expect.stringContaining('100 at least')]);
});

test('how late conversions are is said in shares of a day that grow to all of it', () => {
  const read = readFiles('defaults: { conversion_lag_percent: [35, 50.5, 100] }\n');
  if (Array.isArray(read)) throw new Error(read.join());
  expect(read.drafts[0].defaults.conversion_lag_bp).toEqual([3_500, 5_050, 10_000]);
  for (const [said, wish] of [
    ['[35, 30, 100]', 'must not fall'],
    ['[35, 90]', 'must end with 100: all that comes'],
    ['[0, 100]', '0.01 at least'],
    ['[]', 'must end with 100'],
  ])
    expect(readFiles(`defaults: { conversion_lag_percent: ${said} }\n`), said).toEqual([expect.stringContaining(wish)]);
});
