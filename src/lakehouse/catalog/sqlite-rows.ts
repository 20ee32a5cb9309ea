import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../../model/errors.ts';
import { type CatalogDatabase, catalogLayout } from './catalog-rows.ts';

/** The catalog in a SQLite file; other tools open it as it is. */
export class SqliteRows implements CatalogDatabase {
  readonly schema = '';
  readonly #db: DatabaseSync;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.#db.exec(catalogLayout());
  }

  async read(sql: string, values: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    try {
      return this.#db.prepare(sql).all(byNumber(values));
    } catch (cause) {
      throw new EngineError('SINK_UNAVAILABLE', `cannot read the catalog: ${String(cause)}`, { cause });
    }
  }

  async change(sql: string, values: readonly string[]): Promise<number> {
    try {
      return Number(this.#db.prepare(sql).run(byNumber(values)).changes);
    } catch (cause) {
      throw new EngineError('COMMIT_UNKNOWN', `the catalog did not answer: ${String(cause)}`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}

/** `$1` and so on are names to SQLite. */
function byNumber(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map((value, at) => [`$${at + 1}`, value]));
}
