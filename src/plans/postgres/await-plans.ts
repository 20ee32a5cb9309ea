import { planKeysOrg } from '../../model/ids.ts';
import type { Clock } from '../../model/time.ts';
import { type AppliedPlan, appliedPlanSchema } from '../apply-plans.ts';
import type { Database } from './database.ts';
import { readRevision } from './plan-rows.ts';

/** How often the ledger is asked how far an engine has come. */
const lookMs = 200;

/** An instant by the database's own clock, which the ledger's instants are of. */
export async function instantOf(database: Database): Promise<string> {
  const [{ now }] = await database.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  return now;
}

/**
 * What an engine made of the rows as they stand now: the newest plan of each organization and lane, with its
 * offset where it was appended since. Null when no engine has come so far after `waitMs`.
 */
export async function awaitPlans(
  database: Database,
  wanted: { readonly stream: string; readonly since: string; readonly waitMs: number },
  clock: Clock,
): Promise<AppliedPlan[] | null> {
  const revision = await database.withConnection(readRevision);
  const endMs = clock.steadyMs() + wanted.waitMs;
  for (;;) {
    const reached = await database.query('SELECT 1 FROM paceline.plan_positions WHERE stream = $1 AND revision >= $2', [
      wanted.stream,
      revision,
    ]);
    if (reached.length > 0) return await newestPlans(database, wanted);
    if (clock.steadyMs() >= endMs) return null;
    await clock.sleep(lookMs);
  }
}

async function newestPlans(
  database: Database,
  { stream, since }: { readonly stream: string; readonly since: string },
): Promise<AppliedPlan[]> {
  const rows = await database.query(
    `SELECT DISTINCT ON (org_id, partition) org_id AS "orgId", partition, number::float8 AS number,
       CASE WHEN appended_at >= $2::timestamptz THEN log_offset::float8 END AS offset
     FROM paceline.plans WHERE stream = $1 AND org_id <> $3 AND state <> 'pending'
     ORDER BY org_id, partition, number DESC`,
    [stream, since, planKeysOrg],
  );
  return rows.map((row) => appliedPlanSchema.parse(row));
}
