import { join } from 'node:path';
import { describePortHolder } from '../control/http/port-holder.ts';
import type { Logger } from '../control/logs/logger.ts';
import type { QueryEndpoint } from '../control/query-client.ts';
import { parseReaders } from '../embedded-clickhouse/readers.ts';
import { startEmbeddedClickHouse } from '../embedded-clickhouse/start-embedded-clickhouse.ts';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import { tenantTables } from '../rows/tables.ts';
import { type ClickHouseSink, createClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts';
import { lakeFolder } from './lake/open-lake.ts';
import { readPem } from './servers/pem.ts';
import type { Config } from './settings.ts';

/** The tables, in the embedded ClickHouse or on a server. */
export interface Tables {
  readonly sink: ClickHouseSink;
  readonly database: string;
  /** For people and tools: may run one reading statement at a time. */
  readonly reader: QueryEndpoint;
  /** For us alone: may change what is there. */
  readonly writer: QueryEndpoint;
  /** What opens the embedded one for readers; null with a server, which has users of its own. */
  readonly readToken: string | null;
  close(): Promise<void>;
}

interface TablesContext {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where in a data directory the embedded ClickHouse lies. */
export function embeddedTablesDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'clickhouse');
}

interface EmbeddedPlace {
  readonly dir: string;
  readonly port: number;
  readonly readers: string | null;
  /** Folder of the lake, which its views read; null where the lake is on an object store. */
  readonly lake?: string | null;
}

/** Where the embedded ClickHouse of a configuration is, for nobody else to read. */
export function embeddedPlace(config: Pick<Config, 'data_directory' | 'bronze'>, port: number): EmbeddedPlace {
  const dir = embeddedTablesDirectory(config.data_directory);
  return { dir, port, readers: null, lake: lakeFolder(config) };
}

/** Opens the embedded ClickHouse with its tables in place. */
export async function openEmbeddedTables(place: EmbeddedPlace, { clock, log }: TablesContext): Promise<Tables> {
  await using stack = new AsyncDisposableStack();
  const warn = (fields: object, message: string): void => log.warn('clickhouse.child', { ...fields, message });
  const { dir, port, lake = null } = place;
  const readers = place.readers === null ? [] : parseReaders(place.readers, 'clickhouse.readers');
  const options = { dir, port, readers, tenantTables, files: lake, clock, log: { warn } };
  const server = await startEmbeddedClickHouse(options).catch((error: unknown) => {
    throw nameHolder(error, port);
  });
  stack.defer(() => server.stop());
  const sink = createClickHouseSink({ url: server.url, password: server.writeToken, buckets: 1, clock });
  stack.defer(() => sink.close());
  await sink.migrate((migration) => log.info('tables.migrating', { ...migration }));
  const opened = stack.move();
  return {
    sink,
    database: 'ads',
    reader: { url: server.url, headers: { 'x-clickhouse-key': server.readToken } },
    writer: { url: server.url, headers: { 'x-clickhouse-key': server.writeToken } },
    readToken: server.readToken,
    close: () => opened.disposeAsync(),
  };
}

/** Opens the tables of a server, which "paceline migrate" has made; throws SINK_REJECTED when they are not ours. */
export async function openServerTables(config: Config, clock: Clock): Promise<Tables> {
  const sink = createServerSink(config, clock);
  try {
    await sink.check();
  } catch (error) {
    await sink.close();
    throw error;
  }
  return {
    sink,
    database: config.clickhouse.database,
    reader: serverEndpoint(config),
    writer: serverEndpoint(config, 'change'),
    readToken: null,
    close: () => sink.close(),
  };
}

/** The sink of a server, nothing asked of it yet. */
export function createServerSink({ clickhouse }: Pick<Config, 'clickhouse'>, clock: Clock): ClickHouseSink {
  const { url, username, password, database, cluster, buckets, roles, ca_file: ca } = clickhouse;
  if (url === null) throw new EngineError('CONFIG_INVALID', 'clickhouse.url names no server');
  return createClickHouseSink({
    url,
    username,
    password: password ?? '',
    database,
    cluster,
    buckets,
    ca: readAuthority(ca),
    hasAccessControl: roles,
    clock,
  });
}

/** How a query reaches the server; unless it is to change something it may read alone, whatever the user may. */
export function serverEndpoint(
  { clickhouse }: Pick<Config, 'clickhouse'>,
  purpose: 'read' | 'change' = 'read',
): QueryEndpoint {
  const { url, username, password, database, ca_file: caFile } = clickhouse;
  if (url === null) throw new EngineError('CONFIG_INVALID', 'clickhouse.url names no server');
  const headers = {
    'x-clickhouse-user': username,
    'x-clickhouse-key': password ?? '',
    'x-clickhouse-database': database,
  };
  const reading = new URL(url);
  if (purpose === 'read') reading.searchParams.set('readonly', '1');
  const ca = readAuthority(caFile);
  return { url: reading.href, headers, ...(ca === null ? {} : { ca }) };
}

function readAuthority(path: string | null): string | null {
  return path === null ? null : readPem(path, 'clickhouse.ca_file');
}

/** The child says that its port is taken; we can say by whom. */
function nameHolder(cause: unknown, port: number): unknown {
  if (!(cause instanceof EngineError) || cause.code !== 'PORT_TAKEN') return cause;
  const message = `port ${port} on 127.0.0.1 is held by ${describePortHolder(port)}; set clickhouse.port (0 takes a free one)`;
  return new EngineError('PORT_TAKEN', message, { cause });
}
