import pg from 'pg';
import { EngineError } from '../../model/errors.ts';
import { type CatalogPointer, catalogLayout, type TableName } from './catalog-pointer.ts';

/**
 * Named with their schema: a login called like a schema of ours has that first in its search path, and
 * would make a catalog there that no other login sees. Other tools look into `public`.
 */
const tables = 'public.iceberg_tables';
const properties = 'public.iceberg_namespace_properties';
const postgresCatalogLayout = catalogLayout('public.');

/** Makes the tables and lets a role use them, for whoever may do so. */
export function postgresCatalogSetUp(role: string): string {
  return `${postgresCatalogLayout} GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables}, ${properties} TO ${role};`;
}

/** Two processes that make the same table at once are told so by PostgreSQL as duplicate keys of its own catalog. */
const madeByAnother = new Set(['23505', '42P07']);

/** The catalog in PostgreSQL, for instances on several machines; the same two tables as everywhere. */
export class PostgresPointer implements CatalogPointer {
  readonly #name: TableName;
  readonly #pool: pg.Pool;
  #isLaid = false;

  constructor(connection: pg.ClientConfig, name: TableName) {
    this.#name = name;
    this.#pool = new pg.Pool({ ...connection, max: 1, query_timeout: 30_000 });
    // An idle connection that breaks; the next query opens another or says what is wrong.
    this.#pool.on('error', (error) => error.message);
  }

  /** The tables are there; known once the pointer was asked for something. */
  get isLaid(): boolean {
    return this.#isLaid;
  }

  async location(): Promise<string | null> {
    const { catalogName, namespace, table } = this.#name;
    const query = `SELECT metadata_location FROM ${tables}
       WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3`;
    try {
      if (!(await this.#exists())) return null;
      const { rows } = await this.#pool.query<{ metadata_location: string }>(query, [catalogName, namespace, table]);
      return rows.length === 0 ? null : rows[0].metadata_location;
    } catch (cause) {
      throw new EngineError('SINK_UNAVAILABLE', `cannot read the catalog in PostgreSQL: ${reasonOf(cause)}`, { cause });
    }
  }

  async insert(location: string): Promise<boolean> {
    await this.lay();
    const { catalogName, namespace, table } = this.#name;
    const property = `INSERT INTO ${properties} VALUES ($1, $2, 'exists', 'true') ON CONFLICT DO NOTHING`;
    await this.#run(property, [catalogName, namespace]);
    const row = `INSERT INTO ${tables} VALUES ($1, $2, $3, $4, NULL, 'TABLE') ON CONFLICT DO NOTHING`;
    return (await this.#run(row, [catalogName, namespace, table, location])) === 1;
  }

  async move(from: string, to: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const update = `UPDATE ${tables} SET metadata_location = $1, previous_metadata_location = $2
       WHERE catalog_name = $3 AND table_namespace = $4 AND table_name = $5 AND metadata_location = $2`;
    return (await this.#run(update, [to, from, catalogName, namespace, table])) === 1;
  }

  async rename(to: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const update = `UPDATE ${tables} SET table_name = $4
       WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3 AND NOT EXISTS
         (SELECT 1 FROM ${tables} WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $4)`;
    return (await this.#run(update, [catalogName, namespace, table, to])) === 1;
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
    const { rows } = await this.#pool.query<{ oid: string | null }>(`SELECT to_regclass('${tables}') AS oid`);
    this.#isLaid = rows[0].oid !== null;
    return this.#isLaid;
  }

  async #run(sql: string, values: readonly string[]): Promise<number> {
    try {
      return (await this.#pool.query(sql, [...values])).rowCount ?? 0;
    } catch (cause) {
      throw new EngineError('COMMIT_UNKNOWN', `the catalog in PostgreSQL did not answer: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }
}

/** The driver's words name hosts and users, never the password. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
