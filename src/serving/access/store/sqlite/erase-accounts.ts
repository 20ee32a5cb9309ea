import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../../../../model/errors.ts';

/** Tables with rows of an organization, in the order in which they go. */
const erasedTables = [
  'sessions',
  'operator_visits',
  'permissions',
  'api_key_uses',
  'api_keys',
  'invitations',
  'configurations',
  'replays',
  'idempotent_calls',
  'org_memberships',
] as const;

const peopleOf = `SELECT user_id FROM org_memberships AS own WHERE org_id = $1
  AND NOT EXISTS (SELECT 1 FROM org_memberships AS other WHERE other.user_id = own.user_id AND other.org_id <> $1)
  AND NOT EXISTS (SELECT 1 FROM operators WHERE operators.user_id = own.user_id)`;

const keptTrigger = 'audit_stays';

/**
 * Erases an organization from the accounts in a file, with its people whom nobody else knows, and redacts the audit
 * log: in place of words stand their hashes. The file is written anew, so that nothing is left in free pages. Returns
 * rows by table; of `audit_logs` those that were redacted. Throws ACCESS_UNAVAILABLE.
 */
export function eraseAccounts(
  path: string,
  org: string,
  { nowMs, isDryRun }: { readonly nowMs: number; readonly isDryRun: boolean },
): Record<string, number> {
  if (!existsSync(path)) return {};
  const counts: Record<string, number> = {};
  const note = (table: string, rows: number) => {
    if (rows > 0) counts[table] = rows;
  };
  const db = new DatabaseSync(path);
  try {
    db.exec('PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; BEGIN IMMEDIATE');
    const people = db
      .prepare(peopleOf)
      .all({ $1: org })
      .map(({ user_id }) => String(user_id));
    for (const table of erasedTables)
      note(table, Number(db.prepare(`DELETE FROM ${table} WHERE org_id = ?`).run(org).changes));
    note('organizations', Number(db.prepare('DELETE FROM organizations WHERE id = ?').run(org).changes));
    for (const id of people)
      note('users', (counts.users ?? 0) + Number(db.prepare('DELETE FROM users WHERE id = ?').run(id).changes));
    note('audit_logs', redact(db, org, people));
    if (isDryRun) db.exec('ROLLBACK');
    else {
      const receipt = JSON.stringify(counts);
      if (receipt !== '{}')
        db.prepare(
          "INSERT INTO audit_logs (org_id, at, actor, action, table_name, row_key, after) VALUES (?, ?, 'paceline erase', 'erased', 'accounts', ?, ?)",
        ).run(org, nowMs, String(nowMs), receipt);
      db.exec('COMMIT');
      db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
    }
    return counts;
  } catch (cause) {
    const { message } = cause as Error;
    throw new EngineError('ACCESS_UNAVAILABLE', `accounts in ${path}: ${message}`, { cause });
  } finally {
    db.close();
  }
}

/** The trigger that keeps the log as it is goes for the length of this transaction. */
function redact(db: DatabaseSync, org: string, people: readonly string[]): number {
  const trigger = db.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').get(keptTrigger)?.sql;
  db.exec(`DROP TRIGGER ${keptTrigger}`);
  db.function('sha256', (text) => createHash('sha256').update(String(text)).digest('hex'));
  const row = (name: string) =>
    `CASE WHEN ${name} IS NOT NULL THEN json_object('erased', json('true'), 'sha256', sha256(${name})) END`;
  const { changes } = db
    .prepare(
      `UPDATE audit_logs SET
         actor = CASE WHEN actor LIKE 'paceline %' THEN actor ELSE 'sha256:' || sha256(actor) END,
         row_key = 'sha256:' || sha256(row_key), before = ${row('before')}, after = ${row('after')}
       WHERE action IN ('insert', 'update', 'delete') AND row_key NOT LIKE 'sha256:%' AND (
         org_id = $1 OR org_id = '_system' AND table_name IN ('users', 'credentials', 'identities')
         AND coalesce(after ->> 'user_id', before ->> 'user_id', row_key) IN (SELECT value FROM json_each($2)))`,
    )
    .run({ $1: org, $2: JSON.stringify(people) });
  db.exec(String(trigger));
  return Number(changes);
}
