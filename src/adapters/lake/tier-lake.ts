import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, downloadFromClickHouse, type QueryEndpoint, rowsOf } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import type { TierSettings } from '../../lakehouse/jobs/config.ts';
import { type ExpiredFiles, expireLayers } from '../../lakehouse/jobs/expire-layers.ts';
import {
  type HotMonth,
  type LeavingTables,
  listHotMonths,
  type MovedMonth,
  moveDueMonths,
  type TierOptions,
} from '../../lakehouse/jobs/run-tiers.ts';
import { goldNamespace } from '../../lakehouse/jobs/write-gold.ts';
import { silverNamespace } from '../../lakehouse/jobs/write-silver.ts';
import { silverDaysTable } from '../../lakehouse/layers/silver/build-silver.ts';
import { EngineError } from '../../model/errors.ts';
import { systemOrg } from '../../model/ids.ts';
import { noteLake } from '../../plans/postgres/note-lake.ts';
import { guardOf, unguardOf } from '../../sinks/clickhouse/access.ts';
import { type LentTables, openTablesForChange, openTablesForReading, type VisitContext } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { goldTables } from './gold-tables.ts';
import { databaseOf, writeHistoryViews } from './history-views.ts';
import { openLayerTools } from './layer-tools.ts';
import { type Lake, openLake } from './open-lake.ts';
import { goldOptions, layerParts } from './write-layers.ts';

export type { ExpiredFiles, HotMonth, MovedMonth };

export interface TierReport {
  readonly moved: readonly MovedMonth[];
  readonly expired: readonly ExpiredFiles[];
}

interface TierRun {
  readonly log: Logger;
  /** The tables of an engine that has this done. */
  readonly lent?: LentTables | null;
  onMoved(report: MovedMonth): void;
  onProgress(done: number, total: number): void;
}

/** What ClickHouse has, month by month, and what would go from the lake; changes nothing. */
export async function planTiers(config: Config, log: Logger): Promise<{ months: HotMonth[]; expired: ExpiredFiles[] }> {
  await using stack = new AsyncDisposableStack();
  const reading = await openTablesForReading(config, context(log));
  stack.defer(() => reading.close());
  const lake = stack.adopt(await openLake(config), (opened) => opened.close());
  const options = { hot: hotTables(reading.endpoint, config), tables: goldTables, ...keeping(config.tiers) };
  const months = await listHotMonths({ ...options, nowMs: () => systemClock.wallMs() });
  return { months, expired: await expire(lake, config, true) };
}

/** Moves what is due from ClickHouse to gold, and deletes what the lake has kept for long enough. */
export async function runTiers(
  config: Config,
  { log, lent = null, onMoved, onProgress }: TierRun,
): Promise<TierReport> {
  if (config.clickhouse.cluster !== null)
    throw new EngineError(
      'CONFIG_INVALID',
      'tier run moves months of one server; on a cluster (clickhouse.cluster) drop them by hand once "paceline lake gold" has them',
    );
  await using stack = new AsyncDisposableStack();
  const changing = await openTablesForChange(config, { ...context(log), lent });
  stack.defer(() => changing.close());
  const lake = stack.adopt(await openLake(config), (opened) => opened.close());
  const tools = stack.use(await openLayerTools(config));
  const { endpoint } = changing;
  // Before anything moves: where ClickHouse cannot read the lake, nothing leaves it.
  await writeHistoryViews(config, { endpoint, lake });
  const moved = await moveDueMonths({
    ...layerParts(lake, tools),
    ...goldOptions(lake),
    ...keeping(config.tiers),
    hot: hotTables(endpoint, config, lent?.reader ?? endpoint),
    isDryRun: false,
    onProved: (report) => noteMoved(config, report),
    onPlaces: (only, without) => writeHistoryViews(config, { endpoint, lake, only, without }),
    ...guarding(endpoint, config),
    onProgress,
    onMoved: (report) => {
      log.info('tier.moved', { ...report, money: JSON.stringify(report.money) });
      onMoved(report);
    },
  });
  const expired = await expire(lake, config, false);
  if (expired.length > 0) await writeHistoryViews(config, { endpoint, lake });
  for (const one of expired) log.info('tier.expired', { ...one });
  await noteExpired(config, expired);
  return { moved, expired };
}

const actor = 'paceline tier run';

/** In the audit log, where there is one. */
async function noteMoved({ postgres }: Pick<Config, 'postgres'>, report: MovedMonth): Promise<void> {
  if (postgres.url === null) return;
  const { table, month, ...receipt } = report;
  await noteLake(postgres, actor, [{ org: systemOrg, action: 'moved', table: `ads.${table}`, key: month, receipt }]);
}

async function noteExpired({ postgres }: Pick<Config, 'postgres'>, expired: readonly ExpiredFiles[]): Promise<void> {
  if (postgres.url === null) return;
  const day = new Date(systemClock.wallMs()).toISOString().slice(0, 10);
  await noteLake(
    postgres,
    actor,
    expired.map(({ table, ...receipt }) => ({ org: systemOrg, action: 'expired', table, key: day, receipt })),
  );
}

function context(log: Logger): VisitContext {
  return { clock: systemClock, log };
}

/** `reader`: where reading does not hold up what the engine writes. */
function hotTables(endpoint: QueryEndpoint, config: Pick<Config, 'clickhouse'>, reader = endpoint): LeavingTables {
  const database = databaseOf(config);
  const query = async (sql: string) => rowsOf(await askClickHouse(reader, sql));
  return {
    query,
    download: (sql, path) => downloadFromClickHouse(reader, sql, path),
    nameOf: (table) => `${database}.${table}`,
    command: async (sql) => void (await askClickHouse(endpoint, sql)),
    database,
  };
}

/** On a server with logins of single organizations a month that leaves is guarded as its table is. */
function guarding(
  endpoint: QueryEndpoint,
  { clickhouse }: Pick<Config, 'clickhouse'>,
): Pick<TierOptions, 'onName' | 'onNameless'> {
  const { url, database, cluster, roles } = clickhouse;
  if (url === null || !roles) return {};
  const run = async (statements: readonly string[]) => {
    for (const statement of statements) await askClickHouse(endpoint, statement);
  };
  return {
    onName: (name) => run(guardOf(name, { database, cluster })),
    onNameless: (name) => run(unguardOf(name, database)),
  };
}

/** How long what stays where. */
function keeping(settings: TierSettings) {
  const { hot_days, hot_days_of, lake_days, lake_days_of, legal_hold } = settings;
  const held = new Set(legal_hold);
  return {
    hotDaysOf: (table: string) => hot_days_of[table] ?? hot_days,
    lakeDaysOf: (table: string, org: string): number | null => {
      if (held.has(org)) return null;
      const own = [lake_days_of[table], lake_days_of[org]].filter((days) => days !== undefined);
      return own.length > 0 ? Math.max(...own) : lake_days;
    },
  };
}

/** Tables that tell of others stay: a day that they no longer name would be written again. */
const kept = new Set([`${silverNamespace}.${silverDaysTable}`]);

async function expire(lake: Lake, config: Pick<Config, 'tiers'>, isDryRun: boolean): Promise<ExpiredFiles[]> {
  const { catalog } = lake;
  const named = [...(await catalog.tables(silverNamespace)), ...(await catalog.tables(goldNamespace))];
  const tables = named.filter(({ namespace, table }) => !kept.has(`${namespace}.${table}`));
  return await expireLayers({ ...layerParts(lake), catalog, tables, ...keeping(config.tiers), isDryRun });
}
