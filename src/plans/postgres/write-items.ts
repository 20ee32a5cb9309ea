import { type Conflict, compareItems, findConflicts, type ItemComparison } from './compare-items.ts';
import type { Database, Queryable } from './database.ts';
import { itemsOfRows, type PlanItem } from './plan-items.ts';
import { type ManagedBy, readPlanRows, selectPlanRows } from './plan-rows.ts';
import { isLockTimeout } from './postgres-failure.ts';

export interface FilesWritten {
  /** Rows made, changed and removed to say what the files say. */
  readonly written: readonly ItemComparison[];
  readonly removed: readonly ItemComparison[];
  /** Their organizations were left as they are; everything else was written. */
  readonly conflicts: readonly Conflict[];
  /** Organizations whose rows somebody holds at this moment, in a transaction that does not end: they wait. */
  readonly held: readonly string[];
}

/** Enough for an edit that is just being made; an organization whose people hold their rows for longer waits alone. */
const heldAfterMs = 1_000;

/**
 * Brings what files define into the rows that files manage, so that every instance makes plans from
 * one place. Rows that people manage in the database are never touched: where they say something
 * else, that is a conflict, and the files of those organizations wait. One transaction an organization,
 * so that nobody's lock holds up others.
 */
export async function writeFileItems(
  database: Database,
  files: readonly PlanItem[],
  actor: string,
): Promise<FilesWritten> {
  return await underFilesLock(database, async () => {
    const compared = compareItems(files, itemsOfRows(await readPlanRows(database)));
    const conflicts = findConflicts(compared);
    const blocked = new Set(conflicts.map(({ blocks }) => blocks));
    const free = compared.filter(({ orgId }) => !blocked.has(null) && !blocked.has(orgId));
    const held: string[] = [];
    for (const [orgId, items] of Map.groupBy(free, (item) => item.orgId)) {
      const toWrite = items.filter(isToWrite);
      const toRemove = items.filter(isToRemove);
      if (toWrite.length + toRemove.length === 0) continue;
      if (!(await writeOrganization(database, { toWrite, toRemove, actor }))) held.push(orgId);
    }
    const done = free.filter(({ orgId }) => !held.includes(orgId));
    return { written: done.filter(isToWrite), removed: done.filter(isToRemove), conflicts, held };
  });
}

function isToWrite({ state, managedBy }: ItemComparison): boolean {
  return state === 'only_files' || (state === 'differs' && managedBy === 'files');
}

function isToRemove({ state, managedBy }: ItemComparison): boolean {
  return state === 'only_database' && managedBy === 'files';
}

interface OrganizationChange {
  readonly toWrite: readonly ItemComparison[];
  readonly toRemove: readonly ItemComparison[];
  readonly actor: string;
}

/** False when somebody holds rows of the organization, and nothing of it was written. */
async function writeOrganization(database: Database, change: OrganizationChange): Promise<boolean> {
  const { toWrite, toRemove, actor } = change;
  try {
    await database.transaction(
      async (connection) => {
        await connection.query(`SET LOCAL lock_timeout = ${heldAfterMs}`);
        for (const { file } of toWrite) await writeItem(connection, file!, 'files');
        // Rules before the organization that they belong to.
        for (const { row } of toRemove.toReversed()) await removeItem(connection, row!);
      },
      { actor, manager: 'files' },
    );
    return true;
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

/** Two writers at once would both see the same rows missing. */
async function underFilesLock<T>(database: Database, work: () => Promise<T>): Promise<T> {
  return await database.transaction(async (lock) => {
    await lock.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    await lock.query("SELECT FROM paceline.writers WHERE work = 'files' FOR UPDATE");
    return await work();
  });
}

/** Gives items of files to the people who manage the database; rows that said something else now say this. */
export async function pushItems(
  database: Database,
  files: readonly PlanItem[],
  actor: string,
  isChosen: (compared: ItemComparison) => boolean,
): Promise<readonly ItemComparison[]> {
  return await database.transaction(
    async (connection) => {
      const pushed = (await compareUnderLock(connection, files)).filter((each) => isPushed(each) && isChosen(each));
      for (const { file } of pushed) await writeItem(connection, file!, 'database');
      return pushed;
    },
    { actor, manager: 'files' },
  );
}

/** True for what a push would change: content, or who manages it. */
export function isPushed({ state, managedBy }: ItemComparison): boolean {
  return state === 'only_files' || state === 'differs' || (state === 'equal' && managedBy === 'files');
}

async function compareUnderLock(connection: Queryable, files: readonly PlanItem[]): Promise<ItemComparison[]> {
  await connection.query("SELECT FROM paceline.writers WHERE work = 'files' FOR UPDATE");
  return compareItems(files, itemsOfRows(await selectPlanRows(connection)));
}

/** A row that somebody made by hand in this very moment is not overwritten by files: it is a conflict the next time. */
async function writeItem(connection: Queryable, item: PlanItem, managedBy: ManagedBy): Promise<void> {
  await connection.query(
    `INSERT INTO paceline.organizations AS held (id, managed_by) VALUES ($1, $2)
     ON CONFLICT (id) DO UPDATE SET managed_by = excluded.managed_by
     WHERE held.managed_by <> excluded.managed_by AND $3 AND excluded.managed_by = 'database'`,
    [item.orgId, managedBy, item.kind === 'settings'],
  );
  if (item.kind === 'rule') {
    await connection.query(
      `INSERT INTO paceline.rules AS held (org_id, id, definition, managed_by) VALUES ($1, $2, $3, $4)
       ON CONFLICT (org_id, id) DO UPDATE
       SET definition = excluded.definition, rule_set = excluded.rule_set, managed_by = excluded.managed_by
       WHERE held.managed_by = 'files' OR excluded.managed_by = 'database'`,
      [item.orgId, item.id, item.text, managedBy],
    );
    return;
  }
  const changed = await connection.query(
    "UPDATE paceline.pipelines SET settings = $2, managed_by = $3 WHERE org_id = $1 AND is_enabled AND (managed_by = 'files' OR $3 = 'database')",
    [item.orgId, item.text, managedBy],
  );
  // A section without a word needs no pipeline: the organization's row says all.
  if (changed.rowCount === 0 && item.text.trim() !== '')
    await connection.query(
      "INSERT INTO paceline.pipelines (org_id, id, settings, managed_by) VALUES ($1, 'main', $2, $3)",
      [item.orgId, item.text, managedBy],
    );
}

async function removeItem(connection: Queryable, item: PlanItem): Promise<void> {
  if (item.kind === 'rule') {
    await connection.query('DELETE FROM paceline.rules WHERE org_id = $1 AND id = $2', [item.orgId, item.id]);
    return;
  }
  await connection.query("DELETE FROM paceline.pipelines WHERE org_id = $1 AND managed_by = 'files'", [item.orgId]);
  // Whoever still has rows that people manage stays listed, and is theirs from now on.
  const removed = await connection.query(
    `DELETE FROM paceline.organizations AS gone WHERE id = $1 AND id <> '_default' AND managed_by = 'files'
     AND NOT EXISTS (SELECT FROM paceline.pipelines WHERE org_id = gone.id)
     AND NOT EXISTS (SELECT FROM paceline.rules WHERE org_id = gone.id)
     AND NOT EXISTS (SELECT FROM paceline.org_memberships WHERE org_id = gone.id)`,
    [item.orgId],
  );
  if (removed.rowCount === 0)
    await connection.query(
      "UPDATE paceline.organizations SET managed_by = 'database' WHERE id = $1 AND id <> '_default'",
      [item.orgId],
    );
}
