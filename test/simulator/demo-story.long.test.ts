import { beforeAll, expect, test } from 'vitest';
import { hourMs } from '../../src/model/time.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import type { Row } from '../../src/rows/tables.ts';
import { partitionOf } from '../../src/simulator/bad-producer.ts';
import { demoWorld } from '../../src/simulator/demo-world.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import type { ProducedRecord } from '../../src/simulator/produced-record.ts';
import { simulateWorld } from '../../src/simulator/simulate-world.ts';
import { decodeJson } from '../oracle/decode-json.ts';
import { LaneOracle } from '../oracle/lane-oracle.ts';

/** 40 simulated hours are 20 seconds of the demo: what a person has seen by then. */
const hours = 40;
const world = demoWorld(1);
let alerts: readonly Row[];
let deadLetters: readonly Row[];
let lateEvents: readonly Row[];

beforeAll(() => {
  const { drafts } = readPlanFiles({ organizations: 'config/organizations.yaml', rules: 'config/rules' });
  const lanes = Array.from({ length: world.partitions }, (_, partition) => ({
    oracle: new LaneOracle(
      { topic: 'events', partition },
      { partitions: world.partitions, generation: 1, decode: decodeJson },
    ),
    next: 0,
  }));
  for (const record of simulateWorld(world, plansOfWorld(world, { rules: drafts[0].rules }))) {
    if (record.logTimeMs > world.startMs + hours * hourMs) break;
    const { key, logTimeMs } = record;
    const partition = record.partition ?? partitionOf(key ?? '', world.partitions);
    const lane = lanes[partition];
    const offset = lane.next++;
    const keyBytes = key === null ? null : Buffer.from(key);
    lane.oracle.apply({ topic: 'events', partition, offset, logTimeMs, key: keyBytes, value: jsonOf(record) });
  }
  const tables = lanes.map(({ oracle }) => oracle.tables());
  alerts = tables.flatMap((each) => each.alert_events);
  deadLetters = tables.flatMap((each) => each.dead_letters);
  lateEvents = tables.flatMap((each) => each.late_events);
});

function jsonOf(record: ProducedRecord): Uint8Array {
  if (record.type === 'raw') return record.value;
  const type = record.type === 'truncated' ? record.of : record.type;
  const hexed = (_: string, each: unknown) => (each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each);
  const whole = Buffer.from(JSON.stringify({ type, ...record.value }, hexed));
  return record.type === 'truncated' ? whole.subarray(0, whole.length / 2) : whole;
}

/** Simulated hour at which the rule first fired there; infinite when it did not. */
function firedAfter(org: string, campaign: string, rule: string): number {
  const fired = alerts.filter(
    (row) => row.org_id === org && row.campaign_id === campaign && row.rule_id === rule && row.to_state === 'firing',
  );
  const times = fired.map((row) => (Number(row.evaluated_at) - world.startMs) / hourMs);
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}

test('the first alert fires within the first simulated hours: the campaign that falls behind', () => {
  expect(firedAfter('northwind', 'spring-sale', 'under-pacing')).toBeLessThan(6);
});

test('the campaign that overspends fires as over-pacing, and as running out early', () => {
  expect(firedAfter('northwind', 'flash-weekend', 'over-pacing')).toBeLessThan(20);
  expect(firedAfter('northwind', 'flash-weekend', 'early-exhaust')).toBeLessThan(20);
});

test('the campaign that stops delivering fires after two hours of silence and resolves when it returns', () => {
  const stoppedAt = 12;
  expect(firedAfter('bluebird', 'cricket-season', 'no-delivery')).toBeGreaterThan(stoppedAt + 2);
  expect(firedAfter('bluebird', 'cricket-season', 'no-delivery')).toBeLessThan(stoppedAt + 3);
  const states = alerts.filter((row) => row.campaign_id === 'cricket-season' && row.rule_id === 'no-delivery');
  expect(states.map((row) => row.to_state)).toContain('resolved');
});

test('the silent feed fires itself, and the campaigns that need it are unknown, never at zero', () => {
  expect(firedAfter('contoso', '', 'data-freshness')).toBeLessThan(14);
  const ofContoso = alerts.filter((row) => row.org_id === 'contoso' && row.campaign_id !== '');
  expect(ofContoso.map((row) => row.to_state)).toContain('no_data');
  expect(ofContoso.filter((row) => row.to_state === 'firing')).toEqual([]);
});

test('bad and late records are told apart from the rest', () => {
  const reasons = new Set(deadLetters.map((row) => row.reason));
  for (const reason of ['bad_json', 'bad_field', 'key_mismatch', 'wrong_partition', 'from_the_future'])
    expect(reasons).toContain(reason);
  expect(lateEvents.length).toBeGreaterThan(0);
});

test('healthy campaigns stay quiet', () => {
  const told = new Set(['spring-sale', 'flash-weekend', 'cricket-season', 'test-drive', 'festival-offers', 'leasing']);
  const noisy = alerts.filter(
    (row) => row.to_state === 'firing' && row.campaign_id !== '' && !told.has(String(row.campaign_id)),
  );
  expect(noisy.map((row) => `${row.org_id}/${row.campaign_id} ${row.rule_id}`)).toEqual([]);
});
