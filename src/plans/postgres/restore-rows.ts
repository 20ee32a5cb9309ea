import { EngineError } from '../../model/errors.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { type PlanChange, planChanges } from '../plan-changes.ts';
import type { Database, Queryable } from './database.ts';
import { draftsOfRows } from './drafts-of-rows.ts';
import { selectPlanRows } from './plan-rows.ts';

/** What a restoration did to the rows of an organization. */
interface RestoredRows {
  /** Keys of rows that were written, and of those that went. */
  readonly written: readonly string[];
  readonly removed: readonly string[];
  /** In what the rows still make another plan: everyone's rules changed since, and they are not the organization's. */
  readonly left: readonly PlanChange[];
}

interface RowBefore {
  readonly table_name: 'rules' | 'pipelines';
  readonly row_key: string;
  /** The row as it was then; null = there was none. */
  readonly row: Readonly<Record<string, unknown>> | null;
  readonly managed_by: string | null;
}

/**
 * Brings the rows of an organization back to what they were when a plan was made of them, text and comments included, as
 * the audit log has it. The engine makes a new numbered plan of them, as of any edit. One transaction; with `isDryRun`
 * it is taken back. Throws EDIT_REFUSED where the ledger does not know the plan, or files own a row.
 */
export async function restoreRows(
  database: Database,
  target: { readonly orgId: string; readonly number: number; readonly topic: string; readonly draft: PlanDraft },
  { actor, isDryRun }: { readonly actor: string; readonly isDryRun: boolean },
): Promise<RestoredRows> {
  const restored: { rows: RestoredRows | null } = { rows: null };
  try {
    await database.transaction(
      async (connection) => {
        restored.rows = await restore(connection, target);
        if (isDryRun) throw new TakenBack();
      },
      { actor },
    );
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
  return restored.rows!;
}

/** Ends a transaction that was only tried. */
class TakenBack extends Error {}

async function restore(
  connection: Queryable,
  { orgId, number, topic, draft }: Parameters<typeof restoreRows>[1],
): Promise<RestoredRows> {
  // Not while somebody writes what files say.
  await connection.query("SELECT FROM paceline.writers WHERE work = 'files' FOR UPDATE");
  const { rows: found } = await connection.query<{ at: string }>(
    `SELECT appended_at::text AS at FROM paceline.plans
     WHERE org_id = $1 AND number = $2 AND topic = $3 AND appended_at IS NOT NULL ORDER BY appended_at DESC LIMIT 1`,
    [orgId, number, topic],
  );
  if (found.length === 0)
    throw new EngineError('EDIT_REFUSED', `the ledger of plans does not say when plan ${number} of ${orgId} was made`);
  const changed = await rowsThen(connection, orgId, found[0].at);
  const owned = changed.filter(({ managed_by }) => managed_by === 'files');
  if (owned.length > 0)
    throw new EngineError(
      'EDIT_REFUSED',
      `${owned.map(({ row_key }) => row_key).join(', ')} are kept in files: change them there, then "paceline apply"`,
    );
  for (const each of changed) await putBack(connection, orgId, each);
  const { drafts, refused } = draftsOfRows(await selectPlanRows(connection));
  const problem = refused.find((each) => each.orgId === orgId)?.problems[0];
  if (problem !== undefined)
    throw new EngineError('EDIT_REFUSED', `the rows of then make no plan now: ${problem.message}`);
  const now = drafts.find((each) => each.draft.org_id === orgId)?.draft ?? null;
  return {
    written: changed.filter(({ row }) => row !== null).map(({ row_key }) => row_key),
    removed: changed.filter(({ row }) => row === null).map(({ row_key }) => row_key),
    left: now === null ? [] : planChanges(draft, now),
  };
}

/** The rows that changed since, each as it was before the first change; those that changed back are left out. */
async function rowsThen(connection: Queryable, orgId: string, at: string): Promise<readonly RowBefore[]> {
  const { rows } = await connection.query<RowBefore>(
    `SELECT DISTINCT ON (audited.table_name, audited.row_key) audited.table_name, audited.row_key, audited.before AS row,
       coalesce(rules.managed_by, pipelines.managed_by) AS managed_by
     FROM paceline.audit_logs AS audited
     LEFT JOIN paceline.rules ON audited.table_name = 'rules' AND rules.org_id || '/' || rules.id = audited.row_key
     LEFT JOIN paceline.pipelines ON audited.table_name = 'pipelines' AND pipelines.org_id || '/' || pipelines.id = audited.row_key
     WHERE audited.org_id = $1 AND audited.at > $2::timestamptz AND audited.table_name IN ('rules', 'pipelines')
     ORDER BY audited.table_name, audited.row_key, audited.at, audited.id`,
    [orgId, at],
  );
  return rows;
}

async function putBack(connection: Queryable, orgId: string, { table_name, row_key, row }: RowBefore): Promise<void> {
  const id = row_key.slice(orgId.length + 1);
  if (row === null) {
    await connection.query(`DELETE FROM paceline.${table_name} WHERE org_id = $1 AND id = $2`, [orgId, id]);
    return;
  }
  if (table_name === 'rules')
    await connection.query(
      `INSERT INTO paceline.rules (org_id, id, rule_set, definition) VALUES ($1, $2, $3, $4)
       ON CONFLICT (org_id, id) DO UPDATE SET rule_set = excluded.rule_set, definition = excluded.definition`,
      [orgId, id, row.rule_set, row.definition],
    );
  else
    await connection.query(
      `INSERT INTO paceline.pipelines (org_id, id, source_topic, rule_set, settings, is_enabled) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (org_id, id) DO UPDATE SET source_topic = excluded.source_topic, rule_set = excluded.rule_set,
         settings = excluded.settings, is_enabled = excluded.is_enabled`,
      [orgId, id, row.source_topic, row.rule_set, row.settings, row.is_enabled],
    );
}
