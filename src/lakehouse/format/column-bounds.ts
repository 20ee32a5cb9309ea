import { assert } from '../../model/errors.ts';
import type { Column } from './data-file-encoder.ts';
import { isPlain } from './schema.ts';
import { compareUtf8, lowerStringBound, serializeValue, upperStringBound } from './values.ts';

interface ColumnFacts {
  readonly nulls: number;
  readonly lower: Uint8Array | null;
  readonly upper: Uint8Array | null;
}

/** Null count and bounds of a column as a manifest carries them. */
export function columnFacts(column: Column): ColumnFacts {
  let nulls = 0;
  let least: string | number | bigint | null = null;
  let greatest: string | number | bigint | null = null;
  let previous: unknown;
  for (const value of column.values) {
    if (value === null) {
      nulls++;
      continue;
    }
    // Repetitive columns mostly repeat the value before: no comparison needed.
    if (!column.hasBounds || value === previous || value instanceof Uint8Array) continue;
    previous = value;
    if (least === null || compare(value, least) < 0) least = value;
    if (greatest === null || compare(value, greatest) > 0) greatest = value;
  }
  const { type } = column.field;
  if (least === null || greatest === null) return { nulls, lower: null, upper: null };
  assert(isPlain(type), 'bounds are of plain columns');
  const top = typeof greatest === 'string' ? upperStringBound(greatest) : greatest;
  return {
    nulls,
    lower: serializeValue(type, typeof least === 'string' ? lowerStringBound(least) : least),
    upper: top === null ? null : serializeValue(type, top),
  };
}

function compare(a: string | number | bigint, b: string | number | bigint): number {
  if (typeof a === 'string' || typeof b === 'string') return compareUtf8(String(a), String(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
