import type { Logger } from '../control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../control/query-client.ts';
import { systemClock } from '../control/system-clock.ts';
import { fullName } from '../lakehouse/catalog/catalog.ts';
import { quoted } from '../lakehouse/engine/sql-places.ts';
import { type ErasedTable, eraseOrganization } from '../lakehouse/jobs/erase-organization.ts';
import { eraseKeyedRows } from '../lakehouse/layers/bronze/erase-keyed-rows.ts';
import { EngineError } from '../model/errors.ts';
import { idPattern, systemOrg } from '../model/ids.ts';
import { noteLake } from '../plans/postgres/note-lake.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { databaseOf, writeHistoryViews } from './history-views.ts';
import { openLayerTools } from './layer-tools.ts';
import { openLake, tablesOf } from './open-lake.ts';
import type { Config } from './settings.ts';
import { openTablesForChange } from './visits.ts';
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

/**
 * Removes an organization from ClickHouse, so that gold does not get it anew, and from every table of the lake, in
 * all its snapshots; then another reader looks for it. Throws COPY_DIFFERS where it still finds a row.
 */
export async function eraseFromLake(
  config: Config,
  org: string,
  { isDryRun, log }: { isDryRun: boolean; log: Logger },
): Promise<ErasureReport> {
  if (!idPattern.test(org) || org === systemOrg)
    throw new EngineError('USAGE', `"${org}" is no name of an organization`);
  await using stack = new AsyncDisposableStack();
  const changing = await openTablesForChange(config, { clock: systemClock, log });
  stack.defer(() => changing.close());
  const lake = stack.adopt(await openLake(config), (opened) => opened.close());
  const { endpoint } = changing;
  const database = databaseOf(config);
  const ask = async (sql: string) => rowsOf(await askClickHouse(endpoint, sql));
  const counts = async () => {
    const found = [];
    for (const { table } of await ask(
      `SELECT table FROM system.columns WHERE database = ${quoted(database)} AND name = 'org_id'
         AND table IN (SELECT name FROM system.tables WHERE database = ${quoted(database)} AND engine LIKE '%MergeTree')`,
    )) {
      const [{ count }] = await ask(`SELECT count() AS count FROM ${database}.${table} WHERE org_id = ${quoted(org)}`);
      if (Number(count) > 0) found.push({ table: String(table), rows: Number(count) });
    }
    return found;
  };
  const clickhouse = await counts();
  if (!isDryRun)
    for (const { table } of clickhouse)
      await ask(`ALTER TABLE ${database}.${table} DELETE WHERE org_id = ${quoted(org)} SETTINGS mutations_sync = 2`);
  const tables = (await tablesOf(lake)).map(({ name }) => name);
  const parts = layerParts(lake);
  const bronze = tables.filter(({ namespace }) => namespace === bronzeTableName.namespace);
  const alsoForget = new Set<string>();
  let untrusted = 0;
  for (const name of bronze) {
    const rows = await eraseKeyedRows({ ...parts, catalog: lake.catalog.table(name), systemOrg, org, isDryRun });
    if (rows > 0) alsoForget.add(fullName(name));
    untrusted += rows;
  }
  const erased = await eraseOrganization({ ...parts, tables, org, alsoForget, isDryRun });
  if (isDryRun) return { org, lake: erased, untrusted, clickhouse, receipt: null };
  // The metadata that they named is gone.
  await writeHistoryViews(config, { endpoint, lake });

  const tools = stack.use(await openLayerTools(config));
  const left = (await counts()).map(({ table, rows }) => `${rows} in ClickHouse's ${table}`);
  for (const { name, state } of await tablesOf(lake)) {
    const hasOrg = state.metadata.schemas.some(({ fields }) => fields.some((field) => field.name === 'org_id'));
    if (!hasOrg || state.metadata.snapshots.length === 0) continue;
    const hasKey = name.namespace === bronzeTableName.namespace ? `OR key = ${quoted(org)}` : '';
    const [row] = await tools.engine.run(
      `SELECT toString(count()) AS rows FROM ${tools.sqlOf(state)} WHERE org_id = ${quoted(org)} ${hasKey}`,
    );
    if (row.rows !== '0') left.push(`${row.rows} in ${name.namespace}.${name.table}`);
  }
  if (left.length > 0)
    throw new EngineError('COPY_DIFFERS', `${org} is still there: ${left.join(', ')}; do its records still come?`);
  const at = new Date(systemClock.wallMs()).toISOString();
  const receipt = `${lake.root}/erasures/${at.replaceAll(':', '-')}-${encodeURIComponent(org)}.json`;
  await lake.io.create(receipt, Buffer.from(JSON.stringify({ org, at, clickhouse, untrusted, lake: erased, left: 0 })));
  if (config.postgres.url !== null) {
    const counts = {
      clickhouse: Object.fromEntries(clickhouse.map(({ table, rows }) => [table, rows])),
      lake: Object.fromEntries(erased.map(({ table, rows, files: gone }) => [table, { rows, files: gone.length }])),
    };
    const note = { org, action: 'erased', table: 'lake', key: at, receipt: { ...counts, untrusted, receipt } } as const;
    await noteLake(config.postgres, 'paceline lake erase', [note]);
  }
  return { org, lake: erased, untrusted, clickhouse, receipt };
}
