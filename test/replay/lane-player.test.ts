import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { type LaneRecord, runOfRecords } from '../../src/events/run-of-records.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import { type ChoosePlans, planRecordAt } from '../../src/replay/chosen-plans.ts';
import { LanePlayer } from '../../src/replay/lane-player.ts';
import { alertEvents, pacingSnapshots, type Row, ruleEvaluations } from '../../src/rows/tables.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { openLogReader } from '../../src/sources/recorded/recorded-log.ts';
import { runInBatches } from '../chaos/run-in-batches.ts';
import { sortRows, type TableName } from '../oracle/rows.ts';
import { PlanDraft } from '../scenarios/plan-draft.ts';
import { wordsOf } from '../scenarios/words.ts';
import { simulate, writeRules } from './simulated-week.ts';

const immutable = [alertEvents, ruleEvaluations, pacingSnapshots];
const size = { days: 2, campaigns: 40, seed: 11 };
const loud = { 'under-pacing.yaml': ['p.osi_pct < 90.0', 'p.osi_pct < 97.0'] } as const;
let dir = '';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-play-'));
  await simulate(join(dir, 'as-is'), writeRules(join(dir, 'rules')), size);
  await simulate(join(dir, 'candidate'), writeRules(join(dir, 'loud'), loud), size);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a played log gives row for row what an engine writes', async () => {
  const written = await runInBatches(join(dir, 'as-is'), () => 700);
  const played = await play(join(dir, 'as-is'));
  expect(played.alert_events.length).toBeGreaterThan(20);
  for (const { name } of immutable) expect(played[name], name).toEqual(written[name as TableName]);
});

test('chosen plans give row for row what an engine writes that has them in its log', async () => {
  const rules = readPlanFiles({
    organizations: join(import.meta.dirname, '../../config/organizations.yaml'),
    rules: join(dir, 'loud'),
  }).rules.map(({ rule }) => rule);
  const written = await runInBatches(join(dir, 'candidate'), () => 10_000);
  const played = await play(join(dir, 'as-is'), (plan) => [{ ...plan, rules }]);
  for (const { name } of immutable) expect(played[name], name).toEqual(written[name as TableName]);
  expect(played.alert_events).not.toEqual((await play(join(dir, 'as-is'))).alert_events);
});

test('a plan that is refused or stale is replaced by nothing, and one of another lane is passed over', async () => {
  const [first, other, stale] = [planOf('number=2', 'a'), planOf('number=5', 'b'), planOf('number=2', 'c')];
  const records = [
    planRecordAt({ offset: 0, logTime: start }, first),
    planRecordAt({ offset: 1, logTime: start + 1 }, other),
    planRecordAt({ offset: 2, logTime: start + 2 }, stale),
    { ...planRecordAt({ offset: 3, logTime: start + 3 }, planOf('number=9', 'd')), key: Buffer.from('somebody') },
  ];
  const seen: number[] = [];
  const player = makePlayer((plan) => {
    seen.push(plan.number);
    return [plan, { ...plan, org_id: 'elsewhere' }];
  });
  await player.play(runOfRecords(eventsTopic, 0, records));
  expect(seen).toEqual([2, 5]);
  expect(player.clockMs).toBe(start + 3);
});

test('organizations that the log has no plan for get one where the plan of all stands', async () => {
  const everyone = { ...planOf('number=1'), org_id: '_default', rules: [] };
  const own = planOf('number=1', 'loud');
  const player = makePlayer((plan) => (plan.org_id === '_default' ? [plan, own] : []));
  await player.play(runOfRecords(eventsTopic, 0, [planRecordAt({ offset: 0, logTime: start }, everyone), ...story()]));
  const rules = player.take(alertEvents).map(({ rule_id, plan_number }) => `${rule_id} ${plan_number}`);
  expect(new Set(rules)).toEqual(new Set(['loud 1']));
});

const start = Date.parse('2026-03-01T00:00:00Z');

function planOf(words: string, rule?: string): Plan {
  const draft = new PlanDraft(wordsOf(`${words} spend=impressions:dsp:MEDIA`).named);
  draft.add(wordsOf('source dsp delay=0s'));
  if (rule !== undefined) draft.add(wordsOf(`rule ${rule} warning="p.spend >= 0.0"`));
  return draft.finish();
}

/** A flight that nothing is spent on, and an hour of ticks. */
function story(): LaneRecord[] {
  const envelope = { org_id: 'acme', campaign_id: 'c1', event_time: start, source: 'dsp' };
  const flight = { type: 'flight_changed', event_id: '1'.repeat(32), ...envelope, effective_at: start };
  const budget = { type: 'budget_changed', event_id: '2'.repeat(32), ...envelope, effective_at: start };
  const day = start / 86_400_000;
  const decisions = [
    {
      ...flight,
      flight_id: 'f1',
      start_local: day,
      end_local: day + 9,
      tz: 'UTC',
      mode: 'EVEN',
      rebase: 'ON_PLAN',
      curve_id: null,
      ledger_version: 1,
    },
    {
      ...budget,
      flight_id: 'f1',
      budget_micros: 240_000_000,
      daily_cap_micros: null,
      currency: 'EUR',
      ledger_version: 2,
    },
  ];
  const ticks = Array.from({ length: 60 }, () => ({ type: 'tick' }));
  return [...decisions, ...ticks].map((value, at) => ({
    offset: at + 1,
    logTime: start + at * 60_000,
    key: value.type === 'tick' ? null : Buffer.from('acme'),
    value: Buffer.from(JSON.stringify(value)),
  }));
}

function makePlayer(plans: ChoosePlans): LanePlayer {
  const lane = { partition: 0, partitions: 2, generation: 1, planKey: null };
  // Of two lanes, "acme" belongs to the first one and "elsewhere" to the second.
  return new LanePlayer(lane, { decoder: createDecoder(new EmbeddedRegistry()), tables: [alertEvents], plans });
}

async function play(directory: string, plans?: ChoosePlans): Promise<Record<string, Row[]>> {
  await using stack = new AsyncDisposableStack();
  const reader = await openLogReader({ dir: join(directory, 'log'), topic: eventsTopic, clock: systemClock });
  const source = stack.adopt(reader, (each) => each.close());
  const codec = makeEventCodec(source.encoding);
  const rows: Record<string, Row[]> = Object.fromEntries(immutable.map(({ name }) => [name, []]));
  for (let partition = 0; partition < source.partitions; partition++) {
    const lane = { partition, partitions: source.partitions, generation: 1, planKey: null };
    const player = new LanePlayer(lane, { decoder: codec.makeDecoder(), tables: immutable, ...(plans && { plans }) });
    const { start, end } = await source.bounds(partition);
    for await (const run of source.readBack(partition, start, end)) await player.play(run);
    for (const table of immutable) rows[table.name].push(...player.take(table));
  }
  return Object.fromEntries(immutable.map((table) => [table.name, sortRows(table, rows[table.name])]));
}
