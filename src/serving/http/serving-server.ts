import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import { beginCall } from '../../model/spans.ts';
import type { Credentials } from '../access/authenticate.ts';
import { readCookie, sessionCookie } from '../auth/cookies.ts';
import { type CallFacts, type Door, type HttpCall, HttpRefusal } from './door.ts';
import { isAllowedHost } from './hosts.ts';
import { createListener, headerBytesMax, headerMs, type Listener, requestMs, type TlsFiles } from './listener.ts';
import { sendProblem } from './problem.ts';

interface ServingServerOptions {
  readonly host: string;
  readonly port: number;
  /** Names under which we may be called, beside those of loopback where we listen there alone. */
  readonly hosts: readonly string[];
  readonly connectionsMax: number;
  /** Null = clear text. Asked again from time to time: certificates are renewed. */
  readonly tls: (() => TlsFiles) | null;
  readonly doors: readonly Door[];
  readonly now: () => number;
  readonly newRequestId: () => string;
  /** Told of every call at its end. */
  readonly onCall: (facts: CallFacts & CallEnd) => void;
  /** Told of what is our own trouble; the caller reads only that something failed. */
  readonly onTrouble: (error: unknown, requestId: string) => void;
}

export interface CallEnd {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly status: number;
  readonly ms: number;
  /** Of OpenTelemetry; null where the call is not traced. */
  readonly traceId: string | null;
}

export interface ServingServer {
  readonly url: string;
  readonly port: number;
  /** Takes no new call, gives those under way some time, and cuts off the rest. */
  close(): Promise<void>;
}

const drainMs = 5_000;
const renewMs = 60_000;

/** Listens and hands each call to the door that takes its path. Throws PORT_TAKEN where it cannot listen. */
export async function startServingServer(options: ServingServerOptions): Promise<ServingServer> {
  const stopping = new AbortController();
  const tls = options.tls?.() ?? null;
  const listener = createListener({
    tls,
    onRequest: (request, response) => void answer(request, response, options, stopping.signal),
  });
  const { server } = listener;
  // Who sends a byte a minute holds a connection for so long, and no longer.
  server.headersTimeout = headerMs;
  server.requestTimeout = requestMs;
  server.keepAliveTimeout = 15_000;
  server.maxConnections = options.connectionsMax;
  server.on('clientError', refuseNonsense);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  const renewal = options.tls === null ? undefined : setInterval(() => renew(listener, options), renewMs);
  return {
    url: `${tls === null ? 'http' : 'https'}://${name}:${port}`,
    port,
    close: () => {
      clearInterval(renewal);
      return close(listener, stopping);
    },
  };
}

/** A certificate that cannot be read leaves the one that is there. */
function renew(listener: Listener, { tls, onTrouble }: ServingServerOptions): void {
  try {
    if (tls !== null) listener.renew(tls());
  } catch (error) {
    onTrouble(error, 'renewal');
  }
}

async function close(listener: Listener, stopping: AbortController): Promise<void> {
  const { server } = listener;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  stopping.abort(new EngineError('TABLES_UNAVAILABLE', 'this process is stopping'));
  // A connection is idle as soon as its last call is answered.
  listener.leave();
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => {
    server.closeAllConnections();
    listener.cutOff();
  }, drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}

function listen(server: Listener['server'], { host, port }: ServingServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `cannot serve on ${host}:${port}: ${cause.message}; set serving.host or serving.port`;
      reject(new EngineError('PORT_TAKEN', message, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

/** What is no HTTP, or too much of it, has no call that could be answered in its words. */
function refuseNonsense(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = {
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  };
  const line = status[error.code as keyof typeof status] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServingServerOptions,
  stopping: AbortSignal,
): Promise<void> {
  const call = receive(request, response, options, stopping);
  const startMs = performance.now();
  const span = beginCall(request.headers, 'call');
  response.once('close', () => {
    const { requestId, method, path, facts } = call;
    const end = { requestId, method, path, address: call.credentials.address, status: response.statusCode };
    const { traceId } = span;
    span.end(`${facts.door} ${facts.operation}`, spanAttributes(call), failureOf(call));
    options.onCall({ ...facts, ...end, traceId, ms: performance.now() - startMs });
  });
  await span.during(() => handOver(call, options));
}

/** Names and codes alone: a path may carry what opens a door. */
function spanAttributes({ method, request, response, requestId, facts }: HttpCall): Record<string, string | number> {
  return {
    ...{ 'http.request.method': methods.has(method) ? method : '_OTHER', 'paceline.request_id': requestId },
    ...{ 'http.response.status_code': response.statusCode, 'network.protocol.version': request.httpVersion },
    ...{ 'paceline.door': facts.door, 'paceline.operation': facts.operation },
    ...(facts.orgId !== null && idPattern.test(facts.orgId) && { 'paceline.organization': facts.orgId }),
    ...(facts.error !== null && { 'error.type': facts.error }),
  };
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What callers do wrong, or break off, is no failure of ours. */
function failureOf({ response, facts }: HttpCall): string | null {
  if (response.statusCode < 500 && facts.error !== 'INTERNAL') return null;
  return facts.error ?? String(response.statusCode);
}

async function handOver(call: HttpCall, options: ServingServerOptions): Promise<void> {
  const { request, response } = call;
  try {
    setCommonHeaders(response, call.requestId);
    if (options.tls !== null) response.setHeader('Strict-Transport-Security', strictTransport);
    refuseTwice(request);
    refuseLongHead(request);
    if (!isAllowedHost(request.headers.host, options)) throw new HttpRefusal(421, 'this host name is none of ours');
    const door = options.doors.find((each) => each.takes(call.path));
    if (door === undefined) throw new HttpRefusal(404, 'nothing is here; /api/v1/openapi.json tells what is');
    call.facts.door = door.name;
    await door.answer(call);
  } catch (error) {
    // Nobody waits for the answer any more.
    if (response.destroyed) return;
    sendProblem(call, error);
    if (call.facts.error === 'INTERNAL' || response.statusCode >= 500) options.onTrouble(error, call.requestId);
  }
}

/** HTTP/1.1 sees to it while it reads; Node's HTTP/2 takes four times as much. */
function refuseLongHead({ rawHeaders, httpVersionMajor }: IncomingMessage): void {
  if (httpVersionMajor !== 2) return;
  const bytes = rawHeaders.reduce((sum, each) => sum + each.length, 0);
  if (bytes > headerBytesMax) throw new HttpRefusal(431, `a head has at most ${headerBytesMax} bytes`);
}

/** Headers of which the first counts for us may count by the last for whoever stands in front. */
function refuseTwice({ rawHeaders, headers, httpVersionMajor }: IncomingMessage): void {
  // HTTP/2 may cut a cookie into its parts, and has the host under a name of its own.
  const isHttp2 = httpVersionMajor === 2;
  const authority = headers[':authority'];
  if (isHttp2 && authority !== undefined && authority !== headers.host)
    throw new HttpRefusal(400, 'the request names two hosts');
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  for (const name of ['host', 'authorization', 'content-type', ...(isHttp2 ? [] : ['cookie'])])
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw new HttpRefusal(400, `the header ${name} stands twice`);
}

function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { now, newRequestId }: ServingServerOptions,
  stopping: AbortSignal,
): HttpCall {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableEnded) gone.abort(new HttpRefusal(499, 'the caller is gone'));
  });
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const given = request.headers['x-request-id'];
  return {
    request,
    response,
    method: request.method ?? '',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    credentials: credentialsOf(request),
    requestId: typeof given === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : newRequestId(),
    signal: AbortSignal.any([gone.signal, stopping]),
    facts: { door: 'none', operation: 'other', orgId: null, actor: null, error: null },
    now,
  };
}

function credentialsOf(request: IncomingMessage): Credentials {
  const { headers, socket } = request;
  const bearer = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i.exec(headers.authorization ?? '')?.[1] ?? null;
  return {
    bearer,
    session: readCookie(request, sessionCookie),
    isCrossSite: isCrossSite(headers),
    address: socket.remoteAddress ?? '',
  };
}

/** As browsers say since 2020, by a header that no page can set; older ones say where the page is from. */
function isCrossSite(headers: IncomingMessage['headers']): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin, host } = headers;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

/** Who came over TLS once comes over TLS for a year. Names below ours are not ours to speak for. */
const strictTransport = 'max-age=31536000';

/** No page of another site may frame, read or run anything of ours; a door that shows pages says what they may. */
function setCommonHeaders(response: ServerResponse, requestId: string): void {
  response.setHeader('X-Request-Id', requestId);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
}
