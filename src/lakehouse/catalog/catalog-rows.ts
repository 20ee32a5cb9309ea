import type { TableName } from './catalog.ts';

type CatalogRow = Readonly<Record<string, unknown>>;

/** A database that holds the rows of a catalog. Parameters are `$1`, `$2`, … */
export interface CatalogDatabase {
  /** Before the names of tables: ends in a dot, or is empty. */
  readonly schema: string;
  /** None while the tables of the catalog were never made. Throws SINK_UNAVAILABLE. */
  read(sql: string, values: readonly string[]): Promise<readonly CatalogRow[]>;
  /** How many rows changed; makes the tables of the catalog first. Throws COMMIT_UNKNOWN when no answer came. */
  change(sql: string, values: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/**
 * The rows of a SQL catalog that say which metadata file is which table: layout and meaning of Java's
 * JdbcCatalog (V1) and pyiceberg's SqlCatalog. Every change is one statement that a race can lose, never spoil.
 */
export class CatalogRows {
  readonly #database: CatalogDatabase;
  readonly #catalogName: string;
  readonly #tables: string;
  readonly #properties: string;

  constructor(database: CatalogDatabase, catalogName: string) {
    this.#database = database;
    this.#catalogName = catalogName;
    this.#tables = `${database.schema}iceberg_tables`;
    this.#properties = `${database.schema}iceberg_namespace_properties`;
  }

  /** Null when there is no such table. */
  async location({ namespace, table }: TableName): Promise<string | null> {
    const sql = `SELECT metadata_location FROM ${this.#tables}
      WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3`;
    const rows = await this.#database.read(sql, [this.#catalogName, namespace, table]);
    return rows.length === 0 ? null : String(rows[0].metadata_location);
  }

  /** False when the table exists already. */
  async insert({ namespace, table }: TableName, location: string): Promise<boolean> {
    await this.insertNamespace(namespace);
    const sql = `INSERT INTO ${this.#tables} VALUES ($1, $2, $3, $4, NULL, 'TABLE') ON CONFLICT DO NOTHING`;
    return (await this.#database.change(sql, [this.#catalogName, namespace, table, location])) === 1;
  }

  /** False when the row does not say `from` any more: somebody else committed. */
  async move({ namespace, table }: TableName, from: string, to: string): Promise<boolean> {
    const sql = `UPDATE ${this.#tables} SET metadata_location = $5, previous_metadata_location = $4
      WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3 AND metadata_location = $4`;
    return (await this.#database.change(sql, [this.#catalogName, namespace, table, from, to])) === 1;
  }

  /** False when there is no such table, or one of the new name. */
  async rename(from: TableName, to: TableName): Promise<boolean> {
    await this.insertNamespace(to.namespace);
    const sql = `UPDATE ${this.#tables} SET table_namespace = $4, table_name = $5
      WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3 AND NOT EXISTS
        (SELECT 1 FROM ${this.#tables} WHERE catalog_name = $1 AND table_namespace = $4 AND table_name = $5)`;
    const values = [this.#catalogName, from.namespace, from.table, to.namespace, to.table];
    return (await this.#database.change(sql, values)) === 1;
  }

  async remove({ namespace, table }: TableName): Promise<boolean> {
    const sql = `DELETE FROM ${this.#tables} WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3`;
    return (await this.#database.change(sql, [this.#catalogName, namespace, table])) === 1;
  }

  async tables(namespace: string): Promise<TableName[]> {
    const sql = `SELECT table_name FROM ${this.#tables}
      WHERE catalog_name = $1 AND table_namespace = $2 AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`;
    const rows = await this.#database.read(sql, [this.#catalogName, namespace]);
    return rows.map(({ table_name }) => ({ namespace, table: String(table_name) }));
  }

  /** Those that were made, and those that only have tables: other tools do not always note both. */
  async namespaces(): Promise<string[]> {
    const sql = `SELECT table_namespace AS namespace FROM ${this.#tables} WHERE catalog_name = $1
      UNION SELECT "namespace" FROM ${this.#properties} WHERE catalog_name = $1`;
    const rows = await this.#database.read(sql, [this.#catalogName]);
    return rows.map(({ namespace }) => String(namespace));
  }

  async insertNamespace(namespace: string): Promise<boolean> {
    const sql = `INSERT INTO ${this.#properties} VALUES ($1, $2, 'exists', 'true') ON CONFLICT DO NOTHING`;
    return (await this.#database.change(sql, [this.#catalogName, namespace])) === 1;
  }

  /** False when it has tables, or was not there. */
  async removeNamespace(namespace: string): Promise<boolean> {
    const sql = `DELETE FROM ${this.#properties} WHERE catalog_name = $1 AND "namespace" = $2 AND NOT EXISTS
      (SELECT 1 FROM ${this.#tables} WHERE catalog_name = $1 AND table_namespace = $2)`;
    return (await this.#database.change(sql, [this.#catalogName, namespace])) > 0;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/**
 * The two tables of every SQL catalog, in words that SQLite and PostgreSQL share; other tools open them as
 * they are. `schema` ends in a dot, or is empty.
 */
export const catalogLayout = (schema = ''): string => `
  CREATE TABLE IF NOT EXISTS ${schema}iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  );
  CREATE TABLE IF NOT EXISTS ${schema}iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    "namespace" VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, "namespace", property_key)
  );`;
