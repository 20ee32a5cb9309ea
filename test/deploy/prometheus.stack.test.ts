import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../../scripts/stack/probe.ts';
import { targetsPath } from '../../scripts/stack/prometheus.ts';
import { attachStack, type Stack } from '../../scripts/stack/stack.ts';
import { writeSimulatedLog } from '../../src/adapters/log/simulated-log.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { type Engine, startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { type MetricDescription, metricCatalogue } from '../../src/control/metrics/catalogue.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { rejectReasons } from '../../src/events/event-batch.ts';
import { publishFact } from '../../src/model/facts.ts';
import { operationNames } from '../../src/serving/operations.ts';

const root = join(import.meta.dirname, '..', '..');
const deploy = join(root, 'deploy', 'prometheus');

let stack: Stack;
let data = '';
let engine: Engine;

beforeAll(async () => {
  stack = attachStack(['prometheus', 'alertmanager']);
  data = mkdtempSync(join(tmpdir(), 'paceline-prometheus-'));
  const load = () =>
    loadConfig([], {
      shippedConfigDirectory: join(root, 'config'),
      overrides: { data_directory: data, http: { port: 0 }, clickhouse: { port: 0 } },
    });
  const { plans } = load().config;
  await writeSimulatedLog({
    dir: data,
    seed: 5,
    days: 1,
    campaigns: 4,
    partitions: 2,
    encoding: 'binary',
    plans,
    clock: systemClock,
  });
  const log = makeLogger({ level: 'silent', clock: systemClock });
  engine = await startEngine(load(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  await engine.drain();
});
afterAll(async () => {
  if (stack) writeFileSync(targetsPath(stack.dir), '[]\n');
  await engine?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** The values that Prometheus answers, by their labels. */
async function ask(query: string): Promise<{ metric: Record<string, string>; value: number }[]> {
  const answer = await fetch(`${stack.addresses.prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await answer.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

/** Waits until Prometheus answers a query as it should; its last answer is in the message otherwise. */
async function expectSoon(query: string, isGood: (values: number[]) => boolean): Promise<void> {
  const probe = async () => {
    const values = (await ask(query)).map(({ value }) => value);
    if (!isGood(values)) throw new Error(`${query} answers ${JSON.stringify(values)}`);
  };
  await waitUntil(probe, 60_000, () => true);
}

test('promtool finds nothing to say about /metrics, the alerts and the configuration', async () => {
  const text = await (await fetch(`${engine.addresses.http}/metrics`)).text();
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(lint.stdout + lint.stderr).toBe('');
  expect(lint.status).toBe(0);
  for (const args of [
    ['check', 'config', 'prometheus.yaml'],
    ['test', 'rules', 'alerts_test.yaml'],
  ])
    expect(execFileSync('promtool', args, { cwd: deploy, encoding: 'utf8' })).toContain('SUCCESS');
  // Should the rules be wrong, the tests say so: a threshold that nothing reaches is noticed.
  const broken = mkdtempSync(join(tmpdir(), 'paceline-rules-'));
  try {
    const rules = readFileSync(join(deploy, 'alerts.yaml'), 'utf8').replace('> 48e6', '> 48e9');
    writeFileSync(join(broken, 'alerts.yaml'), rules);
    writeFileSync(join(broken, 'alerts_test.yaml'), readFileSync(join(deploy, 'alerts_test.yaml')));
    expect(spawnSync('promtool', ['test', 'rules', 'alerts_test.yaml'], { cwd: broken }).status).toBe(1);
  } finally {
    rmSync(broken, { recursive: true });
  }
});

test('labels are those of the catalogue, and their values are bounded', async () => {
  const text = await (await fetch(`${engine.addresses.http}/metrics`)).text();
  const values = new Map<string, Set<string>>();
  for (const [, name, labels] of text.matchAll(/^(paceline_[a-z_]+?)(?:_bucket|_sum|_count)?\{([^}]*)\}/gm)) {
    const known = (metricCatalogue as Record<string, MetricDescription>)[name];
    expect(known, name).toBeDefined();
    for (const [, label, value] of labels.matchAll(/([a-z_]+)="([^"]*)"/g)) {
      if (label !== 'le') expect(known.labels, name).toContain(label);
      values.set(label, (values.get(label) ?? new Set()).add(value));
    }
  }
  expect(values.size).toBeGreaterThan(3);
  // Reasons and operations are closed sets, and all of them are told from the start, at zero.
  const bounds: Readonly<Record<string, number>> = {
    // Both of the log, and none: that of all other organizations.
    partition: 3,
    organization: 21,
    reason: rejectReasons.length + 20,
    // And what is none of them: logins, pages, unknown paths.
    operation: operationNames.length + 5,
  };
  for (const [label, found] of values) expect(found.size, label).toBeLessThanOrEqual(bounds[label] ?? 20);
});

test('a real Prometheus scrapes the engine, and an alert about it reaches Alertmanager', async () => {
  const target = new URL(engine.addresses.http!).host;
  writeFileSync(targetsPath(stack.dir), JSON.stringify([{ targets: [target] }]));
  await expectSoon(`up{job="paceline",instance="${target}"}`, ([up]) => up === 1);
  const records = engine.metrics.total('paceline_records_in_total');
  expect(records).toBeGreaterThan(100);
  await expectSoon(`sum(paceline_records_in_total{instance="${target}"})`, ([sum]) => sum === records);
  // It is told as 0 from the start, so that a first restore shows as an increase.
  await expectSoon(`paceline_state_restores_total{instance="${target}"}`, ([value]) => value === 0);
  publishFact('state.restored', {
    lane: 'ads.events.v1:0',
    seq: 1,
    nextOffset: 1,
    reason: 'a test',
    path: 'none',
    takenAtMs: 0,
  });
  const probe = async () => {
    const answer = await fetch(`${stack.addresses.alertmanager.url}/api/v2/alerts`);
    const alerts = (await answer.json()) as { labels: Record<string, string>; annotations: Record<string, string> }[];
    const ours = alerts.find(
      ({ labels }) => labels.alertname === 'PacelineStateRestored' && labels.instance === target,
    );
    if (ours?.annotations.runbook_url !== 'docs/runbooks/PacelineStateRestored.md')
      throw new Error(`Alertmanager holds ${JSON.stringify(alerts.map(({ labels }) => labels))}`);
  };
  await waitUntil(probe, 60_000, () => true);
});
