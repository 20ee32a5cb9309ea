import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { constants, createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Certificate, with its chain, and key, as PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

interface ListenerOptions {
  /** Null = clear text. */
  readonly tls: TlsFiles | null;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface Listener {
  /** What listens; its limits are those of HTTP/1.1. */
  readonly server: Server;
  /** Sends connections of HTTP/2 away when their calls are answered, and at once those that said nothing yet. */
  leave(): void;
  /** Cuts off whatever is still connected. */
  cutOff(): void;
  /** Takes a new certificate for connections to come. */
  renew(tls: TlsFiles): void;
}

export const headerBytesMax = 16 * 1024;
export const headerMs = 10_000;
export const requestMs = 20_000;
const idleMs = 60_000;
const streamsMax = 64;

/** How a client that knows that we speak HTTP/2 begins (RFC 9113 §3.4). */
const preface = Buffer.from('PRI');

/**
 * HTTP/1.1 and HTTP/2 on one port. Over TLS clients say which of them they speak (ALPN); in clear text it shows in
 * their first three bytes.
 */
export function createListener({ tls, onRequest }: ListenerOptions): Listener {
  const options: ServerOptions = {
    ...{ maxHeaderSize: headerBytesMax, requireHostHeader: true, connectionsCheckingInterval: 1_000 },
  };
  const server =
    tls === null
      ? createServer(options, onRequest)
      : createSecureServer({ ...options, ...tls, ...secure }, onRequest as never);
  const http2 = openHttp2(onRequest);
  const connected = new Set<Socket>();
  server.on('connection', (socket) => {
    connected.add(socket);
    socket.once('close', () => connected.delete(socket));
  });
  const silent = new Set<Socket>();
  let isLeaving = false;
  const event = tls === null ? 'connection' : 'secureConnection';
  // The server has its limits by its own listener, which stays the only way to it.
  const [toHttp1] = server.listeners(event) as ((socket: Socket) => void)[];
  server.off(event, toHttp1);
  server.on(event, (socket: Socket) => {
    // It came before the end, and its handshake is over only now.
    if (isLeaving) {
      socket.destroy();
      return;
    }
    if (tls === null) sniff(socket, silent, (isHttp2) => (isHttp2 ? http2.take(socket) : toHttp1.call(server, socket)));
    else if ((socket as TLSSocket).alpnProtocol === 'h2') http2.take(socket);
    else toHttp1.call(server, socket);
  });
  return {
    server,
    leave() {
      isLeaving = true;
      for (const session of http2.sessions) session.close();
      for (const socket of silent) socket.destroy();
    },
    cutOff() {
      for (const session of http2.sessions) session.destroy();
      for (const socket of connected) socket.destroy();
    },
    renew: (files) => (server as unknown as { setSecureContext(files: TlsFiles): void }).setSecureContext(files),
  };
}

const secure = { ALPNProtocols: ['h2', 'http/1.1'], minVersion: 'TLSv1.2', handshakeTimeout: headerMs } as const;

function openHttp2(onRequest: ListenerOptions['onRequest']): {
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  take(socket: Socket): void;
} {
  const sessions = new Set<ServerHttp2Session>();
  const server: Http2Server = createHttp2Server({
    settings: { maxConcurrentStreams: streamsMax, maxHeaderListSize: headerBytesMax, enablePush: false },
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.setTimeout(idleMs, () => session.close());
  });
  server.on('request', (request, response) => {
    // What HTTP/1.1 calls the host.
    request.headers.host ??= request.authority;
    const slow = setTimeout(() => {
      if (!request.complete) request.stream.close(constants.NGHTTP2_CANCEL);
    }, requestMs);
    response.once('close', () => clearTimeout(slow));
    // Its request and response are made to be used as those of HTTP/1.1.
    onRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
  // What a connection breaks by is its own affair.
  server.on('sessionError', (_, session) => session.destroy());
  return { sessions, take: (socket) => void server.emit('connection', socket) };
}

/** Looks at the first bytes, and gives them back. Who sends too few of them for too long is cut off. */
function sniff(socket: Socket, silent: Set<Socket>, decide: (isHttp2: boolean) => void): void {
  const tooLong = setTimeout(() => socket.destroy(), headerMs);
  silent.add(socket);
  // Given back at once, they would wake us again and again until the next ones come.
  let seen = Buffer.alloc(0);
  const look = (): void => {
    const more = socket.read() as Buffer | null;
    if (more === null) return;
    seen = Buffer.concat([seen, more]);
    const head = seen.subarray(0, preface.length);
    const isLike = head.equals(preface.subarray(0, head.length));
    // A method of HTTP/1.1 may begin alike.
    if (isLike && head.length < preface.length) return;
    done();
    socket.unshift(seen);
    decide(isLike);
  };
  const done = (): void => {
    clearTimeout(tooLong);
    silent.delete(socket);
    socket.off('readable', look);
    socket.off('close', done);
    socket.off('error', ignore);
  };
  const ignore = (): void => {
    // A connection that breaks before it said anything is nobody's.
    socket.destroy();
  };
  socket.on('readable', look);
  socket.once('close', done);
  socket.on('error', ignore);
}
