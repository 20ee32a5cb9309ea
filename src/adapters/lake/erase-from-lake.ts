import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import { fullName, type TableName } from '../../lakehouse/catalog/catalog.ts';
import { quoted } from '../../lakehouse/engine/sql-places.ts';
import { type ErasedTable, eraseOrganization } from '../../lakehouse/jobs/erase-organization.ts';
import { markClosed } from '../../lakehouse/layers/bronze/closed-organizations.ts';
import { eraseKeyedRows } from '../../lakehouse/layers/bronze/erase-keyed-rows.ts';
import { keepPlaces } from '../../lakehouse/layers/bronze/keep-places.ts';
import { EngineError } from '../../model/errors.ts';
import { idPattern, systemOrg } from '../../model/ids.ts';
import { noteLake } from '../../plans/postgres/note-lake.ts';
import { deadLetters } from '../../rows/tables.ts';
import { openTablesForChange, openTablesForReading } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { databaseOf, writeHistoryViews } from './history-views.ts';
import { openLayerTools } from './layer-tools.ts';
import { hasLake, type Lake, openLake, tablesOf } from './open-lake.ts';
import { layerParts } from './write-layers.ts';

export interface ErasureReport {
  readonly org: string;
  readonly lake: readonly ErasedTable[];
  /** Records of bronze with its key that were filed as nobody's. */
  readonly untrusted: number;
  /** Rows of each table of ClickHouse. */
  readonly clickhouse: readonly { readonly table: string; readonly rows: number }[];
  /** Where the receipt lies; null in a dry run. */
  readonly receipt: string | null;
}

interface EraseOptions {
  readonly isDryRun: boolean;
  readonly log: Logger;
  /** What went elsewhere, for the receipt. */
  readonly also?: Readonly<Record<string, unknown>>;
}

/** Throws USAGE for what cannot be one. */
export function requireOrganization(org: string): void {
  if (!idPattern.test(org) || org.startsWith('_'))
    throw new EngineError('USAGE', `"${org}" is no name of an organization`);
}

/** Throws USAGE for one that is under legal hold: whoever set it takes it back first. */
export function requireNoHold({ tiers }: Pick<Config, 'tiers'>, org: string): void {
  if (tiers.legal_hold.includes(org))
    throw new EngineError('USAGE', `${org} is under legal hold: take it out of tiers.legal_hold before it is erased`);
}

/**
 * Removes an organization from ClickHouse, so that gold does not get it anew, and from every table of the lake, in
 * all its snapshots; of its records in bronze the places stay. Then another reader looks for it. Throws COPY_DIFFERS
 * where it still finds a row.
 */
export async function eraseFromLake(config: Config, org: string, options: EraseOptions): Promise<ErasureReport> {
  requireOrganization(org);
  requireNoHold(config, org);
  const { isDryRun, log, also = {} } = options;
  await using stack = new AsyncDisposableStack();
  const hot = await openHot(config, org, { isDryRun, log });
  stack.defer(() => hot.close());
  const lake = hasLake(config) ? stack.adopt(await openLake(config), (opened) => opened.close()) : null;
  const clickhouse = await hot.counts();
  if (!isDryRun) await hot.erase(clickhouse.map(({ table }) => table));
  const { erased, untrusted } = lake === null ? { erased: [], untrusted: 0 } : await eraseTables(lake, org, isDryRun);
  if (isDryRun) return { org, lake: erased, untrusted, clickhouse, receipt: null };
  // The metadata that they named is gone.
  if (lake !== null) await writeHistoryViews(config, { endpoint: hot.endpoint, lake });

  const left = (await hot.counts()).map(({ table, rows }) => `${rows} in ClickHouse's ${table}`);
  if (lake !== null) left.push(...(await findInLake(config, lake, org)));
  if (left.length > 0)
    throw new EngineError('COPY_DIFFERS', `${org} is still there: ${left.join(', ')}; do its records still come?`);
  const at = new Date(systemClock.wallMs()).toISOString();
  const whole = { org, at, clickhouse, untrusted, lake: erased, ...also, left: 0 };
  const receipt = await writeReceipt(config, lake, { org, at, whole });
  if (config.postgres.url !== null) {
    const counts = {
      clickhouse: Object.fromEntries(clickhouse.map(({ table, rows }) => [table, rows])),
      lake: Object.fromEntries(erased.map(({ table, rows, files: gone }) => [table, { rows, files: gone.length }])),
    };
    const note = { ...counts, untrusted, ...also, receipt };
    const noted = { org, action: 'erased', table: 'lake', key: at, receipt: note } as const;
    await noteLake(config.postgres, 'paceline erase', [noted]);
  }
  return { org, lake: erased, untrusted, clickhouse, receipt };
}

/** Has writers of bronze keep the places of its records alone; `until` = the first offset that counts again. */
export async function closeInBronze(config: Config, org: string, until: number | null): Promise<void> {
  if (!hasLake(config)) return;
  const lake = await openLake(config);
  try {
    const { namespace } = bronzeTableName;
    for (const table of (await lake.catalog.namespaces()).includes(namespace)
      ? await lake.catalog.tables(namespace)
      : [])
      await markClosed(lake.catalog.table(table), { org, until }, layerParts(lake));
  } finally {
    await lake.close();
  }
}

/** ClickHouse, as far as it has rows of the organization. */
async function openHot(config: Config, org: string, { isDryRun, log }: EraseOptions) {
  const context = { clock: systemClock, log };
  const { endpoint, close } = isDryRun
    ? await openTablesForReading(config, context)
    : await openTablesForChange(config, context);
  const database = databaseOf(config);
  const ask = async (sql: string) => rowsOf(await askClickHouse(endpoint, sql));
  const counts = async () => {
    const found = [];
    for (const { table } of await ask(
      `SELECT table FROM system.columns WHERE database = ${quoted(database)} AND name = 'org_id'
         AND table IN (SELECT name FROM system.tables WHERE database = ${quoted(database)} AND engine LIKE '%MergeTree')`,
    )) {
      const [{ count }] = await ask(
        `SELECT count() AS count FROM ${database}.${table} WHERE ${whatIsItsOwn(String(table), org)}`,
      );
      if (Number(count) > 0) found.push({ table: String(table), rows: Number(count) });
    }
    return found;
  };
  const erase = async (tables: readonly string[]) => {
    for (const table of tables)
      await ask(`ALTER TABLE ${database}.${table} DELETE WHERE org_id = ${quoted(org)} SETTINGS mutations_sync = 2`);
    if (config.clickhouse.url === null)
      await dropOldParts(
        tables.map((table) => `${database}.${table}`),
        ask,
      );
  };
  return { endpoint, counts, erase, close };
}

/** Refusals since it was closed say where records came from, and nothing of what they said. */
function whatIsItsOwn(table: string, org: string): string {
  const own = `org_id = ${quoted(org)}`;
  return table === deadLetters.name ? `${own} AND reason != 'organization_closed'` : own;
}

const partsGoneMs = 60_000;
const partsLookMs = 500;

/** Parts that a deletion replaced stay on the disk for minutes, unless the table is told otherwise. */
async function dropOldParts(
  tables: readonly string[],
  ask: (sql: string) => Promise<Record<string, unknown>[]>,
): Promise<void> {
  const settings = [
    'old_parts_lifetime',
    'cleanup_delay_period',
    'max_cleanup_delay_period',
    'cleanup_delay_period_random_add',
  ];
  for (const table of tables)
    await ask(
      `ALTER TABLE ${table} MODIFY SETTING ${settings.map((name) => `${name} = ${name.endsWith('add') ? 0 : 1}`).join(', ')}`,
    );
  const deadline = systemClock.steadyMs() + partsGoneMs;
  for (;;) {
    const names = tables.map(quoted).join(', ');
    const [{ count }] =
      tables.length === 0
        ? [{ count: 0 }]
        : await ask(
            `SELECT count() AS count FROM system.parts WHERE NOT active AND concat(database, '.', table) IN (${names})`,
          );
    if (Number(count) === 0 || systemClock.steadyMs() > deadline) break;
    await systemClock.sleep(partsLookMs);
  }
  for (const table of tables) await ask(`ALTER TABLE ${table} RESET SETTING ${settings.join(', ')}`);
}

async function eraseTables(
  lake: Lake,
  org: string,
  isDryRun: boolean,
): Promise<{ erased: ErasedTable[]; untrusted: number }> {
  const isBronze = ({ namespace }: TableName): boolean => namespace === bronzeTableName.namespace;
  const named = async (): Promise<TableName[]> => (await tablesOf(lake)).map(({ name }) => name);
  const parts = layerParts(lake);
  const alsoForget = new Set<string>();
  let untrusted = 0;
  const bronze = (await named()).filter(isBronze);
  for (const name of bronze) {
    const own = { ...parts, catalog: lake.catalog.table(name), systemOrg, org, isDryRun };
    const rows = await eraseKeyedRows(own);
    if (rows > 0) alsoForget.add(fullName(name));
    untrusted += rows;
    if (!isDryRun) await keepPlaces(own);
  }
  const erase = (tables: readonly TableName[]) => eraseOrganization({ ...parts, tables, org, alsoForget, isDryRun });
  const erased = await erase(bronze);
  // Looked for anew: a job may have made the others meanwhile, and read what bronze had then.
  erased.push(...(await erase((await named()).filter((name) => !isBronze(name)))));
  return { erased, untrusted };
}

/** Where the engine of ClickHouse, which wrote none of it, still finds a row. */
async function findInLake(config: Config, lake: Lake, org: string): Promise<string[]> {
  await using tools = await openLayerTools(config);
  const left: string[] = [];
  for (const { name, state } of await tablesOf(lake)) {
    const hasOrg = state.metadata.schemas.some(({ fields }) => fields.some((field) => field.name === 'org_id'));
    if (!hasOrg || state.metadata.snapshots.length === 0) continue;
    const hasKey = name.namespace === bronzeTableName.namespace ? `OR key = ${quoted(org)}` : '';
    const [row] = await tools.engine.run(
      `SELECT toString(count()) AS rows FROM ${tools.sqlOf(state)} WHERE (${whatIsItsOwn(name.table, org)}) ${hasKey}`,
    );
    if (row.rows !== '0') left.push(`${row.rows} in ${name.namespace}.${name.table}`);
  }
  return left;
}

async function writeReceipt(
  config: Pick<Config, 'data_directory'>,
  lake: Lake | null,
  { org, at, whole }: { readonly org: string; readonly at: string; readonly whole: object },
): Promise<string> {
  const name = `${at.replaceAll(':', '-')}-${encodeURIComponent(org)}.json`;
  const text = JSON.stringify(whole);
  if (lake !== null) {
    const receipt = `${lake.root}/erasures/${name}`;
    await lake.io.create(receipt, Buffer.from(text));
    return receipt;
  }
  const folder = join(config.data_directory, 'erasures');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text, { flush: true });
  return join(folder, name);
}
