import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRuleTests } from '../../src/adapters/history/run-rule-tests.ts';
import { commands } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { ConfigError } from '../../src/control/config/problem.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { readBeats, readSeries, SeriesProblem } from '../../src/replay/rule-tests/series.ts';
import { fakeTerminal } from '../cli/terminal-double.ts';

const hour = 3_600_000;
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-rule-tests-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const idle = `id: idle\nname: Nothing flows\nwarning: { when: 'm.spend_2h <= 0.0', for: 1h }\nsummary: '{{c.campaign_id}} spent {{m.spend_2h}}'\n`;

/** A rules directory of its own, with tests. */
function place(name: string, tests: string, rules: Readonly<Record<string, string>> = { idle }): string {
  const root = join(dir, name);
  mkdirSync(join(root, 'tests'), { recursive: true });
  for (const [id, text] of Object.entries(rules)) writeFileSync(join(root, `${id}.yaml`), text);
  writeFileSync(join(root, 'tests', 'idle.test.yaml'), tests);
  return root;
}

const run = (root: string) => runRuleTests({ paths: [], rulesDirectory: root }, systemClock);

async function problemsOf(root: string): Promise<string[]> {
  const error = await run(root).then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ConfigError)) throw error ?? new Error('no mistake was found');
  return error.problems.map(
    ({ file, line, column, message }) => `${file.slice(root.length)}:${line}:${column}: ${message}`,
  );
}

test('a part in brackets stands as often as it says, and brackets may stand in others', () => {
  const series = readSeries('2 times (2 times (24/d for 1d, nothing for 1d), 5 at once), 1/h for 2h');
  const whole = 1_000_000n;
  expect(series.amountIn(0, 4 * (24 * hour) + 1)).toBe(53n * whole + 1n);
  expect(series.amountIn(0, 4 * (24 * hour))).toBe(48n * whole);
  expect(series.amountIn(8 * (24 * hour), 9 * (24 * hour))).toBe(7n * whole);
  expect(() => readSeries('4 times (1/h for 1d, nothing for 6d')).toThrow('the bracket is not closed');
  expect(() => readSeries('4 times (1/h for 1d, nothng for 6d)')).toThrow('"nothng for 6d": must be parts like');
  expect(() => readSeries('9999 times (1 at once, 1 at once)')).toThrow('comes to more than 10000 parts');
  expect(readBeats('2 times (every 15m for 30m, nothing for 30m)')).toEqual([15, 30, 75, 90].map((m) => m * 60_000));
});

test('series add up to the micro whatever the steps', () => {
  const series = readSeries('10/h for 90m, nothing for 2h,  7 at once , 1/d for 1d');
  const all = (step: number) =>
    Array.from({ length: Math.ceil((30 * hour) / step) }, (_, at) => series.amountIn(at * step, (at + 1) * step));
  for (const step of [60_000, 7 * 60_000, hour, 30 * hour])
    expect(all(step).reduce((sum, each) => sum + each, 0n)).toBe(23_000_000n);
  expect(series.amountIn(0, hour)).toBe(10_000_000n);
  expect(series.amountIn(2 * hour, 3.5 * hour)).toBe(0n);
  expect(series.amountIn(3.5 * hour, 3.5 * hour + 1), '1/d begins, rounded up').toBe(7_000_001n);
  expect(readBeats('every 15m for 1h, nothing for 1h, every 1h for 1h').map((at) => at / 60_000)).toEqual([
    15, 30, 45, 60, 180,
  ]);
});

test.each([
  ['10/h', 0],
  ['10/h for 24h, 5/x for 2h', 14],
  ['10/h for 24h, 5/h for soon', 22],
  ['10/h for 0h', 9],
  ['-5/h for 2h', 0],
])('the series "%s" is wrong at its character %d', (text, at) => {
  const error = (() => {
    try {
      return readSeries(text);
    } catch (cause) {
      return cause;
    }
  })();
  expect(error).toBeInstanceOf(SeriesProblem);
  expect((error as SeriesProblem).at).toBe(at);
});

test('a test that holds passes, and one that does not shows got, wanted, place and what happened', async () => {
  const root = place(
    'two',
    `rules: [idle]
tests:
  - name: an hour of nothing
    flights: { f1: { budget: 240, daily_cap: 30 } }
    series: { spend: '1/h for 6h, nothing for 6h' }
    expect:
      - { at: 1h..8h, state: ok }
      - { at: 8h30m, state: pending, values: { m.spend_2h: 0 } }
      - { at: 9h30m, state: firing, level: warning, summary: c1 spent 0 }
  - name: too soon <&>
    flights: { f1: { budget: 240 } }
    series: { spend: '1/h for 6h, nothing for 6h' }
    expect:
      - { at: 8h30m, state: firing, values: { m.spend_2h: 1..2 } }
`,
  );
  const { passed, failed, lines, junit, files } = await run(root);
  expect([passed, failed]).toEqual([1, 1]);
  const text = lines.map(({ line }) => line.replace(root, '')).join('\n');
  expect(text).toMatch(
    /^ok {4}\/tests\/idle.test.yaml {2}1 passed\nFAIL {2}\/tests\/idle.test.yaml:10:11: too soon <&>\n/,
  );
  expect(text).toContain('14:29: at 8h30m idle of campaign c1, flight f1: state is pending');
  expect(text).toContain('wanted firing');
  expect(text).toContain('m.spend_2h is 0 (since 8h');
  expect(text).toMatch(/what happened:\n +8h\S+ +ok → pending +warning +condition/);
  expect(junit).toContain('tests="2" failures="1"');
  expect(junit).toContain('name="too soon &lt;&amp;&gt;"');
  expect(files[0].tests[1].failures.map(({ what }) => what)).toEqual(['state', 'm.spend_2h']);
});

test('every mistake has its place, and with one of them nothing is run', async () => {
  const root = place(
    'mistakes',
    `rules: [idle]
tests:
  - name: first
    flights: { f1: { budgett: 240 } }
    series: { spend: '1/h for 6h, nothing fro 6h' }
    events:
      - { at: 1h, type: statuschanged }
      - { at: 1h, type: status_changed, staus: PAUSED }
      - { at: soon, type: click }
    expect:
      - { at: 8h, state: ok, values: { m.spend_h: 1 } }
      - { at: 8h..4h, state: ok }
      - { at: 8h, rule: idl, state: ok }
  - name: second
    settings: { delivery_source: elsewhere }
    expect:
      - { at: 8h, stat: ok }
`,
  );
  expect(await problemsOf(root)).toEqual([
    '/tests/idle.test.yaml:17:9: tests.1.expect.0: must say state, level, outcome, told, withheld, summary or values',
    '/tests/idle.test.yaml:17:19: unknown key "stat"; did you mean "state"?',
  ]);
  writeFileSync(
    join(root, 'tests', 'idle.test.yaml'),
    readFileSync(join(root, 'tests', 'idle.test.yaml'), 'utf8').replace('stat: ok }', 'state: ok }'),
  );
  expect(await problemsOf(root)).toEqual([
    expect.stringContaining('/tests/idle.test.yaml:4:31: unknown field "budgett"; did you mean "budget"?'),
    expect.stringContaining('/tests/idle.test.yaml:5:35: "nothing fro 6h": must be parts like "10/h for 24h"'),
    expect.stringContaining(
      '/tests/idle.test.yaml:7:25: there is no event "statuschanged"; did you mean "status_changed"?',
    ),
    expect.stringContaining('/tests/idle.test.yaml:8:48: unknown field "staus"; did you mean "status"?'),
    expect.stringContaining('/tests/idle.test.yaml:9:15: "soon": must be a duration'),
    expect.stringContaining(
      '/tests/idle.test.yaml:11:51: the rule "idle" does not read m.spend_h; did you mean "m.spend_2h"?',
    ),
    expect.stringContaining('/tests/idle.test.yaml:12:15: "8h..4h" ends before it begins'),
    expect.stringContaining('/tests/idle.test.yaml:13:25: the file does not test the rule "idl"; did you mean "idle"?'),
    expect.stringContaining('/tests/idle.test.yaml:15:34: source "elsewhere" is not in sources'),
  ]);
});

test('a record that the engine refuses, an unknown rule and a broken rule are mistakes with places', async () => {
  const expectation = 'expect: [{ at: 2h, state: ok }]';
  const refused = `rules: [idle]\ntests:\n  - name: a\n    flights: { f1: { mode: SIDEWAYS } }\n    ${expectation}\n`;
  expect(await problemsOf(place('refused', refused))).toEqual([
    expect.stringMatching(/idle.test.yaml:4:20: the engine refuses this record: bad_field: mode/),
  ]);
  const unknown = `rules: [idel]\ntests:\n  - name: a\n    ${expectation}\n`;
  expect(await problemsOf(place('unknown', unknown))).toEqual([
    '/tests/idle.test.yaml:1:9: there is no rule "idel" beside these tests; did you mean "idle"?',
  ]);
  const broken = place('broken', unknown.replace('idel', 'idle'), {
    idle: idle.replace('m.spend_2h <=', 'm.spend_3h <='),
  });
  expect((await problemsOf(broken))[0]).toMatch(/idle.yaml:3:\d+: warning.when: unknown name "m.spend_3h"/);
});

test('several campaigns, feeds with heartbeats, events and sources', async () => {
  const late = `id: late\nname: Late\nscope: source\nwarning: { when: 's.lag_s > 7200.0' }\nsummary: '{{s.name}} is late'\n`;
  const root = place(
    'feeds',
    `rules: [idle, late]
settings:
  zone: America/New_York
  spend: { from: feed, source: dsp }
  sources: { dsp: { heartbeats: true, expected_interval: 1h } }
tests:
  - name: two campaigns of a feed that falls silent
    start: 2026-03-07
    campaigns:
      c1: { flights: { f1: { budget: 240 } }, series: { spend: 1/h for 30h } }
      c2: { flights: { f1: { budget: 240 } } }
    heartbeats: { dsp: 'every 1h for 12h, nothing for 9d' }
    events:
      - { at: 2h, type: status_changed, campaign: c2, status: PAUSED, cause: ADVERTISER }
    expect:
      - { at: 12h, rule: idle, campaign: c1, state: ok, values: { m.spend_2h: 2 } }
      - { at: 12h, rule: idle, campaign: c2, state: firing }
      - { at: 13h55m, rule: late, state: ok }
      - { at: 14h10m, rule: late, state: firing, summary: dsp is late }
      - { at: 20h, rule: idle, campaign: c1, outcome: unknown }
      - { at: 12h, rule: idle, state: ok }
`,
    { idle, late },
  );
  const { files } = await run(root);
  expect(files[0].tests[0].failures).toEqual([
    expect.objectContaining({
      what: 'alert',
      wanted: 'one: name campaign, flight, source, order or advertiser',
      line: 21,
    }),
  ]);
});

test('the command prints, writes JUnit, and says by its exit code what came of it', async () => {
  const good = `rules: [idle]\ntests:\n  - name: a\n    flights: { f1: { budget: 240 } }\n    expect: [{ at: 5h, state: firing }]\n`;
  const root = place('command', good);
  const call = async (...words: string[]) => {
    const { terminal, texts } = fakeTerminal();
    const code = await runCommandLine(['test', ...words], commands, terminal);
    return { code, ...texts };
  };
  const xml = join(dir, 'out.xml');
  const passed = await call(join(root, 'tests'), '--junit', xml);
  expect([passed.code, passed.out.trim().split('\n').at(-1)]).toEqual([0, '1 passed, 0 failed']);
  expect(readFileSync(xml, 'utf8')).toContain('<testsuites>');
  const file = join(root, 'tests', 'idle.test.yaml');
  writeFileSync(file, good.replace('firing', 'ok'));
  const failed = await call(file, '--json');
  expect([failed.code, JSON.parse(failed.out).failed]).toEqual([1, 1]);
  expect((await call(file, '--only', 'nobody')).code).toBe(64);
  writeFileSync(file, good.replace('firing', 'fire'));
  const wrong = await call(file, '--json');
  expect([wrong.code, JSON.parse(wrong.out).problems[0].line]).toEqual([78, 5]);
  expect((await call(join(root, 'none.test.yaml'))).code).toBe(64);
});

test('check reads the tests, and refuses a rule without one where plans.require_tests says so', async () => {
  const good = `rules: [idle]\ntests:\n  - name: a\n    expect: [{ at: 5h, state: ok }]\n`;
  const other = idle.replace('id: idle', 'id: other');
  const root = place('required', good, { idle, other });
  writeFileSync(join(dir, 'organizations.yaml'), '{}\n');
  const check = async (isRequired: boolean) => {
    const config = join(dir, 'paceline.yaml');
    const plans = `  organizations: organizations.yaml\n  rules: ${root}\n  require_tests: ${isRequired}\n`;
    writeFileSync(config, `plans:\n${plans}`);
    const { terminal, texts } = fakeTerminal();
    const code = await runCommandLine(['check', '--config', config, '--json'], commands, terminal);
    return { code, answer: JSON.parse(texts.out) };
  };
  expect(await check(false)).toMatchObject({ code: 0, answer: { valid: true, tests: 1 } });
  const { code, answer } = await check(true);
  expect([code, answer.problems.length, answer.problems[0].file]).toEqual([78, 1, join(root, 'other.yaml')]);
  expect(answer.problems[0].message).toMatch(/^rule "other" has no test, and plans.require_tests asks for one/);
  place('required', good.replace('state: ok', 'state: fine'), { idle, other });
  expect(await check(false)).toMatchObject({ code: 78, answer: { problems: [{ line: 4 }] } });
});

test('the examples of docs/testing-rules.md pass', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/testing-rules.md'), 'utf8');
  const [whole, events] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);
  const shipped = join(import.meta.dirname, '../../config/rules');
  const rule = readFileSync(join(shipped, 'under-pacing.yaml'), 'utf8');
  const indented = events.replaceAll(/^/gm, '    ');
  const others = `  - name: events\n    settings: { sources: { adserver: {}, dsp: {} } }\n    flights: { f1: { budget: 240 } }\n${indented}`;
  const root = place('page', `${whole}${others.trimEnd()}\n    expect: [{ at: 42h, outcome: insufficient }]\n`, {
    'under-pacing': rule,
  });
  const { passed, lines } = await run(root);
  expect(passed, lines.map(({ line }) => line).join('\n')).toBe(2);
});
