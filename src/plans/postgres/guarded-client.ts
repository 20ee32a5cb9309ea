import type { Duplex } from 'node:stream';
import pg from 'pg';
import { EngineError } from '../../model/errors.ts';

/** What the driver calls with the stream, or the TLS over it, once bytes may arrive there. */
interface Connection {
  attachListeners(stream: Duplex): void;
}

/**
 * The driver's client, without its habit of throwing over what the other end says: that happens where
 * nobody can catch it, so a server that asks for Kerberos, or a proxy that says nonsense, would end the process.
 */
export class GuardedClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const connection = this.connection as unknown as Connection;
    const attach = connection.attachListeners.bind(connection);
    connection.attachListeners = (stream) => attach(guarded(stream));
  }
}

/** The same stream; a listener that throws over its bytes breaks it, with that error, instead of the process. */
function guarded(stream: Duplex): Duplex {
  const emit = stream.emit.bind(stream);
  stream.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'data') return emit(event, ...values);
    try {
      return emit(event, ...values);
    } catch (cause) {
      stream.destroy(
        new EngineError(
          'CONTROL_REFUSED',
          `what answers under postgres.url is not understood (${cause instanceof Error ? cause.message : String(cause)}); it must be a PostgreSQL whose pg_hba.conf asks us for scram-sha-256, md5, password or cert`,
          { cause },
        ),
      );
      return true;
    }
  };
  return stream;
}
