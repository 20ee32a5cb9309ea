import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../../model/errors.ts';
import { type CatalogPointer, catalogLayout, type TableName } from './catalog-pointer.ts';

/** The catalog in a SQLite file; other tools open it as it is. */
export class SqlitePointer implements CatalogPointer {
  readonly #name: TableName;
  readonly #db: DatabaseSync;

  constructor(path: string, name: TableName) {
    this.#name = name;
    mkdirSync(dirname(path), { recursive: true });
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.#db.exec(catalogLayout());
  }

  async location(): Promise<string | null> {
    const { catalogName, namespace, table } = this.#name;
    const query = `SELECT metadata_location FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`;
    try {
      const row = this.#db.prepare(query).get(catalogName, namespace, table);
      return row === undefined ? null : String(row.metadata_location);
    } catch (cause) {
      throw new EngineError('SINK_UNAVAILABLE', `cannot read the catalog: ${String(cause)}`, { cause });
    }
  }

  async insert(location: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const property = `INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')`;
    this.#run(property, catalogName, namespace);
    const row = `INSERT OR IGNORE INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')`;
    return this.#run(row, catalogName, namespace, table, location) === 1;
  }

  async move(from: string, to: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const update = `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`;
    return this.#run(update, to, from, catalogName, namespace, table, from) === 1;
  }

  async rename(to: string): Promise<boolean> {
    const { catalogName, namespace, table } = this.#name;
    const update = `UPDATE OR IGNORE iceberg_tables SET table_name = ?
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`;
    return this.#run(update, to, catalogName, namespace, table) === 1;
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #run(sql: string, ...values: string[]): number {
    try {
      return Number(this.#db.prepare(sql).run(...values).changes);
    } catch (cause) {
      throw new EngineError('COMMIT_UNKNOWN', `the catalog did not answer: ${String(cause)}`, { cause });
    }
  }
}
