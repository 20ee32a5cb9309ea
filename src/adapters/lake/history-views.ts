import { createHash } from 'node:crypto';
import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, type QueryEndpoint, rowsOf } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import type { TableState } from '../../lakehouse/catalog/catalog.ts';
import { currentSchema } from '../../lakehouse/format/table-metadata.ts';
import { leavingTables } from '../../lakehouse/jobs/run-tiers.ts';
import { goldMonthsTable, goldNamespace, goldReceiptsTable } from '../../lakehouse/jobs/write-gold.ts';
import { readNewestMonths } from '../../lakehouse/layers/gold/gold-months.ts';
import { readNewestReceipts } from '../../lakehouse/layers/gold/gold-receipts.ts';
import type { GoldTable } from '../../lakehouse/layers/gold/gold-tables.ts';
import { type GoldPlace, type HistoryPlaces, historySelect } from '../../lakehouse/layers/gold/history-views.ts';
import { EngineError } from '../../model/errors.ts';
import { goldName, historyName } from '../../rows/tables.ts';
import { onCluster } from '../../sinks/clickhouse/ddl.ts';
import { openTablesForChange } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { goldTables } from './gold-tables.ts';
import { engineOfTable, hideSecret, sqlOfTable } from './layer-tools.ts';
import { hasLake, type Lake, withLake } from './open-lake.ts';

type ViewSettings = Pick<Config, 'clickhouse' | 's3' | 'tiers'>;

interface ViewChange {
  /** May change what is there. */
  readonly endpoint: QueryEndpoint;
  readonly lake: Pick<Lake, 'catalog' | 'io'>;
  /** One table; absent = all. */
  readonly only?: string;
  /** A table beside it that is about to go. */
  readonly without?: string | null;
}

/** Whether a query asks a view of all times. */
export function namesHistory(sql: string): boolean {
  return goldTables.some((table) => new RegExp(`\\b${historyName(table)}\\b`).test(sql));
}

/** The database that holds our tables. */
export function databaseOf({ clickhouse }: Pick<Config, 'clickhouse'>): string {
  return clickhouse.url === null ? 'ads' : clickhouse.database;
}

/**
 * Tells the views `all_…` of ClickHouse where rows are now: in their tables, beside them on their way out, in gold.
 * Each is replaced at once. Nothing where `tiers.views` says so. Throws QUERY_FAILED where ClickHouse cannot read the
 * lake.
 */
export async function writeHistoryViews(config: ViewSettings, change: ViewChange): Promise<void> {
  if (!config.tiers.views) return;
  const { endpoint, lake, only, without = null } = change;
  const wanted = goldTables.filter(({ name }) => only === undefined || name === only);
  const ask = async (sql: string) => rowsOf(await askClickHouse(endpoint, sql));
  const leavingOf = (some: readonly GoldTable[]) =>
    leavingTables({ hot: { query: ask, database: databaseOf(config) }, tables: some });
  const newest = await newestMonths(config, lake);
  if (config.clickhouse.url === null) await ask(`CREATE DATABASE IF NOT EXISTS ${passingDatabase} ENGINE = Memory`);
  const all = await leavingOf(wanted);
  for (const table of wanted) {
    const state = await goldState(table, newest, lake);
    let leaving = all.filter((one) => one.table === table);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await writeView(config, { table, state, leaving: leaving.filter(({ name }) => name !== without), ask });
        break;
      } catch (cause) {
        if (!isGone(cause) || attempt === viewAttempts) throw explain(cause, table, config);
        leaving = await leavingOf([table]);
      }
    }
  }
}

/** Another run of the tiers renames each table on its way out once: more often than there are runs is another trouble. */
const viewAttempts = 5;

/** A table on its way out that was there when they were listed, and has another name by now. */
function isGone(cause: unknown): boolean {
  return cause instanceof EngineError && /UNKNOWN_TABLE|Code: 60\b/.test(cause.message);
}

interface View {
  readonly table: GoldTable;
  readonly state: Awaited<ReturnType<typeof goldState>>;
  readonly leaving: Awaited<ReturnType<typeof leavingTables>>;
  readonly ask: (sql: string) => Promise<Record<string, unknown>[]>;
}

async function writeView(config: ViewSettings, { table, state, leaving, ask }: View): Promise<void> {
  const database = databaseOf(config);
  const on = onCluster(config.clickhouse.cluster);
  const isEmbedded = config.clickhouse.url === null;
  const gold = isEmbedded ? passingName(table, state) : `${database}.${goldName(table)}`;
  const places: HistoryPlaces = {
    hot: `${database}.${table.name}`,
    leaving: leaving.map(({ month, name }) => ({ month, name: `${database}.${name}` })),
    gold: state === null ? null : { ...state, sql: gold },
  };
  // A table and no table function: a reader needs no rights on the store.
  if (state !== null) {
    const make = isEmbedded ? 'CREATE TABLE IF NOT EXISTS' : 'CREATE OR REPLACE TABLE';
    await ask(`${make} ${gold}${on} ${engineOfTable(state.state, config)}`);
  }
  await ask(
    `CREATE OR REPLACE VIEW ${database}.${historyName(table)}${on} SQL SECURITY INVOKER AS ${historySelect(table, places)}`,
  );
  if (isEmbedded) await dropPassed(table, gold, ask);
}

/**
 * Where the embedded ClickHouse keeps tables that it forgets when it ends: it looks at the store of a table that it
 * remembers before it opens, and would not open without it.
 */
const passingDatabase = 'lake';

/** A name for each state of a table, so that a view changes from one to the next at once. */
function passingName(table: GoldTable, state: { readonly state: TableState } | null): string {
  const mark = createHash('sha256')
    .update(state?.state.metadataLocation ?? '')
    .digest('hex')
    .slice(0, 8);
  return `${passingDatabase}.${goldName(table)}_${mark}`;
}

async function dropPassed(
  table: GoldTable,
  gold: string,
  ask: (sql: string) => Promise<Record<string, unknown>[]>,
): Promise<void> {
  const found = await ask(`SELECT name FROM system.tables WHERE database = '${passingDatabase}'`);
  const isPassed = new RegExp(`^${goldName(table)}_[0-9a-f]{8}$`);
  for (const name of found.map((one) => `${passingDatabase}.${one.name}`))
    if (name !== gold && isPassed.test(name.slice(passingDatabase.length + 1)))
      await ask(`DROP TABLE IF EXISTS ${name}`);
}

/** The same for who has no lake open; nothing where there is none. */
export async function refreshHistoryViews(config: Config, endpoint: QueryEndpoint): Promise<void> {
  if (config.tiers.views && hasLake(config))
    await withLake(config, (lake) => writeHistoryViews(config, { endpoint, lake }));
}

/** The same from outside, where no engine has the embedded tables. Throws CONFIG_INVALID where there is no lake. */
export async function rewriteHistoryViews(config: Config, log: Logger): Promise<readonly string[]> {
  if (!config.tiers.views)
    throw new EngineError('CONFIG_INVALID', 'tiers.views is false: ClickHouse is to have no views of all times');
  await withLake(config, async (lake) => {
    const { endpoint, close } = await openTablesForChange(config, { clock: systemClock, log });
    try {
      await writeHistoryViews(config, { endpoint, lake });
    } finally {
      await close();
    }
  });
  return goldTables.map(historyName);
}

/** What ClickHouse has of a table, rows on their way out among them, each in its last version. */
export async function hotSelect(config: ViewSettings, endpoint: QueryEndpoint, table: GoldTable): Promise<string> {
  const database = databaseOf(config);
  const query = async (sql: string) => rowsOf(await askClickHouse(endpoint, sql));
  const leaving = await leavingTables({ hot: { query, database }, tables: [table] });
  const beside = leaving.map(({ month, name }) => ({ month, name: `${database}.${name}` }));
  return historySelect(table, { hot: `${database}.${table.name}`, leaving: beside, gold: null });
}

/** Rows of all times, where `hot` names what `hotSelect` found, elsewhere. */
export async function historyOver(
  hot: string,
  { config, lake, table }: { config: ViewSettings; lake: ViewChange['lake']; table: GoldTable },
): Promise<string> {
  const state = await goldState(table, await newestMonths(config, lake), lake);
  const gold = state === null ? null : { ...state, sql: sqlOfTable(state.state, config) };
  return historySelect(table, { hot, isFinal: true, leaving: [], gold });
}

/** On a cluster people drop months by hand, so that there are no receipts: gold's own months draw the border. */
async function newestMonths({ clickhouse }: ViewSettings, { catalog, io }: ViewChange['lake']) {
  const hasReceipts = clickhouse.cluster === null;
  const table = hasReceipts ? goldReceiptsTable : goldMonthsTable;
  const state = await catalog.table({ namespace: goldNamespace, table }).load();
  if (state === null) return new Map<string, number>();
  return hasReceipts ? await readNewestReceipts(io, state) : await readNewestMonths(io, state);
}

async function goldState(
  { name }: GoldTable,
  newest: ReadonlyMap<string, number>,
  { catalog }: ViewChange['lake'],
): Promise<(Omit<GoldPlace, 'sql'> & { readonly state: TableState }) | null> {
  const newestMonth = newest.get(name);
  if (newestMonth === undefined) return null;
  const state = await catalog.table({ namespace: goldNamespace, table: name }).load();
  if (state === null || state.metadata.snapshots.length === 0) return null;
  return { state, columns: columnsOf(state), newestMonth };
}

function columnsOf({ metadata }: TableState): ReadonlySet<string> {
  return new Set(currentSchema(metadata).fields.map(({ name }) => name));
}

function explain(cause: unknown, { name }: GoldTable, config: Pick<Config, 's3'>): unknown {
  if (!(cause instanceof EngineError) || cause.code !== 'QUERY_FAILED') return cause;
  // Not the cause itself: its words may quote the key of the store.
  const words = hideSecret(cause.message, config).slice(0, 2_000);
  return new EngineError(
    'QUERY_FAILED',
    `ClickHouse does not take the view all_${name}: ${words}. It must reach the store of the lake as we do; tiers.views: false goes without these views`,
  );
}
