import { beforeEach, expect, test, vi } from 'vitest';
import type { WriterSchema } from '../../src/decoders/decoder.ts';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { frameValue } from '../../src/events/avro/encode.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { EventIdSet } from '../../src/lane/event-id-set.ts';
import { BoundedMap } from '../../src/model/bounded-map.ts';
import { checkedLaneLimits, type LaneLimits, laneLimits } from '../../src/model/lane-limits.ts';
import { limits } from '../../src/model/limits.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { findZone, utc } from '../../src/model/zones.ts';
import { evenWeight, trafficWeight } from '../../src/pacing/pacing-weight.ts';
import { measures } from '../../src/rules/measures.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { type Quotas, quotasSchema } from '../../src/rules/quotas.ts';
import { recordRun } from '../decoders/record-run.ts';
import { testPlan } from '../operators/random-world.ts';
import { type Drive, type FinalTables, printTables } from '../operators/run-lane.ts';
import { lettersOf, type RawRecord, rowsOf, runRecords, start, today } from './hostile-lane.ts';
import { adjustment, avro, goodClick, json, money, record } from './producer.ts';

// Everything that outside input can fill has an entry in `limits` or `laneLimits`. Each is driven to its bound here by an
// organization that does nothing else, through decoder, lane and commit; its neighbour must not notice.

/** How full every bounded cache became. */
const fullest = new Map<object, { readonly max: number; size: number }>();
const { set } = BoundedMap.prototype;
beforeEach(() => {
  fullest.clear();
  vi.spyOn(BoundedMap.prototype, 'set').mockImplementation(function (this: BoundedMap<unknown, unknown>, key, value) {
    set.call(this, key, value);
    const seen = fullest.get(this) ?? { max: this.max, size: 0 };
    fullest.set(this, { max: this.max, size: Math.max(seen.size, this.size) });
  });
});

/** A cache of this bound was filled, and none beyond its own. */
function expectFull(max: number): void {
  const filled = [...fullest.values()];
  for (const each of filled) expect(each.size).toBeLessThanOrEqual(each.max);
  expect(filled.filter((each) => each.max === max && each.size === max)).not.toEqual([]);
}

interface Run {
  readonly hostile: readonly RawRecord[];
  readonly limits?: Partial<LaneLimits>;
  readonly registry?: EmbeddedRegistry;
  /** Not again with crashes: it is long, or asks somebody who counts. */
  readonly isRunOnce?: true;
}

const batchRecords = 2_000;

/** The log with good clicks around; they count exactly, in few commits as in many with crashes. */
async function run({ hostile, limits: over = {}, registry, isRunOnce }: Run): Promise<FinalTables> {
  const end = hostile.at(-1)?.logTimeMs ?? start;
  const log = [goodClick(), ...hostile, goodClick(end)];
  const bounds = checkedLaneLimits({ ...laneLimits, ...over });
  const plain: Drive = { batch: () => batchRecords, commits: () => false, crashes: () => false, limits: bounds };
  const tables = await runRecords(log, plain, registry);
  const crashing: Drive = {
    batch: () => 1 + (batchRecords >> 1),
    commits: () => true,
    crashes: () => true,
    limits: bounds,
  };
  if (isRunOnce !== true) expect(printTables(await runRecords(log, crashing))).toBe(printTables(tables));
  const days = rowsOf(tables, 'acme').campaign_metrics_daily;
  expect(days.reduce((sum, { clicks }) => sum + Number(clicks), 0)).toBe(2);
  expect(days.reduce((sum, { spend_micros }) => sum + Number(spend_micros), 0)).toBe(2_000_000);
  return tables;
}

function count(tables: FinalTables, reason: string): number {
  return lettersOf(tables).filter((letter) => letter.reason === reason).length;
}

/** As many records as make( 0 … n − 1). */
function many(n: number, make: (i: number) => RawRecord): RawRecord[] {
  return Array.from({ length: n }, (_, i) => make(i));
}

const click = (fields: object = {}, logTimeMs = start) =>
  record(avro('click', { ...money, ...fields }), 'evil', logTimeMs);
const flight = { start_local: today, end_local: today, tz: 'UTC', effective_at: start };
const budget = { flight_id: 'f-1', budget_micros: 1, ...money, effective_at: start };

function planOf(number: number, change: (plan: Plan) => Plan = (plan) => plan): RawRecord {
  const plan = change(testPlan(number, 'evil'));
  return record(json('org_plan', { number, hash: 'x', body: JSON.stringify(plan) }));
}

/** A registry that counts how often it is asked, and knows what it is told. */
class CountingRegistry extends EmbeddedRegistry {
  readonly asked: number[] = [];
  override async schema(id: number): Promise<WriterSchema | null> {
    this.asked.push(id);
    return await super.schema(id);
  }
}

const unknownSchema = (id: number, logTimeMs = start) => record(frameValue(id, new Uint8Array(3)), 'evil', logTimeMs);

/** By limit. */
const drivers: Readonly<Record<string, () => Promise<void>>> = {
  async recordBytesMax() {
    const tables = await run({ hostile: [record(Buffer.alloc(limits.recordBytesMax + 1, '{'))] });
    expect(count(tables, 'too_large')).toBe(1);
  },
  async deadLetterBytesMax() {
    const tables = await run({ hostile: [record(Buffer.alloc(limits.recordBytesMax, '{'))] });
    const [letter] = [...tables.dead_letters.values()];
    expect(letter).toMatchObject({ raw_length: limits.recordBytesMax });
    expect(letter.raw).toHaveLength(limits.deadLetterBytesMax);
  },
  async sourcesPerOrganizationMax() {
    const names = Array.from({ length: limits.sourcesPerOrganizationMax + 1 }, (_, i) => `s${i}`);
    const tables = await run({
      hostile: [
        planOf(1, (plan) => ({ ...plan, sources: Object.fromEntries(names.map((name) => [name, plan.sources.dsp])) })),
      ],
    });
    expect(count(tables, 'bad_plan')).toBe(1);
  },
  async rulesPerPlanMax() {
    const tables = await run({
      hostile: [
        planOf(1, (plan) => ({
          ...plan,
          rules: Array.from({ length: limits.rulesPerPlanMax + 1 }, (_, i) => ({ ...plan.rules[0], id: `r${i}` })),
        })),
      ],
    });
    expect(count(tables, 'bad_plan')).toBe(1);
  },
  async askedValuesPerPlanMax() {
    const guards = Array.from({ length: limits.askedValuesPerPlanMax + 1 }, (_, i) => {
      return `known(m.${[...measures.keys()][i % 30]}_${1 + Math.floor(i / 30)}d)`;
    });
    const rulesOf = (plan: Plan) => guards.map((guard, i) => ({ ...plan.rules[0], id: `r${i}`, guard }));
    const tables = await run({
      hostile: [
        planOf(1, (plan) => ({ ...plan, rules: rulesOf(plan) })),
        planOf(2, (plan) => ({ ...plan, rules: rulesOf(plan).slice(1) })),
      ],
    });
    expect(count(tables, 'bad_plan')).toBe(1);
  },
  async conditionBytesMax() {
    const guard = `p.osi_pct < ${'9'.repeat(limits.conditionBytesMax)}`;
    const tables = await run({
      hostile: [planOf(1, (plan) => ({ ...plan, rules: [{ ...plan.rules[0], guard }] }))],
    });
    expect(count(tables, 'bad_plan')).toBe(1);
  },
  async namesKeptMax() {
    // Nearly all are refused, and leave their names behind all the same.
    const far = start + hourMs;
    const over = { campaignsPerOrganizationMax: 10 };
    // Two a record.
    const hostile = many(limits.namesKeptMax / 2 + batchRecords, (i) =>
      click({ campaign_id: `c${i}`, source: `s${i}`, event_time: i < 10 ? start : far }),
    );
    const tables = await run({ hostile, limits: over, isRunOnce: true });
    expect(count(tables, 'from_the_future') + count(tables, 'quota')).toBe(hostile.length - 10);
  },
  async zonesKeptMax() {
    const tables = await run({
      hostile: many(limits.zonesKeptMax + 100, (i) =>
        record(avro('flight_changed', { ...flight, flight_id: 'f-1', tz: `Mars/Crater_${i}`, ledger_version: i + 1 })),
      ),
    });
    expect(count(tables, 'bad_zone')).toBe(limits.zonesKeptMax + 100);
    expectFull(limits.zonesKeptMax);
  },
  async zoneSpansKeptMax() {
    const zone = findZone('Asia/Tokyo') ?? utc;
    const years = Array.from({ length: 400 }, (_, i) => Date.UTC(1_900 + i, 5, 1));
    const offsets = years.map((at) => zone.offsetAt(at));
    expect(years.map((at) => zone.offsetAt(at))).toEqual(offsets);
    expectFull(limits.zoneSpansKeptMax);
  },
  async schemasKeptMax() {
    // In runs of a log's length, each decoded anew after every answer, as a lane does.
    const decoder = createDecoder(new EmbeddedRegistry());
    const batch = new EventBatch(64);
    const perRun = 1_000;
    for (let first = 0; first < limits.schemasKeptMax + perRun; first += perRun) {
      const records = many(perRun, (i) => unknownSchema(first + i + 100_000, start + (first + i) * minuteMs));
      const run = recordRun(
        records.map(({ value, logTimeMs }, i) => ({ offset: first + i, key: null, value, logTimeMs })),
      );
      let questions = 0;
      for (let id = decoder.decode(run, batch); id >= 0; id = decoder.decode(run, batch)) {
        await decoder.learn(id);
        questions += 1;
      }
      expect(questions).toBe(perRun);
      expect(batch.rejects).toHaveLength(perRun);
    }
    expectFull(limits.schemasKeptMax);
  },
  async unknownSchemasPerMinuteMax() {
    const registry = new CountingRegistry();
    const tables = await run({ registry, isRunOnce: true, hostile: many(5_000, (i) => unknownSchema(200_000 + i)) });
    expect(count(tables, 'unknown_schema')).toBe(5_000);
    expect(registry.asked.filter((id) => id >= 200_000)).toHaveLength(limits.unknownSchemasPerMinuteMax);
  },
  async conditionsKeptMax() {
    const perPlan = limits.rulesPerPlanMax;
    const plans = many(Math.ceil(limits.conditionsKeptMax / perPlan) + 1, (number) =>
      planOf(number + 1, (plan) => ({
        ...plan,
        rules: Array.from({ length: perPlan }, (_, i) => ({
          ...plan.rules[0],
          id: `r${i}`,
          guard: `p.osi_pct < ${number * perPlan + i}.5`,
        })),
      })),
    );
    await run({ hostile: plans });
    expectFull(limits.conditionsKeptMax);
  },
  async plansKeptMax() {
    await run({ hostile: many(limits.plansKeptMax + 5, (i) => planOf(i + 1)) });
    expectFull(limits.plansKeptMax);
  },
  async profilesKeptMax() {
    for (let i = 0; i < limits.profilesKeptMax + 5; i++) {
      const profile = Array.from({ length: 168 }, (_, hour) => 1 + ((hour * (i + 1)) % 9_973));
      expect(trafficWeight(utc, profile)).not.toBe(evenWeight);
    }
    expectFull(limits.profilesKeptMax);
  },
  async planPartsKeptMax() {
    const hostile = many(limits.planPartsKeptMax + 5, (i) =>
      planOf(i + 1, (plan) => ({ ...plan, profiles: { busy: Array.from({ length: 168 }, () => i + 1) } })),
    );
    await run({ hostile });
    expectFull(limits.planPartsKeptMax);
  },

  async timersPerRecordMax() {
    const flights = many(60, (i) =>
      record(avro('flight_changed', { ...flight, flight_id: 'f-1', campaign_id: `c${i}`, ledger_version: 1 })),
    );
    const budgets = many(60, (i) =>
      record(avro('budget_changed', { ...budget, campaign_id: `c${i}`, ledger_version: 1 })),
    );
    await run({ hostile: [...flights, ...budgets, click({}, start + hourMs)], limits: { timersPerRecordMax: 3 } });
  },
  async duplicateRecordsMax() {
    const hostile = many(20_000, (i) => click({ campaign_id: 'c-1' }, start + i));
    await run({ hostile, limits: { duplicateRecordsMax: 1_000, duplicateWindowMs: minuteMs } });
  },
  async campaignsPerLaneMax() {
    const over = { campaignsPerLaneMax: 20, campaignsPerOrganizationMax: 20 };
    const tables = await run({ hostile: many(40, (i) => click({ campaign_id: `c${i}` })), limits: over });
    // One of the lane's is the neighbour's.
    expect(count(tables, 'too_many_campaigns')).toBe(21);
  },
  async campaignsPerOrganizationMax() {
    const over = { campaignsPerOrganizationMax: 10 };
    const tables = await run({ hostile: many(40, (i) => click({ campaign_id: `c${i}` })), limits: over });
    expect(count(tables, 'quota')).toBe(30);
  },
  async organizationsPerLaneMax() {
    const hostile = many(40, (i) => record(avro('click', { ...money, org_id: `evil-${i}` }), `evil-${i}`));
    const tables = await run({ hostile: [...hostile, planOf(1), click()], limits: { organizationsPerLaneMax: 10 } });
    expect(count(tables, 'quota')).toBe(31);
    // Let in by its plan.
    expect(rowsOf(tables, 'evil').campaign_metrics_daily).toHaveLength(1);
  },
  async heardSourcesMax() {
    const hostile = many(40, (i) =>
      record(avro('source_heartbeat', { source: `s${i}`, complete_through: start, count: 1 })),
    );
    const tables = await run({ hostile: [planOf(1), ...hostile], limits: { heardSourcesMax: 5 } });
    expect(count(tables, 'quota')).toBe(35);
  },
  async rareRecordsPerDayMax() {
    const adjust = (i: number) =>
      record(avro('spend_adjustment', { ...adjustment, delta_micros: 1 }), 'evil', start + i * hourMs);
    const tables = await run({ hostile: many(36, adjust), limits: { rareRecordsPerDayMax: 5 } });
    // Two days and a half of the clock have begun, each with five.
    expect(count(tables, 'quota')).toBe(36 - 2 * 5);
  },
  async deadLettersPerHourMax() {
    const tables = await run({
      hostile: many(50, (i) => record(Buffer.from('rubbish'), 'evil', start + i * minuteMs)),
      limits: { deadLettersPerHourMax: 10 },
    });
    // Of an organization that nobody knows: they share with all such.
    expect(count(tables, 'bad_framing')).toBe(10);
    const [over] = [...tables.dead_letters.values()].filter(({ reason }) => reason === 'quota');
    expect(over).toMatchObject({ org_id: 'evil', raw_length: 7 });
    expect(over.raw).toHaveLength(0);
    expect(over.detail).toMatch(/^bad_framing: .*beyond 10 dead letters of _system in an hour/);
  },
  async flightsPerCampaignMax() {
    const one = (i: number) => ({ ...budget, flight_id: `f${i}`, ledger_version: 1 });
    const tables = await run({
      hostile: many(12, (i) => record(avro('budget_changed', one(i)))),
      limits: { flightsPerCampaignMax: 5 },
    });
    expect(count(tables, 'too_many_flights')).toBe(7);
  },
  async changesPerFlightMax() {
    const tables = await run({
      hostile: many(12, (i) => record(avro('flight_changed', { ...flight, flight_id: 'f', ledger_version: i + 1 }))),
      limits: { changesPerFlightMax: 5 },
    });
    expect(count(tables, 'too_many_changes')).toBe(7);
  },
  async statusesPerCampaignMax() {
    const status = { status: 'PAUSED', effective_at: start };
    const tables = await run({
      hostile: many(12, () => record(avro('status_changed', status))),
      limits: { statusesPerCampaignMax: 5 },
    });
    expect(count(tables, 'too_many_changes')).toBe(7);
  },
  async conversionTypesPerCampaignMax() {
    const one = (i: number) => ({ currency: 'EUR', conversion_time: start, conversion_type: `made-up-${i}` });
    const tables = await run({
      hostile: many(12, (i) => record(avro('conversion', one(i)))),
      limits: { conversionTypesPerCampaignMax: 5 },
    });
    const rows = rowsOf(tables, 'evil').conversions_daily;
    expect(rows.map(({ conversion_type }) => conversion_type).toSorted()).toEqual(
      ['other', ...Array.from({ length: 5 }, (_, i) => `made-up-${i}`)].toSorted(),
    );
  },
  async flightDaysMax() {
    const long = { ...flight, flight_id: 'f', end_local: today + 30, ledger_version: 1 };
    const tables = await run({ hostile: [record(avro('flight_changed', long))], limits: { flightDaysMax: 10 } });
    expect(count(tables, 'bad_flight')).toBe(1);
  },
};

/** Limits that outside input cannot fill a table beyond, and why. */
const noTables: Readonly<Record<string, string>> = {
  batchRecordsMax: 'how much one poll asks for; test/exams holds every source to it',
  batchBytesMax: 'the same in bytes',
  planBytesMax: 'looked at where plans are made; a lane takes what a record may hold',
  commitIntervalMs: 'a time',
  catchUpIntervalMs: 'a time',
  alertCommitSpacingMs: 'a time',
  commitBytesMax: 'a lane beyond it commits, and reads on: test/runtime',
  undeliveredBytesMax: 'lanes pause at it: test/runtime',
  tickIntervalMs: 'a time',
  simulatedTickIntervalMs: 'a time',
  futureAllowanceMs: 'a time',
  deliveryLatenessMs: 'a time',
  moneyLatenessMs: 'a time',
  correctionLatenessMs: 'a time',
  duplicateWindowMs: 'a time; ids by it are bounded by duplicateRecordsMax',
  totalIdsKeptMs: 'a time',
  totalDayGroups: 'a ring of days; ids in it are bounded by rareRecordsPerDayMax',
  rareDayGroups: 'a ring of days; ids in it are bounded by rareRecordsPerDayMax',
  minutesBehind: 'a fixed ring of each campaign',
  minuteCells: 'a fixed ring of each campaign',
  quartersBehind: 'a fixed ring of each campaign',
  quarterCells: 'a fixed ring of each campaign',
  asOfBehindMs: 'a time',
  judgedBackMs: 'a time',
  settledAfterMs: 'a time',
  evaluatedAfterEndMs: 'a time',
  retainedDays: 'a time',
  keptDays: 'a time',
  forgetAfterMs: 'a time',
};

test('every limit has a driver, or a reason why nothing from outside fills it', () => {
  const known = [...Object.keys(drivers), ...Object.keys(noTables)].sort();
  expect(known).toEqual([...new Set([...Object.keys(limits), ...Object.keys(laneLimits)])].sort());
});

test.each(Object.keys(drivers))('%s: the hostile organization alone meets it', async (name) => {
  await drivers[name]();
});

const quotaNames = Object.keys(quotasSchema.shape) as (keyof Quotas)[];
const planned = (quotas: Quotas) => planOf(1, (plan) => ({ ...plan, defaults: { ...plan.defaults, quotas } }));

test.each<[keyof Quotas, number, (i: number) => RawRecord]>([
  ['campaigns', 7, (i) => click({ campaign_id: `c${i}` })],
  [
    'heartbeat_sources',
    7,
    (i) => record(avro('source_heartbeat', { source: `s${i}`, complete_through: start, count: 1 })),
  ],
  ['remembered_records_per_day', 7, () => record(avro('spend_adjustment', { ...adjustment, delta_micros: 1 }))],
  ['dead_letters_per_hour', 7, () => record(Buffer.from('rubbish'))],
])('quotas.%s of a plan: more than the usual, less, and none of it for a neighbour', async (name, share, one) => {
  const usual = {
    campaignsPerOrganizationMax: 5,
    heardSourcesMax: 5,
    rareRecordsPerDayMax: 5,
    deadLettersPerHourMax: 5,
  };
  const sent = many(20, one);
  const refused = async (before: RawRecord[]): Promise<number> =>
    count(await run({ hostile: [...before, ...sent], limits: usual }), 'quota');
  // An organization that nobody knows has its letters counted with all such: a record makes it known.
  const hello = click({ campaign_id: 'c0' });
  expect(await refused([hello])).toBe(15);
  expect(await refused([planned({ [name]: share }), hello])).toBe(20 - share);
  expect(await refused([planned({ [name]: 2 }), hello])).toBe(18);
  const others = Object.fromEntries(quotaNames.filter((each) => each !== name).map((each) => [each, share]));
  expect(await refused([planned(others), hello])).toBe(15);
});

test.each<[Quotas]>([
  [{ campaigns: 500_001 }],
  [{ heartbeat_sources: 257 }],
  [{ remembered_records_per_day: 4_000_001 }],
  [{ dead_letters_per_hour: 50_001 }],
  [{ campaigns: 0 }],
])('a plan that stands in the log with quotas %o is none', async (quotas) => {
  const tables = await run({ hostile: [planned(quotas), click()] });
  expect(count(tables, 'bad_plan')).toBe(1);
});

test('ids that share a place under one hash do not under another', () => {
  const ids = new EventIdSet();
  const places = new Set<number>();
  const entries = 10_000;
  for (let i = 0; i < entries; i++) {
    // Words whose XOR is constant, also after a mixing of each that everybody can undo.
    const words = Int32Array.of(i, unmixed(i, 0x85ebca6b), unmixed(i >> 3, 0xc2b2ae35), i >> 3);
    const found = ids.find(1, words, 0);
    if (ids.isFull) ids.makeRoom(Number.NEGATIVE_INFINITY, i, entries);
    ids.put(ids.find(1, words, 0), 1, words, 0, Float64Array.of(dayMs), 0, i);
    expect(found).toBeLessThan(0);
    places.add(ids.placeOf(ids.hashOf(1, words, 0)));
  }
  expect(places.size).toBeGreaterThan(entries / 4);
});

/** x with imul(x, factor) = value, modulo 2^32. */
function unmixed(value: number, factor: number): number {
  let inverse = factor;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(factor, inverse));
  return Math.imul(value, inverse);
}
