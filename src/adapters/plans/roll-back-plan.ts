import { EngineError } from '../../model/errors.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import type { AppliedPlan } from '../../plans/apply-plans.ts';
import { type PlanChange, planChanges } from '../../plans/plan-changes.ts';
import { readPlanFiles } from '../../plans/plan-files.ts';
import { instantOf } from '../../plans/postgres/await-plans.ts';
import { Database } from '../../plans/postgres/database.ts';
import { restoreRows } from '../../plans/postgres/restore-rows.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import type { VisitContext } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { appendDrafts, followRows } from './apply-files.ts';
import { readPlanHistory } from './plan-history.ts';

export interface RolledBack {
  readonly orgId: string;
  /** The plan whose content holds again. */
  readonly number: number;
  /** What becomes another thereby. */
  readonly changes: readonly PlanChange[];
  /** Where the files differ from it, so that the next apply would undo it; null = rules are in PostgreSQL. */
  readonly filesDiffer: readonly PlanChange[] | null;
  /** What rows cannot bring back: rules of everyone that changed since. */
  readonly left: readonly PlanChange[];
  /** Rows that were written or removed; null = rules are in files. */
  readonly rows: readonly string[] | null;
  /** Empty while it is only tried, and where the running engine makes the plan. */
  readonly plans: readonly AppliedPlan[];
  readonly isLeftToEngine: boolean;
}

interface RollBackOptions extends VisitContext {
  /** Who the audit log names. */
  readonly actor: string;
  readonly isDryRun: boolean;
}

/**
 * Puts the content of an earlier plan in force again, as a new plan with a number of its own: into the log itself where
 * rules are in files, by way of the rows where they are in PostgreSQL. Throws USAGE for a plan that there never was, or
 * that is in force.
 */
export async function rollBackPlan(
  config: Config,
  orgId: string,
  number: number,
  options: RollBackOptions,
): Promise<RolledBack> {
  const history = await readPlanHistory(config, orgId, options);
  if (history.orgId !== orgId)
    throw new EngineError(
      'USAGE',
      `${orgId} has no plan of its own; it follows everyone's: roll back ${defaultPlanOrg}`,
    );
  const wanted = history.plans.find((each) => each.number === number);
  const newest = history.plans.at(-1)!;
  if (wanted === undefined) {
    const known = history.plans.map((each) => each.number);
    throw new EngineError('USAGE', `${orgId} has no plan ${number} in the log; it has ${rangesOf(known)}`);
  }
  const changes = planChanges(newest.draft, wanted.draft);
  if (changes.length === 0)
    throw new EngineError(
      'USAGE',
      `plan ${newest.number} of ${orgId}, which is in force, says what plan ${number} says`,
    );
  const about = { orgId, number, changes };
  return config.postgres.url === null
    ? { ...about, ...(await rollBackInLog(config, wanted.draft, options)) }
    : { ...about, ...(await rollBackRows(config, { orgId, number, draft: wanted.draft }, options)) };
}

type Outcome = Omit<RolledBack, 'orgId' | 'number' | 'changes'>;

async function rollBackInLog(config: Config, draft: PlanDraft, options: RollBackOptions): Promise<Outcome> {
  const { drafts } = readPlanFiles(config.plans);
  const own = drafts.find(({ org_id }) => org_id === draft.org_id);
  const { plans } = options.isDryRun ? { plans: [] } : await appendDrafts(config, [draft], options);
  // Of an organization that files do not list, apply makes no plan.
  const filesDiffer = own === undefined ? [] : planChanges(own, draft);
  return { plans, filesDiffer, left: [], rows: null, isLeftToEngine: false };
}

async function rollBackRows(
  config: Config,
  { orgId, number, draft }: { orgId: string; number: number; draft: PlanDraft },
  options: RollBackOptions,
): Promise<Outcome> {
  const database = new Database(config.postgres);
  try {
    const since = await instantOf(database);
    const target = { orgId, number, topic: config.log.topic, draft };
    const { written, removed, left } = await restoreRows(database, target, options);
    const rows = [...written, ...removed];
    const nothing = { plans: [], isLeftToEngine: false };
    const followed =
      options.isDryRun || rows.length === 0 ? nothing : await followRows(config, database, since, options);
    return { filesDiffer: null, left, rows, ...followed };
  } finally {
    await database.close();
  }
}

/** "1 to 4, 7". */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const each of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && each === last[1] + 1) last[1] = each;
    else ranges.push([each, each]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
}
