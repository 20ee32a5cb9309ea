import { beforeEach, expect, test } from 'vitest';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { Metrics } from '../../../src/control/metrics/metrics.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { checkCollector } from '../../../src/control/tracing/checks.ts';
import { type TracingSettings, tracesUrl, tracingSection } from '../../../src/control/tracing/config.ts';
import { startTracing } from '../../../src/control/tracing/start-tracing.ts';
import { EngineError } from '../../../src/model/errors.ts';
import { publishFact } from '../../../src/model/facts.ts';
import { beginCall, inSpan, untraced } from '../../../src/model/spans.ts';
import type { Clock } from '../../../src/model/time.ts';
import { type Collector, startCollector } from '../../servers/collector.ts';

let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
  return () => collector.close();
});

const clockAt = { ms: 0 };
const clock: Clock = { ...systemClock, steadyMs: () => clockAt.ms };
const log = makeLogger({ level: 'silent', clock });

function start(settings: Partial<TracingSettings> = {}) {
  const metrics = new Metrics({ withProcess: false });
  const all = tracingSection.parse({ endpoint: collector.url, ...settings });
  return startTracing(all, { version: '1', clock, log, metrics, ca: null });
}

const streams = [{ stream: 'alert_events', rows: 2 }];
function commit(seq: number, nextOffset: number): void {
  const lane = { lane: 'ads.events.v1:3', partition: 3 };
  publishFact('lane.committed', { ...lane, seq, nextOffset, result: 'OK', bytes: 90, streams });
  publishFact('round.committed', { lanes: 1, bytes: 90, durationMs: 7, attempts: 1 });
}

test('the engine tells one round of commits and one delivery in a while, with what they held', async () => {
  const tracing = await start({ engine_every_s: 10, ratio: 0 });
  commit(1, 100);
  commit(2, 200);
  publishFact('sink.delivered', { sink: 'clickhouse', chunks: 2, bytes: 180, durationMs: 12, streams });
  publishFact('sink.delivered', { sink: 'records', chunks: 1, bytes: 20, durationMs: 1, streams });
  publishFact('sink.delivered', { sink: 'clickhouse', chunks: 2, bytes: 180, durationMs: 12, streams });
  const error = new EngineError('SINK_UNAVAILABLE', 'no answer from http://user:secret@host');
  publishFact('sink.failed', { sink: 'clickhouse', attempt: 1, isFinal: false, error });
  publishFact('sink.failed', { sink: 'clickhouse', attempt: 2, isFinal: false, error });
  publishFact('state.failed', { call: 'commit', attempt: 1, error: new Error('words of somebody') });
  clockAt.ms += 10_000;
  commit(3, 300);
  await tracing.close();
  commit(4, 400);
  expect(collector.spans.map(({ name, isError }) => `${name}${isError ? '!' : ''}`)).toEqual([
    ...['commit', 'deliver clickhouse', 'deliver records', 'deliver clickhouse!', 'commit!', 'commit'],
  ]);
  const [first, delivery] = collector.spans;
  expect(first).toMatchObject({ kind: 'client', parentSpanId: null, attributes: { 'paceline.lanes': 1 } });
  expect(first.ms).toBeCloseTo(7);
  expect(first.events).toEqual([
    {
      name: 'lane committed',
      attributes: {
        ...{ 'paceline.lane': 'ads.events.v1:3', 'paceline.seq': 1, 'paceline.next_offset': 100 },
        ...{ 'paceline.result': 'OK', 'paceline.bytes': 90, 'paceline.rows': 2 },
      },
    },
  ]);
  expect(delivery.links.map(({ spanId }) => spanId)).toEqual([first.spanId]);
  expect(collector.texts.join('')).not.toMatch(/secret|words of somebody/);
});

test('a share of the calls is traced, each whole, with the code of an error', async () => {
  const tracing = await start({ ratio: 0.5, traces_per_second: 10_000 });
  for (let i = 0; i < 400; i += 1) {
    const call = beginCall({}, 'call');
    await call.during(() =>
      inSpan('part', {}, () => Promise.reject(new EngineError('NOT_FOUND', 'the name of a campaign'))).catch(
        () => null,
      ),
    );
    call.end('rest getThing', {}, null);
  }
  // What nobody asked for is no call.
  await inSpan('alone', {}, async () => undefined);
  await untraced(() => inSpan('aside', {}, async () => undefined));
  await tracing.close();
  const calls = collector.spans.filter(({ kind }) => kind === 'server');
  expect(calls.length).toBeGreaterThan(120);
  expect(calls.length).toBeLessThan(280);
  const parts = collector.spans.filter(({ name }) => name === 'part');
  expect(new Set(parts.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(calls.map(({ spanId }) => spanId)));
  expect(parts.every(({ isError, attributes }) => isError && attributes['error.type'] === 'NOT_FOUND')).toBe(true);
  expect(collector.spans).toHaveLength(2 * calls.length);
  expect(collector.texts.join('')).not.toContain('the name of a campaign');
});

test('traces a second have a bound, whoever asks for them', async () => {
  const tracing = await start({ traces_per_second: 5 });
  const sampled = (n: number) => ({ traceparent: `00-${String(n).padStart(32, '1')}-${'2'.repeat(16)}-01` });
  const ask = (n: number) => {
    for (let i = 0; i < n; i += 1) beginCall(i % 2 === 0 ? sampled(i) : {}, 'call').end('call', {}, null);
  };
  ask(100);
  clockAt.ms += 1_000;
  ask(3);
  await tracing.close();
  expect(collector.spans).toHaveLength(5 + 3);
});

test('headers that are no trace begin one of their own', async () => {
  const tracing = await start();
  const id = 'a'.repeat(32);
  const wrong = [
    '',
    'x',
    `00-${'0'.repeat(32)}-${'2'.repeat(16)}-01`,
    `ff-${id}-${'2'.repeat(16)}-01`,
    `00-${id}-short-01`,
  ];
  for (const traceparent of wrong) beginCall({ traceparent }, 'call').end('call', {}, null);
  beginCall({ traceparent: [`00-${id}-${'2'.repeat(16)}-01`, `00-${id}-${'3'.repeat(16)}-01`] }, 'call').end(
    'call',
    {},
    null,
  );
  await tracing.close();
  expect(collector.spans).toHaveLength(wrong.length + 1);
  const strays = collector.spans.slice(0, wrong.length);
  expect(strays.every(({ traceId, parentSpanId }) => traceId !== id && parentSpanId === null)).toBe(true);
});

test('doctor says whether the collector takes spans, and why not', async () => {
  const look = (settings: Partial<TracingSettings> = {}) =>
    checkCollector(tracingSection.parse({ endpoint: collector.url, ...settings }), null);
  expect(await look({ header_name: 'x-key', header_value: 'of-the-collector' })).toMatchObject({ status: 'ok' });
  expect(collector.headers[0]).toMatchObject({ 'x-key': 'of-the-collector' });
  collector.answer = 401;
  expect(await look()).toMatchObject({ status: 'failed', fix: expect.stringContaining('tracing.header_value') });
  collector.answer = 200;
  expect(await look({ endpoint: `${collector.url}/elsewhere` })).toMatchObject({ status: 'failed' });
  expect(await look({ endpoint: 'http://127.0.0.1:1' })).toMatchObject({
    ...{ id: 'tracing.reachable', status: 'failed', detail: expect.stringContaining('no answer') },
  });
});

test('the path of OTLP is added once', () => {
  for (const endpoint of ['http://c:4318', 'http://c:4318/', 'http://c:4318/v1/traces'])
    expect(tracesUrl(endpoint)).toBe('http://c:4318/v1/traces');
  expect(tracesUrl('https://c/otlp')).toBe('https://c/otlp/v1/traces');
});
