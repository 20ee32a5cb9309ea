import { expect, test } from 'vitest';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { dayMs, hourMs } from '../../src/model/time.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { recordRun } from '../decoders/record-run.ts';
import { compareTables } from '../oracle/compare.ts';
import type { LogRecord } from '../oracle/events.ts';
import { foldLog } from '../oracle/fold.ts';
import { options } from '../oracle/story.ts';
import { drives, runScenario } from './run-scenario.ts';
import { parseScenario } from './scenario.ts';

const start = Date.UTC(2026, 0, 1);
const instant = (ms: number) => new Date(ms).toISOString();

/** Three years in which the campaign is paused every night and its budget set every morning, spent on by day. */
function threeYears(days: number): readonly LogRecord[] {
  const lines = [
    'ticks 6h',
    `at ${instant(start)}`,
    'plan number=1 every=12h spend=impressions:dsp:MEDIA',
    'source dsp delay=0s',
    `flight y from=2026-01-01 to=${instant(start + days * dayMs).slice(0, 10)} zone=Europe/Vienna`,
    'budget y 100000.00',
  ];
  for (let day = 0; day < days; day++) {
    const morning = start + day * dayMs + 6 * hourMs;
    const cap = day % 3 === 0 ? ' cap=150.00' : '';
    lines.push(`at ${instant(morning)}`, 'status ACTIVE', `budget y ${100_000 + ((day * 37) % 1_000)}.00${cap}`);
    lines.push(`at ${instant(morning + 8 * hourMs)}`, `event impression cost=${60 + (day % 50)}.00`);
    lines.push(`at ${instant(morning + 16 * hourMs)}`, 'status PAUSED');
  }
  return parseScenario([...lines, 'expect no dead'].join('\n')).records;
}

test('after three years of nightly pauses and daily budgets all is as in an oracle that keeps everything', () => {
  const records = threeYears(1_090);
  const keepsAll = { settledAfterMs: 5_000 * dayMs, changes: 10_000, statuses: 10_000 };
  const tables = runScenario(records, drives.whole);
  expect(compareTables(foldLog(records, { ...options, bounds: keepsAll }), tables)).toEqual([]);
  expect(compareTables(foldLog(records, options), tables)).toEqual([]);
});

test('and what is remembered and written of it does not grow', () => {
  const records = threeYears(1_090);
  const program = new CampaignLane({ partition: 0, partitions: 1, generation: 1 });
  const decoder = createDecoder(new EmbeddedRegistry());
  const batch = new EventBatch(64);
  const sizes: number[] = [];
  for (let at = 0; at < records.length; at += 100) {
    const run = recordRun(records.slice(at, at + 100));
    decoder.decode(run, batch);
    program.apply(batch, run);
    const { delta } = program.harvest(at / 100 + 1);
    sizes.push(delta.length);
  }
  const most = (from: number, to: number) => Math.max(...sizes.slice(from * sizes.length, to * sizes.length));
  expect(most(0.9, 1)).toBeLessThan(1.1 * most(0.1, 0.2));
});
