import { expect, test } from 'vitest';
import { EventBatch } from '../../../src/events/event-batch.ts';
import { decodeRows } from '../../../src/rows/row-binary.ts';
import { alertEvents, type Row } from '../../../src/rows/tables.ts';
import { CampaignLane } from '../../../src/topology/campaign-topology.ts';
import { fillBatch } from '../../operators/batch-builder.ts';
import { healthyMonth } from './month.ts';

/** Of each kind, so that they are more than 300. */
const campaignsOfKind = 25;
const alertsACampaignWeekMax = 0.05;
const seed = Number(process.env.HEALTHY_SEED ?? 20_260_301);

test('a month of more than 300 healthy campaigns of every kind raises next to nothing', () => {
  const { records, campaignWeeks } = healthyMonth(seed, campaignsOfKind);
  const alerts = alertsOf(records);
  const told = alerts.filter(({ to_state, from_state }) => isTold(to_state) && !isTold(from_state));
  const list = Map.groupBy(told, (row) => `${row.org_id} ${row.rule_id} ${row.to_state}`);
  const shown = [...list].map(([what, rows]) => `${what}: ${rows.length}, such as ${rows[0].summary}`);
  expect(campaignWeeks).toBeGreaterThan(600);
  expect(told.length / campaignWeeks, `seed ${seed}\n${shown.join('\n')}`).toBeLessThanOrEqual(alertsACampaignWeekMax);
});

function isTold(state: Row[string]): boolean {
  return state === 'firing' || state === 'no_data' || state === 'error' || state === 'recovering';
}

/** Every transition; other rows are let go, they would fill the memory. */
function alertsOf(records: Parameters<typeof fillBatch>[1]): Row[] {
  const lane = new CampaignLane({ partition: 0, partitions: 1, generation: 1, planKey: null });
  const batch = new EventBatch(64);
  const alerts: Row[] = [];
  for (let at = 0, seq = 1; at < records.length; at += 4_096, seq++) {
    lane.apply(batch, fillBatch(batch, records.slice(at, at + 4_096)));
    for (const { stream, bytes } of lane.harvest(seq).outputs)
      if (stream === alertEvents.name) alerts.push(...decodeRows(alertEvents, bytes));
  }
  return alerts;
}
