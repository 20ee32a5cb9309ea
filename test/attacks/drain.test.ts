import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { request as requestSecurely } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeCertificate } from '../../scripts/stack/certificate.ts';
import type { TlsFiles } from '../../src/serving/http/listener.ts';
import { type ServingServer, startServingServer } from '../../src/serving/http/serving-server.ts';

// The end of a process that serves: calls under way are answered, and nobody who only waits holds it back.
const directory = mkdtempSync(join(tmpdir(), 'paceline-drain-'));
const pem = join(directory, 'server.pem');
const ca = join(directory, 'ca.pem');
makeCertificate(pem, ca);
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const certificate: TlsFiles = { cert: readFileSync(pem, 'utf8'), key: readFileSync(pem, 'utf8') };

interface Stage {
  readonly server: ServingServer;
  /** Resolves when a call has come in. */
  readonly came: Promise<void>;
  /** Lets it be answered. */
  answer(): void;
}

async function open(tls: (() => TlsFiles) | null): Promise<Stage> {
  const came = Promise.withResolvers<void>();
  const goes = Promise.withResolvers<void>();
  const server = await startServingServer({
    ...{ host: '127.0.0.1', port: 0, hosts: [], connectionsMax: 64, tls, now: () => 0 },
    ...{ newRequestId: () => 'request', onCall: () => undefined, onTrouble: () => undefined },
    doors: [
      {
        name: 'slow',
        takes: () => true,
        async answer({ response }) {
          came.resolve();
          await goes.promise;
          response.end('whole');
        },
      },
    ],
  });
  return { server, came: came.promise, answer: () => goes.resolve() };
}

const getPlainly = (port: number, isSecure: boolean): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/',
      agent: false as const,
      ...(isSecure && { ca: readFileSync(ca) }),
    };
    const call = (isSecure ? requestSecurely : request)(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    call.on('error', reject).end();
  });

function openSession(server: ServingServer): ClientHttp2Session {
  const session = connectHttp2(server.url, { ca: readFileSync(ca) });
  session.on('error', () => undefined);
  return session;
}

const getByHttp2 = (session: ClientHttp2Session): Promise<string> =>
  new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/' });
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('end', () => resolve(text)).on('error', reject);
  });

async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

test.each([
  ['HTTP/1.1', null, false],
  ['HTTP/2 in clear text', null, true],
  ['HTTP/1.1 over TLS', () => certificate, false],
  ['HTTP/2 over TLS', () => certificate, true],
] as const)('%s: a call under way is answered, connections that wait are ended at once', async (_, tls, isHttp2) => {
  const { server, came, answer } = await open(tls);
  const session = isHttp2 ? openSession(server) : null;
  const idle = isHttp2 ? openSession(server) : null;
  const asked = session === null ? getPlainly(server.port, tls !== null) : getByHttp2(session);
  await came;
  // Who connects and says nothing; over TLS such a one is cut off when the rest is.
  const silent = tls === null ? await openSocket(server.port) : null;
  const beganMs = performance.now();
  const closed = server.close();
  answer();
  expect(await asked).toBe('whole');
  await closed;
  expect(performance.now() - beganMs).toBeLessThan(4_000);
  for (const each of [session, idle]) each?.destroy();
  silent?.destroy();
});
