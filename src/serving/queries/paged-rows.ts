import type { ParameterValue } from '../ports.ts';
import type { RawRow } from './columns.ts';
import type { OperationContext } from './operation.ts';
import { type List, pageOf, positionOf } from './pages.ts';

/** One value that a list is ordered by, the same for every row of its table at most once together with the others. */
interface SortKey {
  /** Name of a column, or of an expression that `columns` names. */
  readonly name: string;
  readonly type: 'Int32' | 'Int64' | 'UInt16' | 'UInt64' | 'String';
  /** What stands before the first row, in the order of the list. */
  readonly first: string | number;
}

interface PagedQuery {
  /** Whose cursors these are, and what beside `limit` and `cursor` decides what the list shows. */
  readonly list: Omit<List, 'width'>;
  readonly input: { readonly limit: number; readonly cursor?: string | undefined };
  /** What SELECT takes, with the names of sort keys that are no columns. */
  readonly columns: readonly string[];
  /** `TABLE FINAL`, read for one organization. */
  readonly table: string;
  /** Conditions beside that of the organization and of the page. */
  readonly where: readonly string[];
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly sortedBy: readonly SortKey[];
  readonly direction: 'ASC' | 'DESC';
}

/** A page of rows of one organization in the order of the sort keys, and where the next one goes on. */
export async function pagedRows(
  context: OperationContext,
  { list, input, columns, table, where, parameters, sortedBy, direction }: PagedQuery,
): Promise<{ readonly shown: readonly RawRow[]; readonly nextCursor: string | null }> {
  const { limit, cursor } = input;
  const known: List = { ...list, width: sortedBy.length };
  const position = positionOf(context, known, cursor);
  const after = sortedBy.map(({ first }, index) => [`after_${index}`, position?.[index] ?? first] as const);
  const names = sortedBy.map(({ name }) => name);
  const places = sortedBy.map(({ type }, index) => `{after_${index}:${type}}`);
  const page = `(${names.join(', ')}) ${direction === 'ASC' ? '>' : '<'} (${places.join(', ')})`;
  const rows = await context.tables.rows<RawRow>({
    sql: `SELECT ${columns.join(', ')} FROM ${table}
WHERE ${['org_id = {org:String}', ...where, page].join('\n  AND ')}
ORDER BY ${names.map((name) => `${name} ${direction}`).join(', ')} LIMIT {limit:UInt32}`,
    parameters: { ...parameters, ...Object.fromEntries(after), limit: limit + 1 },
  });
  const keyOf = (row: RawRow) =>
    sortedBy.map(({ name, type }) => (type === 'Int32' || type === 'UInt16' ? Number(row[name]) : String(row[name])));
  return pageOf(context, known, rows, { limit, keyOf });
}

/** Newest first: milliseconds of an instant as a sort key called `at`. */
export function newestFirst(column: string, beforeMs: number): { readonly column: string; readonly key: SortKey } {
  return { column: `toUnixTimestamp64Milli(${column}) AS at`, key: { name: 'at', type: 'Int64', first: beforeMs } };
}

/** A half-open period of an instant: parameters `from` and `to`, ms. */
export function inPeriod(column: string): string {
  return `${column} >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;
}
