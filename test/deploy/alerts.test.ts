import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { findUnknownLabels, findUnknownMetrics } from './metric-names.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { severity: string };
  readonly annotations: { summary: string; runbook_url: string };
}
const alerts = (parse(read('deploy/prometheus/alerts.yaml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);

test('every alert has a severity, a summary and a runbook page of its own name', () => {
  expect(alerts.length).toBeGreaterThan(15);
  for (const { alert, labels, annotations } of alerts) {
    expect(['warning', 'critical'], alert).toContain(labels.severity);
    expect(annotations.summary, alert).toMatch(/\.$/);
    expect(annotations.runbook_url, alert).toBe(`docs/runbooks/${alert}.md`);
    const page = read(annotations.runbook_url);
    expect(page.startsWith(`# ${alert}\n`), alert).toBe(true);
    for (const heading of ['## What is at risk', '## Look', '## Do']) expect(page, alert).toContain(heading);
  }
});

test('no runbook page stands without its alert, and its links lead somewhere', () => {
  const pages = readdirSync(join(root, 'docs/runbooks')).sort();
  expect(pages).toEqual(alerts.map(({ alert }) => `${alert}.md`).sort());
  for (const page of pages)
    for (const [, link] of read(`docs/runbooks/${page}`).matchAll(/\]\(([^)#]+)[^)]*\)/g))
      expect(existsSync(join(root, 'docs/runbooks', link)), `${page}: ${link}`).toBe(true);
});

test('alerts and runbooks use metrics and labels that exist', () => {
  for (const { alert, expr } of alerts) {
    expect(findUnknownMetrics(expr), alert).toEqual([]);
    expect(findUnknownLabels(expr), alert).toEqual([]);
    expect(findUnknownMetrics(read(`docs/runbooks/${alert}.md`).replaceAll('paceline_.*', '')), alert).toEqual([]);
  }
});

test('the check of names can fail', () => {
  expect(findUnknownMetrics('rate(paceline_records_inn_total[5m])')).toEqual(['paceline_records_inn_total']);
  expect(findUnknownMetrics('paceline_commit_duration_seconds_bucket + paceline_commits_total_bucket')).toEqual([
    'paceline_commits_total_bucket',
  ]);
  expect(findUnknownLabels('paceline_sink_up{sync="clickhouse"}')).toEqual(['paceline_sink_up{sync}']);
});

test('every alert is seen firing in its promtool test', () => {
  const tested = read('deploy/prometheus/alerts_test.yaml');
  for (const { alert } of alerts) expect(tested).toContain(`alertname="${alert}"`);
});
