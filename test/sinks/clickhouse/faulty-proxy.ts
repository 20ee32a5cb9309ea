import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What happens to one call: passed on, cut before or after the server saw it, or answered by a busy gateway. */
export type Fault = 'none' | 'drop_before' | 'drop_after' | 'busy';

/** A gateway in front of ClickHouse that does to each insert what the plan says next. */
export async function startFaultyProxy(
  target: string,
  plan: Fault[],
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing, target, plan).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function pass(incoming: IncomingMessage, outgoing: ServerResponse, target: string, plan: Fault[]): Promise<void> {
  const fault = plan.shift() ?? 'none';
  const body = await buffer(incoming);
  if (fault === 'drop_before') return void outgoing.destroy();
  if (fault === 'busy') return void outgoing.writeHead(503).end('busy');
  const { status, headers, text } = await forward(incoming, body, target);
  if (fault === 'drop_after') return void outgoing.destroy();
  outgoing.writeHead(status, headers).end(text);
}

function forward(
  { url, method, headers }: IncomingMessage,
  body: Buffer,
  target: string,
): Promise<{ status: number; headers: IncomingMessage['headers']; text: Buffer }> {
  return new Promise((resolve, reject) => {
    const call = request(`${target}${url}`, { method, headers, agent: false }, (answer) => {
      buffer(answer).then(
        (text) => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, text }),
        reject,
      );
    });
    call.on('error', reject).end(body);
  });
}
