import { type DdlOptions, localName, onCluster } from './ddl.ts';

/** Names of what we make; people grant them to their own users. */
const roles = { writer: 'paceline_writer', reader: 'paceline_reader', tenant: 'paceline_tenant' } as const;

/**
 * Who may do what, on a server: the writer inserts, the reader sees all, and a tenant sees the rows of
 * the one organization that the setting `SQL_org_id` of its *user* names, whom a person makes as
 * docs/sql.md tells. The tenant cannot change it, nor leave read-only mode: both are constant in the profile,
 * where the organization is empty, and no row has an empty organization. What the user is made with comes
 * over that. Statements may run again.
 * Source: ClickHouse documentation, "CREATE ROW POLICY" and "Constraints on Settings".
 */
export function accessOf(
  tables: readonly { readonly name: string }[],
  views: readonly { readonly name: string }[],
  { database, cluster }: Pick<DdlOptions, 'database' | 'cluster'>,
): string[] {
  const on = onCluster(cluster);
  const names = [...tables, ...views].map(({ name }) => name);
  // A policy guards the table that holds the rows: the way to all shards has none of its own.
  const stored = tables.map((table) => localName(table, cluster));
  const readable = [...new Set([...names, ...stored])];
  return [
    ...Object.values(roles).map((role) => `CREATE ROLE IF NOT EXISTS ${role}${on}`),
    `GRANT${on} SELECT, INSERT ON ${database}.* TO ${roles.writer}`,
    `GRANT${on} SELECT ON ${database}.* TO ${roles.reader}`,
    ...readable.map((name) => `GRANT${on} SELECT ON ${database}.${name} TO ${roles.tenant}`),
    ...stored.flatMap((name) => [
      `CREATE ROW POLICY OR REPLACE paceline_own${on} ON ${database}.${name} USING org_id = getSetting('SQL_org_id') TO ${roles.tenant}`,
      `CREATE ROW POLICY OR REPLACE paceline_all${on} ON ${database}.${name} USING 1 TO ALL EXCEPT ${roles.tenant}`,
    ]),
    `CREATE SETTINGS PROFILE OR REPLACE paceline_tenant${on} SETTINGS readonly = 1 CONST, SQL_org_id = '' CONST TO ${roles.tenant}`,
  ];
}
