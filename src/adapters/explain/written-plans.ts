import { ConfigError } from '../../control/config/problem.ts';
import { EngineError } from '../../model/errors.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import type { Clock } from '../../model/time.ts';
import { readPlanFiles } from '../../plans/plan-files.ts';
import { Database } from '../../plans/postgres/database.ts';
import { draftsOfRows } from '../../plans/postgres/drafts-of-rows.ts';
import { readPlanRows } from '../../plans/postgres/plan-rows.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import type { Past } from '../../serving/ports.ts';
import type { Config } from '../settings.ts';

/** Reading them takes the time of many records; an edit shows after this long. */
const keptMs = 10_000;

/** Plans as people have them written now: in PostgreSQL, else in files. */
export function writtenPlans(
  config: Pick<Config, 'plans' | 'postgres'>,
  clock: Pick<Clock, 'steadyMs'>,
): Pick<Past, 'planNow' | 'organizationsOfRule'> {
  let read: { readonly drafts: Promise<readonly PlanDraft[]>; readonly untilMs: number } | null = null;
  const all = (): Promise<readonly PlanDraft[]> => {
    const now = clock.steadyMs();
    if (read === null || now >= read.untilMs) read = { drafts: readDrafts(config), untilMs: now + keptMs };
    return read.drafts;
  };
  return {
    async planNow(orgId) {
      const found = await all();
      const draft =
        found.find(({ org_id }) => org_id === orgId) ?? found.find(({ org_id }) => org_id === defaultPlanOrg);
      // The number is the log's to give; here nobody asks for it.
      return draft === undefined ? null : JSON.stringify({ ...draft, number: 1 });
    },
    async organizationsOfRule(ruleId) {
      const found = (await all()).filter(({ rules }) => rules.some(({ id }) => id === ruleId));
      const isForAll = found.length === 0 || found.some(({ org_id }) => org_id === defaultPlanOrg);
      return isForAll ? null : found.map(({ org_id }) => org_id);
    },
  };
}

/** What cannot be read, or makes no plan, is told by "paceline check": an explanation goes on without it. */
async function readDrafts(config: Pick<Config, 'plans' | 'postgres'>): Promise<readonly PlanDraft[]> {
  try {
    return config.postgres.url === null ? readPlanFiles(config.plans).drafts : await draftsInRows(config);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof EngineError) return [];
    throw error;
  }
}

async function draftsInRows({ postgres }: Pick<Config, 'postgres'>): Promise<readonly PlanDraft[]> {
  const database = new Database(postgres);
  try {
    return draftsOfRows(await readPlanRows(database)).drafts.map(({ draft }) => draft);
  } finally {
    await database.close();
  }
}
