import type { Column, Table } from '../../model/tables.ts';

/** Written values per week and bucket lie together; see `createTable`. */
export interface DdlOptions {
  readonly database: string;
  /** Into how many parts the organizations are split by hash: 1 on one machine, 8 on servers. */
  readonly buckets: number;
}

/** The type as ClickHouse stores and spells it: instants carry their zone. */
export function storedType(column: Column): string {
  return column.type.replace('DateTime64(3)', "DateTime64(3, 'UTC')").replace('(18,6)', '(18, 6)');
}

/**
 * Numbers that barely differ from row to row pack well as differences or transposed bits; rows are
 * sorted by organization and campaign, so text repeats and general compression does.
 */
function codecOf({ type, name }: Column): string {
  if (name === 'version' || type.includes('DateTime64')) return 'CODEC(Delta, ZSTD(1))';
  if (/Int(32|64)/.test(type)) return 'CODEC(T64, ZSTD(1))';
  return type.startsWith('LowCardinality') ? '' : 'CODEC(ZSTD(1))';
}

/**
 * One row per key, the highest version wins. Partitions are weeks, within buckets of organizations
 * where there are several: by organization alone, a thousand tenants would make a thousand parts per
 * insert. The partition is a function of the key, else two versions of a row would never meet.
 */
export function createTable(table: Table, { database, buckets }: DdlOptions): string {
  const columns = table.columns.map((column) =>
    `  \`${column.name}\` ${storedType(column)} ${codecOf(column)}`.trimEnd(),
  );
  const week = `toMonday(${table.partitionBy})`;
  const partition = buckets === 1 ? week : `(cityHash64(org_id) % ${buckets}, ${week})`;
  return [
    `CREATE TABLE IF NOT EXISTS ${database}.${table.name} (`,
    columns.join(',\n'),
    `) ENGINE = ReplacingMergeTree(version)`,
    `PARTITION BY ${partition}`,
    `ORDER BY (${table.key.join(', ')})`,
  ].join('\n');
}
