import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { partitionOfKey } from '../../src/model/hash.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { findZone } from '../../src/model/zones.ts';
import { draftHash } from '../../src/plans/apply-plans.ts';
import { readPlan } from '../../src/rules/compile-plan.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { demoWorld } from '../../src/simulator/demo-world.ts';
import { makeWorld } from '../../src/simulator/make-world.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import type { EventType, ProducedRecord } from '../../src/simulator/produced-record.ts';
import { simulateWorld } from '../../src/simulator/simulate-world.ts';
import { badProducerKinds, type Fault, type FaultKind, type World } from '../../src/simulator/world.ts';

const small = { seed: 7, days: 3, campaigns: 40, partitions: 4, impressionsPerDay: 8_000 };
const world = makeWorld(small);
const records = [...simulateWorld(world, plansOfWorld(world, { rules: [] }))];

test('the same seed gives the same records, another seed gives others', () => {
  expect(fingerprint(makeWorld(small))).toBe(fingerprint(world));
  expect(fingerprint(makeWorld({ ...small, seed: 8 }))).not.toBe(fingerprint(world));
});

test('records come in the order of log time, within the simulated days', () => {
  expect(records.findIndex((record, i) => i > 0 && record.logTimeMs < records[i - 1].logTimeMs)).toBe(-1);
  expect(records[0].logTimeMs).toBe(world.startMs);
  expect(records.at(-1)?.logTimeMs).toBe(world.endMs);
});

test('plans stand first: one for each organization, the default one in every partition, all of them valid', () => {
  const plans = records.slice(0, world.partitions + world.organizations.length);
  expect(plans.every((record) => record.type === 'org_plan')).toBe(true);
  for (const record of plans) {
    const { number, ...draft } = JSON.parse(fieldsOf(record).body as string) as Plan;
    expect([number, fieldsOf(record).hash]).toEqual([1, draftHash(draft)]);
  }
  expect(records.slice(plans.length).some((record) => record.type === 'org_plan')).toBe(false);
  for (const record of plans) expect(() => readPlan(fieldsOf(record).body as string)).not.toThrow();
  const defaults = plans.filter((record) => fieldsOf(record).org_id === '_default');
  expect(defaults.map((record) => record.partition)).toEqual([0, 1, 2, 3]);
  expect(defaults.every((record) => record.key === null)).toBe(true);
});

test('every partition has a tick at every minute and one at the end', () => {
  const ticks = records.filter((record) => record.type === 'tick');
  expect(ticks.every((record) => record.key === null && record.partition !== undefined)).toBe(true);
  for (let partition = 0; partition < world.partitions; partition++) {
    const times = ticks.filter((tick) => tick.partition === partition).map((tick) => tick.logTimeMs);
    expect(times).toEqual(Array.from({ length: 3 * 1_440 + 1 }, (_, i) => world.startMs + i * minuteMs));
  }
});

test('three days cross the change of the clocks in New York', () => {
  const zone = findZone('America/New_York');
  expect(zone?.offsetAt(world.startMs)).toBe(-5 * hourMs);
  expect(zone?.offsetAt(world.endMs)).toBe(-4 * hourMs);
  const zones = new Set(world.campaigns.map((campaign) => campaign.zone));
  for (const name of ['America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe']) expect(zones).toContain(name);
});

test('all kinds of events occur, duplicates and lateness in their shares', () => {
  const kinds = new Set(records.map((record) => record.type));
  for (const type of everyType) expect(kinds, type).toContain(type);
  const impressions = records.filter((record) => record.type === 'impression').map(fieldsOf);
  const ids = new Set(impressions.map((value) => hex(value.event_id)));
  const copies = (impressions.length - ids.size) / impressions.length;
  expect(copies).toBeGreaterThan(0.002);
  expect(copies).toBeLessThan(0.01);
  const delays = records
    .filter((record) => record.type === 'click')
    .map((record) => record.logTimeMs - (fieldsOf(record).event_time as number));
  const share = (from: number) => delays.filter((delay) => delay >= from).length / delays.length;
  expect(share(5_000)).toBeGreaterThan(0.01);
  expect(share(5_000)).toBeLessThan(0.12);
  expect(share(72 * hourMs)).toBeGreaterThan(0);
});

test('some copies come after the fifteen minutes in which an id of delivery is remembered', () => {
  const first = new Map<string, number>();
  let far = 0;
  for (const record of records) {
    if (record.type !== 'impression') continue;
    const id = hex(fieldsOf(record).event_id);
    const before = first.get(id);
    if (before === undefined) first.set(id, record.logTimeMs);
    else if (record.logTimeMs - before > 15 * minuteMs) far += 1;
  }
  expect(far).toBeGreaterThan(0);
});

test('every kind of labelled fault is planned, on a campaign or feed of the world', () => {
  const kinds = new Set(world.faults.map((fault) => fault.kind));
  for (const kind of everyFault) expect(kinds, kind).toContain(kind);
  for (const { org_id, campaign_id, from_ms } of world.faults) {
    expect(from_ms >= world.startMs && from_ms < world.endMs).toBe(true);
    const isKnown = world.campaigns.some((each) => each.org_id === org_id && each.campaign_id === campaign_id);
    expect(campaign_id === null || isKnown).toBe(true);
  }
});

test('a stopped campaign delivers nothing while it is stopped, though it did before', () => {
  const stops = world.faults.filter((fault) => fault.kind === 'delivery_stop');
  for (const { org_id, campaign_id, from_ms, until_ms } of stops) {
    const times = records
      .filter((record) => record.type === 'impression' && record.key === org_id)
      .map(fieldsOf)
      .filter((value) => value.campaign_id === campaign_id)
      .map((value) => value.event_time as number);
    expect(times.some((time) => time < from_ms)).toBe(true);
    expect(times.filter((time) => time >= from_ms && time < until_ms)).toEqual([]);
  }
});

/** What a campaign delivered by the ad server, and what its feeds told of. */
function spentAround({ org_id, campaign_id, from_ms, until_ms }: Fault): boolean {
  return records
    .filter(
      ({ type, key }) => key === org_id && (type === 'impression' || type === 'spend' || type === 'performance_report'),
    )
    .map(fieldsOf)
    .filter((value) => value.campaign_id === campaign_id)
    .some((value) => {
      const at = (value.period_start ?? value.event_time) as number;
      return at >= from_ms && at < until_ms;
    });
}

test('a campaign that does not hear of its end, or of its pause, delivers in it, and the log says both', () => {
  for (const kind of ['spends_after_end', 'ignores_pause'] as const) {
    const own = world.faults.filter((fault) => fault.kind === kind);
    expect(own.length, kind).toBeGreaterThan(0);
    for (const fault of own) expect(spentAround(fault), `${kind} of ${fault.org_id}/${fault.campaign_id}`).toBe(true);
  }
  for (const { org_id, campaign_id, from_ms } of world.faults.filter(({ kind }) => kind === 'spends_after_end')) {
    const campaign = world.campaigns.find((each) => each.org_id === org_id && each.campaign_id === campaign_id);
    expect(campaign?.end_ms).toBe(from_ms);
    const flights = records
      .filter((record) => record.type === 'flight_changed' && record.key === org_id)
      .map(fieldsOf)
      .filter((value) => value.campaign_id === campaign_id);
    expect(flights.map((value) => value.end_local)).toEqual(flights.map(() => campaign?.end_day));
  }
  for (const { org_id, campaign_id, from_ms, until_ms } of world.faults.filter(
    ({ kind }) => kind === 'ignores_pause',
  )) {
    const said = records
      .filter((record) => record.type === 'status_changed' && record.key === org_id)
      .map(fieldsOf)
      .filter((value) => value.campaign_id === campaign_id && (value.effective_at as number) >= world.startMs);
    expect(said).toContainEqual(
      expect.objectContaining({ status: 'PAUSED', cause: 'ADVERTISER', effective_at: from_ms }),
    );
    if (until_ms < world.endMs - hourMs)
      expect(said).toContainEqual(expect.objectContaining({ status: 'ACTIVE', effective_at: until_ms }));
  }
});

test('a silent feed says nothing while it is silent, and owes nothing afterwards', () => {
  for (const { org_id, from_ms, until_ms } of world.faults.filter((fault) => fault.kind === 'feed_silent')) {
    const source = world.organizations.find((each) => each.org_id === org_id)?.feeds[0]?.source;
    const reports = records.filter((record) => record.key === org_id && isFrom(record, source));
    const isDuring = (at: number) => at >= from_ms + 35 * minuteMs && at < until_ms;
    expect(reports.filter((record) => isDuring(record.logTimeMs) && record.type === 'source_heartbeat')).toEqual([]);
    const through = reports.filter((record) => record.type === 'source_heartbeat').map(fieldsOf);
    const hours = through.map((value) => value.complete_through as number);
    expect(new Set(hours).size).toBeGreaterThan(60);
    expect(hours).toEqual(hours.toSorted((a, b) => a - b));
  }
});

test('what a broken producer sends is in the log as broken as the label says', () => {
  const sizes = records.filter((record) => record.type === 'raw').map((record) => (record.value as Uint8Array).length);
  expect(Math.max(...sizes)).toBeGreaterThan(2 * 1024 * 1024);
  expect(records.some((record) => record.type === 'truncated')).toBe(true);
  const events = records.filter((record) => record.type === 'click');
  expect(events.some((record) => record.key !== fieldsOf(record).org_id)).toBe(true);
  expect(events.some((record) => record.partition !== undefined && record.partition !== keyPartition(record))).toBe(
    true,
  );
  expect(events.some((record) => (fieldsOf(record).event_time as number) > record.logTimeMs + 2 * minuteMs)).toBe(true);
  expect(events.some((record) => (fieldsOf(record).event_time as number) < world.startMs / 100)).toBe(true);
});

test('flights that are under way have earlier spend, about what their plan expects', () => {
  const spent = new Map<string, number>();
  const add = (value: Readonly<Record<string, unknown>>, micros: number) => {
    const key = `${value.org_id}/${value.campaign_id}`;
    spent.set(key, (spent.get(key) ?? 0) + micros);
  };
  const ofFeed = world.campaigns.filter((campaign) => campaign.spend_from === 'feed');
  const isOfFeed = (value: Readonly<Record<string, unknown>>) =>
    ofFeed.some((each) => each.org_id === value.org_id && each.campaign_id === value.campaign_id);
  for (const record of records.filter((each) => each.logTimeMs === world.startMs)) {
    const value = record.value as Readonly<Record<string, number>>;
    if (record.type === 'spend') add(value, value.amount_micros);
    if (record.type === 'spend_adjustment') add(value, value.delta_micros);
    if (record.type === 'impression' && !isOfFeed(value)) add(value, (value.cpm_micros * value.batch_count) / 1_000);
  }
  const underWay = world.campaigns.filter(
    ({ start_ms, pace, mode }) => start_ms < world.startMs - dayMs && pace > 0 && mode === 'EVEN',
  );
  expect(underWay.length).toBeGreaterThan(5);
  for (const campaign of underWay) {
    const share = (world.startMs - campaign.start_ms) / (campaign.end_ms - campaign.start_ms);
    const got = (spent.get(`${campaign.org_id}/${campaign.campaign_id}`) ?? 0) / campaign.budget_micros;
    expect(Math.abs(got - share)).toBeLessThan(0.12 * share + 0.03);
  }
});

test('the demo tells its story on campaigns that exist, and the one that falls behind is behind from the start', () => {
  const demo = demoWorld(1, 8);
  expect(demo.campaigns).toHaveLength(24);
  expect(demo.organizations).toHaveLength(4);
  const kinds = new Set(demo.faults.map((fault) => fault.kind));
  for (const kind of ['falls_behind', 'overspends', 'delivery_stop', 'feed_silent', 'late_burst'])
    expect(kinds).toContain(kind);
  for (const kind of badProducerKinds) expect(kinds).toContain(kind);
  const keys = new Set(demo.campaigns.map(({ org_id, campaign_id }) => `${org_id}/${campaign_id}`));
  for (const fault of demo.faults)
    if (fault.campaign_id !== null) expect(keys).toContain(`${fault.org_id}/${fault.campaign_id}`);
  for (const campaign of demo.campaigns) {
    const elapsed = (demo.startMs - campaign.start_ms) / (campaign.end_ms - campaign.start_ms);
    expect(demo.startMs - campaign.start_ms).toBeGreaterThan(24 * hourMs);
    expect(elapsed).toBeGreaterThan(0.1);
  }
});

/** Which kinds a simulated world sends. */
const isSimulated: Readonly<Record<EventType, boolean>> = {
  tick: true,
  org_plan: true,
  impression: true,
  click: true,
  video_progress: true,
  conversion: true,
  spend: true,
  performance_report: true,
  spend_adjustment: true,
  metric_correction: true,
  budget_changed: true,
  flight_changed: true,
  status_changed: true,
  creative_status: false,
  auction_stats: true,
  source_heartbeat: true,
};
const everyType = Object.keys(isSimulated).filter((type) => isSimulated[type as EventType]);

const everyFault: readonly FaultKind[] = [
  'falls_behind',
  'overspends',
  'delivery_stop',
  'spend_spike',
  'tracking_cut',
  'feed_silent',
  'budget_cut',
  'late_burst',
  'spends_after_end',
  'ignores_pause',
  ...badProducerKinds,
];

function fingerprint(of: World): string {
  const hash = createHash('sha256');
  for (const record of simulateWorld(of, plansOfWorld(of, { rules: [] }))) {
    hash.update(JSON.stringify(record, (_, value) => (value instanceof Uint8Array ? hex(value) : value)));
  }
  return hash.digest('hex');
}

function fieldsOf(record: ProducedRecord): Readonly<Record<string, unknown>> {
  if (record.type === 'raw') throw new Error('a raw record has no fields');
  return record.value;
}

function isFrom(record: ProducedRecord, source: string | undefined): boolean {
  return record.type !== 'raw' && record.value.source === source;
}

function keyPartition(record: ProducedRecord): number {
  const bytes = Buffer.from(record.key ?? '');
  return partitionOfKey(bytes, 0, bytes.length, world.partitions);
}

function hex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString('hex');
}
