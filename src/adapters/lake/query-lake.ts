import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chdir, cwd } from 'node:process';
import type { Logger } from '../../control/logs/logger.ts';
import { downloadFromClickHouse } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import { fullName, type TableState } from '../../lakehouse/catalog/catalog.ts';
import { identifier, quoted } from '../../lakehouse/engine/sql-places.ts';
import { ancestry, type Snapshot } from '../../lakehouse/format/table-metadata.ts';
import { silverNamespace } from '../../lakehouse/jobs/write-silver.ts';
import type { GoldTable } from '../../lakehouse/layers/gold/gold-tables.ts';
import { correctedFrom, correctedStatements, correctedViews } from '../../lakehouse/layers/silver/corrected-views.ts';
import { localPath } from '../../lakehouse/storage/local-file-io.ts';
import { EngineError } from '../../model/errors.ts';
import { historyName } from '../../rows/tables.ts';
import { openTablesForReading } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { goldTables } from './gold-tables.ts';
import { historyOver, hotSelect } from './history-views.ts';
import { hideSecret, makeWorkFolder, sqlOfTable } from './layer-tools.ts';
import { type LakeTable, tablesOf, withLake } from './open-lake.ts';
import { isS3 } from './open-storage.ts';

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
 * as in `silver.clicks`; `bronze` alone is `bronze.events`; `all_…` are rows of all times, for which what ClickHouse
 * has is fetched, and `silver.corrected_…` events with their corrections. The metadata is the one that the catalog names: files of a commit that was never made are not looked
 * at. Throws QUERY_FAILED with ClickHouse's words, and CONFIG_INVALID where there is no table.
 */
export async function queryLake(config: Config, { sql, atMs }: LakeQuery, log: Logger): Promise<LakeAnswer> {
  const histories = goldTables.filter((table) => isNamed(historyName(table), sql));
  if (histories.length > 0 && atMs !== null)
    throw new EngineError(
      'USAGE',
      `${historyName(histories[0])} tells of now: ask gold.${histories[0].name} with --at`,
    );
  await using stack = new AsyncDisposableStack();
  const folder = cwd();
  stack.defer(() => chdir(folder));
  const hot = histories.length === 0 ? [] : await fetchHot(config, histories, { log, stack });
  const statements = await withLake(config, async (lake) => {
    const asked = (await tablesOf(lake)).filter((table) => isAsked(table, sql));
    const views = viewsOf(asked, config, atMs);
    if (isCorrected(sql)) views.push(...correctedStatements());
    for (const { table, source } of hot)
      views.push(`CREATE VIEW ${historyName(table)} AS ${await historyOver(source, { config, lake, table })}`);
    const gold = hot.length === 0 ? [] : [lake.root].filter((place) => !isS3(place));
    stayAbove([...asked.map(({ state }) => state.metadata.location), ...gold, ...hot.map(({ folder }) => folder)]);
    return views;
  });
  const asking = stack.use(await openAsking(config, statements));
  return asking.ask(sql);
}

/** The lake as it was when it was opened, for several questions. One at a time in a process. */
export interface LakeAsking extends Disposable {
  /** Throws QUERY_FAILED. */
  ask(sql: string): LakeAnswer;
}

/** Bronze alone, as it is now. Throws CONFIG_INVALID where there is none. */
export async function openBronzeAsking(config: Config): Promise<LakeAsking> {
  const asked = await withLake(config, async (lake) => (await tablesOf(lake)).filter(({ name }) => isBronze(name)));
  stayAbove(asked.map(({ state }) => state.metadata.location));
  return await openAsking(config, viewsOf(asked, config, null));
}

/** ClickHouse's engine in this process, with the views that the statements make. */
async function openAsking(config: Config, statements: readonly string[]): Promise<LakeAsking> {
  const { Session } = await import('chdb');
  const session = new Session();
  const coded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      // Not the cause itself: its words, and those of its own causes, may quote the key of the store.
      const words = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError('QUERY_FAILED', hideSecret(words.trim(), config));
    }
  };
  try {
    coded(() => {
      for (const statement of statements) session.query(statement);
      // As text, so that no digit is lost.
      session.query('SET output_format_json_quote_64bit_integers = 1');
    });
  } catch (error) {
    session.cleanup();
    throw error;
  }
  return {
    ask: (sql) => coded(() => answerOf(session.query(sql, 'JSONCompact'))),
    [Symbol.dispose]: () => session.cleanup(),
  };
}

function isNamed(name: string, sql: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(sql);
}

interface HotFile {
  readonly table: GoldTable;
  /** What reads it. */
  readonly source: string;
  readonly folder: string;
}

/** What ClickHouse has of tables, each in a file that is gone with the stack. */
async function fetchHot(
  config: Config,
  tables: readonly GoldTable[],
  { log, stack }: { log: Logger; stack: AsyncDisposableStack },
): Promise<HotFile[]> {
  const folder = makeWorkFolder(join(resolve(config.data_directory), 'work'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { endpoint, close } = await openTablesForReading(config, { clock: systemClock, log });
  const files: HotFile[] = [];
  try {
    for (const table of tables) {
      const path = join(folder, `${table.name}.parquet`);
      const select = await hotSelect(config, endpoint, table);
      await downloadFromClickHouse(endpoint, `SELECT * FROM (${select}) FORMAT Parquet`, path);
      const structure = table.columns.map(({ name, hotType }) => `${identifier(name)} ${hotType}`).join(', ');
      files.push({ table, folder, source: `file(${quoted(path)}, Parquet, ${quoted(structure)})` });
    }
  } finally {
    await close();
  }
  return files;
}

/** A table that the query may mean, by its name: a view asks its table what columns it has, so only these get one. */
function isAsked({ name }: LakeTable, sql: string): boolean {
  const isPart = name.namespace === silverNamespace && correctedFrom.some((part) => part === name.table);
  return sql.includes(name.table) || isBronze(name) || (isPart && isCorrected(sql));
}

function isCorrected(sql: string): boolean {
  return correctedViews.some((name) => isNamed(name, sql));
}

function isBronze(name: LakeTable['name']): boolean {
  return fullName(name) === fullName(bronzeTableName);
}

/** ClickHouse reads below its working folder only. */
function stayAbove(places: readonly string[]): void {
  const folders = places.filter((place) => !isS3(place)).map(localPath);
  if (folders.length > 0) chdir(commonFolder(folders));
}

function viewsOf(tables: readonly LakeTable[], config: Config, atMs: number | null): string[] {
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
