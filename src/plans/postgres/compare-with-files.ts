import type { Problem } from '../../control/config/problem.ts';
import { type PlanFiles, readPlanFiles } from '../plan-files.ts';
import { assertMigrated } from './apply-edits.ts';
import { type Conflict, compareItems, findConflicts, type ItemComparison } from './compare-items.ts';
import type { Database } from './database.ts';
import { draftsOfRows } from './drafts-of-rows.ts';
import { itemsOfFiles, itemsOfRows, type PlanItem } from './plan-items.ts';
import { selectPlanRows } from './plan-rows.ts';

export interface FilesAndRows {
  readonly planFiles: PlanFiles;
  readonly files: readonly PlanItem[];
  readonly rows: readonly PlanItem[];
  readonly compared: readonly ItemComparison[];
  readonly conflicts: readonly Conflict[];
  /** What is wrong in rows, by table, key, column and place. */
  readonly problems: readonly Problem[];
  /** What rows make, and the rules among them that people edit there. */
  readonly plansOfRows: Pick<PlanFiles, 'drafts' | 'rules'>;
}

/** Files and database side by side, at one moment. Throws ConfigError, CONTROL_UNAVAILABLE, CONTROL_REFUSED. */
export async function compareWithFiles(
  database: Database,
  plans: { organizations: string; rules: string },
): Promise<FilesAndRows> {
  const planFiles = readPlanFiles(plans);
  const files = itemsOfFiles(planFiles, plans.organizations);
  const planRows = await database.transaction(
    async (connection) => {
      await assertMigrated(connection);
      return await selectPlanRows(connection);
    },
    { isSnapshot: true },
  );
  const rows = itemsOfRows(planRows);
  const compared = compareItems(files, rows);
  const { drafts, refused, rules } = draftsOfRows(planRows);
  const problems = refused.flatMap((each) => each.problems);
  // A broken row of _default is told for each who inherits it; once is enough.
  const distinct = new Map(problems.map((each) => [`${each.file}:${each.line}:${each.column} ${each.message}`, each]));
  return {
    planFiles,
    files,
    rows,
    compared,
    conflicts: findConflicts(compared),
    problems: [...distinct.values()],
    plansOfRows: { drafts: drafts.map(({ draft }) => draft), rules },
  };
}
