import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EngineError } from '../../model/errors.ts';
import { redact } from '../../model/redact.ts';
import { describePortHolder } from './port-holder.ts';

/** What the server shows. Every answer is made when it is asked for. */
interface ControlSurface {
  /** Prometheus text format. */
  metrics(): Promise<string>;
  /** Null when alive, else what is stuck. */
  whyNotLive(): string | null;
  /** Null when ready, else what is missing. */
  whyNotReady(): string | null;
  /** For people and tools; holds no secret. */
  status(): unknown;
  reload(): unknown;
  /** Appends changed plans; the body is a list of plan drafts. Throws EngineError for bad ones. */
  apply(body: string): Promise<unknown>;
  /** Appends records to the log; the body is a list of them. Throws EngineError where it takes none. */
  append(body: string): Promise<unknown>;
  /** Bearer token of the POST routes. */
  token(): string;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** Serves /metrics, /livez, /readyz, /-/status, and what changes an engine, /-/reload, /-/apply and /-/append. Throws PORT_TAKEN with the holder's name. */
export async function startHttpServer(
  address: { host: string; port: number },
  surface: ControlSurface,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(request, response, surface).catch((error: unknown) => {
      if (error instanceof EngineError)
        sendJson(response, 400, { error: { code: error.code, message: error.message } });
      else
        send(
          response,
          500,
          'text/plain',
          `internal error: ${error instanceof Error ? error.message : String(error)}\n`,
        );
    });
  });
  server.requestTimeout = 10_000;
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    host: address.host,
    port,
    url: `http://${host}:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message =
        cause.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is held by ${describePortHolder(port)}; set http.port (0 takes a free one)`
          : `cannot listen on ${host}:${port}: ${cause.message}; set http.host or http.port`;
      reject(new EngineError('PORT_TAKEN', message, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

type Answer = (request: IncomingMessage, response: ServerResponse, surface: ControlSurface) => Promise<void> | void;

const routes: Readonly<Record<string, Answer>> = {
  'GET /metrics': async (_, response, surface) =>
    send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', await surface.metrics()),
  'GET /livez': (_, response, surface) => sendHealth(response, surface.whyNotLive()),
  'GET /readyz': (_, response, surface) => sendHealth(response, surface.whyNotReady()),
  'GET /-/status': (_, response, surface) => sendJson(response, 200, surface.status()),
  'POST /-/reload': (request, response, surface) => {
    if (!hasToken(request, surface.token())) sendJson(response, 401, { error: 'bearer token needed; see engine.json' });
    else sendJson(response, 200, surface.reload());
  },
  'POST /-/append': async (request, response, surface) => {
    if (!hasToken(request, surface.token())) sendJson(response, 401, { error: 'bearer token needed; see engine.json' });
    else sendJson(response, 200, await surface.append(await readBody(request)));
  },
  'POST /-/apply': async (request, response, surface) => {
    if (!hasToken(request, surface.token())) sendJson(response, 401, { error: 'bearer token needed; see engine.json' });
    else sendJson(response, 200, await surface.apply(await readBody(request)));
  },
};

const bodyBytesMax = 64 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyBytesMax) throw new EngineError('USAGE', `the body is longer than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function answer(request: IncomingMessage, response: ServerResponse, surface: ControlSurface): Promise<void> {
  const path = (request.url ?? '/').split('?')[0];
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes[`${method} ${path}`];
  if (route) return await route(request, response, surface);
  const isOtherMethod = Object.keys(routes).some((key) => key.endsWith(` ${path}`));
  send(response, isOtherMethod ? 405 : 404, 'text/plain', `${Object.keys(routes).join('\n')}\n`);
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function sendHealth(response: ServerResponse, trouble: string | null): void {
  send(response, trouble === null ? 200 : 503, 'text/plain', trouble === null ? 'ok\n' : `${trouble}\n`);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? item.toString() : item));
  send(response, status, 'application/json', `${body}\n`);
}

/** The port is open to whoever reaches it: nothing that opens doors leaves by it. */
function send(response: ServerResponse, status: number, type: string, text: string): void {
  const body = redact(text);
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
