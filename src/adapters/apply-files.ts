import type { Logger } from '../control/logs/logger.ts';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import { type AppliedPlan, appliedPlanSchema, applyPlans } from '../plans/apply-plans.ts';
import { type PlanFiles, readPlanFiles } from '../plans/plan-files.ts';
import { applyEdits } from '../plans/postgres/apply-edits.ts';
import type { Conflict } from '../plans/postgres/compare-items.ts';
import { Database } from '../plans/postgres/database.ts';
import { itemsOfFiles } from '../plans/postgres/plan-items.ts';
import { writeFileItems } from '../plans/postgres/write-items.ts';
import type { PlanDraft } from '../rules/plan.ts';
import { logPlaceOf } from './log-place.ts';
import type { Config } from './settings.ts';
import { streamName, visitLog } from './visit-log.ts';
import { findRunningEngine, type VisitContext } from './visits.ts';

/** What became of the files. */
export interface AppliedFiles {
  /** One an organization and lane; empty when the running engine does it by itself. */
  readonly plans: readonly AppliedPlan[];
  /** Rows of the database that now say what the files say; null without a database. */
  readonly rows: { readonly written: number; readonly removed: number } | null;
  /** Where people's rows say something else: the files of these organizations wait. */
  readonly conflicts: readonly Conflict[];
  /** Organizations whose rows somebody holds in an open transaction: their files wait, too. */
  readonly held: readonly string[];
  /** Process that appended them: the engine that runs on the directory; null = this command did. */
  readonly enginePid: number | null;
  /** True when the engine that runs on the directory follows the rows. */
  readonly isLeftToEngine: boolean;
}

export interface ApplyContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Who the audit log names. */
  readonly actor: string;
}

/**
 * Checks the files and appends the plans that changed: by way of the rows of PostgreSQL where there are
 * some, through the engine that runs on the data directory, else into the log itself.
 */
export async function applyFiles(config: Config, context: ApplyContext): Promise<AppliedFiles> {
  const files = readPlanFiles(config.plans);
  if (config.postgres.url !== null) return await applyByRows(config, files, context);
  const appended = await appendDrafts(config, files.drafts, context);
  return { ...appended, rows: null, conflicts: [], held: [], isLeftToEngine: false };
}

async function applyByRows(config: Config, files: PlanFiles, context: ApplyContext): Promise<AppliedFiles> {
  const database = new Database(config.postgres);
  try {
    const items = itemsOfFiles(files, config.plans.organizations);
    const { written, removed, conflicts, held } = await writeFileItems(database, items, context.actor);
    const rows = { written: written.length, removed: removed.length };
    return { rows, conflicts, held, enginePid: null, ...(await followRows(config, database, context)) };
  } finally {
    await database.close();
  }
}

/** Makes plans of rows that were just written, unless the engine that runs on the directory does. */
export async function followRows(
  config: Config,
  database: Database,
  context: VisitContext,
): Promise<Pick<AppliedFiles, 'plans' | 'isLeftToEngine'>> {
  const isLeftToEngine = !logPlaceOf(config).isShared && (await findRunningEngine(config.data_directory)) !== null;
  if (isLeftToEngine) return { plans: [], isLeftToEngine };
  const outcome = await visitLog(config, context, ({ identity, topic, plans: log }) =>
    applyEdits(database, { stream: streamName(identity), topic, log }, { isForced: false }),
  );
  // Busy: an instance is at it this moment, and it reads the rows that we have just written or looks again.
  return { plans: outcome.kind === 'applied' ? outcome.plans : [], isLeftToEngine };
}

type AppendedDrafts = Pick<AppliedFiles, 'plans' | 'enginePid'>;

/** Appends plans as they are: through the engine that runs on the data directory, else into the log itself. */
export async function appendDrafts(
  config: Config,
  drafts: readonly PlanDraft[],
  context: VisitContext,
): Promise<AppendedDrafts> {
  return logPlaceOf(config).isShared
    ? await appendByVisit(config, drafts, context)
    : await applyToDirectory(config, drafts, context);
}

async function appendByVisit(
  config: Config,
  drafts: readonly PlanDraft[],
  context: VisitContext,
): Promise<AppendedDrafts> {
  const plans = await visitLog(config, context, ({ plans: log }) => applyPlans(drafts, log));
  return { plans, enginePid: null };
}

async function applyToDirectory(
  config: Config,
  drafts: readonly PlanDraft[],
  context: VisitContext,
): Promise<AppendedDrafts> {
  const engine = await findRunningEngine(config.data_directory);
  if (engine?.addresses.http == null) return await appendByVisit(config, drafts, context);
  const response = await fetch(`${engine.addresses.http}/-/apply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.tokens.http}` },
    body: JSON.stringify(drafts),
  });
  if (!response.ok)
    throw new EngineError('RULE_INVALID', `the running engine refuses: ${(await response.text()).trim()}`);
  const plans: readonly AppliedPlan[] = appliedPlanSchema.array().parse(await response.json());
  return { plans, enginePid: engine.pid };
}
