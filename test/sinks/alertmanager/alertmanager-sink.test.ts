import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock, WallTimeMs } from '../../../src/model/time.ts';
import { AlertmanagerSink } from '../../../src/sinks/alertmanager/alertmanager-sink.ts';
import { shownTransitionOf } from '../../../src/sinks/alertmanager/notification.ts';
import { refreshAlerts } from '../../../src/sinks/alertmanager/refresh-alerts.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { chunkOf, transitionRow } from './transitions.ts';

const now = Date.UTC(2026, 5, 1, 12);
const minute = 60_000;

class StillClock implements Clock {
  readonly sleeps: (() => void)[] = [];
  wallMs(): WallTimeMs {
    return now as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  sleep(_: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.sleeps.push(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }
}

let recorder: Recorder;
let second: Recorder;
let sink: AlertmanagerSink;
const troubles: unknown[] = [];
const clock = new StillClock();

beforeEach(async () => {
  recorder = await startRecorder();
  second = await startRecorder();
  troubles.length = 0;
  sink = new AlertmanagerSink({
    urls: [recorder.url, second.url],
    username: 'ops',
    password: 'secret',
    ca: null,
    externalUrl: 'https://ads.example/',
    refreshMs: minute,
    clock,
    onTrouble: (error) => troubles.push(error),
  });
});
afterEach(async () => {
  await sink.close();
  await recorder.close();
  await second.close();
});

const transition = (at: number, to: string, level: string, more = {}) =>
  transitionRow(now - at * minute, to, level, more);

const activeIn = (posted: Recorder['posts'][number]) =>
  posted.filter(({ endsAt }) => Date.parse(endsAt) > now).map(({ labels }) => labels.severity);

test('labels and start stay the same for the whole life of an alert; its end comes with the last transition', async () => {
  await sink.deliver([chunkOf(transition(30, 'firing', 'warning'))]);
  await sink.deliver([chunkOf(transition(5, 'resolved', 'none'))]);
  const [firing, resolved] = recorder.posts.map(
    (posted) => posted.find(({ labels }) => labels.severity === 'warning')!,
  );
  expect(firing.labels).toEqual({
    alertname: 'under-pacing',
    severity: 'warning',
    org_id: 'acme',
    campaign_id: 'c1',
    flight_id: 'f1',
    fingerprint: 'f00d',
  });
  expect(resolved.labels).toEqual(firing.labels);
  expect(firing.startsAt).toBe('2026-06-01T10:30:00.000Z');
  expect(firing.endsAt).toBe('2026-06-01T12:04:00.000Z');
  expect(resolved.endsAt).toBe('2026-06-01T11:55:00.000Z');
  expect(firing.annotations.summary).toBe('c1 is behind');
  expect(firing.generatorURL).toBe('https://ads.example/alerts/f00d');
  expect(second.posts).toEqual(recorder.posts);
  expect(recorder.authorizations[0]).toBe(`Basic ${Buffer.from('ops:secret').toString('base64')}`);
});

test('an escalation ends the warning; no data is an alert of its own', async () => {
  await sink.deliver([chunkOf(transition(30, 'firing', 'warning'))]);
  await sink.deliver([chunkOf(transition(20, 'firing', 'critical'))]);
  await sink.deliver([chunkOf(transition(10, 'no_data', 'none'))]);
  await sink.deliver([chunkOf(transition(5, 'recovering', 'critical'))]);
  await sink.deliver([chunkOf(transition(4, 'resolved', 'none'))]);
  expect(recorder.posts.map(activeIn)).toEqual([['warning'], ['critical'], ['no_data'], ['critical'], []]);
});

test('the last transition of a round counts, and shadow alerts stay here', async () => {
  const shadow = transition(3, 'firing', 'critical', { mode: 'shadow', notified: 0, fingerprint: 'cafe' });
  await sink.deliver([chunkOf(transition(9, 'firing', 'critical'), transition(8, 'resolved', 'none'), shadow)]);
  expect(recorder.posts.map(activeIn)).toEqual([[]]);
  expect(recorder.posts[0].every(({ labels }) => labels.fingerprint === 'f00d')).toBe(true);
});

test('one Alertmanager of two is enough, and the other is told of', async () => {
  recorder.trouble = 503;
  await sink.deliver([chunkOf(transition(1, 'firing', 'critical'))]);
  expect(second.posts).toHaveLength(1);
  expect(troubles).toMatchObject([{ code: 'SINK_UNAVAILABLE' }]);
  second.trouble = 401;
  await expect(sink.deliver([chunkOf(transition(1, 'firing', 'critical'))])).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
  });
  await expect(sink.check()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
  second.trouble = 400;
  await expect(sink.deliver([chunkOf(transition(1, 'firing', 'critical'))])).rejects.toMatchObject({
    code: 'SINK_REJECTED',
  });
  expect(JSON.stringify(troubles.map(String))).not.toContain('secret');
});

/** The row in JSON, as ClickHouse answers. */
function asShown(row: object): unknown {
  return JSON.parse(JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
}

test('an answer of the tables that is no alert is told with its column, and asked again', () => {
  const { summary, ...rest } = asShown(transition(1, 'firing', 'critical')) as { summary: string };
  expect(shownTransitionOf({ ...rest, summary })).toMatchObject({ summary, to_state: 'firing' });
  expect(() => shownTransitionOf(rest)).toThrow(
    expect.objectContaining({ code: 'SINK_UNAVAILABLE', message: expect.stringContaining('summary') }),
  );
});

test('active alerts are sent again, so that an Alertmanager that restarted knows them', async () => {
  const stop = new AbortController();
  const open = [transition(30, 'firing', 'critical'), transition(20, 'resolved', 'none', { fingerprint: 'cafe' })];
  const options = {
    sink,
    refreshMs: minute,
    externalUrl: null,
    clock,
    onTrouble: (error: unknown) => troubles.push(error),
  };
  const refreshing = refreshAlerts(
    { ...options, openAlerts: async () => open.map(asShown).map(shownTransitionOf) },
    stop.signal,
  );
  const until = async (isDone: () => boolean) => {
    while (!isDone()) await new Promise((resolve) => setImmediate(resolve));
  };
  await until(() => recorder.posts.length === 1 && clock.sleeps.length === 1);
  recorder.trouble = 503;
  second.trouble = 503;
  clock.sleeps.pop()!();
  await until(() => troubles.length === 1 && clock.sleeps.length === 1);
  recorder.trouble = null;
  clock.sleeps.pop()!();
  await until(() => recorder.posts.length === 2 && clock.sleeps.length === 1);
  stop.abort();
  await refreshing;
  expect(recorder.posts.map(activeIn)).toEqual([['critical'], ['critical']]);
  expect(recorder.posts[1]).toHaveLength(1);
});

test('people hear what the engine says they are told, with the labels of the rule, and of nothing else', async () => {
  const labels = '{"severity":"mine","team":"adops"}';
  const annotations = '{"runbook":"https://wiki.test/c1","summary":"mine"}';
  await sink.deliver([chunkOf(transition(30, 'firing', 'critical', { told: 'warning', labels, annotations }))]);
  await sink.deliver([
    chunkOf(transition(20, 'resolved', 'none', { notified: 0, told: 'warning', withheld: 'flapping' })),
  ]);
  // What a rule that went into shadow had told is taken back.
  await sink.deliver([chunkOf(transition(10, 'firing', 'critical', { mode: 'shadow', told: '' }))]);
  expect(recorder.posts.map(activeIn)).toEqual([['warning'], []]);
  const [said] = recorder.posts[0].filter((each) => each.labels.severity === 'warning');
  expect(said.labels).toMatchObject({ team: 'adops', alertname: 'under-pacing' });
  expect(said.annotations).toMatchObject({ runbook: 'https://wiki.test/c1', summary: 'c1 is behind' });
});

test('rows of an older release are told as their state says', async () => {
  await sink.deliver([chunkOf(transition(30, 'firing', 'critical', { told: 'as_state' }))]);
  await sink.deliver([chunkOf(transition(20, 'firing', 'warning', { told: 'as_state', mode: 'shadow' }))]);
  expect(recorder.posts.map(activeIn)).toEqual([['critical']]);
});
