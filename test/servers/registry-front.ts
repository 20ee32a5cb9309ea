import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry behind a door with a name and a password, which a test may change, and may shut. */
export interface RegistryFront extends AsyncDisposable {
  readonly url: string;
  /** What opens it from now on. */
  setPassword(password: string): void;
  /** Nobody answers any more. */
  shut(): Promise<void>;
  /** It answers again, at the same address. */
  open(): Promise<void>;
}

export async function startRegistryFront(target: string, access: { username: string; password: string }) {
  let { password } = access;
  const server: Server = createServer((incoming, outgoing) => {
    const given = Buffer.from(incoming.headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
    if (given !== `${access.username}:${password}`)
      return void outgoing.writeHead(401, { 'content-type': 'application/json' }).end('{"message":"not you"}');
    const { method, url: path = '', headers } = incoming;
    const { authorization: _, host: __, ...passed } = headers;
    const call = request(new URL(path, target), { method, headers: passed, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    call.on('error', () => outgoing.destroy());
    incoming.pipe(call);
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const shut = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${new URL(target).pathname}`,
    setPassword: (next) => {
      password = next;
    },
    shut,
    open: () => listen(port),
    [Symbol.asyncDispose]: shut,
  } satisfies RegistryFront;
}
