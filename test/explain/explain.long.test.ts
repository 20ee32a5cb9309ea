import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Explainer, openExplainer } from '../../src/adapters/explain/open-explainer.ts';
import { writeSimulatedLog } from '../../src/adapters/log/simulated-log.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { foldDirectory } from '../chaos/compare-directory.ts';
import { randomSource } from '../operators/random-world.ts';
import type { TableRows } from '../oracle/rows.ts';
import { LogWitness } from './log-witness.ts';

// Explanations of a simulated world, each word of them held against the log by the oracle's reading of it.
const isLong = process.env.PACELINE_SOAK !== undefined;
const size = isLong ? { days: 30, campaigns: 60 } : { days: 2, campaigns: 9 };
const asked = isLong ? 50 : 18;
const seed = Number(process.env.EXPLAIN_SEED ?? 20_261_130);
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const folder = process.cwd();
const random = randomSource(seed);
let data = '';
let rows: TableRows;
let witness: LogWitness;
let explainer: Explainer;

function configLoaded(overrides: Readonly<Record<string, unknown>> = {}) {
  const own = { data_directory: data, http: { port: 0 }, clickhouse: { port: 0 }, serving: { enabled: false } };
  return loadConfig([], { shippedConfigDirectory, overrides: { ...own, ...overrides } });
}

function configOf(overrides: Readonly<Record<string, unknown>> = {}) {
  return configLoaded(overrides).config;
}

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'paceline-explain-'));
  const { plans } = configOf();
  await writeSimulatedLog({
    dir: data,
    seed: 7,
    ...size,
    partitions: 2,
    encoding: 'binary',
    plans,
    clock: systemClock,
  });
  const engine = await startEngine(configLoaded(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  await engine.drain();
  await engine.stop();
  rows = (await foldDirectory(data, { generation: 1 })).rows;
  witness = await LogWitness.read(data);
  explainer = await openExplainer(configOf(), { clock: systemClock, log });
}, 600_000);
afterAll(async () => {
  await explainer[Symbol.asyncDispose]();
  // The engine of the lake's files works below one folder.
  process.chdir(folder);
  rmSync(data, { recursive: true, force: true });
});

function pick<T>(all: readonly T[], count: number): T[] {
  return Array.from({ length: count }, () => all[Math.floor(random() * all.length)]);
}

const iso = (ms: unknown) => new Date(Number(ms)).toISOString();

test('of random alerts each record, window and value that is named is what the log says', async () => {
  for (const row of pick(rows.alert_events, asked)) {
    const [org, campaign, flight] = [row.org_id, row.campaign_id, row.flight_id].map(String);
    const explained = await explainer.alert(String(row.alert_id));
    const { evidence, changes } = explained;
    const which = `seed ${seed}: ${row.rule_id} of ${org}/${campaign} at ${iso(row.evaluated_at)}`;
    expect(witness.problemsOf(org, campaign, flight, evidence), which).toEqual([]);
    expect(evidence, which).toMatchObject({
      as_of: iso(row.as_of),
      evaluated_at: iso(row.evaluated_at),
      decided_by: { partition: row.partition, offset: Number(row.log_offset) },
      values: JSON.parse(String(row.values)),
      plan: { number: row.plan_number },
    });
    const sources = evidence.sources.map(({ source, complete_through }) => [source, complete_through]);
    expect(sources, which).toEqual(completenessOf(String(row.completeness)));
    const own = changes.find(({ alert_id }) => alert_id === row.alert_id)!;
    expect([own.from_state, own.to_state, own.level, own.reason], which).toEqual([
      row.from_state,
      row.to_state,
      row.level,
      row.reason,
    ]);
    const life = rows.alert_events.filter(({ fingerprint }) => fingerprint === row.fingerprint);
    const named = changes.map(({ alert_id }) => alert_id);
    expect(
      life.map(({ alert_id }) => String(alert_id)),
      which,
    ).toEqual(expect.arrayContaining(named));
    expect(isChain(changes), which).toBe(true);
    expect(explained.sentences.length).toBeGreaterThan(5);
  }
});

function completenessOf(text: string): [string, string | null][] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const [source, ms] = part.split('=');
    return [source, ms === 'none' ? null : iso(ms)];
  });
}

function isChain(changes: readonly { from_state: string; to_state: string }[]): boolean {
  return changes.every(({ from_state }, i) => i === 0 || changes[i - 1].to_state === from_state);
}

test('of random silences the reason is the one that the rows of the oracle give', async () => {
  const whys = new Set<string>();
  const ofFlights = rows.rule_evaluations.filter(({ flight_id }) => flight_id !== '');
  for (const row of pick(ofFlights, asked)) {
    const [org, campaign_id, flight_id, rule_id] = [row.org_id, row.campaign_id, row.flight_id, row.rule_id].map(
      String,
    );
    // A moment within the hour that follows: the newest judgement by then decides.
    const atMs = Number(row.evaluated_at) + Math.floor(random() * 3_600_000);
    const { verdicts } = await explainer.silence(org, { campaign_id, flight_id, rule_id, at: iso(atMs) });
    const which = `seed ${seed}: ${rule_id} of ${org}/${campaign_id} at ${iso(atMs)}`;
    expect(verdicts, which).toHaveLength(1);
    const [{ why, until, evidence }] = verdicts;
    whys.add(why);
    const wanted = expectedOf(row, atMs);
    expect([why, until], which).toEqual([wanted.why, wanted.until]);
    if (evidence === null) continue;
    expect(witness.problemsOf(org, campaign_id, flight_id, evidence), which).toEqual([]);
    expect(evidence.values, which).toEqual(JSON.parse(String(wanted.evaluation.values)));
  }
  expect(whys.size, [...whys].join()).toBeGreaterThanOrEqual(3);
});

type Row = TableRows['rule_evaluations'][number];

function expectedOf(row: Row, atMs: number): { why: string; until: string | null; evaluation: Row } {
  const isOf = (each: Row) => ['org_id', 'campaign_id', 'flight_id'].every((name) => each[name] === row[name]);
  const isSame = (each: Row) => isOf(each) && each.rule_id === row.rule_id && Number(each.evaluated_at) <= atMs;
  const newest = (all: readonly Row[]) =>
    all.reduce<Row | null>(
      (last, each) => (last === null || Number(each.evaluated_at) >= Number(last.evaluated_at) ? each : last),
      null,
    );
  const evaluation = newest(rows.rule_evaluations.filter(isSame))!;
  const change = newest(rows.alert_events.filter(isSame));
  const snapshot = newest(rows.pacing_snapshots.filter((each) => isOf(each) && Number(each.evaluated_at) <= atMs))!;
  const isNewer = change !== null && Number(change.evaluated_at) >= Number(evaluation.evaluated_at);
  const state = String(isNewer ? change.to_state : evaluation.state);
  const base = { until: null, evaluation };
  if (state === 'firing' || state === 'recovering') return { ...base, why: 'fired' };
  if (String(snapshot.status).startsWith('ended_') && row.rule_id !== 'ended') return { ...base, why: 'flight_over' };
  const words: Readonly<Record<string, string>> = {
    insufficient: 'guard_false',
    false: 'level_not_true',
    unknown: 'unknown',
    error: 'error',
  };
  const why = words[String(evaluation.outcome)] ?? 'for_not_over';
  if (why !== 'unknown') return { ...base, why };
  const later = rows.pacing_snapshots.filter(
    (each) => isOf(each) && each.status !== 'stale_data' && Number(each.evaluated_at) > Number(evaluation.evaluated_at),
  );
  const times = later.map((each) => Number(each.evaluated_at));
  return { why, until: times.length === 0 ? null : iso(Math.min(...times)), evaluation };
}

test('a campaign is told rule by rule, and names that are wrong with the one that was meant', async () => {
  const [row] = rows.pacing_snapshots;
  const [org, campaign_id] = [String(row.org_id), String(row.campaign_id)];
  const { verdicts, sentences } = await explainer.campaign(org, { campaign_id });
  const told = verdicts.map(({ rule_id }) => rule_id);
  expect(told).toEqual(expect.arrayContaining(['under-pacing', 'over-pacing', 'unplanned-spend', 'ended']));
  expect(told).not.toContain('data-freshness');
  expect(sentences.length).toBe(verdicts.length + 1);
  const why = async (rule_id: string) => (await explainer.silence(org, { campaign_id, rule_id })).verdicts[0];
  expect(await why('uder-pacing')).toMatchObject({
    why: 'no_such_rule',
    because: 'Plan 1, in force then, has no such rule; did you mean under-pacing?',
  });
  expect(await why('data-freshness')).toMatchObject({ why: 'not_for_campaign' });
  const early = { campaign_id, rule_id: 'under-pacing', at: '2020-01-01T00:00:00Z' };
  expect((await explainer.silence(org, early)).verdicts[0]).toMatchObject({ why: 'flight_unknown', evidence: null });
  await expect(explainer.silence(org, { campaign_id: `${campaign_id}x`, rule_id: 'ended' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: `no table knows campaign ${campaign_id}x of ${org}; did you mean ${campaign_id}?`,
  });
  await expect(explainer.campaign(`${org}x`, { campaign_id })).rejects.toMatchObject({
    message: `no table knows an organization ${org}x; did you mean ${org}?`,
  });
  await expect(explainer.campaign(org, { campaign_id, flight_id: 'none' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const { alert_id, fingerprint } = rows.alert_events[0];
  const wrong = `${String(alert_id).slice(0, -1)}g`;
  await expect(explainer.alert(wrong)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  const last = String(alert_id).endsWith('0') ? '1' : '0';
  await expect(explainer.alert(`${String(alert_id).slice(0, -1)}${last}`)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining(`did you mean ${alert_id}?`),
  });
  // The beginning is enough, and an alert means its newest change.
  expect((await explainer.alert(String(alert_id).slice(0, 12))).alert_id).toBe(alert_id);
  const newest = rows.alert_events
    .filter((each) => each.fingerprint === fingerprint)
    .toSorted((a, b) => Number(b.evaluated_at) - Number(a.evaluated_at))[0];
  expect((await explainer.alert(String(fingerprint))).alert_id).toBe(newest.alert_id);
});

test('beside a running engine the answers are the same', { timeout: 60_000 }, async () => {
  const row = rows.alert_events.find(({ reason, flight_id }) => reason === 'condition' && flight_id !== '')!;
  const stopped = await explainer.alert(String(row.alert_id));
  await explainer[Symbol.asyncDispose]();
  const engine = await startEngine(configLoaded(), { version: 'test', clock: systemClock, log });
  explainer = await openExplainer(configOf(), { clock: systemClock, log });
  try {
    expect(await explainer.alert(String(row.alert_id))).toEqual(stopped);
  } finally {
    await explainer[Symbol.asyncDispose]();
    await engine.stop();
    explainer = await openExplainer(configOf(), { clock: systemClock, log });
  }
});

test('where bronze is off nothing is named, and a rule is known by its hash', async () => {
  await explainer[Symbol.asyncDispose]();
  explainer = await openExplainer(configOf({ bronze: { enabled: false } }), { clock: systemClock, log });
  const row = rows.alert_events.find(({ reason, flight_id }) => reason === 'condition' && flight_id !== '')!;
  const { evidence, sentences } = await explainer.alert(String(row.alert_id));
  expect(evidence).toMatchObject({
    records: 'bronze is off (bronze.enabled)',
    controls: [],
    windows: [],
    plan: { record: null, rule_known_by: 'hash' },
    decided_by: { kind: null, log_time: null },
  });
  expect(evidence.conditions.length).toBeGreaterThan(0);
  expect(sentences).toContain('No record can be named: bronze is off (bronze.enabled).');
});
