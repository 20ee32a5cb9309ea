import { EngineError } from '../../model/errors.ts';
import type { OperationContext } from './operation.ts';

/** Where a list goes on: the sort values of the last entry that was shown. */
type Position = readonly (string | number)[];

/**
 * The place that a cursor of ours names, null without one. A cursor is sealed for one organization, one
 * operation and its other parameters; any other text is REQUEST_INVALID.
 */
export function positionOf(context: OperationContext, list: List, cursor: string | undefined): Position | null {
  if (cursor === undefined) return null;
  const position = context.ports.cursors.open(scopeOf(context, list), cursor);
  if (position === null || position.length !== list.width)
    throw new EngineError('REQUEST_INVALID', 'cursor: is none that this list gave; begin again without one');
  return position;
}

/** A list as its cursors know it. */
export interface List {
  readonly name: string;
  /** Everything beside `limit` and `cursor` that decides what the list shows. */
  readonly args: readonly unknown[];
  /** How many sort values an entry has. */
  readonly width: number;
}

function scopeOf({ tables }: OperationContext, { name, args }: List): string {
  return JSON.stringify([tables.orgId, name, ...args]);
}

/** Rows were asked for with one more than `limit`: then there is a next page, after the last row shown. */
export function pageOf<Row>(
  context: OperationContext,
  list: List,
  rows: readonly Row[],
  { limit, keyOf }: { readonly limit: number; keyOf(row: Row): Position },
): { shown: readonly Row[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { shown, nextCursor: hasMore ? context.ports.cursors.seal(scopeOf(context, list), keyOf(last)) : null };
}
