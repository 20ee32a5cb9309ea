import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/control/config/problem.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import { absentValues, proveRules } from '../../src/plans/prove-rules.ts';
import { AskedPlaces, isTogether } from '../../src/rules/asked-values.ts';
import { compileCondition, variableNames } from '../../src/rules/condition.ts';
import { anyNumber, orAbsent, type Reach, reachOf } from '../../src/rules/condition-reach.ts';
import { campaignReach, flightReach, sourceReach } from '../../src/rules/rule-reach.ts';
import { randomRules } from '../operators/random-rules.ts';
import { randomSource } from '../operators/random-world.ts';
import { plan } from '../oracle/story.ts';
import { shippedRules } from '../rules/healthy/shipped-rules.ts';

function filesOf(organizations: string, rules: Readonly<Record<string, string>>) {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-prove-'));
  try {
    mkdirSync(join(directory, 'rules'));
    writeFileSync(join(directory, 'organizations.yaml'), organizations);
    for (const [name, text] of Object.entries(rules)) writeFileSync(join(directory, 'rules', name), text);
    const paths = { organizations: join(directory, 'organizations.yaml'), rules: join(directory, 'rules') };
    const files = readPlanFiles(paths);
    const notes = proveRules(files).map(
      (each) => `${each.severity}: ${formatProblem(each).replace(`${directory}/`, '')}`,
    );
    return { files, notes };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const daily = `defaults:
  spend: { from: feed, source: ads }
  sources:
    ads: { heartbeats: true, expected_interval: 24h, stale_after: 40h }
    slow: { delay: 50h, stale_after: 5d }
    app: {}
organizations:
  acme:
    campaigns:
      late: { spend: { from: impressions, source: slow }, labels: { tier: gold } }
`;
const rule = (text: string) => `id: r\nname: R\n${text}\n`;

test('a level on an hour of the day never fires where sources are complete to midnights', () => {
  const { notes } = filesOf(daily, { 'r.yaml': rule("warning: { when: 'p.day_capped && t.local_hour < 15.0' }") });
  expect(notes).toEqual(['never: rules/r.yaml:3:19: warning cannot fire for any flight: t.local_hour is always 24']);
});

test('hours of the day are never those of sources that are complete to midnights', () => {
  const hours = (active: string) =>
    filesOf(daily, { 'r.yaml': rule(`schedule: { active: '${active}' }\nwarning: { when: 'p.spend > 1.0' }`) }).notes;
  expect(hours('mon-fri 08:00-20:00')).toEqual([
    'never: rules/r.yaml:4:19: warning cannot fire for any flight: its schedule has no end of a day, and t.local_hour is always 24',
  ]);
  expect(hours('mon-fri')).toEqual([]);
});

test('a level on the last two hours does not fire for the campaign that is judged by whole days', () => {
  const { notes } = filesOf(daily, { 'r.yaml': rule("critical:\n  when: 'm.impressions_2h == 0.0'") });
  expect(notes).toEqual([
    'note: rules/r.yaml:4:10: critical cannot fire for campaign "late" of acme: m.impressions_2h is never there',
  ]);
});

test('a guard counts, and so do labels', () => {
  const text = "guard: 't.local_hour < 12.0'\nmatch: { tier: gold }\nwarning: { when: 'p.osi_pct < 90.0' }";
  expect(filesOf(daily, { 'r.yaml': rule(text) }).notes).toEqual([
    'never: rules/r.yaml:5:19: warning cannot fire for any flight: t.local_hour is always 24',
  ]);
});

test('what is over is not running, and what runs is not over', () => {
  const ended = rule(
    "scope: ended\nwarning: { when: 'p.hours_left > 1.0' }\ncritical: { when: 'p.lift_needed > 2.0' }",
  );
  expect(filesOf('defaults: {}\n', { 'r.yaml': ended }).notes).toEqual([
    'never: rules/r.yaml:4:19: warning cannot fire for any flight: p.hours_left is 0 or less',
    'never: rules/r.yaml:5:20: critical cannot fire for any flight: p.lift_needed is never there',
  ]);
  const running = rule(`warning: { when: 'p.status == "ended_under"' }`);
  expect(filesOf('defaults: {}\n', { 'r.yaml': running }).notes[0]).toContain(
    'p.status is one of warming_up, on_track',
  );
});

test('of money that nobody planned, too, some things never are', () => {
  const { files, notes } = filesOf('defaults: {}\n', {
    'r.yaml': rule(
      "scope: campaign\nwarning: { when: 'u.over_budget < 0.0' }\ncritical: { when: 'u.days > 40.0 || u.over_budget_pct < 0.0' }",
    ),
  });
  expect(notes).toEqual([
    'never: rules/r.yaml:4:19: warning cannot fire for any campaign: u.over_budget is 0 or more',
    'never: rules/r.yaml:5:20: critical cannot fire for any campaign: u.days is 0 to 34, u.over_budget_pct is 0 or more',
  ]);
  expect(absentValues(files.rules)).toEqual([
    {
      rule: 'r',
      name: 'u.over_budget_pct',
      absent_for: 'campaigns none of whose flights has spent more than a budget above 0',
    },
  ]);
});

test('a source without heartbeats lags by its delay, for ever', () => {
  const { notes } = filesOf(daily, {
    'r.yaml': rule("scope: source\nwarning: { when: 's.lag_s > 3.0 * s.expected_interval_s && s.lag_s > 600.0' }"),
  });
  expect(notes).toEqual([
    'note: rules/r.yaml:4:19: warning cannot fire for source "app", source "app" of acme: s.expected_interval_s is always 0, s.lag_s is always 120',
  ]);
});

test('a for that is shorter than the rhythm is over when the source moves next', () => {
  const { notes } = filesOf(daily, { 'r.yaml': rule("warning: { when: 'p.osi_pct < 90.0', for: 2h }") });
  expect(notes).toEqual([
    'note: rules/r.yaml:3:19: warning: for 2h is over when the source moves next: "ads", which moves every 24h',
  ]);
});

test('a source that is stale before it moves again leaves rules unknown in between', () => {
  const meta = (stale: string) =>
    filesOf(
      `defaults:\n  spend: { from: feed, sources: [google, meta] }\n  sources:\n    google: { heartbeats: true, expected_interval: 1h, stale_after: 6h }\n    meta: { heartbeats: true, expected_interval: 24h, stale_after: ${stale} }\n`,
      { 'r.yaml': rule("warning: { when: 'p.osi_pct < 90.0', for: 48h }") },
    ).notes;
  expect(meta('4h')).toEqual([
    'note: rules/r.yaml:3:19: unknown between the moves of a source: "meta" is stale after 4h and moves every 24h',
  ]);
  expect(meta('24h')).toHaveLength(1);
  expect(meta('25h')).toEqual([]);
});

test('of each rule the values are told that somebody has not, but those that it asks for', () => {
  const { files } = filesOf('defaults: {}\n', {
    'r.yaml': rule("guard: 'known(p.daily_cap)'\nwarning: { when: 'p.spend > p.daily_cap || p.osi_pct < 90.0' }"),
  });
  expect(absentValues(files.rules)).toEqual([
    { rule: 'r', name: 'p.osi_pct', absent_for: 'ASAP flights, and until half a percent of the budget is expected' },
  ]);
});

/** A value that `reach` allows. */
function draw({ numbers, texts, canBeTrue, canBeFalse, isAbsent }: Reach, random: () => number) {
  if (isAbsent && random() < 0.25) return null;
  if (numbers !== null) {
    const least = Number.isFinite(numbers[0]) ? numbers[0] : -200;
    const most = Number.isFinite(numbers[1]) ? numbers[1] : Math.max(200, least + 200);
    return random() < 0.2 ? least : random() < 0.2 ? most : Math.round(least + random() * (most - least));
  }
  if (canBeTrue || canBeFalse) return canBeTrue && (!canBeFalse || random() < 0.5);
  const words = texts ?? ['paused', 'on_track', 'x'];
  return words.length === 0 ? null : words[Math.floor(random() * words.length)];
}

test.each([1, 2, 3, 4])('what is said never to happen never happens (seed %i)', (seed) => {
  const random = randomSource(seed);
  const source = {
    heartbeats: seed % 2 === 0,
    delay_ms: seed * 2e7 * 9,
    expected_interval_ms: 864e5,
    stale_after_ms: 9e8,
  };
  const some = plan({ spend: { from: 'feed', source: 'dsp', cost_basis: 'MEDIA' } }, { sources: { dsp: source } });
  let judged = 0;
  for (const each of [...shippedRules(), ...randomRules(random, 80)]) {
    const { scope } = each;
    if (scope === 'order' || isTogether(scope)) continue;
    const names =
      scope === 'source'
        ? sourceReach('dsp', source)
        : scope === 'campaign'
          ? campaignReach()
          : flightReach(some, {}, scope);
    const texts = [each.guard, each.warning?.when, each.warning?.clear, each.critical?.when, each.critical?.clear];
    for (const text of texts.filter((one) => one != null)) {
      const places = new AskedPlaces();
      const condition = compileCondition(text, each.scope, places);
      const asked = condition.names.flatMap((name) => places.placeOf(name, each.scope) ?? []);
      const { canBeTrue, canBeFalse, isAbsent } = reachOf(text, names);
      for (let n = 0; n < 200; n++) {
        const values = variableNames(each.scope).map((name) => draw(names.get(name) as Reach, random));
        for (const { name, index } of asked) values[index] = draw(names.get(name) ?? orAbsent(anyNumber), random);
        const result = condition.run(values);
        const allowed = result === true ? canBeTrue : result === false ? canBeFalse : result !== null || isAbsent;
        expect(allowed, `${text} came to ${String(result)}, seed ${seed}`).toBe(true);
        judged += 1;
      }
    }
  }
  expect(judged).toBeGreaterThan(5_000);
});

const people = `defaults: {}
organizations:
  acme:
    campaigns:
      spring-sale: { labels: { tier: gold, region: eu }, advertiser: nord }
      spring-2026: { labels: { tier: silver } }
  other: {}
`;
const heard = "warning: { when: 'p.spend > 1.0' }";

test.each([
  ['match: { teir: gold }', 'never: rules/r.yaml:3:16: no campaign carries the label "teir"; did you mean "tier"?'],
  ['match: { tier: glod }', 'never: rules/r.yaml:3:16: no campaign carries tier: glod; did you mean "gold"?'],
  [
    'match: { tier: [gold, bronze] }',
    'note: rules/r.yaml:3:23: no campaign carries tier: bronze; there are gold, silver',
  ],
  ['advertisers: [nrod]', 'never: rules/r.yaml:3:15: no campaign is of an advertiser "nrod"; did you mean "nord"?'],
  [
    'campaigns: [spring-slae]',
    'note: rules/r.yaml:3:13: campaign "spring-slae" is in no plan; did you mean "spring-sale"?',
  ],
  ['exclude: { match: { region: us } }', 'note: rules/r.yaml:3:29: no campaign carries region: us; there are eu'],
  [
    "campaigns: [spring-sale]\nexclude: { campaigns: ['spring-*'] }",
    'never: rules/r.yaml:1:1: the rule is for no campaign: none has all that it asks for, or what it excludes is all of them',
  ],
])('%s is for nobody, and check says whom it may mean', (text, note) => {
  expect(filesOf(people, { 'r.yaml': rule(`${text}\n${heard}`) }).notes).toEqual([note]);
});

test.each([
  "campaigns: ['spring-*', spring-2027, none-of-these]",
  'advertisers: [nord]\nmatch: { region: eu, tier: [gold, silver] }',
  "exclude: { advertisers: ['n*'] }",
  'scope: source\nguard: \'s.name == "dsp"\'',
])('%s is for somebody', (text) => {
  const level = text.startsWith('scope: source') ? "warning: { when: 's.lag_s > 1.0' }" : heard;
  expect(filesOf(people, { 'r.yaml': rule(`${text}\n${level}`) }).notes).toEqual([]);
});
