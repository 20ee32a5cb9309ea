import { expect } from 'vitest';
import { expectedTables, isOfBefore, readTables, type TableRow } from './release.ts';

/** Counters that say how often something happened: what they mean changes with no version. */
const deliveries = ['impressions', 'invalid_impressions', 'clicks', 'invalid_clicks', 'video_starts', 'auction_wins'];

/**
 * What 0.1 had committed stands in the tables as 0.1 wrote it, from its outbox too; and counting went on
 * from its state: days hold what 0.1 itself would have counted, each record is late or dead once.
 */
export async function expectUpgraded(data: string): Promise<void> {
  const found = await readTables(data);
  const expected = expectedTables();
  for (const [table, rows] of expected) {
    const of = (all: readonly TableRow[]) => all.filter(isOfBefore);
    expect(of(found.get(table)!), `${table}, rows of before`).toEqual(of(rows));
    expect(of(rows).length).toBeGreaterThan(0);
  }
  for (const table of ['dead_letters', 'late_events'])
    expect(keysOf(found.get(table)!)).toEqual(keysOf(expected.get(table)!));
  expect(countsOf(found.get('campaign_metrics_daily')!)).toEqual(countsOf(expected.get('campaign_metrics_daily')!));
}

function keysOf(rows: readonly TableRow[]): string[] {
  return rows.map(({ org_id, partition, log_offset }) => `${org_id} ${partition} ${log_offset}`);
}

function countsOf(rows: readonly TableRow[]): unknown[] {
  return rows.map((row) => [row.org_id, row.campaign_id, row.date, ...deliveries.map((name) => row[name])]);
}
