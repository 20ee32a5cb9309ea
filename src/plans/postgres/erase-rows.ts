import type { PostgresSettings } from './config.ts';
import { Database, type Queryable } from './database.ts';

/** Tables with rows of an organization, in the order in which they go, and the column that names it. */
const erasedTables: Readonly<Record<string, string>> = {
  sessions: 'org_id',
  operator_visits: 'org_id',
  permissions: 'org_id',
  api_key_uses: 'org_id',
  api_keys: 'org_id',
  invitations: 'org_id',
  configurations: 'org_id',
  replays: 'org_id',
  idempotent_calls: 'org_id',
  org_memberships: 'org_id',
  rules: 'org_id',
  pipelines: 'org_id',
  organizations: 'id',
};

/** Members of no other organization, who may not enter every one. */
const peopleOf = `SELECT user_id FROM paceline.org_memberships AS own WHERE org_id = $1
  AND NOT EXISTS (SELECT FROM paceline.org_memberships AS other WHERE other.user_id = own.user_id AND other.org_id <> $1)
  AND NOT EXISTS (SELECT FROM paceline.operators WHERE operators.user_id = own.user_id)`;

/** Rows by table; of `audit_logs` those whose words became hashes. */
type ErasedRows = Readonly<Record<string, number>>;

/**
 * Erases an organization from the database: its people whom nobody else knows, their sessions and keys, rules,
 * pipelines, documents, plans but the one that closes it; and redacts the audit log. One transaction.
 * Throws CONTROL_UNAVAILABLE, and CONTROL_REFUSED before the migration.
 */
export async function eraseRows(
  settings: PostgresSettings,
  org: string,
  { actor, isDryRun }: { readonly actor: string; readonly isDryRun: boolean },
): Promise<ErasedRows> {
  const database = new Database(settings, { connectionsMax: 1 });
  try {
    return await database.transaction(
      async (connection) => (isDryRun ? await countRows(connection, org) : await deleteRows(connection, org)),
      { actor },
    );
  } finally {
    await database.close();
  }
}

async function countRows(connection: Queryable, org: string): Promise<ErasedRows> {
  const counts: Record<string, number> = {};
  const count = async (name: string, what: string) => {
    const { rows } = await connection.query<{ count: string }>(`SELECT count(*) AS count FROM ${what}`, [org]);
    if (rows[0].count !== '0') counts[name] = Number(rows[0].count);
  };
  for (const [table, column] of Object.entries(erasedTables))
    await count(table, `paceline.${table} WHERE ${column} = $1`);
  await count('users', `(${peopleOf}) AS people`);
  await count(
    'audit_logs',
    "paceline.audit_logs WHERE org_id = $1 AND action IN ('insert', 'update', 'delete') AND row_key NOT LIKE 'sha256:%'",
  );
  return counts;
}

async function deleteRows(connection: Queryable, org: string): Promise<ErasedRows> {
  const counts: Record<string, number> = {};
  const note = (table: string, rows: number | null) => {
    if (rows !== null && rows > 0) counts[table] = rows;
  };
  // Rows of files go too: who may erase may say so.
  await connection.query("SELECT set_config('paceline.manager', 'files', true)");
  const people = (await connection.query<{ user_id: string }>(peopleOf, [org])).rows.map(({ user_id }) => user_id);
  for (const [table, column] of Object.entries(erasedTables))
    note(table, (await connection.query(`DELETE FROM paceline.${table} WHERE ${column} = $1`, [org])).rowCount);
  note('users', (await connection.query('DELETE FROM paceline.users WHERE id = ANY ($1)', [people])).rowCount);
  const { rows } = await connection.query<{ redacted: number }>(
    'SELECT paceline.redact_organization($1, $2) AS redacted',
    [org, people],
  );
  note('audit_logs', rows[0].redacted);
  return counts;
}
