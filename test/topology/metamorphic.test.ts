import { expect, test } from 'vitest';
import { EventBatch } from '../../src/events/event-batch.ts';
import { dayMs, minuteMs } from '../../src/model/time.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { type Table, tables } from '../../src/rows/tables.ts';
import type { Plan } from '../../src/rules/plan.ts';
import type { LaneHarvest } from '../../src/runtime/lane-program.ts';
import type { LaneSnapshot } from '../../src/state/state-store.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { fillBatch, type TestRecord } from '../operators/batch-builder.ts';
import { drawPlan } from '../operators/random-plan.ts';
import { randomRecords, randomSource, testPlan } from '../operators/random-world.ts';
import { type Drive, type FinalTables, printed, printTables, runLane, whole } from '../operators/run-lane.ts';
import { seedsFrom } from '../soak.ts';

// How two logs are alike says how their tables are alike; no expected table is written down anywhere.
const seeds = seedsFrom(7_001, 3, 40);
const count = 2_000;
/** Deliveries are known again for this long, at the least. */
const windowMs = 15 * minuteMs;
const deliveries: readonly string[] = ['impression', 'click', 'conversion', 'spend'];

const tick = ({ offset, logTime }: TestRecord): TestRecord => ({ kind: 'tick', key: null, offset, logTime });
const idOf = ({ org, eventId }: TestRecord) => `${org} ${eventId}`;

/** Lane clock at each record. */
function clocksOf(records: readonly TestRecord[]): number[] {
  let clock = Number.NEGATIVE_INFINITY;
  return records.map(({ logTime }) => {
    clock = Math.max(clock, logTime);
    return clock;
  });
}

/** Every delivery that is in time and whose id is its own comes again later, within the window. */
function withDuplicates(seed: number, log: readonly TestRecord[]): TestRecord[] {
  const random = randomSource(seed);
  // A record without an id has that of its offset, which must not move with it.
  const records = log.map((record) => ({ ...record, eventId: record.eventId ?? record.offset }));
  const clocks = clocksOf(records);
  const uses = Map.groupBy(records, idOf);
  const again = new Map<number, TestRecord[]>();
  for (const [at, record] of records.entries()) {
    const { eventTime } = record;
    if (!deliveries.includes(record.kind) || eventTime === undefined || uses.get(idOf(record))?.length !== 1) continue;
    if (eventTime > clocks[at] || eventTime < clocks[at] - dayMs) continue;
    let last = at;
    while (last + 1 < records.length && last - at < 60 && clocks[last + 1] <= clocks[at] + windowMs) last += 1;
    const behind = at + Math.floor(random() * (last - at + 1));
    again.set(behind, [...(again.get(behind) ?? []), { ...record, logTime: records[behind].logTime }]);
  }
  const all = records.flatMap((record, at) => [record, ...(again.get(at) ?? [])]);
  return all.map((record, offset) => ({ ...record, offset }));
}

/** Rows by content: versions and offsets follow the places of records in the log, and those moved. */
function contentOf(final: FinalTables): string[] {
  return Object.entries(final).flatMap(([name, rows]) =>
    [...rows.values()].map(({ version: _, log_offset: __, ...content }) => `${name} ${printed(content)}`).sort(),
  );
}

/** A quota counts what comes again, too, so that there are none here. */
function planWithoutQuotas(number: number, random: () => number): Plan {
  const plan = drawPlan(testPlan(number), random, 9);
  const { quotas: _, ...defaults } = plan.defaults;
  return { ...plan, defaults };
}

test.each(seeds)('deliveries that come again change nothing (seed %i)', (seed) => {
  const records = randomRecords(seed, count, planWithoutQuotas);
  const doubled = withDuplicates(seed, records);
  expect(doubled.length, 'most deliveries come again').toBeGreaterThan(count * 1.4);
  expect(contentOf(runLane(doubled, whole))).toEqual(contentOf(runLane(records, whole)));
});

/** Two worlds of other organizations in one log; the plans are those of the first. */
function mixed(seed: number): TestRecord[] {
  const second = randomRecords(seed + 500, count / 2)
    .filter(({ kind }) => kind !== 'org_plan' && kind !== 'tick')
    .map((record) => ({ ...record, org: record.org === 'acme' ? 'zeta' : 'eta' }));
  return [...randomRecords(seed, count / 2), ...second]
    .sort((a, b) => a.logTime - b.logTime)
    .map((record, offset) => ({ ...record, offset }));
}

/** Sorted rows of the organizations, by table. */
function rowsOf(final: FinalTables, orgs: readonly string[]): string[] {
  return Object.entries(final).flatMap(([name, rows]) =>
    [...rows.values()]
      .filter(({ org_id }) => orgs.includes(String(org_id)))
      .map((row) => `${name} ${printed(row)}`)
      .sort(),
  );
}

test.each(seeds)('organizations in one log or each alone: the same rows (seed %i)', (seed) => {
  const records = mixed(seed);
  const together = runLane(records, whole);
  for (const orgs of [['acme', 'other'], ['zeta', 'eta'], ['acme'], ['zeta']]) {
    const isTheirs = ({ kind, org }: TestRecord) => kind === 'org_plan' || kind === 'tick' || orgs.includes(org ?? '');
    const alone = records.map((record) => (isTheirs(record) ? record : tick(record)));
    const expected = rowsOf(runLane(alone, whole), orgs);
    expect(rowsOf(together, orgs), `${orgs}, seed ${seed}`).toEqual(expected);
    expect(expected.length).toBeGreaterThan(20);
  }
});

test.each(seeds)('a whole log played again into used tables changes nothing (seed %i)', (seed) => {
  const random = randomSource(seed);
  const records = randomRecords(seed, count);
  const drive: Drive = {
    batch: () => 1 + Math.floor(random() * 300),
    commits: () => random() < 0.5,
    crashes: () => random() < 0.2,
  };
  const used = runLane(records, drive);
  const before = printTables(used);
  expect(printTables(runLane(records, drive, used))).toBe(before);
});

test.each(seeds)('what comes too late changes late_events alone (seed %i)', (seed) => {
  const random = randomSource(seed);
  const records = randomRecords(seed, count);
  let late = 0;
  const withLate = records.map((record): TestRecord => {
    if (record.kind !== 'tick') return record;
    late += 1;
    const kind = (['impression', 'click', 'spend', 'conversion'] as const)[late % 4];
    const eventTime = record.logTime - 400 * dayMs - Math.floor(random() * dayMs);
    const facts = { source: 'dsp', amount: 5e6, amount2: 7e6, count: 1, t1: eventTime, t2: eventTime };
    const names = { org: 'acme', campaign: `c${late % 5}`, eventId: 1_000_000 + late };
    const { offset, logTime } = record;
    return { kind, offset, logTime, eventTime, ...names, ...facts };
  });
  const [{ late_events: few, ...expected }, { late_events: all, ...found }] = [
    runLane(records, whole),
    runLane(withLate, whole),
  ];
  expect(printTables(found)).toBe(printTables(expected));
  expect(late).toBeGreaterThan(20);
  expect(all.size).toBe(few.size + late);
  for (const [key, row] of few) expect(printed(all.get(key))).toBe(printed(row));
});

/** The rows that leave with a harvest; their order follows the places of campaigns in memory, which a restore may change. */
function rowsSent({ outputs }: LaneHarvest): string[] {
  return outputs
    .flatMap(({ stream, bytes }) => {
      const table = tables.find(({ name }) => name === stream) as Table;
      return decodeRows(table, bytes).map((row) => `${stream} ${printed(row)}`);
    })
    .sort();
}

test.each(seeds)('a state that was written and read back goes on as it would have (seed %i)', (seed) => {
  const random = randomSource(seed);
  const records = randomRecords(seed, count);
  const identity = { partition: 0, partitions: 1, generation: 1 };
  const lane = new CampaignLane(identity);
  const batch = new EventBatch(64);
  const bases = new Map<number, Uint8Array>();
  let deltas: { seq: number; bytes: Uint8Array }[] = [];
  let twin: CampaignLane | null = null;
  let twinBatch = new EventBatch(64);
  let seq = 0;
  for (let at = 0; at < records.length; ) {
    const run = records.slice(at, at + 1 + Math.floor(random() * 150));
    at += run.length;
    seq += 1;
    lane.apply(batch, fillBatch(batch, run));
    lane.verify(batch);
    const harvest = lane.harvest(seq);
    if (twin !== null) {
      twin.apply(twinBatch, fillBatch(twinBatch, run));
      twin.verify(twinBatch);
      expect(rowsSent(twin.harvest(seq)), `commit ${seq}, seed ${seed}`).toEqual(rowsSent(harvest));
    }
    for (const { group, bytes } of harvest.bases) bases.set(group, bytes);
    deltas = [...deltas, { seq, bytes: harvest.delta }].filter((delta) => delta.seq >= harvest.oldestDeltaSeq);
    twin = new CampaignLane(identity);
    twin.restore({ meta: { seq, nextOffset: at }, bases, deltas, outbox: [] } as unknown as LaneSnapshot);
    // A lane keeps the numbers that its own batch gives to names.
    twinBatch = new EventBatch(64);
    fillBatch(twinBatch, records.slice(twin.tailStart(), at));
    twin.remember(twinBatch);
  }
  expect(seq).toBeGreaterThan(10);
});
