import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { assert, EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';
import { tables as allTables, type Table } from '../../rows/tables.ts';
import type { OutputChunk, Sink } from '../sink.ts';
import { asEngineError, hasTooManyPartitions } from './clickhouse-failure.ts';
import { localName, storedType } from './ddl.ts';
import { migrate } from './migrate.ts';

export interface ClickHouseSinkOptions {
  readonly url: string;
  /** Default `default`; the embedded engine looks at the password alone. */
  readonly username?: string;
  readonly password: string;
  /** Default `ads`. */
  readonly database?: string;
  /** Default: every table of the model. */
  readonly tables?: readonly Table[];
  /** Parts into which organizations are split by hash: 1 embedded, 8 on servers. */
  readonly buckets: number;
  /** Cluster of a server; null = one server, or the embedded engine. */
  readonly cluster?: string | null;
  /** PEM text of the authorities to trust with https; absent = the system's. */
  readonly ca?: string | null;
  /** True where a server knows users: the migration makes roles and row policies too. */
  readonly hasAccessControl?: boolean;
  readonly clock: Clock;
  /** How long one insert or query may take before it counts as unanswered. Default 60 s. */
  readonly requestTimeoutMs?: number;
  /** In place of a connection of our own: what simulations steer. It cannot migrate. */
  readonly port?: ClickHousePort;
}

/** The calls of ClickHouse's client that delivering and checking need; the client itself is one. */
export interface ClickHousePort {
  exec(call: {
    query: string;
    values: Readable;
    clickhouse_settings: ClickHouseSettings;
  }): Promise<{ stream: { resume(): unknown } }>;
  query(call: { query: string; format: 'JSONEachRow' }): Promise<{ json<Answer>(): Promise<Answer[]> }>;
  close(): Promise<void>;
}

export interface ClickHouseSink extends Sink {
  /** Creates or extends the tables and views; to be called once before the first delivery. */
  migrate(): Promise<void>;
}

/** Of one insert; above, a round is sent as several, cut between chunks. */
const insertBytesMax = 48 * 1024 * 1024;
const insertsAtOnce = 2;

/**
 * Rows of RowBinary as they lie in the outbox go out in one insert per table and round: a part costs
 * the server more than its rows do. Nothing is remembered between rounds: repeating is harmless
 * because ReplacingMergeTree keeps one row per key and version.
 */
export function createClickHouseSink(options: ClickHouseSinkOptions): ClickHouseSink {
  return new Deliverer(options);
}

class Deliverer implements ClickHouseSink {
  readonly name = 'clickhouse';
  readonly gathersOldRows = true;
  readonly streams: readonly string[];
  readonly #tables: readonly Table[];
  readonly #database: string;
  readonly #options: ClickHouseSinkOptions;
  readonly #port: ClickHousePort;
  /** Null when a port takes its place. */
  readonly #client: ClickHouseClient | null;

  constructor(options: ClickHouseSinkOptions) {
    this.#options = options;
    this.#tables = options.tables ?? allTables;
    this.#database = options.database ?? 'ads';
    this.streams = this.#tables.map(({ name }) => name);
    this.#client = options.port === undefined ? connect(options) : null;
    this.#port = options.port ?? (this.#client as ClickHouseClient);
  }

  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    const inserts: { table: Table; pieces: Uint8Array[] }[] = [];
    for (const table of this.#tables) {
      for (const pieces of cutBySize(piecesOf(chunks, table.name))) inserts.push({ table, pieces });
    }
    for (let at = 0; at < inserts.length; at += insertsAtOnce) {
      const results = await Promise.allSettled(
        inserts.slice(at, at + insertsAtOnce).map(({ table, pieces }) => this.#insert(table, pieces)),
      );
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  async check(): Promise<void> {
    const [{ zone, version }] = await this.#ask<{ zone: string; version: string }>(
      'SELECT timezone() AS zone, version() AS version',
    );
    requireVersion(version);
    if (!/^(Etc\/)?(UTC|GMT|Universal|Zulu)$/.test(zone)) {
      throw new EngineError('SINK_REJECTED', `ClickHouse ${version} has time zone ${zone}; it must be UTC`);
    }
    const described = await this.#ask<{ table: string; name: string; type: string }>(
      `SELECT table, name, type FROM system.columns WHERE database = '${this.#database}' ORDER BY table, position`,
    );
    const { cluster = null } = this.#options;
    for (const table of this.#tables) {
      for (const name of new Set([table.name, localName(table, cluster)])) {
        const found = described.filter((row) => row.table === name).map((row) => `${row.name} ${row.type}`);
        const difference = differenceOf(table, found);
        if (difference !== null)
          throw new EngineError('SINK_REJECTED', `table ${this.#database}.${name} ${difference}`);
      }
    }
  }

  migrate(): Promise<void> {
    const { buckets, clock, cluster = null, hasAccessControl: withAccess = false } = this.#options;
    assert(this.#client !== null, 'a port cannot migrate');
    const shape = { database: this.#database, tables: this.#tables, buckets, cluster, withAccess };
    return migrate(this.#client, { ...shape, clock });
  }

  async close(): Promise<void> {
    await this.#port.close();
  }

  /** One insert; where the server finds too many partitions in it, halves of it, down to one chunk. */
  async #insert(table: Table, pieces: readonly Uint8Array[]): Promise<void> {
    const columns = table.columns.map(({ name }) => `\`${name}\``).join(', ');
    try {
      const answer = await this.#port.exec({
        query: `INSERT INTO ${this.#database}.${table.name} (${columns}) FORMAT RowBinary`,
        values: Readable.from(pieces, { objectMode: false }),
        clickhouse_settings: {
          // We gather rows ourselves; a server that gathers again would answer before it stores.
          async_insert: 0,
          // Chunks of a catch-up may span many weeks; the default of 100 is meant for accidents.
          max_partitions_per_insert_block: '1000',
          wait_end_of_query: 1,
          // A way to all shards answers only when the shards have stored the rows.
          ...(this.#options.cluster == null ? {} : { distributed_foreground_insert: 1 }),
        },
      });
      // An unread answer would hold its connection.
      answer.stream.resume();
    } catch (error) {
      const failure = asEngineError(error, `insert into ${table.name}`);
      if (!hasTooManyPartitions(failure) || pieces.length < 2) throw failure;
      const middle = pieces.length >> 1;
      await this.#insert(table, pieces.slice(0, middle));
      await this.#insert(table, pieces.slice(middle));
    }
  }

  async #ask<Answer>(query: string): Promise<Answer[]> {
    try {
      const answer = await this.#port.query({ query, format: 'JSONEachRow' });
      return await answer.json<Answer>();
    } catch (error) {
      const failure = asEngineError(error, 'check');
      // In the middle of a run a certificate is renewed and rows go on; a start that cannot trust the server ends.
      throw isTlsRefusal(error) ? new EngineError('SINK_REJECTED', failure.message, { cause: error }) : failure;
    }
  }
}

function connect(options: ClickHouseSinkOptions): ClickHouseClient {
  return createClient({
    url: options.url,
    username: options.username ?? 'default',
    password: options.password,
    ...(options.ca ? { tls: { ca_cert: Buffer.from(options.ca) } } : {}),
    application: 'paceline',
    request_timeout: options.requestTimeoutMs ?? 60_000,
    max_open_connections: insertsAtOnce + 1,
    // What fails is thrown, with its cause; nothing is said twice.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

function piecesOf(chunks: readonly OutputChunk[], stream: string): Uint8Array[] {
  return chunks.flatMap(({ streams }) =>
    streams.filter((part) => part.stream === stream && part.bytes.length > 0).map(({ bytes }) => bytes),
  );
}

function cutBySize(pieces: readonly Uint8Array[]): Uint8Array[][] {
  const groups: Uint8Array[][] = [];
  let size = insertBytesMax;
  for (const piece of pieces) {
    if (size + piece.length > insertBytesMax) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(piece);
    size += piece.length;
  }
  return groups;
}

/** Views with parameters, replaced views, and FINAL that skips merged parts: all from the LTS of spring 2024 on. */
const oldestVersion = [24, 3] as const;

function requireVersion(version: string): void {
  const [year, month] = version.split('.').map(Number);
  const [oldestYear, oldestMonth] = oldestVersion;
  if (year > oldestYear || (year === oldestYear && month >= oldestMonth)) return;
  throw new EngineError(
    'SINK_REJECTED',
    `ClickHouse ${version} is too old; ${oldestVersion.join('.')} or newer is needed`,
  );
}

/** Where the stored columns differ from those of our rows; null when they do not. */
function differenceOf(table: Table, found: readonly string[]): string | null {
  if (found.length === 0) return 'does not exist; "paceline migrate" makes it';
  const wanted = table.columns.map((column) => `${column.name} ${storedType(column)}`);
  const at = wanted.findIndex((column, index) => column !== found[index]);
  if (at < 0 && found.length === wanted.length) return null;
  const theirs = found[at < 0 ? wanted.length : at] ?? 'no more columns';
  return `has "${theirs}" where rows have "${wanted[at] ?? 'no more columns'}"`;
}
