import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** Stands between a client and a server on loopback, and loses what it is told to lose. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** The next answer of the server is read and dropped, and its connection cut: the server has done the work. */
  loseNextAnswer(): void;
  /** Nothing passes any more, though every connection stays up. */
  setSilent(isSilent: boolean): void;
}

/** Two ends of one way, entered into `sockets`: what becomes of one becomes of both. Returns the way to cut them. */
export function tieTogether(client: Socket, server: Socket, sockets: Set<Socket>): () => void {
  const cut = () => {
    for (const socket of [client, server]) {
      socket.destroy();
      sockets.delete(socket);
    }
  };
  for (const socket of [client, server]) {
    sockets.add(socket);
    socket.on('close', cut);
    // A cut is what a proxy is here for; and who does not trust a front hangs up.
    socket.on('error', cut);
  }
  return cut;
}

/** `port` 0 takes a free one. */
export async function startProxy(targetPort: number, port = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let losses = 0;
  let isSilent = false;
  const listener = createServer((client) => {
    const server = dial(targetPort, '127.0.0.1');
    const cut = tieTogether(client, server, sockets);
    client.on('data', (bytes) => {
      if (!isSilent) server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (losses > 0) {
        losses -= 1;
        cut();
      } else if (!isSilent) client.write(bytes);
    });
  }).listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    loseNextAnswer: () => {
      losses += 1;
    },
    setSilent: (next) => {
      isSilent = next;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
