import { defaultPlanOrg } from '../../model/ids.ts';
import { differingFields } from '../field-differences.ts';
import { isSameContent, keyOfItem, type PlanItem } from './plan-items.ts';
import type { ManagedBy } from './plan-rows.ts';

interface FieldDifference {
  /** Dotted, as in `warning.when`. */
  readonly field: string;
  /** As JSON; null = absent. */
  readonly files: string | null;
  readonly database: string | null;
}

/** How files and database stand to each other in one item. */
export interface ItemComparison {
  readonly kind: PlanItem['kind'];
  readonly orgId: string;
  readonly id: string;
  readonly state: 'equal' | 'differs' | 'only_files' | 'only_database';
  readonly file: PlanItem | undefined;
  readonly row: PlanItem | undefined;
  /** Who owns the row; null when there is none. */
  readonly managedBy: ManagedBy | null;
  readonly fields: readonly FieldDifference[];
}

/** Settings first, then rules, each by organization and id. */
export function compareItems(files: readonly PlanItem[], rows: readonly PlanItem[]): ItemComparison[] {
  const byKey = new Map<string, { file?: PlanItem; row?: PlanItem }>();
  for (const file of files) byKey.set(keyOfItem(file), { file });
  for (const row of rows) byKey.set(keyOfItem(row), { ...byKey.get(keyOfItem(row)), row });
  const compared = [...byKey.values()].map(({ file, row }) => compareOne(file, row));
  const order = ({ kind, orgId, id }: ItemComparison) => `${kind === 'settings' ? 0 : 1} ${orgId} ${id}`;
  return compared.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function compareOne(file: PlanItem | undefined, row: PlanItem | undefined): ItemComparison {
  const { kind, orgId, id } = (file ?? row)!;
  const base = { kind, orgId, id, file, row, managedBy: row?.managedBy ?? null };
  if (row === undefined) return { ...base, state: 'only_files', fields: [] };
  if (file === undefined) return { ...base, state: 'only_database', fields: [] };
  if (isSameContent(file, row)) return { ...base, state: 'equal', fields: [] };
  return { ...base, state: 'differs', fields: row.problem === null ? fieldsThatDiffer(file.value, row.value) : [] };
}

function fieldsThatDiffer(files: unknown, database: unknown): FieldDifference[] {
  return differingFields(files, database).map(({ field, before, after }) => ({
    field,
    files: before,
    database: after,
  }));
}

/** Both define the same thing, and not alike: somebody must say which one holds. */
export interface Conflict {
  readonly kind: PlanItem['kind'];
  readonly orgId: string;
  readonly id: string;
  readonly message: string;
  /** Where the files define it. */
  readonly file: string;
  /** Whose files are not applied meanwhile; null = everyone's. */
  readonly blocks: string | null;
}

/**
 * Conflicts between files and rows that people manage in the database. A row that `paceline apply`
 * wrote is never one: the files own it. What `_default` says concerns everyone, so it blocks everyone.
 */
export function findConflicts(compared: readonly ItemComparison[]): Conflict[] {
  const differing = compared
    .filter(({ state, managedBy }) => state === 'differs' && managedBy === 'database')
    .map((each) => conflict(each, describeDifference(each)));
  return [...differing, ...compared.flatMap((each) => overlapOf(each, compared))];
}

/** One id in both, once for everyone and once for an organization: its plan would hold two rules of a name. */
function overlapOf(each: ItemComparison, compared: readonly ItemComparison[]): Conflict[] {
  if (each.kind !== 'rule' || each.file === undefined) return [];
  const others = compared.filter(
    ({ kind, id, orgId, row, file }) =>
      kind === 'rule' &&
      id === each.id &&
      row?.managedBy === 'database' &&
      file === undefined &&
      orgId !== each.orgId &&
      (orgId === defaultPlanOrg || each.orgId === defaultPlanOrg),
  );
  return others.map((other) => {
    const narrow = each.orgId === defaultPlanOrg ? other.orgId : each.orgId;
    return conflict(
      { ...each, orgId: narrow },
      `${each.file!.origin} defines it for ${each.orgId}, ${other.row!.origin} for ${other.orgId}`,
    );
  });
}

function conflict({ kind, orgId, id, file }: ItemComparison, why: string): Conflict {
  const what = kind === 'rule' ? `rule "${id}" of ${orgId}` : `settings of ${orgId}`;
  const message = `${what}: ${why}; "paceline rules pull" or "paceline rules push" says which one holds`;
  return { kind, orgId, id, message, file: file!.origin, blocks: orgId === defaultPlanOrg ? null : orgId };
}

function describeDifference({ file, row, fields }: ItemComparison): string {
  const names = fields.map(({ field }) => field).join(', ');
  return `${file!.origin} and ${row!.origin} differ${names === '' ? '' : ` in ${names}`}`;
}
