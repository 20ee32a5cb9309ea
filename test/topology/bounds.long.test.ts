import { expect, test } from 'vitest';
import { flag } from '../../src/events/event-batch.ts';
import { checkedLaneLimits, type LaneLimits, laneLimits } from '../../src/model/lane-limits.ts';
import { dayMs, hourMs, minuteMs, quarterMs } from '../../src/model/time.ts';
import type { TestRecord } from '../operators/batch-builder.ts';
import { hoursOf, randomRecords, randomSource, ruledPlan } from '../operators/random-world.ts';
import { type Drive, printTables, runLane, whole } from '../operators/run-lane.ts';
import { type Bounds, written } from '../oracle/bounds.ts';
import { compareTables } from '../oracle/compare.ts';
import { foldLog } from '../oracle/fold.ts';
import { tableRows } from '../oracle/rows.ts';
import { toLogRecord, toOracleEvent } from './to-oracle.ts';

// A day of log cannot meet a month's bound, so the bounds come to the log: each as small as the others let it be.
const seeds = [4_000, 4_001];
const count = 1_400;

/** What a bound is called by the engine, which other limits let it be so small, and what the oracle calls it. */
interface Case {
  readonly limits: Partial<LaneLimits>;
  readonly bounds: Partial<Bounds>;
  /** Days in the middle of the log in which nothing comes. */
  readonly pauseDays?: number;
}

const shortLateness = { deliveryLatenessMs: hourMs, moneyLatenessMs: hourMs, correctionLatenessMs: hourMs };
const shortJudgement = { asOfBehindMs: hourMs, judgedBackMs: 2 * hourMs };
const shortSight = { fineMs: hourMs, judgedBackMs: 2 * hourMs };

const cases: Readonly<Record<string, Case>> = {
  timersPerRecordMax: { limits: { timersPerRecordMax: 1 }, bounds: { timersPerRecord: 1 } },
  futureAllowanceMs: { limits: { futureAllowanceMs: minuteMs }, bounds: { aheadMs: minuteMs } },
  deliveryLatenessMs: { limits: { deliveryLatenessMs: hourMs }, bounds: { deliveryLatenessMs: hourMs } },
  moneyLatenessMs: { limits: shortLateness, bounds: shortLateness },
  correctionLatenessMs: { limits: { correctionLatenessMs: dayMs }, bounds: { correctionLatenessMs: dayMs } },
  duplicateWindowMs: { limits: { duplicateWindowMs: minuteMs }, bounds: { duplicateMs: minuteMs } },
  duplicateRecordsMax: { limits: { duplicateRecordsMax: 5 }, bounds: { duplicateRecords: 5 } },
  campaignsPerLaneMax: {
    limits: { campaignsPerLaneMax: 3, campaignsPerOrganizationMax: 3 },
    bounds: { campaigns: 3, campaignsOfOne: 3 },
  },
  campaignsPerOrganizationMax: { limits: { campaignsPerOrganizationMax: 2 }, bounds: { campaignsOfOne: 2 } },
  organizationsPerLaneMax: { limits: { organizationsPerLaneMax: 1 }, bounds: { organizations: 1 } },
  heardSourcesMax: { limits: { heardSourcesMax: 2 }, bounds: { undeclared: 2 } },
  rareRecordsPerDayMax: { limits: { rareRecordsPerDayMax: 40 }, bounds: { rarePerDay: 40 } },
  deadLettersPerHourMax: { limits: { deadLettersPerHourMax: 1 }, bounds: { lettersPerHour: 1 } },
  forgetAfterMs: {
    limits: { ...shortLateness, ...shortJudgement, retainedDays: 3, keptDays: 5, forgetAfterMs: 75 * hourMs },
    bounds: { ...shortLateness, ...shortSight, retainedMs: 3 * dayMs, idleMs: 75 * hourMs },
    pauseDays: 4,
  },
  flightsPerCampaignMax: { limits: { flightsPerCampaignMax: 2 }, bounds: { flights: 2 } },
  evaluatedAfterEndMs: {
    limits: { ...shortLateness, evaluatedAfterEndMs: hourMs, flightsPerCampaignMax: 2 },
    bounds: { ...shortLateness, closedAfterMs: hourMs, flights: 2 },
  },
  changesPerFlightMax: { limits: { changesPerFlightMax: 3 }, bounds: { changes: 3 } },
  statusesPerCampaignMax: { limits: { statusesPerCampaignMax: 1 }, bounds: { statuses: 1 } },
  settledAfterMs: {
    limits: { ...shortLateness, ...shortJudgement, retainedDays: 3, keptDays: 5, settledAfterMs: 3 * dayMs },
    bounds: { ...shortLateness, ...shortSight, retainedMs: 3 * dayMs, settledAfterMs: 3 * dayMs },
    pauseDays: 3,
  },
  conversionTypesPerCampaignMax: { limits: { conversionTypesPerCampaignMax: 2 }, bounds: { conversionTypes: 2 } },
  flightDaysMax: { limits: { flightDaysMax: 3 }, bounds: { flightDays: 3 } },
  minutesBehind: { limits: { minutesBehind: 20, minuteCells: 23 }, bounds: { minutesMs: 20 * minuteMs } },
  asOfBehindMs: { limits: { asOfBehindMs: hourMs }, bounds: { fineMs: hourMs } },
  quartersBehind: {
    limits: { asOfBehindMs: hourMs, quartersBehind: 105, quarterCells: 107 },
    bounds: { fineMs: hourMs, actualMs: 105 * quarterMs },
  },
  judgedBackMs: {
    limits: { asOfBehindMs: hourMs, judgedBackMs: 12 * hourMs },
    bounds: { fineMs: hourMs, judgedBackMs: 12 * hourMs },
  },
  retainedDays: {
    limits: { ...shortLateness, ...shortJudgement, retainedDays: 3, keptDays: 5 },
    bounds: { ...shortLateness, ...shortSight, retainedMs: 3 * dayMs },
    pauseDays: 3,
  },
  totalIdsKeptMs: { limits: { totalIdsKeptMs: minuteMs }, bounds: { totalIdsMs: minuteMs } },
  totalDayGroups: { limits: { totalIdsKeptMs: minuteMs, totalDayGroups: 3 }, bounds: { totalIdsMs: minuteMs } },
  rareDayGroups: { limits: { ...shortLateness, rareDayGroups: 3 }, bounds: shortLateness },
};

/** A random day with several flights a campaign, some of them over, and sources that are behind for hours. */
function worldOf(seed: number): TestRecord[] {
  const random = randomSource(seed + 77);
  const again = randomSource(seed + 78);
  return randomRecords(seed, count, ruledPlan).map((record) => {
    const { detail } = record;
    // Totals that are sent again and again, under few ids.
    if (record.kind === 'spend' && record.flags === flag.cumulative)
      return { ...record, eventId: 1_000_000 + Math.floor(again() * 8) };
    if (detail?.kind === 'source_heartbeat') {
      // Beside the one that the plan declares, some that nobody does.
      if (random() < 0.4) return { ...record, source: `feed${Math.floor(random() * 4)}` };
      return random() < 0.5 ? record : { ...record, t1: (record.t1 as number) - Math.floor(random() * 3 * hourMs) };
    }
    if (detail?.kind !== 'flight_changed' && detail?.kind !== 'budget_changed') return record;
    const place = record.offset < 9 ? 0 : Math.floor(random() * 4);
    if (detail.kind === 'budget_changed') return { ...record, detail: { ...detail, flight_id: `f${place}` } };
    const length = detail.end_local - detail.start_local;
    const start_local = place === 0 ? detail.start_local : detail.start_local - 5 * place;
    const { start_at: _, end_at: __, ...dated } = detail;
    const end_local = start_local + length;
    const hours = hoursOf(detail.tz, start_local, end_local, detail.ledger_version);
    return { ...record, detail: { ...dated, ...hours, flight_id: `f${place}`, start_local, end_local } };
  });
}

const known = new Map<string, string>();

/** The tables of a world under the limits of the engine, which it does not meet. */
function unbounded(seed: number, pauseDays: number, records: readonly TestRecord[]): string {
  const name = `${seed} ${pauseDays}`;
  const tables = known.get(name) ?? printTables(runLane(records, whole));
  known.set(name, tables);
  return tables;
}

/** The record as it would be some days later. */
function later(record: TestRecord, days: number): TestRecord {
  const ms = days * dayMs;
  const { logTime, eventTime = logTime, t1 = 0, t2 = 0, detail } = record;
  const byDay = record.kind === 'spend_adjustment' ? days : ms;
  const moved = { ...record, logTime: logTime + ms, eventTime: eventTime + ms, t1: t1 + byDay, t2: t2 + ms };
  if (detail === undefined || !('effective_at' in detail)) return moved;
  const next = { ...detail, effective_at: detail.effective_at + ms };
  if (next.kind !== 'flight_changed') return { ...moved, detail: next };
  const { start_local, end_local, start_at, end_at } = next;
  const hours = {
    ...(start_at === undefined ? {} : { start_at: start_at + ms }),
    ...(end_at === undefined ? {} : { end_at: end_at + ms }),
  };
  return { ...moved, detail: { ...next, ...hours, start_local: start_local + days, end_local: end_local + days } };
}

function drive(seed: number, limits: LaneLimits): Drive {
  const random = randomSource(seed);
  return {
    batch: () => 1 + Math.floor(random() * 120),
    commits: () => random() < 0.5,
    crashes: () => random() < 0.3,
    limits,
  };
}

test('every limit of a lane has a case, and every bound of the oracle', () => {
  const tried = Object.values(cases);
  const limits = new Set(tried.flatMap((each) => Object.keys(each.limits)));
  expect([...limits].sort()).toEqual(Object.keys(laneLimits).sort());
  const bounds = new Set(tried.flatMap((each) => Object.keys(each.bounds)));
  expect([...bounds].sort()).toEqual(Object.keys(written).sort());
});

test.each(Object.keys(cases))('engine and oracle agree at the bound %s, whatever batches and crashes', (name) => {
  const { limits: over, bounds, pauseDays = 0 } = cases[name];
  const limits = checkedLaneLimits({ ...laneLimits, ...over });
  let met = 0;
  for (const seed of seeds) {
    const records = worldOf(seed).map((record) => (record.offset < count / 2 ? record : later(record, pauseDays)));
    const expected = foldLog(records.map(toLogRecord), {
      partitions: 1,
      generation: 1,
      decode: ({ offset }) => toOracleEvent(records[offset]),
      bounds,
    });
    const final = runLane(records, drive(seed, limits));
    expect(compareTables(expected, tableRows(final), { show: 10 }), `seed ${seed}`).toEqual([]);
    if (printTables(final) !== unbounded(seed, pauseDays, records)) met += 1;
  }
  expect(met, 'the log meets the bound').toBeGreaterThan(0);
});

/** For each inequality the numbers that break it. */
const broken: Readonly<Record<string, Partial<LaneLimits>>> = {
  'is a positive integer': { flightsPerCampaignMax: 0 },
  'an organization fits a lane': { campaignsPerOrganizationMax: 1_000_001 },
  'delivery is never later': { deliveryLatenessMs: 33 * dayMs },
  'the ring of minutes holds': { minuteCells: 179 },
  'the ring of quarter-hours holds': { quarterCells: 286 },
  'the oldest as_of still finds': { asOfBehindMs: 47 * hourMs },
  'rings nest': { minutesBehind: 285 * 15, minuteCells: 285 * 15 + 3 },
  'a flight is evaluated while': { evaluatedAfterEndMs: 71 * hourMs },
  'a day is retained while': { retainedDays: 32 },
  'a judgement by days finds': { judgedBackMs: 32 * dayMs },
  'days reach further back': { judgedBackMs: 46 * hourMs },
  'a retained day is kept': { keptDays: 34 },
  'nothing that is still in time': { forgetAfterMs: 33 * dayMs },
  'no retained day belongs': { retainedDays: 1_103, keptDays: 1_105 },
  'nothing that settled is asked for': { settledAfterMs: 32 * dayMs },
  'the group of a day is free': { rareDayGroups: 34 },
  'a day of ids of totals is free': { totalDayGroups: 5 },
};

test.each(Object.keys(broken))('limits that do not fit are refused: %s', (says) => {
  expect(() => checkedLaneLimits({ ...laneLimits, ...broken[says] })).toThrow(says);
});
