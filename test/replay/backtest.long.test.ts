import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chooseHistory } from '../../src/adapters/history/open-history.ts';
import { readCandidate, runBacktest } from '../../src/adapters/history/run-backtest.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { startEngine } from '../../src/app.ts';
import { commands } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { compareVerdicts } from '../../src/replay/backtest/compare.ts';
import { readBound } from '../../src/replay/backtest/fail-if.ts';
import { backtestPage } from '../../src/replay/backtest/page.ts';
import { backtestJson } from '../../src/replay/backtest/report.ts';
import { type Episode, type Verdict, VerdictMaker } from '../../src/replay/backtest/verdict.ts';
import type { alertEvents, pacingSnapshots, ReadRowOf } from '../../src/rows/tables.ts';
import { runInBatches } from '../chaos/run-in-batches.ts';
import { fakeTerminal } from '../cli/terminal-double.ts';
import { plan } from '../oracle/story.ts';
import { simulate, writeRules } from './simulated-week.ts';

const shippedConfigDirectory = join(import.meta.dirname, '../../config');
const size = { days: 7, campaigns: 8, seed: 23 };
const loud = { 'under-pacing.yaml': ['p.osi_pct < 90.0', 'p.osi_pct < 97.0'] } as const;
const forever = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
let dir = '';
let data = '';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-backtest-test-'));
  data = join(dir, 'data');
  await simulate(data, writeRules(join(dir, 'rules')), size);
  await simulate(join(dir, 'second'), writeRules(join(dir, 'loud'), loud), size);
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function load(overrides: Readonly<Record<string, unknown>> = {}) {
  const all = { data_directory: data, http: { port: 0 }, clickhouse: { port: 0 }, ...overrides };
  return loadConfig([], { shippedConfigDirectory, overrides: all });
}

async function backtest(asked: Parameters<typeof chooseHistory>[1], period = forever, threads: number | null = 2) {
  const { place, dispose } = chooseHistory(load().config, asked);
  const candidate = readCandidate({ rules: [join(dir, 'loud')], organizations: null });
  const options = { threads, bounds: [], signal: new AbortController().signal, onProgress: () => {} };
  try {
    return (await runBacktest({ place, candidate, period, planKey: null }, options)).json();
  } finally {
    dispose();
  }
}

/** What a run of the engine recorded. */
async function recorded(directory: string, period = forever): Promise<Verdict> {
  const { alert_events, pacing_snapshots } = await runInBatches(directory, () => 5_000);
  const maker = new VerdictMaker(period);
  for (const row of pacing_snapshots.toSorted(byInstant)) maker.snapshot(row as ReadRowOf<typeof pacingSnapshots>);
  for (const row of alert_events.toSorted(byInstant)) maker.alert(row as ReadRowOf<typeof alertEvents>);
  return maker.verdict();
}

function byInstant(a: { readonly [key: string]: unknown }, b: { readonly [key: string]: unknown }): number {
  return Number(a.evaluated_at) - Number(b.evaluated_at) || Number((a.version as bigint) - (b.version as bigint));
}

/** Every file below, by content. */
function printOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .map(
      (name) =>
        `${name} ${createHash('sha256')
          .update(readFileSync(join(directory, name)))
          .digest('hex')}`,
    )
    .sort();
}

test('a week says of the rules in force what the live run recorded, and of a candidate what a second one does', {
  timeout: 180_000,
}, async () => {
  const [first, second] = [await recorded(data), await recorded(join(dir, 'second'))];
  const before = printOf(data);
  const json = await backtest({ kind: 'configured' });
  expect(json).toEqual(
    backtestJson(compareVerdicts(first, second), {
      fromMs: Date.parse(String(json.from)),
      toMs: Date.parse(String(json.to)),
    }),
  );
  expect((json.in_force as { alerts: number }).alerts).toBeGreaterThan(3);
  expect((json.candidate as { alerts: number }).alerts).toBeGreaterThan((json.in_force as { alerts: number }).alerts);
  expect(printOf(data), 'nothing is written').toEqual(before);
  expect(await backtest({ kind: 'log', path: join(data, 'log') }, forever, 1)).toEqual(json);
  // Two days of it: what is before has its say, and is not counted.
  const part = { fromMs: Date.parse('2026-03-10T00:00:00Z'), toMs: Date.parse('2026-03-12T00:00:00Z') };
  const ofPart = await backtest({ kind: 'configured' }, part);
  const starts = (ofPart.changes as { in_force: { start: string } | null }[]).flatMap(
    ({ in_force }) => in_force?.start ?? [],
  );
  const all = first.episodes.filter(({ startMs }) => startMs >= part.fromMs && startMs < part.toMs);
  expect(starts.sort()).toEqual(all.map(({ startMs }) => new Date(startMs).toISOString().replace(/\.\d+/, '')).sort());
});

test('bronze and the directory of a running engine tell the same', { timeout: 240_000 }, async () => {
  const log = makeLogger({ level: 'silent', clock: systemClock });
  const engine = await startEngine(load(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  try {
    await engine.drain();
    const json = await backtest({ kind: 'configured' });
    expect(await backtest({ kind: 'bronze' })).toEqual(json);
  } finally {
    await engine.stop();
  }
});

test('one file of JSON lines is a lane', async () => {
  const file = join(dir, 'story.jsonl');
  const at = Date.parse('2026-03-01T00:00:00Z');
  const of = { org_id: 'acme', campaign_id: 'c1', event_time: at, source: 'dsp', effective_at: at, flight_id: 'f1' };
  const records = [
    { key: 'acme', value: { type: 'org_plan', org_id: 'acme', number: 1, hash: '', body: JSON.stringify(plan()) } },
    {
      key: 'acme',
      value: {
        type: 'flight_changed',
        event_id: '1'.repeat(32),
        ...of,
        start_local: at / 86_400_000,
        end_local: at / 86_400_000 + 9,
        tz: 'UTC',
        mode: 'EVEN',
        rebase: 'ON_PLAN',
        ledger_version: 1,
      },
    },
    {
      key: 'acme',
      value: {
        type: 'budget_changed',
        event_id: '2'.repeat(32),
        ...of,
        budget_micros: 240_000_000,
        currency: 'EUR',
        ledger_version: 2,
      },
    },
    ...Array.from({ length: 30 }, () => ({ key: null, value: { type: 'tick' } })),
  ];
  const lines = records.map((record, hour) => JSON.stringify({ log_time: at + hour * 3_600_000, ...record }));
  writeFileSync(file, `${lines.join('\n')}\n`);
  const json = await backtest({ kind: 'log', path: file });
  expect(json.in_force).toMatchObject({ alerts: 0 });
  expect((json.rules as { rule: string; came: number }[]).map(({ rule, came }) => [rule, came])).toContainEqual([
    'never-started',
    1,
  ]);
});

const episode: Episode = {
  ...{ org: 'acme', rule: 'idle', campaign: 'c1', flight: 'f1', source: '', mode: 'notify' },
  ...{ startMs: 1_000_000, endMs: 9_000_000, level: 'warning', summary: 'a', beforeGoneMs: null },
};
const verdictOf = (...episodes: Episode[]): Verdict => ({
  episodes,
  campaignDays: 7,
  goneFlights: 0,
  foretoldFlights: 0,
});

test('alerts that overlap are one that moved; what has no partner came or is gone', () => {
  const moved = { ...episode, startMs: 2_000_000, level: 'critical' };
  const other = { ...episode, campaign: 'c2' };
  const again = { ...episode, startMs: 20_000_000, endMs: null };
  const { changes, rules } = compareVerdicts(verdictOf(episode, other), verdictOf(moved, again));
  expect(changes.map(({ kind }) => kind)).toEqual(['moved', 'gone', 'came']);
  expect(rules).toEqual([
    expect.objectContaining({ rule: 'idle', inForce: 2, candidate: 2, moved: 1, came: 1, gone: 1 }),
  ]);
  expect(compareVerdicts(verdictOf(episode), verdictOf(episode)).changes[0].kind).toBe('same');
});

test('the page holds no text of others as it is', () => {
  const evil = { ...episode, campaign: '<script>alert(1)</script>', summary: '"><img src=x onerror=alert(1)>&' };
  const page = backtestPage(compareVerdicts(verdictOf(), verdictOf(evil)), { fromMs: 0, toMs: 10_000_000 }, 'a <b>');
  expect(page).not.toMatch(/<script|<img|<b>(?!\d)/);
  expect(page).toContain('&lt;script&gt;');
  expect(page).toContain('&quot;&gt;&lt;img');
  expect(page.replaceAll(/&lt;.*?&gt;/g, '')).not.toMatch(/(?:src|href)=|https?:|url\(/);
  expect(page).toContain('color-scheme: light dark');
});

test.each([
  ['alerts > ', /must be like/],
  ['alert > 3', /did you mean "alerts"/],
  ['idle.unforetold_flights > 3', /is no figure of one rule/],
])('the bound "%s" is refused', (text, message) => {
  expect(() => readBound(text)).toThrow(message);
});

test('the command: table, JSON, page, bounds and what it refuses', { timeout: 120_000 }, async () => {
  const config = join(dir, 'paceline.yaml');
  writeFileSync(config, 'http: { port: 0 }\n');
  const call = async (...words: string[]) => {
    const { terminal, texts } = fakeTerminal();
    const code = await runCommandLine(['backtest', '--config', config, ...words], commands, terminal);
    return { code, ...texts };
  };
  const here = ['--data', data, '--rules', join(dir, 'loud', 'under-pacing.yaml')];
  const html = join(dir, 'page.html');
  const good = await call(...here, '--html', html, '--fail-if', 'under-pacing.came > 1000', '--to', '2026-03-10');
  expect([good.code, good.out.split('\n')[0]]).toEqual([
    0,
    expect.stringMatching(/^from 2026-03-07T.* to 2026-03-10T00:00:00Z, [\d.]+ campaign-weeks$/),
  ]);
  expect(good.out).toMatch(/^rule +in force +candidate +came +gone +moved/m);
  expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/);
  const bad = await call(...here, '--json', '--fail-if', 'alerts >= 1');
  expect([bad.code, JSON.parse(bad.out).broken]).toEqual([1, [{ bound: 'alerts >= 1', value: expect.any(Number) }]]);
  expect((await call('--data', data)).notes).toContain('say what to try');
  expect((await call(...here, '--from', '2026-02-30')).code).toBe(64);
  expect((await call(...here, '--from', '2026-03-09', '--to', '2026-03-08')).code).toBe(64);
  expect((await call(...here, '--topic')).notes).toContain('--topic needs kafka.brokers');
  expect((await call(...here, '--bronze', '--log', data)).notes).toContain('say one of');
  expect((await call('--rules', join(dir, 'none'), '--data', data)).code).toBe(64);
  expect((await call('--rules', join(dir, 'loud'), '--data', join(dir, 'loud'))).notes).toContain(
    'holds no log of ads.events.v1',
  );
  const typo = await call(...here, '--fail-if', 'under-pacin.came > 3', '--to', '2026-03-08');
  expect([typo.code, typo.notes]).toEqual([
    64,
    expect.stringContaining('neither side has a rule "under-pacin"; did you mean "under-pacing"?'),
  ]);
  expect((await call(...here, '--to', '2026-03-06')).notes).toMatch(/the history holds no plan up to there/);
  const many = join(dir, 'many');
  mkdirSync(many);
  for (let at = 0; at < 257; at++)
    writeFileSync(join(many, `r${at}.yaml`), `id: r${at}\nname: r\nwarning: { when: 'p.osi_pct < 1.0' }\n`);
  const refused = await call('--data', data, '--rules', many, '--to', '2026-03-08');
  expect([refused.code, refused.notes]).toEqual([78, expect.stringContaining('the engine would refuse the plan of')]);
  const broken = join(dir, 'broken');
  mkdirSync(broken);
  writeFileSync(join(broken, 'x.yaml'), `id: x\nname: x\nwarning: { when: 'p.osi < 1.0' }\n`);
  const wrong = await call('--rules', broken, '--data', data);
  expect([wrong.code, wrong.notes]).toEqual([
    78,
    expect.stringMatching(/x.yaml:3:\d+: warning.when: unknown name "p.osi"/),
  ]);
  const settings = join(dir, 'settings.yaml');
  writeFileSync(
    settings,
    'defaults: { spend: { from: impressions, source: adserver }, sources: { adserver: { delay: 2m } } }\n',
  );
  const others = await call('--data', data, '--organizations', settings, '--json', '--to', '2026-03-09');
  expect(others.code).toBe(0);
  writeFileSync(settings, 'defaults: { zoone: UTC }\n');
  expect((await call('--data', data, '--organizations', settings)).notes).toMatch(
    /settings.yaml:1:\d+: unknown key "zoone"; did you mean "zone"/,
  );
});
