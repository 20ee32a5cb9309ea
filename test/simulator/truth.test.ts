import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeSimulatedLog } from '../../src/adapters/log/simulated-log.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import type { Truth } from '../../src/simulator/write-simulation.ts';
import { fillTruth } from './fill-truth.ts';

test('a simulated log says what was done and what must come of it, the same for the same seed', async () => {
  const truths = await Promise.all(
    [3, 3, 4].map(async (seed) => {
      const dir = mkdtempSync(join(tmpdir(), 'paceline-truth-'));
      const plans = { organizations: 'config/organizations.yaml', rules: 'config/rules' };
      const size = { days: 1, campaigns: 4, partitions: 2, encoding: 'jsonl' as const };
      await writeSimulatedLog({ dir, seed, ...size, plans, clock: systemClock });
      const expected = await fillTruth(dir);
      const truth = JSON.parse(readFileSync(join(dir, 'truth.json'), 'utf8')) as Truth;
      rmSync(dir, { recursive: true });
      expect(truth.expected).toEqual(expected);
      expect(truth.records).toBe(expected.records);
      expect(truth.world.faults.length).toBeGreaterThan(0);
      return expected;
    }),
  );
  expect(truths[1]).toEqual(truths[0]);
  expect(truths[2].tables.campaign_metrics_daily.sha256).not.toBe(truths[0].tables.campaign_metrics_daily.sha256);
  // Its buyers heed their plans, so that nothing need be unplanned, and their campaigns are of no order.
  for (const [name, { rows }] of Object.entries(truths[0].tables))
    if (
      ![
        'late_events',
        'dead_letters',
        'unplanned_spend',
        'other_revenue',
        'conversions_daily',
        'order_snapshots',
      ].includes(name)
    )
      expect(rows, name).toBeGreaterThan(0);
});
