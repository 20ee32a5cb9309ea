import { expect, test } from 'vitest';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { dayMs, minuteMs } from '../../src/model/time.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { recordRun } from '../decoders/record-run.ts';
import type { LogRecord } from '../oracle/events.ts';
import { parseScenario } from '../scenarios/scenario.ts';

const start = Date.UTC(2026, 0, 1);
const instant = (ms: number) => new Date(ms).toISOString();

/** A feed that is asked every minute for the day so far. */
function polls(days: number): readonly LogRecord[] {
  const lines = [
    `at ${instant(start)}`,
    'plan number=1 every=5m spend=feed:ads:MEDIA',
    'source ads delay=0s',
    'flight y from=2026-01-01 to=2026-03-01',
    'budget y 100000.00',
  ];
  for (let minute = 1; minute <= (days * dayMs) / minuteMs; minute++) {
    const at = start + minute * minuteMs;
    const day = Math.floor((at - 1) / dayMs) * dayMs;
    const period = `period_start=${instant(day)} period_end=${instant(day + dayMs)} as_of=${instant(at)}`;
    const said = `spend=${(minute / 10).toFixed(2)} count.impressions=${minute} touch.lead/CLICK=${minute}`;
    lines.push(`at ${instant(at)}`, `event performance_report source=ads ${said} ${period} source_seq=${minute}`);
  }
  return parseScenario([...lines, 'expect no dead'].join('\n')).records;
}

/** What is kept in the store after every commit, in bytes: of campaigns, and deltas that no base holds yet. */
function kept(records: readonly LogRecord[], recordsPerCommit: number) {
  const program = new CampaignLane({ partition: 0, partitions: 1, generation: 1 });
  const decoder = createDecoder(new EmbeddedRegistry());
  const batch = new EventBatch(64);
  const bases = new Map<number, number>();
  let deltas: { seq: number; bytes: number }[] = [];
  const sizes: { campaigns: number; deltas: number; delta: number }[] = [];
  for (let at = 0, seq = 1; at < records.length; at += recordsPerCommit, seq++) {
    const run = recordRun(records.slice(at, at + recordsPerCommit));
    decoder.decode(run, batch);
    program.apply(batch, run);
    const harvest = program.harvest(seq);
    for (const { group, bytes } of harvest.bases) bases.set(group, bytes.length);
    deltas.push({ seq, bytes: harvest.delta.length });
    deltas = deltas.filter((each) => each.seq >= harvest.oldestDeltaSeq);
    // Groups of campaigns come first; those of ids are bounded by the organization's quota.
    const campaigns = [...bases].filter(([group]) => group < 32).reduce((sum, [, bytes]) => sum + bytes, 0);
    sizes.push({ campaigns, deltas: deltas.reduce((sum, { bytes }) => sum + bytes, 0), delta: harvest.delta.length });
  }
  return sizes;
}

test('a period that is told every minute is kept once', () => {
  const sizes = kept(polls(4), 1);
  const most = (of: 'campaigns' | 'deltas', from: number, to: number) =>
    Math.max(...sizes.slice(from * sizes.length, to * sizes.length).map((each) => each[of]));
  // A day is a row of its own and one report; nothing else of a day's 1,440 polls stays.
  expect(most('campaigns', 0.75, 1) - most('campaigns', 0.25, 0.5)).toBeLessThan(500);
  expect(most('deltas', 0.5, 1)).toBeLessThan(1.2 * most('deltas', 0.25, 0.5));
});

test('and of polls of one commit the newest alone is written, beside their ids', () => {
  const [{ delta }] = kept(polls(1), 1_500);
  expect(delta).toBeLessThan(1_440 * 26 + 2_000);
});
