import { join } from 'node:path';
import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, rowsOf, uploadToClickHouse } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import { identifier, quoted } from '../../lakehouse/engine/sql-places.ts';
import { currentSchema } from '../../lakehouse/format/table-metadata.ts';
import { goldNamespace } from '../../lakehouse/jobs/write-gold.ts';
import { goldAlias, goldSelect, isOfWeek } from '../../lakehouse/layers/gold/history-views.ts';
import { digestSql } from '../../lakehouse/layers/gold/row-digest.ts';
import { readWeekRows } from '../../lakehouse/layers/gold/week-rows.ts';
import { parseWeek } from '../../lakehouse/layers/gold/weeks.ts';
import { erasureMark } from '../../lakehouse/operations/erasure-mark.ts';
import { loadTable } from '../../lakehouse/operations/snapshot-producer.ts';
import { EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import { restoredName } from '../../rows/tables.ts';
import { openTablesForChange } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { goldTables } from './gold-tables.ts';
import { databaseOf } from './history-views.ts';
import { openLayerTools } from './layer-tools.ts';
import { withLake } from './open-lake.ts';

export interface RestoredTable {
  readonly table: string;
  readonly rows: number;
}

/**
 * Brings a week of an organization from gold to tables `restored_…` of ClickHouse, beside those that the engine writes
 * and that nobody else is shown. What ClickHouse has then is compared with the store by another reader. Bringing it
 * again changes nothing. Throws USAGE, HISTORY_INCOMPLETE where gold has no row of it, and COPY_DIFFERS, and
 * CATALOG_CONFLICT where an organization was erased meanwhile.
 */
export async function restoreWeek(
  config: Config,
  { org, week: text }: { readonly org: string; readonly week: string },
  log: Logger,
): Promise<RestoredTable[]> {
  if (!idPattern.test(org)) throw new EngineError('USAGE', `"${org}" is no name of an organization`);
  const week = parseWeek(text);
  return await withLake(config, async ({ catalog, io }) => {
    await using stack = new AsyncDisposableStack();
    const { endpoint, close } = await openTablesForChange(config, { clock: systemClock, log });
    stack.defer(close);
    const tools = stack.use(await openLayerTools(config));
    const database = databaseOf(config);
    const restored: RestoredTable[] = [];
    for (const table of goldTables) {
      const state = await catalog.table({ namespace: goldNamespace, table: table.name }).load();
      if (state === null) continue;
      const rows = await readWeekRows(table, { org, week }, { io, state });
      if (rows.size === 0) continue;
      const where = `org_id = ${quoted(org)} AND ${isOfWeek(table, week)}`;
      const inGold = `org_id = ${quoted(org)} AND ${isOfWeek(table, week, goldAlias)}`;
      const columns = new Set(currentSchema(state.metadata).fields.map(({ name }) => name));
      const path = join(tools.folder, `${table.name}.parquet`);
      await tools.engine.run(
        `INSERT INTO FUNCTION file(${quoted(path)}, Parquet) ${goldSelect(table, { sql: tools.sqlOf(state), columns }, inGold)}
         SETTINGS engine_file_truncate_on_insert = 1`,
      );
      const name = `${database}.${restoredName(table)}`;
      const key = table.key.map(identifier).join(', ');
      await askClickHouse(
        endpoint,
        `CREATE TABLE IF NOT EXISTS ${name} AS ${database}.${table.name}
         ENGINE = ReplacingMergeTree(version) PARTITION BY org_id ORDER BY (${key})`,
      );
      const names = table.columns.map((column) => identifier(column.name)).join(', ');
      await uploadToClickHouse(endpoint, `INSERT INTO ${name} (${names}) FORMAT Parquet`, path);
      const [found] = rowsOf(
        await askClickHouse(
          endpoint,
          `SELECT toString(count()) AS total, toString(groupBitXor(reinterpretAsUInt64(${digestSql(table.columns)}))) AS hash
           FROM ${name} FINAL WHERE ${where}`,
        ),
      );
      const hash = [...rows.values()].reduce((sum, { digest }) => sum ^ digest, 0n);
      if (found.total !== String(rows.size) || found.hash !== String(hash))
        throw new EngineError(
          'COPY_DIFFERS',
          `${name}: ClickHouse has ${found.total} rows with hash ${found.hash}, the store ${rows.size} with ${hash}`,
        );
      const present = await loadTable(catalog.table({ namespace: goldNamespace, table: table.name }));
      if (erasureMark(present.metadata) !== erasureMark(state.metadata)) {
        await askClickHouse(endpoint, `ALTER TABLE ${name} DELETE WHERE ${where} SETTINGS mutations_sync = 2`);
        throw new EngineError('CATALOG_CONFLICT', 'an organization was erased meanwhile; run it again');
      }
      restored.push({ table: restoredName(table), rows: rows.size });
    }
    if (restored.length === 0)
      throw new EngineError('HISTORY_INCOMPLETE', `gold has no row of ${org} in the week of ${week.monday}`);
    return restored;
  });
}

/** Drops all tables of weeks that were brought back; says which there were. */
export async function dropRestored(config: Config, log: Logger): Promise<string[]> {
  const { endpoint, close } = await openTablesForChange(config, { clock: systemClock, log });
  try {
    const database = databaseOf(config);
    const found = rowsOf(
      await askClickHouse(
        endpoint,
        `SELECT name FROM system.tables WHERE database = ${quoted(database)} AND name IN (${goldTables
          .map((table) => quoted(restoredName(table)))
          .join(', ')})`,
      ),
    );
    for (const { name } of found)
      await askClickHouse(endpoint, `DROP TABLE ${database}.${identifier(String(name))} SYNC`);
    return found.map(({ name }) => String(name));
  } finally {
    await close();
  }
}
