import { expect, test } from 'vitest';
import { onFact } from '../../src/model/facts.ts';
import { hourMs, minuteMs } from '../../src/model/time.ts';
import { at, plan, Story } from '../oracle/story.ts';
import { runScenario } from '../scenarios/run-scenario.ts';

test('events of an untrusted clock that is ahead are counted as set right, those of a good clock and of a trusted one are not', () => {
  const now = at('2026-03-10T12:00:00');
  const source = { heartbeats: false, delay_ms: 0, expected_interval_ms: 0, stale_after_ms: hourMs };
  const story = new Story();
  story.plan(now - hourMs, plan({}, { sources: { app: { ...source, clock: 'untrusted' }, dsp: source } }));
  for (const ahead of [0, minuteMs, hourMs, 20 * hourMs])
    story.spend(now, 1, { source: 'app', event_time: now + ahead });
  story.spend(now, 1, { source: 'dsp', event_time: now + minuteMs });
  story.event(now, 'conversion', {
    source: 'app',
    event_time: now,
    conversion_time: now + hourMs,
    touch_time: now - hourMs,
  });
  let told = 0;
  using _ = { [Symbol.dispose]: onFact('records.clock_set_right', ({ records }) => (told += records)) };
  for (const batch of [1, 100]) {
    told = 0;
    const tables = runScenario(story.records, { batch: () => batch, commits: () => true, crashes: () => false });
    expect(told, `batches of ${batch}`).toBe(4);
    expect(tables.campaign_metrics_daily.map((row) => row.impressions)).toEqual([5n]);
    expect(tables.dead_letters).toEqual([]);
  }
});
