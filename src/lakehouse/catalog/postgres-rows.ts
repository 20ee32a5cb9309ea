import pg from 'pg';
import { EngineError } from '../../model/errors.ts';
import { type CatalogDatabase, catalogLayout } from './catalog-rows.ts';

/**
 * Tables are named with their schema: a login called like a schema of ours has that first in its search path,
 * and would make a catalog there that no other login sees. Other tools look into `public`.
 */
const publicSchema = 'public.';
const postgresCatalogLayout = catalogLayout(publicSchema);

/** Makes the tables and lets a role use them, for whoever may do so. */
export function postgresCatalogSetUp(role: string): string {
  const tables = `${publicSchema}iceberg_tables, ${publicSchema}iceberg_namespace_properties`;
  return `${postgresCatalogLayout} GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${role};`;
}

/** Two processes that make the same table at once are told so by PostgreSQL as duplicate keys of its own catalog. */
const madeByAnother = new Set(['23505', '42P07', '42710']);

/** The catalog in PostgreSQL, for instances on several machines; the same two tables as everywhere. */
export class PostgresRows implements CatalogDatabase {
  readonly schema = publicSchema;
  readonly #pool: pg.Pool;
  #isLaid = false;

  constructor(connection: pg.PoolConfig) {
    this.#pool = new pg.Pool({ ...connection, max: 1, query_timeout: 30_000 });
    // An idle connection that breaks; the next query opens another or says what is wrong.
    this.#pool.on('error', (error) => error.message);
  }

  /** Whether the tables are there. Throws SINK_UNAVAILABLE. */
  async isLaid(): Promise<boolean> {
    try {
      return await this.#exists();
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  async read(sql: string, values: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    try {
      return (await this.#exists()) ? (await this.#pool.query(sql, [...values])).rows : [];
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  async change(sql: string, values: readonly string[]): Promise<number> {
    await this.lay();
    try {
      return (await this.#pool.query(sql, [...values])).rowCount ?? 0;
    } catch (cause) {
      throw new EngineError('COMMIT_UNKNOWN', `the catalog in PostgreSQL did not answer: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** Makes the tables unless they are there: who may use them need not be allowed to make any. */
  async lay(): Promise<void> {
    try {
      if (!(await this.#exists())) await this.#pool.query(postgresCatalogLayout);
    } catch (cause) {
      if (!madeByAnother.has(String((cause as { code?: unknown }).code)))
        throw new EngineError('SINK_UNAVAILABLE', `cannot make the catalog in PostgreSQL: ${reasonOf(cause)}`, {
          cause,
        });
    }
    this.#isLaid = true;
  }

  async #exists(): Promise<boolean> {
    if (this.#isLaid) return true;
    const query = `SELECT to_regclass('${publicSchema}iceberg_tables') AS oid`;
    const { rows } = await this.#pool.query<{ oid: string | null }>(query);
    this.#isLaid = rows[0].oid !== null;
    return this.#isLaid;
  }
}

function unreadable(cause: unknown): EngineError {
  return new EngineError('SINK_UNAVAILABLE', `cannot read the catalog in PostgreSQL: ${reasonOf(cause)}`, { cause });
}

/** The driver's words name hosts and users, never the password. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
