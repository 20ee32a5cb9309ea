import { chdir } from 'node:process';
import { fullName, type TableState } from '../lakehouse/catalog/catalog.ts';
import { identifier } from '../lakehouse/engine/sql-places.ts';
import { ancestry, type Snapshot } from '../lakehouse/format/table-metadata.ts';
import { localPath } from '../lakehouse/storage/local-file-io.ts';
import { EngineError } from '../model/errors.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { sqlOfTable } from './layer-tools.ts';
import { type LakeTable, tablesOf, withLake } from './open-lake.ts';
import { isS3 } from './open-storage.ts';
import type { Config } from './settings.ts';

export interface LakeQuery {
  readonly sql: string;
  /** As the tables were at this instant, ms; null = now. */
  readonly atMs: number | null;
}

/** What a query found; `rows` null where its own FORMAT made the text. */
export interface LakeAnswer {
  readonly text: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[] | null;
}

/**
 * Asks the lake one query, by ClickHouse's own engine in this process. Tables go by their names in the catalog,
 * as in `silver.clicks`; `bronze` alone is `bronze.events`. The metadata is the one that the catalog names: files
 * of a commit that was never made are not looked at. Throws QUERY_FAILED with ClickHouse's words, and
 * CONFIG_INVALID where there is no table.
 */
export async function queryLake(config: Config, { sql, atMs }: LakeQuery): Promise<LakeAnswer> {
  const asked = await withLake(config, async (lake) => (await tablesOf(lake)).filter((table) => isAsked(table, sql)));
  const { Session } = await import('chdb');
  const session = new Session();
  try {
    for (const statement of viewsOf(asked, config, atMs)) session.query(statement);
    // As text, so that no digit is lost.
    session.query('SET output_format_json_quote_64bit_integers = 1');
    return answerOf(session.query(sql, 'JSONCompact'));
  } catch (cause) {
    // Not the cause itself: its words, and those of its own causes, may quote the key of the store.
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('QUERY_FAILED', hideSecret(words.trim(), config));
  } finally {
    session.cleanup();
  }
}

/** A table that the query may mean, by its name: a view asks its table what columns it has, so only these get one. */
function isAsked({ name }: LakeTable, sql: string): boolean {
  return sql.includes(name.table) || isBronze(name);
}

function isBronze(name: LakeTable['name']): boolean {
  return fullName(name) === fullName(bronzeTableName);
}

function viewsOf(tables: readonly LakeTable[], config: Config, atMs: number | null): string[] {
  // ClickHouse reads below its working folder only.
  const folders = tables.map(({ state }) => state.metadata.location).filter((place) => !isS3(place));
  if (folders.length > 0) chdir(commonFolder(folders.map(localPath)));
  return tables.flatMap(({ name, state }) => {
    const select = `SELECT * FROM ${sqlOfTable(state, config, snapshotAt(state, atMs)?.['snapshot-id'] ?? null)}`;
    const database = identifier(name.namespace);
    return [
      `CREATE DATABASE IF NOT EXISTS ${database}`,
      `CREATE VIEW ${database}.${identifier(name.table)} AS ${select}`,
      ...(isBronze(name) ? [`CREATE VIEW bronze AS ${select}`] : []),
    ];
  });
}

/** The deepest folder that holds them all. */
function commonFolder(paths: readonly string[]): string {
  const [first, ...others] = paths.map((path) => path.split('/'));
  const ends = first.findIndex((part, at) => others.some((other) => other[at] !== part));
  return (ends === -1 ? first : first.slice(0, ends)).join('/') || '/';
}

/** The newest snapshot of `main`'s past that was there at the instant; null = the newest of all. */
function snapshotAt({ metadata }: TableState, atMs: number | null): Snapshot | null {
  if (atMs === null) return null;
  const past = [...ancestry(metadata)];
  const found = past.find((one) => one['timestamp-ms'] <= atMs);
  if (found !== undefined) return found;
  const oldest = past.at(-1);
  const since =
    oldest === undefined
      ? 'the table is empty'
      : `the oldest kept is of ${new Date(oldest['timestamp-ms']).toISOString()}`;
  throw new EngineError('QUERY_FAILED', `there is no snapshot of ${new Date(atMs).toISOString()} or before; ${since}`);
}

function hideSecret(text: string, { s3 }: Pick<Config, 's3'>): string {
  return s3.secret_access_key === null ? text : text.replaceAll(s3.secret_access_key, '***');
}

function answerOf(text: string): LakeAnswer {
  if (!text.startsWith('{')) return { text, columns: [], rows: null };
  try {
    const { meta, data } = JSON.parse(text) as { meta?: LakeAnswer['columns']; data?: unknown[][] };
    if (meta && data?.every(Array.isArray)) return { text, columns: meta, rows: data };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { text, columns: [], rows: null };
}
