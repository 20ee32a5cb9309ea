import { goldName, historyName, type Table } from '../../rows/tables.ts';
import { type DdlOptions, localName, onCluster } from './ddl.ts';

/** Names of what we make; people grant them to their own users. */
const roles = { writer: 'paceline_writer', reader: 'paceline_reader', tenant: 'paceline_tenant' } as const;

/**
 * Who may do what, on a server: the writer inserts, the reader sees all, and a tenant sees the rows of
 * the one organization that the setting `SQL_org_id` of its *user* names, whom a person makes as
 * docs/sql.md tells. The tenant cannot change it, nor leave read-only mode: both are constant in the profile,
 * where the organization is empty, and no row has an empty organization. What the user is made with comes
 * over that. Statements may run again.
 *
 * Rows of all times are asked of views that read with the rights of whoever asks (`SQL SECURITY INVOKER`), so what
 * they read is granted too and guarded each: the table, the table of gold, and months on their way out, whose names
 * are the runs' own (`guardOf`). Policies and grants are of names, which need not be there yet.
 * Source: ClickHouse documentation, "CREATE ROW POLICY" and "Constraints on Settings".
 */
export function accessOf(
  tables: readonly { readonly name: string }[],
  views: readonly { readonly name: string }[],
  withHistory: readonly Pick<Table, 'name'>[],
  { database, cluster }: Pick<DdlOptions, 'database' | 'cluster'>,
): string[] {
  const on = onCluster(cluster);
  const names = [...tables, ...views].map(({ name }) => name);
  // A policy guards the table that holds the rows: the way to all shards has none of its own.
  const gold = withHistory.map(goldName);
  const stored = [...tables.map((table) => localName(table, cluster)), ...gold];
  const leaving = cluster === null ? withHistory.map(({ name }) => `${name}_leaving_*`) : [];
  const readable = [...new Set([...names, ...stored, ...withHistory.map(historyName), ...leaving])];
  return [
    ...Object.values(roles).map((role) => `CREATE ROLE IF NOT EXISTS ${role}${on}`),
    `GRANT${on} SELECT, INSERT ON ${database}.* TO ${roles.writer}`,
    `GRANT${on} SELECT ON ${database}.* TO ${roles.reader}`,
    ...readable.map((name) => `GRANT${on} SELECT ON ${database}.${name} TO ${roles.tenant}`),
    ...stored.flatMap((name) => guardOf(name, { database, cluster })),
    `CREATE SETTINGS PROFILE OR REPLACE paceline_tenant${on} SETTINGS readonly = 1 CONST, SQL_org_id = '' CONST TO ${roles.tenant}`,
  ];
}

/** Lets a tenant see its own rows of a table alone, and everybody else all; before anything is in it. */
export function guardOf(name: string, { database, cluster }: Pick<DdlOptions, 'database' | 'cluster'>): string[] {
  const on = onCluster(cluster);
  return [
    `CREATE ROW POLICY OR REPLACE paceline_own${on} ON ${database}.${name} USING org_id = getSetting('SQL_org_id') TO ${roles.tenant}`,
    `CREATE ROW POLICY OR REPLACE paceline_all${on} ON ${database}.${name} USING 1 TO ALL EXCEPT ${roles.tenant}`,
  ];
}

/** The same, taken back: the name is not used again. */
export function unguardOf(name: string, database: string): string[] {
  return ['paceline_own', 'paceline_all'].map((policy) => `DROP ROW POLICY IF EXISTS ${policy} ON ${database}.${name}`);
}
