import { defaultPlanOrg } from '../../model/ids.ts';
import { readPlanFiles } from '../../plans/plan-files.ts';
import { Database } from '../../plans/postgres/database.ts';
import { draftsOfRows } from '../../plans/postgres/drafts-of-rows.ts';
import { readPlanRows } from '../../plans/postgres/plan-rows.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import type { Past } from '../../serving/ports.ts';
import type { Config } from '../settings.ts';

/** Plans as people have them written now: in PostgreSQL, else in files. */
export function writtenPlans(
  config: Pick<Config, 'plans' | 'postgres'>,
): Pick<Past, 'planNow' | 'organizationsOfRule'> {
  let drafts: Promise<readonly PlanDraft[]> | null = null;
  const all = (): Promise<readonly PlanDraft[]> => {
    drafts ??=
      config.postgres.url === null ? Promise.resolve(readPlanFiles(config.plans).drafts) : draftsInRows(config);
    return drafts;
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

async function draftsInRows({ postgres }: Pick<Config, 'postgres'>): Promise<readonly PlanDraft[]> {
  const database = new Database(postgres);
  try {
    return draftsOfRows(await readPlanRows(database)).drafts.map(({ draft }) => draft);
  } finally {
    await database.close();
  }
}
