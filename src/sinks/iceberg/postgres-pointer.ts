import pg from 'pg';
import { EngineError } from '../../model/errors.ts';
import { type CatalogPointer, catalogLayout, type TableName } from './catalog-pointer.ts';

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

  async location(): Promise<string | null> {
    const { catalogName, namespace, table } = this.#name;
    const query = `SELECT metadata_location FROM iceberg_tables
       WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3`;
    try {
      await this.#lay();
      const { rows } = await this.#pool.query<{ metadata_location: string }>(query, [catalogName, namespace, table]);
      return rows.length === 0 ? null : rows[0].metadata_location;
    } catch (cause) {
      throw new EngineError('SINK_UNAVAILABLE', `cannot read the catalog in PostgreSQL: ${reasonOf(cause)}`, { cause });
    }
  }

  async insert(location: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const property = `INSERT INTO iceberg_namespace_properties VALUES ($1, $2, 'exists', 'true') ON CONFLICT DO NOTHING`;
    await this.#run(property, [catalogName, namespace]);
    const row = `INSERT INTO iceberg_tables VALUES ($1, $2, $3, $4, NULL, 'TABLE') ON CONFLICT DO NOTHING`;
    return (await this.#run(row, [catalogName, namespace, table, location])) === 1;
  }

  async move(from: string, to: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const update = `UPDATE iceberg_tables SET metadata_location = $1, previous_metadata_location = $2
       WHERE catalog_name = $3 AND table_namespace = $4 AND table_name = $5 AND metadata_location = $2`;
    return (await this.#run(update, [to, from, catalogName, namespace, table])) === 1;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #lay(): Promise<void> {
    if (this.#isLaid) return;
    try {
      await this.#pool.query(catalogLayout);
    } catch (error) {
      if (!madeByAnother.has(String((error as { code?: unknown }).code))) throw error;
    }
    this.#isLaid = true;
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
