import { connect, constants } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServeAlone, serveAlone } from '../../src/adapters/serving/serve-alone.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { openTestEngine, type TestEngine } from '../embedded-clickhouse/embedded.ts';
import { sendRaw } from '../serving/send-raw.ts';

// What every answer carries, whatever is asked, how, and how it ends: by the doors as `paceline serve` opens them.
const token = 'a-token-that-nobody-guesses';
let engine: TestEngine;
let serving: ServeAlone;

beforeAll(async () => {
  engine = await openTestEngine();
  const sink = engine.sinkAt();
  await sink.migrate();
  await sink.close();
  const reference = (name: string) => `"$${`{env:${name}}`}"`;
  const text = `http: { port: 0, token: ${reference('TOKEN')} }
clickhouse: { password: ${reference('PASSWORD')}, url: "${engine.engine.url}" }
serving: { access_log: false }
logging: { level: silent }`;
  const world = { env: { PASSWORD: engine.engine.writeToken, TOKEN: token }, readFile: () => text };
  const overrides = { data_directory: engine.directory };
  const { config } = loadConfig(['/p.yaml'], { world, shippedConfigDirectory: '/s', overrides });
  const log = makeLogger({ level: 'silent', clock: systemClock });
  serving = await serveAlone(config, { version: 'test', clock: systemClock, log });
});
afterAll(async () => {
  await serving.close();
  await engine.close();
});

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
}

const bearer = { authorization: `Bearer ${token}` };
const json = { 'content-type': 'application/json' };
const rpc = '/paceline.v1.PacingService/ListFlights';
const api = '/api/v1/organizations/acme';

const table: Readonly<Record<string, Asked>> = {
  'the front page': { path: '/', status: 302 },
  'the console': { path: '/console', status: 200 },
  'a view of it': { path: '/console/acme/flights/c/f', status: 200 },
  'a view of it that there is none of': { path: '/console/acme/nothing', status: 200 },
  'the page to log in': { path: '/auth/login', status: 200 },
  'an answer': { path: `${api}/flights`, headers: bearer, status: 200 },
  'an answer as CSV': { path: `${api}/flights`, headers: { ...bearer, accept: 'text/csv' }, status: 200 },
  'the head of an answer': { method: 'HEAD', path: `${api}/flights`, headers: bearer, status: 200 },
  'the description': { path: '/api/v1/openapi.json', status: 200 },
  'no credentials': { path: `${api}/flights`, status: 401 },
  'no such flight': { path: `${api}/campaigns/c/flights/f`, headers: bearer, status: 404 },
  'no such path': { path: '/nothing', status: 404 },
  'no such path of the API': { path: '/api/v1/nothing', headers: bearer, status: 404 },
  'a wrong method': { method: 'DELETE', path: `${api}/flights`, headers: bearer, status: 405 },
  'a preflight': { method: 'OPTIONS', path: `${api}/flights`, status: 405 },
  'a type that is not given': { path: `${api}/flights`, headers: { ...bearer, accept: 'image/png' }, status: 406 },
  'bad input': { path: `${api}/flights?limit=0`, headers: bearer, status: 400 },
  GraphQL: {
    ...{ method: 'POST', path: '/graphql', headers: { ...bearer, ...json }, status: 200 },
    body: '{"query":"{ flights(organization: \\"acme\\") { asOf } }"}',
  },
  'GraphQL, nonsense': { method: 'POST', path: '/graphql', headers: { ...bearer, ...json }, body: '{', status: 400 },
  'GraphQL of a form': {
    ...{ method: 'POST', path: '/graphql', headers: { ...bearer, 'content-type': 'text/plain' }, status: 415 },
    body: '{"query":"{ __typename }"}',
  },
  Connect: { method: 'POST', path: rpc, headers: { ...bearer, ...json }, body: '{"organization":"acme"}', status: 200 },
  'Connect, refused': { method: 'POST', path: rpc, headers: json, body: '{"organization":"acme"}', status: 401 },
  'Connect, no such procedure': { method: 'POST', path: `${rpc}s`, headers: json, body: '{}', status: 404 },
  'gRPC-Web': {
    ...{ method: 'POST', path: rpc, headers: { ...bearer, 'content-type': 'application/grpc-web+proto' } },
    ...{ body: '\0\0\0\0\u0006\n\u0004acme', status: 200 },
  },
};

const wanted = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': expect.stringMatching(/^(no-referrer|same-origin)$/),
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
  'x-request-id': expect.stringMatching(/^[A-Za-z0-9._-]{8,64}$/),
};

function expectGuarded(headers: Readonly<Record<string, unknown>>): void {
  expect(headers).toMatchObject(wanted);
  const policy = String(headers['content-security-policy']);
  expect(policy).not.toMatch(/unsafe|https?:|\*|data:.*script/);
  // No page of another site is let in, whatever it calls itself.
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  // Said in clear text it counts for nothing, and anybody on the way may have said it.
  expect(headers).not.toHaveProperty('strict-transport-security');
  for (const telling of ['server', 'x-powered-by']) expect(headers).not.toHaveProperty(telling);
}

const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };

test.each(Object.entries(table))('%s, over HTTP/1.1', async (_, { method = 'GET', path, headers, body, status }) => {
  const init = { method, headers: { ...headers, ...foreign }, redirect: 'manual' as const, ...(body && { body }) };
  const response = await fetch(`${serving.url}${path}`, init);
  await response.arrayBuffer();
  expect(response.status).toBe(status);
  expectGuarded(Object.fromEntries(response.headers));
});

/** The headers of an answer over HTTP/2 in clear text; `authority` = what the caller takes us for. */
function over2(
  { method = 'GET', path, headers, body }: Asked,
  authority?: string,
): Promise<{ readonly headers: Record<string, unknown>; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const client = connect(serving.url);
    client.on('error', reject);
    const pseudo = { ':method': method, ':path': path, ...(authority && { ':authority': authority }) };
    const asked = client.request({ ...pseudo, ...headers, ...foreign });
    let told: Record<string, unknown> = {};
    const pieces: Buffer[] = [];
    asked.on('response', (each) => {
      told = { ...each };
    });
    asked.on('data', (piece: Buffer) => pieces.push(piece));
    asked.on('error', reject);
    asked.on('close', () => {
      client.close();
      resolve({ headers: told, text: Buffer.concat(pieces).toString('utf8') });
    });
    asked.end(body);
  });
}

test.each(Object.entries(table))('%s, over HTTP/2', async (_, asked) => {
  const { headers } = await over2(asked);
  expect(headers[constants.HTTP2_HEADER_STATUS]).toBe(asked.status);
  expectGuarded(headers);
});

test('gRPC itself', async () => {
  const grpc = { ...bearer, 'content-type': 'application/grpc+proto', te: 'trailers' };
  for (const headers of [grpc, { ...grpc, authorization: 'Bearer nobody' }])
    expectGuarded((await over2({ ...table['gRPC-Web'], headers })).headers);
});

test('a stream of events', async () => {
  const stop = new AbortController();
  const headers = { ...bearer, accept: 'text/event-stream', ...foreign };
  const response = await fetch(`${serving.url}${api}/mark`, { headers, signal: stop.signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expectGuarded(Object.fromEntries(response.headers));
  stop.abort();
});

test.each(Object.entries(table))('%s: a host that is none of ours is told nothing', async (_, asked) => {
  const { method = 'GET', path, headers, body = '' } = asked;
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost@evil.example', '']) {
    const head = Object.entries({ ...headers, ...(body && { 'content-length': String(body.length) }) });
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...head.map(([name, value]) => `${name}: ${value}`)];
    const text = await sendRaw(
      Number(new URL(serving.url).port),
      `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`,
    );
    expect(text, host).toMatch(/^HTTP\/1\.1 (421|400) /);
    expect(text).not.toContain('data_version');
  }
  const { headers: told, text } = await over2(asked, 'evil.example');
  expect(told[constants.HTTP2_HEADER_STATUS]).toBe(421);
  expect(text).not.toContain('data_version');
  expectGuarded(told);
});

test('every file of the console, and one that is not there', async () => {
  const page = await (await fetch(`${serving.url}/console`)).text();
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  expect(files.length).toBeGreaterThan(3);
  for (const path of [...files, `${files[0]}x`]) {
    const response = await fetch(`${serving.url}${path}`, { headers: foreign });
    await response.arrayBuffer();
    expectGuarded(Object.fromEntries(response.headers));
  }
});
