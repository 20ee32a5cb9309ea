import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A wire between two processes that can be cut, or held so that nothing comes through. */
export class TcpProxy {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets: Set<Socket>;
  readonly #wire: { isHeld: boolean };

  private constructor(server: ReturnType<typeof createServer>, sockets: Set<Socket>, wire: { isHeld: boolean }) {
    this.#server = server;
    this.#sockets = sockets;
    this.#wire = wire;
    this.port = (server.address() as AddressInfo).port;
  }

  static async to(port: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const wire = { isHeld: false };
    const server = createServer((near) => {
      const far = connect({ port, host: '127.0.0.1' });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
        from.on('data', (bytes) => to.write(bytes));
        if (wire.isHeld) from.pause();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TcpProxy(server, sockets, wire);
  }

  /** Every connection is reset, as when a firewall forgets them. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Connections stay open and nothing comes through for a while. */
  async hold(ms: number): Promise<void> {
    this.#wire.isHeld = true;
    for (const socket of this.#sockets) socket.pause();
    await sleep(ms);
    this.#wire.isHeld = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
