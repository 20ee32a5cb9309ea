import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { get as getSecurely } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecurely } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../scripts/stack/certificate.ts';
import { openTls } from '../../src/adapters/serving/open-tls.ts';
import { createListener } from '../../src/serving/http/listener.ts';
import { openShop, type Shop } from '../serving/shop.ts';

// HTTP/2 on the port of HTTP/1.1: by its first bytes in clear text, by ALPN over TLS.
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

interface Answer {
  readonly headers: IncomingHttpHeaders & { readonly ':status'?: number | undefined };
  readonly text: string;
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ authorization: 'Bearer operator', ...headers }, { endStream: body === undefined });
    let text = '';
    let found: Answer['headers'] = {};
    stream.setEncoding('utf8');
    stream.on('response', (given) => {
      found = given;
    });
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('end', () => resolve({ headers: found, text }));
    stream.on('error', reject);
    if (body !== undefined) stream.end(body);
  });
}

async function withSession<T>(url: string, use: (session: ClientHttp2Session) => Promise<T>, options = {}): Promise<T> {
  const session = connectHttp2(url, options);
  session.on('error', () => undefined);
  try {
    return await use(session);
  } finally {
    session.destroy();
  }
}

const path = '/api/v1/organizations/acme/sources';

test('REST and GraphQL come over HTTP/2 in clear text as over HTTP/1.1, many at once', async () => {
  await withSession(shop.server.url, async (session) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(session, { ':path': path })));
    expect(answers.map(({ headers }) => headers[':status'])).toEqual(answers.map(() => 200));
    const plain = await shop.get('/organizations/acme/sources');
    expect(answers[0].headers.etag).toBe(plain.headers.get('etag'));
    expect(answers[0].headers['content-security-policy']).toBe(plain.headers.get('content-security-policy'));
    const again = await ask(session, { ':path': path, 'if-none-match': plain.headers.get('etag')! });
    expect([again.headers[':status'], again.text]).toEqual([304, '']);
    const json = { ':method': 'POST', ':path': '/graphql', 'content-type': 'application/json' };
    const { text } = await ask(session, json, '{"query":"{ sources(organization: \\"acme\\") { data { source } } }"}');
    expect(JSON.parse(text)).toEqual({ data: { sources: { data: [] } } });
    const lost = await ask(session, { ':path': '/api/v1/nothing', cookie: 'a=b; c=d' });
    expect([lost.headers[':status'], JSON.parse(lost.text).code]).toEqual([404, 'HTTP_404']);
  });
});

test.each([
  ['a host of somebody else', { ':authority': 'evil.example' }, 421],
  ['two hosts', { ':authority': 'localhost', host: 'evil.example' }, 400],
  ['two hosts the other way around', { ':authority': 'evil.example', host: 'localhost' }, 400],
  ['a body to read', { 'content-length': '3' }, 413],
  ['TRACE', { ':method': 'PATCH' }, 405],
  ['no credentials', { authorization: 'Basic x' }, 401],
])('%s is refused', async (_, headers, status) => {
  const body = 'content-length' in headers ? 'abc' : undefined;
  await withSession(shop.server.url, async (session) => {
    expect((await ask(session, { ':path': path, ...headers }, body)).headers[':status']).toBe(status);
    // The connection is good for the next one.
    expect((await ask(session, { ':path': path })).headers[':status']).toBe(200);
  });
});

test('long bodies and heads are refused or cut off', async () => {
  await withSession(shop.server.url, async (session) => {
    const write = { ':method': 'POST', ':path': '/graphql', 'content-type': 'application/json' };
    const long = ask(session, write, JSON.stringify({ query: 'a'.repeat(400_000) }));
    expect((await long).headers[':status']).toBe(413);
  });
  await withSession(shop.server.url, async (session) => {
    const huge = ask(session, { ':path': path, 'x-a': 'a'.repeat(40_000) });
    expect(
      await huge.then(
        ({ headers }) => headers[':status'],
        () => 'cut off',
      ),
    ).toBe(431);
  });
});

/** What comes back until the other side ends the connection, and how long that took. */
function sendRaw(bytes: string, port = shop.server.port): Promise<{ text: string; ms: number }> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.setTimeout(28_000, () => socket.destroy(new Error('the connection stays open')));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => resolve({ text, ms: performance.now() - began }));
    socket.on('error', (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && reject(error));
  });
}

test('who begins like HTTP/2 and is none, or never goes on, is cut off', { timeout: 35_000 }, async () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const [nonsense, half, silent, slowBody] = await Promise.all([
    sendRaw(`${preface}${'x'.repeat(100)}`),
    sendRaw('PR'),
    sendRaw(''),
    withSession(shop.server.url, async (session) => {
      const began = performance.now();
      const write = { ':method': 'POST', ':path': '/graphql', 'content-type': 'application/json' };
      const stream = session.request({ authorization: 'Bearer operator', ...write });
      stream.write('{"query":');
      await new Promise((resolve) => stream.once('close', resolve).once('error', () => undefined));
      return performance.now() - began;
    }),
  ]);
  expect(nonsense.ms).toBeLessThan(5_000);
  expect(half.ms).toBeLessThan(14_000);
  expect(silent.ms).toBeLessThan(14_000);
  expect(slowBody).toBeLessThan(27_000);
  // A method that begins alike, in two parts, is HTTP/1.1.
  const parts = await new Promise<string>((resolve) => {
    const socket = connect(shop.server.port, '127.0.0.1', () => {
      socket.write('P');
      setImmediate(() => socket.write('UT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'));
    });
    socket.on('data', (chunk) => resolve(chunk.toString('latin1')));
  });
  expect(parts).toMatch(/^HTTP\/1\.1 404 /);
  expect((await shop.get('/organizations/acme/sources')).status).toBe(200);
});

describe('over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-tls-'));
  const file = (name: string) => join(directory, name);
  let secure: Shop;
  beforeAll(async () => {
    makeCertificate(file('one.pem'), file('one-ca.pem'));
    makeCertificate(file('two.pem'), file('two-ca.pem'));
    secure = await openShop({ tls: openTls({ cert_file: file('one.pem'), key_file: file('one.pem') })! });
  });
  afterAll(async () => {
    await secure.close();
    rmSync(directory, { recursive: true });
  });
  const ca = () => readFileSync(file('one-ca.pem'));

  test('clients choose HTTP/2 or HTTP/1.1 by ALPN, and clear text gets no answer', async () => {
    expect(secure.server.url).toMatch(/^https:/);
    const answer = await withSession(secure.server.url, (session) => ask(session, { ':path': path }), { ca: ca() });
    expect(answer.headers[':status']).toBe(200);
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: 'Bearer operator' };
      const request = getSecurely(`${secure.server.url}${path}`, { ca: ca(), headers, agent: false }, (response) => {
        response.resume();
        resolve([response.httpVersion, response.statusCode, response.headers['strict-transport-security']]);
      });
      request.on('error', reject);
    });
    expect(status).toEqual(['1.1', 200, 'max-age=31536000']);
    const { text } = await sendRaw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, secure.server.port);
    expect(text).not.toContain('HTTP/1.1 2');
    const old = await new Promise((resolve) => {
      const socket = connectSecurely({
        port: secure.server.port,
        host: '127.0.0.1',
        ca: ca(),
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
      });
      socket.once('secureConnect', () => resolve('let in')).once('error', () => resolve('refused'));
    });
    expect(old).toBe('refused');
  });

  test('a renewed certificate is shown to who comes next', async () => {
    const read = (name: string) => openTls({ cert_file: file(name), key_file: file(name) })!();
    const listener = createListener({ tls: read('one.pem'), onRequest: (_, response) => void response.end() });
    await new Promise<void>((resolve) => listener.server.listen(0, '127.0.0.1', resolve));
    const { port } = listener.server.address() as { port: number };
    const shown = (authority: string) =>
      new Promise((resolve) => {
        const socket = connectSecurely({ port, host: '127.0.0.1', ca: readFileSync(file(authority)) });
        socket.once('secureConnect', () => resolve(true)).once('error', () => resolve(false));
        socket.once('secureConnect', () => socket.destroy());
      });
    expect([await shown('one-ca.pem'), await shown('two-ca.pem')]).toEqual([true, false]);
    listener.renew(read('two.pem'));
    expect([await shown('one-ca.pem'), await shown('two-ca.pem')]).toEqual([false, true]);
    await new Promise((resolve) => listener.server.close(resolve));
  });

  test('a certificate without its key, or with that of another, is no configuration', () => {
    const [one, other] = [file('one.pem'), file('two.pem')];
    expect(() => openTls({ cert_file: one, key_file: null })).toThrow('needs both');
    expect(() => openTls({ cert_file: one, key_file: file('two-ca.pem') })!()).toThrow('do not fit');
    expect(() => openTls({ cert_file: file('none.pem'), key_file: other })!()).toThrow('serving.tls.cert_file');
    expect(openTls({ cert_file: null, key_file: null })).toBeNull();
  });
});
