import type { Logger } from '../../control/logs/logger.ts';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { type AppliedPlan, appliedPlanSchema, applyPlans } from '../../plans/apply-plans.ts';
import { type PlanFiles, readPlanFiles } from '../../plans/plan-files.ts';
import { applyEdits } from '../../plans/postgres/apply-edits.ts';
import { awaitPlans, instantOf } from '../../plans/postgres/await-plans.ts';
import type { Conflict } from '../../plans/postgres/compare-items.ts';
import { Database } from '../../plans/postgres/database.ts';
import { itemsOfFiles } from '../../plans/postgres/plan-items.ts';
import { writeFileItems } from '../../plans/postgres/write-items.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { logPlaceOf } from '../log/log-place.ts';
import { streamName, visitLog } from '../log/visit-log.ts';
import { findRunningEngine, type VisitContext } from '../log/visits.ts';
import type { Config } from '../settings.ts';

/** What became of the files. */
export interface AppliedFiles {
  /** One an organization and lane; empty while another process has not made them. */
  readonly plans: readonly AppliedPlan[];
  /** Rows of the database that now say what the files say; null without a database. */
  readonly rows: { readonly written: number; readonly removed: number } | null;
  /** Where people's rows say something else: the files of these organizations wait. */
  readonly conflicts: readonly Conflict[];
  /** Organizations whose rows somebody holds in an open transaction: their files wait, too. */
  readonly held: readonly string[];
  /** Process that appended them: the engine that runs on the directory; null = this command did. */
  readonly enginePid: number | null;
  /** Another process makes plans of the rows, and has not done so in the time that we waited. */
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
    const since = await instantOf(database);
    const { written, removed, conflicts, held } = await writeFileItems(database, items, context.actor);
    const rows = { written: written.length, removed: removed.length };
    return { rows, conflicts, held, ...(await followRows(config, database, since, context)) };
  } finally {
    await database.close();
  }
}

/** An engine is told of edits at once, and makes its plans in a moment. */
const followWaitMs = 15_000;

type Followed = Pick<AppliedFiles, 'plans' | 'enginePid' | 'isLeftToEngine'>;

/**
 * Makes plans of rows that were written since an instant of the database, unless the engine that runs on the
 * directory, or another instance, is at it: then it says what that one appended.
 */
export async function followRows(
  config: Config,
  database: Database,
  since: string,
  context: VisitContext,
): Promise<Followed> {
  const place = logPlaceOf(config);
  const engine = place.isShared ? null : await findRunningEngine(config.data_directory);
  const wait = async (stream: string): Promise<Followed> => {
    const plans = await awaitPlans(database, { stream, since, waitMs: followWaitMs }, context.clock);
    return {
      plans: plans ?? [],
      enginePid: plans === null ? null : (engine?.pid ?? null),
      isLeftToEngine: plans === null,
    };
  };
  if (engine !== null) {
    await using log = disposable(await place.openForReading(context));
    return await wait(streamName(await log.source.identity()));
  }
  return await visitLog(config, context, async ({ identity, topic, plans: log }) => {
    const stream = streamName(identity);
    const outcome = await applyEdits(database, { stream, topic, log }, { isForced: false });
    if (outcome.kind !== 'applied') return await wait(stream);
    return { plans: outcome.plans, enginePid: null, isLeftToEngine: false };
  });
}

function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
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
