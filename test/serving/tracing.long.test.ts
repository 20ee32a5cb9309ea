import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ServeAlone, serveAlone } from '../../src/adapters/serving/serve-alone.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { openTestEngine, type TestEngine } from '../embedded-clickhouse/embedded.ts';
import { type Collector, startCollector } from '../servers/collector.ts';

// Spans of every door as a collector of OpenTelemetry gets them, from `paceline serve` over a ClickHouse whose calls
// are looked at on their way.
const token = 'a-token-that-nobody-guesses';
const collectorKey = 'the-key-of-the-collector';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const above = '00f067aa0ba902b7';

let engine: TestEngine;
let collector: Collector;
let way: { url: string; headers: IncomingHttpHeaders[]; close(): void };
let lines: string[] = [];

/** Hands calls on to ClickHouse, and remembers their heads. */
async function openWay(target: string): Promise<typeof way> {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((call, answer) => {
    headers.push(call.headers);
    const onward = request(new URL(call.url!, target), { method: call.method, headers: call.headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    call.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, headers, close: () => void server.close() };
}

function open(tracing: string): Promise<ServeAlone> {
  const text = `http: { port: 0, token: "\${env:TOKEN}" }
clickhouse: { password: "\${env:PASSWORD}", url: "${way.url}" }
serving: { port: 0, freshness_ms: 10, query_timeout_ms: 5000 }
${tracing}`;
  const env = { PASSWORD: engine.engine.writeToken, TOKEN: token, KEY: collectorKey };
  const overrides = { data_directory: engine.directory };
  const world = { env, readFile: () => text };
  const { config } = loadConfig(['/p.yaml'], { world, shippedConfigDirectory: '/s', overrides });
  lines = [];
  const log = makeLogger({
    ...{ level: 'info', clock: systemClock },
    destination: { write: (line: string) => void lines.push(line) },
  });
  return serveAlone(config, { version: '1.2.3', clock: systemClock, log });
}

const traced = () =>
  `tracing: { endpoint: "${collector.url}", header_name: x-key, header_value: "\${env:KEY}", service_name: board }`;

beforeAll(async () => {
  engine = await openTestEngine();
  const sink = engine.sinkAt();
  await sink.migrate();
  await sink.close();
  way = await openWay(engine.engine.url);
});
afterAll(async () => {
  way.close();
  await engine.close();
});
beforeEach(async () => {
  collector = await startCollector();
  way.headers.length = 0;
  return () => collector.close();
});

const bearer = { authorization: `Bearer ${token}` };
const isSampled = (flag: '00' | '01') => ({ traceparent: `00-${traceId}-${above}-${flag}` });
const ask = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/v1/organizations/acme/flights?limit=5`, { headers: { ...bearer, ...headers } });

test('a call is a trace: door, operation, admission, answer and query, under the caller, and ClickHouse is told', async () => {
  const serving = await open(traced());
  try {
    expect((await ask(serving.url, isSampled('01'))).status).toBe(200);
  } finally {
    await serving.close();
  }
  const ours = collector.spans.filter((span) => span.traceId === traceId);
  const of = (name: string) => ours.find((span) => span.name === name)!;
  const call = of('rest listFlights');
  expect(call).toMatchObject({
    ...{ kind: 'server', parentSpanId: above, isError: false, service: 'board' },
    attributes: {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'paceline.door': 'rest',
      'paceline.operation': 'listFlights',
      'paceline.organization': 'acme',
    },
  });
  expect(of('listFlights').parentSpanId).toBe(call.spanId);
  expect(of('admit').parentSpanId).toBe(of('listFlights').spanId);
  const answer = of('answer');
  expect(answer).toMatchObject({
    parentSpanId: of('listFlights').spanId,
    attributes: { 'paceline.answer': 'computed' },
  });
  const query = ours.find((span) => span.parentSpanId === answer.spanId)!;
  expect(query).toMatchObject({ kind: 'client', attributes: { 'db.system.name': 'clickhouse' } });
  expect(query.name).toMatch(/^SELECT [a-z_]+$/);
  // The very span of the query is what ClickHouse hears.
  expect(way.headers.map(({ traceparent }) => traceparent)).toContain(`00-${traceId}-${query.spanId}-01`);
  expect(collector.headers[0]['x-key']).toBe(collectorKey);
  // Spans and lines of the log find each other.
  expect(lines.concat(collector.texts).join('')).not.toContain(token);
});

test('every door is traced, as it answers and as it refuses', async () => {
  const serving = await open(traced());
  const post = (path: string, body: object, headers: Record<string, string> = bearer) =>
    fetch(`${serving.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  try {
    await ask(serving.url);
    await ask(serving.url, { authorization: 'Bearer nobody-knows-me-at-all' });
    const query =
      '{ flights(organization: "acme") { data { flightId } } alerts(organization: "acme") { data { ruleId } } }';
    expect(await (await post('/graphql', { query })).json()).toMatchObject({ data: {} });
    expect((await post('/paceline.v1.PacingService/ListFlights', { organization: 'acme' })).status).toBe(200);
    await post('/auth/login', { email: 'ann@acme.example', password: 'not-the-password-of-ann' }, {});
    await fetch(`${serving.url}/nowhere/inv_secret-invitation?token=in-the-query`);
  } finally {
    await serving.close();
  }
  const calls = collector.spans.filter(({ kind }) => kind === 'server');
  expect(calls.map(({ name }) => name).sort()).toEqual([
    ...[
      'auth authLogin',
      'connect listFlights',
      'graphql several',
      'none other',
      'rest listFlights',
      'rest listFlights',
    ],
  ]);
  const refused = calls.find(
    ({ attributes }) => attributes['http.response.status_code'] === 401 && attributes['paceline.door'] === 'rest',
  );
  // Who is refused made a mistake, and we none.
  expect(refused).toMatchObject({ isError: false, attributes: { 'error.type': 'UNAUTHENTICATED' } });
  const several = calls.find(({ name }) => name === 'graphql several')!;
  const parts = collector.spans.filter(({ parentSpanId }) => parentSpanId === several.spanId);
  expect(parts.map(({ name }) => name).sort()).toEqual(['listAlerts', 'listFlights']);
  for (const secret of [
    token,
    'nobody-knows-me',
    'not-the-password',
    'inv_secret',
    'in-the-query',
    collectorKey,
    'ann@',
    'limit=5',
  ])
    expect(collector.texts.join('\n'), secret).not.toContain(secret);
});

test('who says that its trace is not recorded is not traced, and the log names the traces that are', async () => {
  const serving = await open(traced());
  try {
    await ask(serving.url, isSampled('00'));
    await ask(serving.url, { traceparent: 'nonsense' });
    await expect
      .poll(() => collector.spans.filter(({ kind }) => kind === 'server').length, { timeout: 10_000 })
      .toBe(1);
  } finally {
    await serving.close();
  }
  expect(collector.spans.some((span) => span.traceId === traceId)).toBe(false);
  expect(way.headers.some(({ traceparent }) => traceparent?.includes(traceId))).toBe(false);
});

test('nobody is traced more often than is allowed', async () => {
  const serving = await open(
    traced().replace(' }', ', traces_per_second: 3 }').replace('service_name: board', 'service_name: few'),
  );
  try {
    for (let i = 0; i < 12; i += 1) await ask(serving.url, isSampled('01'));
  } finally {
    await serving.close();
  }
  const few = collector.spans.filter(({ kind }) => kind === 'server').length;
  // Twelve calls may take some seconds on a busy machine, each of which allows three.
  expect(few).toBeGreaterThanOrEqual(3);
  expect(few).toBeLessThan(12);
});

test('a stream is one span with its first look, however long it lasts', async () => {
  const serving = await open(traced());
  const gone = new AbortController();
  try {
    const response = await fetch(`${serving.url}/api/v1/organizations/acme/mark`, {
      ...{ headers: { ...bearer, accept: 'text/event-stream' }, signal: gone.signal },
    });
    expect(response.status).toBe(200);
    const before = way.headers.length;
    // Further looks ask for the version of the data at least.
    await expect.poll(() => way.headers.length, { timeout: 10_000 }).toBeGreaterThan(before + 1);

    gone.abort();
    await expect.poll(() => collector.spanNamed('rest getMark'), { timeout: 10_000 }).toBeDefined();
  } finally {
    await serving.close();
  }

  expect(collector.spans.filter(({ name }) => name === 'getMark')).toHaveLength(1);
});

test('a collector that fails or is away keeps nothing from anybody, and is told of once', async () => {
  collector.answer = 400;
  const serving = await open(traced());
  const metrics = async () => (await fetch(`${serving.controlUrl}/metrics`)).text();
  try {
    expect((await ask(serving.url)).status).toBe(200);
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(/paceline_spans_total\{outcome="lost"\} [1-9]/);
    expect((await ask(serving.url)).status).toBe(200);
    await expect.poll(() => collector.texts.length, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(lines.filter((line) => line.includes('tracing.not_sent'))).toHaveLength(1);
    collector.answer = 200;
    await ask(serving.url);
    await expect.poll(() => lines.some((line) => line.includes('tracing.sent_again')), { timeout: 10_000 }).toBe(true);
    await collector.close();
    expect((await ask(serving.url)).status).toBe(200);
  } finally {
    await serving.close();
  }
  collector = await startCollector();
});

test('without a collector nothing is traced, and no header goes anywhere', async () => {
  const serving = await open('');
  try {
    expect((await ask(serving.url, isSampled('01'))).status).toBe(200);
  } finally {
    await serving.close();
  }
  expect(way.headers.every(({ traceparent }) => traceparent === undefined)).toBe(true);
  expect(collector.texts).toEqual([]);
});
