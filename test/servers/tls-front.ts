import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect as dial, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { tieTogether } from '../state/tcp-proxy.ts';

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
}

/** Talks TLS in front of a server on loopback that does not, with the key and certificate of one file. */
export async function startTlsFront(targetPort: number, serverPem: string): Promise<TlsFront> {
  const pem = readFileSync(serverPem);
  const sockets = new Set<Socket>();
  const front = createServer({ key: pem, cert: pem }, (client) => {
    const server = dial(targetPort, '127.0.0.1');
    tieTogether(client, server, sockets);
    client.pipe(server).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    port: (front.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      front.close();
      await once(front, 'close');
    },
  };
}
