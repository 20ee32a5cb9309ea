import type { Column, Table } from '../../rows/tables.ts';

/** Written values per week and bucket lie together; see `createTable`. */
export interface DdlOptions {
  readonly database: string;
  /** Into how many parts the organizations are split by hash: 1 on one machine, 8 on servers. */
  readonly buckets: number;
  /** Cluster on which every statement runs; null = one server, or the embedded engine. */
  readonly cluster: string | null;
}

/** On a cluster rows lie in this table of each shard; the table's own name is the way to all shards. */
export function localName(table: { readonly name: string }, cluster: string | null): string {
  return cluster === null ? table.name : `${table.name}_local`;
}

/** Goes behind the name of whatever a statement makes. */
export function onCluster(cluster: string | null): string {
  return cluster === null ? '' : ` ON CLUSTER ${cluster}`;
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
export function createTable(table: Table, { database, buckets, cluster }: DdlOptions): string {
  const columns = table.columns.map((column) =>
    `  \`${column.name}\` ${storedType(column)} ${codecOf(column)}`.trimEnd(),
  );
  const week = `toMonday(${table.partitionBy})`;
  const partition = buckets === 1 ? week : `(cityHash64(org_id) % ${buckets}, ${week})`;
  return [
    `CREATE TABLE IF NOT EXISTS ${database}.${localName(table, cluster)}${onCluster(cluster)} (`,
    columns.join(',\n'),
    `) ENGINE = ${replacing(cluster)}`,
    `PARTITION BY ${partition}`,
    `ORDER BY (${table.key.join(', ')})`,
  ].join('\n');
}

/** Replicas of a shard share their parts through the path; the macros are each server's own. */
function replacing(cluster: string | null): string {
  if (cluster === null) return 'ReplacingMergeTree(version)';
  return "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)";
}

/**
 * The way to all shards. An organization lies in one shard whole, so that all versions of a row meet
 * there and FINAL, which works shard by shard, stays true.
 */
export function createDistributed(table: Table, database: string, cluster: string): string {
  const local = localName(table, cluster);
  return [
    `CREATE TABLE IF NOT EXISTS ${database}.${table.name}${onCluster(cluster)} AS ${database}.${local}`,
    `ENGINE = Distributed(${cluster}, ${database}, ${local}, cityHash64(org_id))`,
  ].join('\n');
}

/** Applied migrations, the same on every server of a cluster. */
export function createLedger(database: string, cluster: string | null): string {
  const columns = "(number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC'))";
  const engine =
    cluster === null
      ? 'ReplacingMergeTree'
      : "ReplicatedReplacingMergeTree('/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}')";
  return `CREATE TABLE IF NOT EXISTS ${database}.schema_migrations${onCluster(cluster)} ${columns} ENGINE = ${engine} ORDER BY number`;
}
