import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachStack, type Stack } from '../../../scripts/stack/stack.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { AlertmanagerSink } from '../../../src/sinks/alertmanager/alertmanager-sink.ts';
import { chunkOf, transitionRow } from './transitions.ts';

let stack: Stack;
let sink: AlertmanagerSink;
/** Ours alone, whatever else this Alertmanager holds. */
const fingerprint = randomUUID();

beforeAll(() => {
  stack = attachStack(['alertmanager']);
  sink = new AlertmanagerSink({
    urls: [stack.addresses.alertmanager.url],
    username: null,
    password: null,
    ca: null,
    externalUrl: 'https://ads.example',
    refreshMs: 60_000,
    clock: systemClock,
    onTrouble: (error) => {
      throw error;
    },
  });
});
afterAll(() => sink?.close());

interface Held {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

async function held(): Promise<Held[]> {
  const filter = encodeURIComponent(`fingerprint="${fingerprint}"`);
  const answer = await fetch(`${stack.addresses.alertmanager.url}/api/v2/alerts?filter=${filter}`);
  return (await answer.json()) as Held[];
}

test('a real Alertmanager holds the alert with its labels and times, escalates it, and lets it go', async () => {
  const now = systemClock.wallMs();
  const deliver = (ageMs: number, state: string, level: string) =>
    sink.deliver([chunkOf(transitionRow(now - ageMs, state, level, { fingerprint }))]);
  await sink.check();
  await deliver(180_000, 'firing', 'warning');
  const [warning, ...others] = await held();
  expect(others).toEqual([]);
  expect(warning.labels).toEqual({
    alertname: 'under-pacing',
    severity: 'warning',
    org_id: 'acme',
    campaign_id: 'c1',
    flight_id: 'f1',
    fingerprint,
  });
  expect(warning.annotations.summary).toBe('c1 is behind');
  expect(Date.parse(warning.startsAt)).toBe(now - 180_000 - 3_600_000);
  expect(Date.parse(warning.endsAt)).toBeGreaterThan(now);
  await deliver(120_000, 'firing', 'critical');
  expect((await held()).map(({ labels }) => labels.severity)).toEqual(['critical']);
  await deliver(60_000, 'resolved', 'none');
  expect(await held()).toEqual([]);
});
