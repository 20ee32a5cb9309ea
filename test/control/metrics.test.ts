import { expect, test } from 'vitest';
import { type MetricDescription, metricCatalogue } from '../../src/control/metrics/catalogue.ts';
import { Metrics } from '../../src/control/metrics/metrics.ts';

test('plain numbers reach the registry when it is printed, counters once', async () => {
  const metrics = new Metrics();
  metrics.add('paceline_records_in_total', { partition: '0' }, 5);
  await metrics.print();
  metrics.add('paceline_records_in_total', { partition: '0' }, 2);
  metrics.add('paceline_records_in_total', { partition: '1' }, 1);
  metrics.set('paceline_undelivered_bytes', {}, 10);
  metrics.set('paceline_undelivered_bytes', {}, 4);
  metrics.observe('paceline_commit_duration_seconds', {}, 0.02);
  const text = await metrics.print();
  expect(text).toContain('paceline_records_in_total{partition="0"} 7\n');
  expect(text).toContain('paceline_undelivered_bytes 4\n');
  expect(text).toContain('paceline_commit_duration_seconds_count 1\n');
  expect(metrics.total('paceline_records_in_total')).toBe(8);
});

test('series beyond the cap are refused and counted', async () => {
  const metrics = new Metrics({ seriesMax: 3 });
  for (let i = 0; i < 10; i++) metrics.add('paceline_records_in_total', { partition: String(i) });
  const text = await metrics.print();
  expect(text.match(/^paceline_records_in_total\{/gm)).toHaveLength(3);
  expect(text).toContain('paceline_metrics_series_rejected_total 7\n');
});

test('a gauge that was taken back is told no more, and frees its place below the cap', async () => {
  const metrics = new Metrics({ seriesMax: 1 });
  metrics.set('paceline_lane_lag_records', { partition: '3' }, 9);
  expect(await metrics.print()).toContain('paceline_lane_lag_records{partition="3"} 9\n');
  metrics.remove('paceline_lane_lag_records', { partition: '3' });
  expect(await metrics.print()).not.toContain('paceline_lane_lag_records{');
  metrics.set('paceline_lane_lag_records', { partition: '4' }, 1);
  expect(await metrics.print()).toContain('paceline_lane_lag_records{partition="4"} 1\n');
});

test('names follow the conventions', () => {
  for (const [name, { type, labels, help }] of Object.entries<MetricDescription>(metricCatalogue)) {
    expect(name).toMatch(/^paceline_[a-z_]+$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(help, name).toMatch(/\.$/);
    // Those of the few with the most of something are bounded all the same.
    if (name.startsWith('paceline_top_')) continue;
    for (const label of labels) expect(label, name).not.toMatch(/org|campaign|rule|flight/);
  }
});
