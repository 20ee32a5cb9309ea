import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAllowedHost } from '../../src/serving/http/hosts.ts';
import { sendRaw } from '../serving/send-raw.ts';
import { openShop, type Shop } from '../serving/shop.ts';

// What is sent to the port that no well-meaning client sends.
let shop: Shop;
beforeAll(async () => {
  shop = await openShop({
    limiter: {
      // Somebody who was told to wait.
      take: ({ kind, id }) =>
        Promise.resolve({
          isAllowed: !(kind === 'actor' && id === 'user:editor'),
          limit: 5,
          remaining: 0,
          resetMs: 900,
          retryAfterMs: 1_500,
        }),
    },
  });
});
afterAll(() => shop.close());

const path = '/api/v1/organizations/acme/plan';
const start = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer operator\r\n`;
const close = 'Connection: close\r\n\r\n';

test.each([
  ['no host', `GET ${path} HTTP/1.1\r\n${close}`, 400],
  ['two hosts', `GET ${path} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n${close}`, 400],
  ['a host of somebody else', `GET ${path} HTTP/1.1\r\nHost: evil.example\r\n${close}`, 421],
  ['a host that begins like ours', `GET ${path} HTTP/1.1\r\nHost: localhost.evil.example\r\n${close}`, 421],
  ['a host with a user', `GET ${path} HTTP/1.1\r\nHost: localhost@evil.example\r\n${close}`, 421],
  [
    'length and chunks',
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    'two lengths',
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
    400,
  ],
  ['a strange coding', `POST ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
  ['a space before the colon', `GET ${path} HTTP/1.1\r\nHost : localhost\r\n${close}`, 400],
  ['a folded header', `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n c: d\r\n${close}`, 400],
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400],
  ['TRACE', `TRACE ${path} HTTP/1.1\r\nHost: localhost\r\nCookie: paceline_session=secret\r\n${close}`, 405],
  ['an unknown method', `FROB ${path} HTTP/1.1\r\nHost: localhost\r\n${close}`, 400],
  ['huge headers', `${start}X-A: ${'a'.repeat(20_000)}\r\n${close}`, 431],
  [
    'a body to read',
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer operator\r\nContent-Length: 3\r\n\r\nabc`,
    413,
  ],
  ['an absolute address', `GET http://evil.example${path} HTTP/1.1\r\nHost: localhost\r\n${close}`, 404],
  [
    'a NUL in the path',
    `GET ${path}%00 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer operator\r\n${close}`,
    404,
  ],
])('%s is answered in HTTP’s own words, and the connection ends', async (_, bytes, status) => {
  const text = await sendRaw(shop.server.port, bytes);
  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(text).not.toContain('secret');
  // One answer: nothing of it was taken for a second call.
  expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
});

test('no page of another site may frame, read or guess an answer', async () => {
  const response = await shop.get('/organizations/acme/sources', { headers: { origin: 'https://evil.example' } });
  expect(response.headers.get('access-control-allow-origin')).toBeNull();
  const preflight = await shop.get('/organizations/acme/sources', {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
  });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  expect(response.headers.get('vary')).toContain('Authorization');
});

test('what is written must be JSON of a bearable size, and name the version that was seen', async () => {
  const rule = '/organizations/acme/rules/mine';
  const put = (headers: Record<string, string>, body: string) =>
    fetch(`${shop.server.url}/api/v1${rule}`, {
      method: 'PUT',
      headers: { authorization: 'Bearer operator', ...headers },
      body,
    });
  const json = { 'content-type': 'application/json' };
  const seen = { ...json, 'if-match': '"1"' };
  expect((await put({ 'content-type': 'text/plain' }, '{}')).status).toBe(415);
  expect((await put({ ...seen, 'content-encoding': 'gzip' }, '{}')).status).toBe(415);
  expect((await put(seen, '{')).status).toBe(400);
  expect((await put(seen, '[]')).status).toBe(400);
  expect((await put(seen, JSON.stringify({ text: 'x'.repeat(300_000) }))).status).toBe(413);
  expect((await put(json, '{"text":"x"}')).status).toBe(428);
  expect((await put({ ...json, 'if-match': '*' }, '{"text":"x"}')).status).toBe(428);
  for (const more of [
    '"rule_id":"other"',
    '"expected_version":"9"',
    '"org_id":"globex"',
    '"organization":"globex"',
    '"__proto__":{"a":1}',
  ])
    expect((await put(seen, `{"text":"x",${more}}`)).status, more).toBe(400);
  expect((await put(seen, '{"text":"x"}')).status).toBe(409);
});

test('who asks too often is told how long to wait, and nothing is run', async () => {
  const response = await shop.get('/organizations/acme/plan', { token: 'editor~acme' });
  expect([response.status, response.headers.get('retry-after'), response.headers.get('ratelimit-remaining')]).toEqual([
    429,
    '2',
    '0',
  ]);
  expect(await response.json()).toMatchObject({ code: 'RATE_LIMITED' });
});

test('a failure of ours says nothing about us', async () => {
  const broken = await shop.tables
    .of('acme')
    .rows({ sql: 'SELECT nothing FROM nowhere', parameters: {} })
    .catch((error: Error) => error);
  expect(broken).toMatchObject({ code: 'QUERY_FAILED' });
  const head = await shop.get('/organizations/acme/flights', { headers: { 'if-none-match': '"a\u00e9"' } });
  expect(head.status).toBe(200);
});

test.each([
  ['127.0.0.1', [], 'localhost:8687', true],
  ['127.0.0.1', [], '[::1]:8687', true],
  ['127.0.0.1', [], 'LOCALHOST', true],
  ['127.0.0.1', [], 'pacing.example', false],
  ['127.0.0.1', ['pacing.example'], 'pacing.example', true],
  ['0.0.0.0', [], 'anything.example:1', true],
  ['0.0.0.0', ['pacing.example'], 'anything.example', false],
  ['0.0.0.0', ['pacing.example'], 'localhost', false],
  ['0.0.0.0', [], 'a b', false],
  ['0.0.0.0', [], undefined, false],
])('listening on %s with hosts %j, a call to %s is ours: %s', (host, hosts, given, isOurs) => {
  expect(isAllowedHost(given, { host, hosts })).toBe(isOurs);
});
