import { describePortHolder } from '../control/http/port-holder.ts';
import type { Logger } from '../control/logs/logger.ts';
import type { QueryEndpoint } from '../control/query-client.ts';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import { type ClickHouseSink, createClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts';
import { startEmbeddedClickHouse } from '../sinks/embedded-clickhouse/start-embedded-clickhouse.ts';

/** The embedded ClickHouse with its tables in place. */
export interface Tables {
  readonly sink: ClickHouseSink;
  /** For people and tools: may run one reading statement at a time. */
  readonly reader: QueryEndpoint;
  readonly readToken: string;
  close(): Promise<void>;
}

export async function openTables(options: {
  readonly dir: string;
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Tables> {
  const { clock, log } = options;
  await using stack = new AsyncDisposableStack();
  const warn = (fields: object, message: string): void => log.warn('clickhouse.child', { ...fields, message });
  const server = await startEmbeddedClickHouse({ dir: options.dir, port: options.port, clock, log: { warn } }).catch(
    (error: unknown) => {
      throw nameHolder(error, options.port);
    },
  );
  stack.defer(() => server.stop());
  const sink = createClickHouseSink({ url: server.url, password: server.writeToken, buckets: 1, clock });
  stack.defer(() => sink.close());
  await sink.migrate();
  const opened = stack.move();
  return {
    sink,
    reader: { url: server.url, headers: { 'x-clickhouse-key': server.readToken } },
    readToken: server.readToken,
    close: () => opened.disposeAsync(),
  };
}

/** The child says that its port is taken; we can say by whom. */
function nameHolder(cause: unknown, port: number): unknown {
  if (!(cause instanceof EngineError) || cause.code !== 'PORT_TAKEN') return cause;
  const message = `port ${port} on 127.0.0.1 is held by ${describePortHolder(port)}; set clickhouse.port (0 takes a free one)`;
  return new EngineError('PORT_TAKEN', message, { cause });
}
