import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { Metrics } from '../../src/control/metrics/metrics.ts';
import { FactObserver } from '../../src/control/observe-facts.ts';
import { publishFact } from '../../src/model/facts.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';

let steadyMs = 5_000;
const clock: Clock = { wallMs: () => 5_000 as WallTimeMs, steadyMs: () => steadyMs, sleep: async () => undefined };
let metrics: Metrics;
let observer: FactObserver;
let lines: string[];

beforeEach(() => {
  metrics = new Metrics();
  lines = [];
  steadyMs = 5_000;
  const log = makeLogger({ level: 'info', clock, destination: { write: (line) => void lines.push(line) } });
  observer = new FactObserver(metrics, log, clock, ['bad_plan', 'wrong_partition']);
});
afterEach(() => observer[Symbol.dispose]());

const lane = { lane: 't:3', partition: 3 };
const labels = { partition: '3' };

function claim(nextOffset: number): void {
  publishFact('lanes.assigned', { topic: 't', partitions: [3] });
  publishFact('lane.claimed', { ...lane, seq: 1, nextOffset, chunksRedelivered: 0 });
}

test('lag is what the log holds beyond the lane, and ends with the lane', async () => {
  claim(100);
  publishFact('lane.end', { ...lane, endOffset: 130 });
  expect(metrics.value('paceline_lane_lag_records', labels)).toBe(30);
  publishFact('batch.applied', {
    ...lane,
    records: 25,
    passed: 25,
    accounts: { applied: 25, dead: 0, late: 0, dropped: 0, control: 0, lost: 0, gaps: 0 },
    bytes: 1,
    nextOffset: 125,
    clockMs: 1,
  });
  expect(metrics.value('paceline_lane_lag_records', labels)).toBe(5);
  publishFact('lanes.assigned', { topic: 't', partitions: [] });
  // A late answer about a lane that went away brings nothing back.
  publishFact('lane.end', { ...lane, endOffset: 999 });
  const text = await metrics.print();
  expect(text).not.toContain('paceline_lane_lag_records{');
  expect(text).toContain('paceline_lane_assignments_total 2\n');
});

test('snapshots tell their age, their failures and what was restored', () => {
  claim(0);
  publishFact('snapshot.written', { lane: 't:3', seq: 1, nextOffset: 1, bytes: 1, durationMs: 20 });
  publishFact('snapshot.failed', { lane: 't:3', error: new Error('disk full') });
  publishFact('snapshot.refused', { lane: 't:3', path: 'p', error: new Error('cut short') });
  publishFact('state.restored', { lane: 't:3', seq: 1, nextOffset: 1, reason: 'empty', path: 'p', takenAtMs: 0 });
  expect(metrics.value('paceline_snapshot_last_success_timestamp_seconds', labels)).toBe(5);
  for (const result of ['written', 'failed', 'refused'])
    expect(metrics.value('paceline_snapshots_total', { result }), result).toBe(1);
  expect(metrics.value('paceline_state_restores_total', {})).toBe(1);
  const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events).toEqual(expect.arrayContaining(['snapshot.failed', 'snapshot.refused', 'state.restored']));
});

test('dead letters are counted by reason from the start, and told once a minute and reason', async () => {
  expect(await metrics.print()).toContain('paceline_dead_letters_total{reason="wrong_partition"} 0');
  const detail = 'murmur2 of key "acme" is not partition 3';
  const bury = (records: number, offset: number) =>
    publishFact('records.buried', { ...lane, letters: [{ reason: 'wrong_partition', records, offset, detail }] });
  bury(2, 10);
  bury(5, 20);
  steadyMs += 60_000;
  bury(1, 30);
  expect(metrics.value('paceline_dead_letters_total', { reason: 'wrong_partition' })).toBe(8);
  const told = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === 'records.rejected');
  expect(told.map(({ records, offset }) => [records, offset])).toEqual([
    [2, 10],
    [6, 30],
  ]);
});

test('money at risk is told by currency, and ends with its lane', async () => {
  claim(0);
  publishFact('money.at_risk', { partition: 3, amounts: [{ currency: 'EUR', micros: 12_500_000 }] });
  expect(metrics.value('paceline_money_at_risk', { currency: 'EUR', ...labels })).toBe(12.5);
  publishFact('lanes.assigned', { topic: 't', partitions: [] });
  expect(await metrics.print()).not.toContain('paceline_money_at_risk{');
});
