import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Detail, flag } from '../../src/events/event-batch.ts';
import { hourMs } from '../../src/model/time.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { EmbeddedStateStore } from '../../src/state/sqlite/embedded-state-store.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import type { TestRecord } from './batch-builder.ts';
import { randomRecords, randomSource } from './random-world.ts';
import { type Drive, printTables, runLane, whole } from './run-lane.ts';

const seeds = [1, 2, 3];

/** What the hours of one campaign's records add up to, counted plainly. Every record is in time and comes once. */
function hoursOf(records: readonly TestRecord[]): Map<string, number> {
  const hours = new Map<string, number>();
  for (const { kind, org, campaign, eventTime = 0, count = 1, flags = 0 } of records) {
    if (kind !== 'impression' || (flags & flag.invalid) !== 0) continue;
    const key = `${org}|${campaign}|${Math.floor(eventTime / hourMs) * hourMs}`;
    hours.set(key, (hours.get(key) ?? 0) + count);
  }
  return hours;
}

/** A random world without what checks refuse. */
function plainWorld(seed: number): TestRecord[] {
  return randomRecords(seed, 1_500).map((record) => {
    const { kind, offset, logTime, eventTime = logTime } = record;
    if (record.detail?.kind === 'org_plan') return generous(record, record.detail);
    const isPlain = kind !== 'impression' || (eventTime <= logTime && eventTime > logTime - 12 * hourMs);
    return isPlain ? { ...record, eventId: offset } : { kind: 'tick', key: null, offset, logTime };
  });
}

/** Quotas and currencies of plans refuse what is right otherwise. */
function generous(record: TestRecord, detail: Detail & { kind: 'org_plan' }): TestRecord {
  const plan = JSON.parse(detail.body) as Plan;
  const { quotas, currency, ...defaults } = plan.defaults;
  const campaigns = Object.entries(plan.campaigns).map(([id, { currency: own, ...rest }]) => [id, rest]);
  const body = JSON.stringify({ ...plan, defaults, campaigns: Object.fromEntries(campaigns) });
  return { ...record, eventId: record.offset, detail: { ...detail, body } };
}

function crashing(seed: number): Drive {
  const random = randomSource(seed);
  return { batch: () => 1 + Math.floor(random() * 90), commits: () => random() < 0.4, crashes: () => true };
}

test.each(seeds)('hours add up to what was shown in them (seed %i)', (seed) => {
  const records = plainWorld(seed);
  const { campaign_hours } = runLane(records, whole);
  const found = [...campaign_hours].map(([key, row]) => [key, Number(row.impressions)] as const);
  expect(new Map(found)).toEqual(hoursOf(records));
  expect(found.length).toBeGreaterThan(20);
});

test.each(seeds)('hours, too, are a function of the log, whatever the batches and crashes (seed %i)', (seed) => {
  const records = randomRecords(seed, 2_000);
  expect(printTables(runLane(records, crashing(seed)))).toBe(printTables(runLane(records, whole)));
});

test('a lane goes on from state that was written without hours', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-hours-'));
  try {
    const path = join(directory, 'state.sqlite');
    copyFileSync(join(import.meta.dirname, '../fixtures/state/format-2/state.sqlite'), path);
    const store = new EmbeddedStateStore(path);
    const lane = new CampaignLane({ partition: 0, partitions: 1, generation: 1 });
    lane.restore(await store.claim('ads.events.v1:0', 'reader'));
    await store.close();
    expect(lane.clockMs).toBeGreaterThan(0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
