import type { Column } from '../../rows/tables.ts';

export interface DdlOptions {
  readonly database: string;
  /** Into how many parts the organizations are split by hash: 1 on one machine, 8 on servers. */
  readonly buckets: number;
  /** Cluster on which every statement runs; null = one server, or the embedded engine. */
  readonly cluster: string | null;
}

/** On a cluster rows lie in this table of each shard; the table's own name is the way to all shards. */
export function localName(table: { readonly name: string }, cluster: string | null): string {
  return `${table.name}${localSuffix(cluster)}`;
}

export function localSuffix(cluster: string | null): string {
  return cluster === null ? '' : '_local';
}

/** Goes behind the name of whatever a statement makes. */
export function onCluster(cluster: string | null): string {
  return cluster === null ? '' : ` ON CLUSTER ${cluster}`;
}

/** The type as ClickHouse stores and spells it: instants carry their zone. */
export function storedType(column: Column): string {
  return column.type.replace('DateTime64(3)', "DateTime64(3, 'UTC')").replace('(18,6)', '(18, 6)');
}

/** Replicas of a shard share their parts through the path; the macros are each server's own. */
export function replacing(cluster: string | null, by = 'version'): string {
  if (cluster === null) return `ReplacingMergeTree(${by})`;
  return `ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ${by})`;
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
