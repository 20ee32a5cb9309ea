import type pg from 'pg';
import type { Problem } from '../../control/config/problem.ts';
import { EngineError } from '../../model/errors.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { type AppliedPlan, applyPlan, isClosing } from '../apply-plans.ts';
import { beginKeyRing, type ChangedRing, changeKeyRing } from '../key-ring.ts';
import type { Database, Queryable } from './database.ts';
import { draftsOfRows, type RefusedOrganization, type RowDraft } from './drafts-of-rows.ts';
import { missingMigrations, readLedger, readMigrations } from './migrate.ts';
import { PlanLedger, type PlanTarget } from './plan-ledger.ts';
import { underPlanLock } from './plan-lock.ts';
import { type PlanRows, readRevision, selectPlanRows } from './plan-rows.ts';
import { ReadTexts } from './read-texts.ts';

export type EditsOutcome =
  /** Another instance is at it. */
  | { readonly kind: 'busy' }
  /** The log has the plans of this revision. */
  | { readonly kind: 'unchanged'; readonly revision: bigint }
  | {
      readonly kind: 'applied';
      readonly revision: bigint;
      /** One an organization and lane; offset null = it said what was in force. */
      readonly plans: readonly AppliedPlan[];
      readonly refused: readonly RefusedOrganization[];
    };

/**
 * Brings the plans of a log up to the edits in the database: exactly one numbered plan for each
 * organization that changed, however many instances try. One works at a time (`underPlanLock`), and
 * everything it writes goes through one connection. `isForced` looks at every row even when the
 * revision is known: a start tells anew which rows are broken, and says again what the log forgot.
 * Throws CONTROL_UNAVAILABLE, CONTROL_REFUSED, and what the log throws.
 */
export async function applyEdits(
  database: Database,
  target: PlanTarget,
  options: { isForced: boolean; texts?: ReadTexts },
): Promise<EditsOutcome> {
  const revision = await database.withConnection(async (connection) => {
    await assertMigrated(connection);
    const now = await readRevision(connection);
    return !options.isForced && (await readPosition(connection, target)) === now ? now : null;
  });
  if (revision !== null) return { kind: 'unchanged', revision };
  const { isForced, texts = new ReadTexts() } = options;
  const outcome = await underPlanLock(database, target.stream, (connection) =>
    applyRows(connection, target, isForced, texts),
  );
  return outcome ?? { kind: 'busy' };
}

/** Changes who may sign, by way of the ledger; null when another instance writes plans at this moment. */
export async function changeKeysByLedger(
  database: Database,
  target: PlanTarget,
  change: (keys: readonly string[]) => readonly string[],
): Promise<ChangedRing[] | null> {
  return await underPlanLock(database, target.stream, async (connection) => {
    await assertMigrated(connection);
    return await changeKeyRing(await PlanLedger.open(connection, target, { isMending: true }), change);
  });
}

/** Appends one plan by way of the ledger; null when another instance writes plans at this moment. */
export async function applyByLedger(
  database: Database,
  target: PlanTarget,
  draft: PlanDraft,
  options: { readonly reopens: boolean },
): Promise<AppliedPlan[] | null> {
  return await underPlanLock(database, target.stream, async (connection) => {
    await assertMigrated(connection);
    const ledger = await PlanLedger.open(connection, target, { isMending: true });
    await beginKeyRing(ledger);
    return await applyPlan(draft, ledger, options);
  });
}

/** Throws CONTROL_REFUSED unless the tables are those that this version works with. */
export async function assertMigrated(connection: Queryable): Promise<void> {
  const missing = missingMigrations(readMigrations(), await readLedger(connection));
  if (missing.length === 0) return;
  const names = missing.map(({ number, name }) => `${number} ${name}`).join(', ');
  throw new EngineError('CONTROL_REFUSED', `the database lacks migrations ${names}; run "paceline migrate"`);
}

async function applyRows(
  connection: pg.PoolClient,
  target: PlanTarget,
  isMending: boolean,
  texts: ReadTexts,
): Promise<EditsOutcome> {
  await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const rows = await selectPlanRows(connection);
  await connection.query('COMMIT');
  const { drafts, refused: broken } = draftsOfRows(rows, texts);
  texts.forgetUnused();
  const refused = [...broken];
  const ledger = await PlanLedger.open(connection, target, { isMending });
  const plans: AppliedPlan[] = [];
  await beginKeyRing(ledger);
  const ours = drafts.filter(({ topic }) => topic === null || topic === target.topic).map(({ draft }) => draft);
  for (const draft of [...ours, ...draftsOfTheGone(rows, drafts, ledger)]) {
    try {
      plans.push(...(await applyPlan(draft, ledger)));
    } catch (error) {
      // No number is left for it: its plan in force stays, and everyone else goes on.
      if (!(error instanceof EngineError) || error.code !== 'RULE_INVALID') throw error;
      refused.push({ orgId: draft.org_id, problems: [noPlace(draft.org_id, error.message)] });
    }
  }
  await connection.query(
    `INSERT INTO paceline.plan_positions (stream, revision) VALUES ($1, $2)
     ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision, applied_at = clock_timestamp()`,
    [target.stream, rows.revision],
  );
  return { kind: 'applied', revision: rows.revision, plans, refused };
}

function noPlace(orgId: string, message: string): Problem {
  return { file: `postgres plans(${orgId})`, line: 1, column: 1, message };
}

/** Whoever is no longer listed follows the defaults again, which its lane learns from a plan of its own. */
function draftsOfTheGone(rows: PlanRows, drafts: readonly RowDraft[], ledger: PlanLedger): PlanDraft[] {
  const byDefault = drafts.find(({ draft }) => draft.org_id === defaultPlanOrg)?.draft;
  if (byDefault === undefined) return [];
  const listed = new Set([defaultPlanOrg, ...rows.organizations.map(({ id }) => id)]);
  return [...ledger.organizations()]
    .filter((orgId) => !listed.has(orgId) && !isClosing(orgId, ledger.held(orgId)))
    .map((orgId) => ({ ...byDefault, org_id: orgId }));
}

async function readPosition(connection: Queryable, { stream }: PlanTarget): Promise<bigint | null> {
  const { rows } = await connection.query<{ revision: string }>(
    'SELECT revision FROM paceline.plan_positions WHERE stream = $1',
    [stream],
  );
  return rows.length === 0 ? null : BigInt(rows[0].revision);
}
