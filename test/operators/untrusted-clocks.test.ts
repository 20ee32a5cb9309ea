import { expect, test } from 'vitest';
import { onFact } from '../../src/model/facts.ts';
import { hourMs, minuteMs } from '../../src/model/time.ts';
import { compareTables } from '../oracle/compare.ts';
import { foldLog } from '../oracle/fold.ts';
import { at, options, plan, Story } from '../oracle/story.ts';
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

test('a poller of an untrusted clock asked no later than its answer was logged; a period of tomorrow stays one', () => {
  const now = at('2026-03-10T12:00:00');
  const source = { heartbeats: true, delay_ms: 0, expected_interval_ms: 0, stale_after_ms: hourMs };
  const spend = { from: 'feed', source: 'ads', cost_basis: 'MEDIA' } as const;
  const story = new Story();
  story.plan(now - hourMs, plan({ spend }, { sources: { ads: { ...source, clock: 'untrusted' } } }));
  const ask = (asked: number, from: number, cumulative: boolean) =>
    story.event(now, 'spend', {
      source: 'ads',
      currency: 'EUR',
      basis: 'MEDIA',
      cumulative,
      amount_micros: 60_000_000,
      event_time: asked,
      period_start: from,
      period_end: from + 24 * hourMs,
    });
  // Half of an hour's report lies before noon; without `as_of` it was taken when it was logged.
  ask(now + hourMs, now - hourMs, true);
  ask(now + hourMs, now + hourMs, true);
  for (const batch of [1, 100]) {
    const tables = runScenario(story.records, { batch: () => batch, commits: () => true, crashes: () => false });
    expect(tables.campaign_metrics_daily.map((row) => [row.spend_micros, row.clock_set_right])).toEqual([
      [60_000_000n, 0n],
    ]);
    expect(tables.dead_letters.map(({ reason }) => reason)).toEqual(['from_the_future']);
    expect(compareTables(foldLog(story.records, options), tables)).toEqual([]);
  }
});
