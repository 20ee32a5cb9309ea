import { EngineError } from '../../model/errors.ts';
import type { Table } from '../../rows/tables.ts';
import { type DdlOptions, localName, storedType } from './ddl.ts';
import { type Ask, planMigration } from './migrate.ts';

/** Views with parameters, replaced views, and FINAL that skips merged parts: all from the LTS of spring 2024 on. */
const oldestVersion = [24, 3] as const;

/** Throws SINK_REJECTED unless the server and its tables are such that our rows go in as they are. */
export async function checkTables(ask: Ask, tables: readonly Table[], options: DdlOptions): Promise<void> {
  const { database, cluster } = options;
  const [{ zone, version }] = await ask<{ zone: string; version: string }>(
    'SELECT timezone() AS zone, version() AS version',
  );
  requireVersion(version);
  if (!/^(Etc\/)?(UTC|GMT|Universal|Zulu)$/.test(zone)) {
    throw new EngineError('SINK_REJECTED', `ClickHouse ${version} has time zone ${zone}; it must be UTC`);
  }
  const missing = await planMigration(ask, options);
  const columns = await ask<{ table: string; name: string; type: string }>(
    `SELECT table, name, type FROM system.columns WHERE database = '${database}'`,
  );
  for (const table of tables) {
    for (const name of new Set([table.name, localName(table, cluster)])) {
      const found = new Map(columns.filter((row) => row.table === name).map((row) => [row.name, row.type]));
      // A table or a column that a missing migration makes is no wonder.
      if (found.size === 0 && missing.length > 0) continue;
      const difference = differenceOf(table, found, missing.length > 0);
      if (difference !== null) throw new EngineError('SINK_REJECTED', `table ${database}.${name} ${difference}`);
    }
  }
  if (missing.length > 0)
    throw new EngineError(
      'SINK_REJECTED',
      `the tables of ${database} lack migration ${missing[0].number} (${missing[0].name}); "paceline migrate" applies it`,
    );
}

function requireVersion(version: string): void {
  const [year, month] = version.split('.').map(Number);
  const [oldestYear, oldestMonth] = oldestVersion;
  if (year > oldestYear || (year === oldestYear && month >= oldestMonth)) return;
  throw new EngineError(
    'SINK_REJECTED',
    `ClickHouse ${version} is too old; ${oldestVersion.join('.')} or newer is needed`,
  );
}

/**
 * Where the stored columns are not those of our rows; null when they are. Inserts name their columns, so
 * their order is free, and a column that somebody added is theirs.
 */
function differenceOf(table: Table, found: ReadonlyMap<string, string>, mayLack: boolean): string | null {
  if (found.size === 0) return 'does not exist; "paceline migrate" makes it';
  for (const column of table.columns) {
    const type = found.get(column.name);
    if (type === undefined && mayLack) continue;
    if (type === undefined) return `lacks the column ${column.name}; "paceline migrate" adds it`;
    if (type !== storedType(column)) return `has "${column.name} ${type}" where rows have "${storedType(column)}"`;
  }
  return null;
}
