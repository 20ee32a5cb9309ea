import { Socket } from 'node:net';
import pg from 'pg';
import { isDecodable } from '../../model/decodable.ts';
import { EngineError } from '../../model/errors.ts';
import { fileTrouble } from '../../model/file-trouble.ts';
import { readTextFile } from '../../model/read-text.ts';
import type { PostgresSettings } from './config.ts';
import { GuardedClient } from './guarded-client.ts';
import { asControlError } from './postgres-failure.ts';

/** Enough for the watcher, one pass and some commands; an engine never needs more. */
const connectionsMax = 4;
const connectTimeoutMs = 5_000;
/** The server's deadline for a statement. */
const statementTimeoutMs = 10_000;
/** Ours, for a server that says nothing any more: a half-open link has no other end. */
const answerTimeoutMs = 12_000;
const lockTimeoutMs = 5_000;
/** How long a connection may take to say goodbye before its socket is closed. */
const goodbyeMs = 1_000;

/** Anything that runs statements: the pool, or one connection of it. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<Row>>;
}

/** What pg needs to connect. Throws CONTROL_REFUSED for a url that says something we would not do. */
export function connectionOptions(settings: PostgresSettings): pg.PoolConfig {
  if (settings.url === null) throw new EngineError('USAGE', 'postgres.url is not set');
  const url = parseUrl(settings.url);
  const mode = url.searchParams.get('sslmode');
  const isTls = settings.ca_file !== null || (mode !== null && mode !== 'disable');
  return {
    host: url.searchParams.get('host') ?? decodeURIComponent(url.hostname),
    port: url.port === '' ? 5_432 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username),
    ssl: isTls ? { rejectUnauthorized: true, ...readAuthorities(settings.ca_file) } : false,
    application_name: 'paceline',
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    Client: GuardedClient,
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  // The url holds a password, so no part of it is repeated.
  if (url === null || !isDecodable(text) || !/^postgres(ql)?:$/.test(url.protocol))
    throw new EngineError(
      'CONTROL_REFUSED',
      'postgres.url must begin with postgres:// and name user, host, port and database; what is special in a password is written as %XX',
    );
  for (const [name, value] of url.searchParams) {
    if (name === 'host') continue;
    if (name === 'sslmode' && ['disable', 'require', 'verify-ca', 'verify-full'].includes(value)) continue;
    throw new EngineError(
      'CONTROL_REFUSED',
      `postgres.url: parameter ${name} is not known; sslmode is disable, require, verify-ca or verify-full (all but disable verify the server), host is a socket directory`,
    );
  }
  return url;
}

function readAuthorities(file: string | null): { ca?: string } {
  if (file === null) return {};
  try {
    return { ca: readTextFile(file) };
  } catch (cause) {
    throw new EngineError('CONTROL_REFUSED', `postgres.ca_file: ${fileTrouble(cause, file)}`, { cause });
  }
}

/** `host:port/name`, for people; never with the password. */
export function describeDatabase(settings: PostgresSettings): string {
  const { host, port, database } = connectionOptions(settings);
  return `PostgreSQL ${host}:${port}/${database}`;
}

/**
 * The sockets of our connections, so that all of them can be closed: the driver waits for the server's
 * goodbye, which a server that hangs never says.
 */
export class OwnedSockets {
  readonly #open = new Set<Socket>();

  /** For the driver's setting `stream`. */
  readonly make = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Ends politely for a moment, then at once. */
  async end(goodbye: Promise<unknown>): Promise<void> {
    const hurry = setTimeout(() => this.destroy(), goodbyeMs);
    try {
      await goodbye;
    } finally {
      clearTimeout(hurry);
      this.destroy();
    }
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** A bounded pool whose errors are coded. Identifiers are ours, values are always bound. */
export class Database {
  readonly name: string;
  readonly #pool: pg.Pool;
  readonly #sockets = new OwnedSockets();

  constructor(settings: PostgresSettings, options: { connectionsMax?: number } = {}) {
    this.name = describeDatabase(settings);
    const stream = this.#sockets.make;
    this.#pool = new pg.Pool({
      ...connectionOptions(settings),
      stream,
      max: options.connectionsMax ?? connectionsMax,
      idleTimeoutMillis: 30_000,
    });
    // A connection that breaks while idle is replaced at the next use, which tells when that fails too.
    this.#pool.on('error', () => this.#pool.totalCount);
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.#coded(async () => (await this.#pool.query<Row>(text, [...values])).rows);
  }

  /** Runs `work` on one connection of its own, which is thrown away when the work fails. */
  async withConnection<T>(work: (connection: pg.PoolClient) => Promise<T>): Promise<T> {
    return await this.#coded(async () => {
      const connection = await this.#pool.connect();
      let failure: Error | undefined;
      // Between two statements nobody else listens; the next statement reports the same.
      const note = (error: Error) => {
        failure = error;
      };
      connection.on('error', note);
      try {
        return await work(connection);
      } catch (error) {
        failure = error as Error;
        throw error;
      } finally {
        connection.off('error', note);
        connection.release(failure);
      }
    });
  }

  /** Runs `work` in a transaction: all of it, or nothing. `actor` and `requestId` are what the audit log names. */
  async transaction<T>(
    work: (connection: pg.PoolClient) => Promise<T>,
    options: { actor?: string; requestId?: string; manager?: 'files'; isSnapshot?: boolean } = {},
  ): Promise<T> {
    return await this.withConnection(async (connection) => {
      await connection.query(options.isSnapshot ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN');
      const said = {
        'paceline.actor': options.actor,
        'paceline.request_id': options.requestId,
        'paceline.manager': options.manager,
      };
      for (const [name, value] of Object.entries(said))
        if (value !== undefined) await connection.query('SELECT set_config($1, $2, true)', [name, value]);
      const result = await work(connection);
      await connection.query('COMMIT');
      return result;
    });
  }

  /** Work that is still under way fails. */
  async close(): Promise<void> {
    await this.#sockets.end(this.#pool.end());
  }

  /** Breaks every connection at once: for work that must end. */
  breakOff(): void {
    this.#sockets.destroy();
  }

  async #coded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asControlError(error, this.name);
    }
  }
}
