import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { assert, EngineError } from '../../model/errors.ts';
import { type Clock, hourMs } from '../../model/time.ts';
import { isTlsRefusal } from '../../model/tls-refusal.ts';
import { locateRows } from '../../rows/row-reader.ts';
import { tables as allTables, type Table } from '../../rows/tables.ts';
import type { OutputChunk, Sink } from '../sink.ts';
import { checkTables } from './check-tables.ts';
import { asEngineError, hasTooManyPartitions } from './clickhouse-failure.ts';
import type { DdlOptions } from './ddl.ts';
import { migrate, planMigration } from './migrate.ts';
import type { Migration } from './migrations.ts';

interface ClickHouseSinkOptions {
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
  /**
   * Creates or extends the tables and views; to be called once before the first delivery. Returns the
   * migrations that were missing, and tells of each before it runs.
   */
  migrate(onMigration?: OnMigration): Promise<MigrationName[]>;
  /** What `migrate` would apply; changes nothing. */
  missingMigrations(): Promise<MigrationName[]>;
}

type MigrationName = Pick<Migration, 'number' | 'name'>;
type OnMigration = (migration: MigrationName) => void;

/** Of one insert; above, a round is sent as several, cut between chunks. */
const insertBytesMax = 48 * 1024 * 1024;
const insertsAtOnce = 2;
const migrationTimeoutMs = 12 * hourMs;

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
  readonly #place: DdlOptions;

  constructor(options: ClickHouseSinkOptions) {
    this.#options = options;
    this.#tables = options.tables ?? allTables;
    this.#database = options.database ?? 'ads';
    this.streams = this.#tables.map(({ name }) => name);
    this.#place = { database: this.#database, buckets: options.buckets, cluster: options.cluster ?? null };
    this.#port = options.port ?? connect(options);
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
    await checkTables((query) => this.#ask(query), this.#tables, this.#place);
  }

  async migrate(onMigration?: OnMigration): Promise<MigrationName[]> {
    assert(this.#options.port === undefined, 'a port cannot migrate');
    const { clock, hasAccessControl: withAccess = false } = this.#options;
    // Copying a table may take hours, and the answer comes at its end.
    await using client = connect({ ...this.#options, requestTimeoutMs: migrationTimeoutMs });
    const shape = { ...this.#place, clock, withAccess, ...(onMigration === undefined ? {} : { onMigration }) };
    return (await migrate(client, shape)).map(nameOfMigration);
  }

  async missingMigrations(): Promise<MigrationName[]> {
    return (await planMigration((query) => this.#ask(query), this.#place)).map(nameOfMigration);
  }

  async close(): Promise<void> {
    await this.#port.close();
  }

  /** One insert; where the server finds too many partitions in it, halves of it, down to one row. */
  async #insert(table: Table, pieces: readonly Uint8Array[]): Promise<void> {
    const columns = table.columns.map(({ name }) => `\`${name}\``).join(', ');
    try {
      const answer = await this.#port.exec({
        query: `INSERT INTO ${this.#database}.${table.name} (${columns}) FORMAT RowBinary`,
        values: Readable.from(pieces, { objectMode: false }),
        clickhouse_settings: {
          // We gather rows ourselves; a server that gathers again would answer before it stores.
          async_insert: 0,
          // Chunks of a catch-up may span years; the default of 100 is meant for accidents.
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
      const halves = hasTooManyPartitions(failure) ? halvesOf(table, pieces) : null;
      if (halves === null) throw failure;
      for (const half of halves) await this.#insert(table, half);
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

function nameOfMigration({ number, name }: Migration): MigrationName {
  return { number, name };
}

function piecesOf(chunks: readonly OutputChunk[], stream: string): Uint8Array[] {
  return chunks.flatMap(({ streams }) =>
    streams.filter((part) => part.stream === stream && part.bytes.length > 0).map(({ bytes }) => bytes),
  );
}

/**
 * The chunks in two halves, and one chunk by the time of its rows: a commit of a replayed log may span
 * decades. Null for a single row, which lies in one partition.
 */
function halvesOf(table: Table, pieces: readonly Uint8Array[]): [Uint8Array[], Uint8Array[]] | null {
  if (pieces.length > 1) {
    const middle = pieces.length >> 1;
    return [pieces.slice(0, middle), pieces.slice(middle)];
  }
  const [bytes] = pieces;
  const rows = locateRows(table, bytes, table.partitionBy);
  if (rows.length < 2) return null;
  rows.sort((a, b) => Number(a.value) - Number(b.value));
  const middle = rows.length >> 1;
  const sliceOf = ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end);
  return [[Buffer.concat(rows.slice(0, middle).map(sliceOf))], [Buffer.concat(rows.slice(middle).map(sliceOf))]];
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
