import type { ReadTable } from '../ports.ts';
import type { RawRow } from './columns.ts';
import { versionOf } from './columns.ts';
import type { Answer } from './operation.ts';

/** An answer about rows of tables: what they say of version, completeness and age goes with it. */
export function answerOf<Data>(
  data: Data,
  rows: readonly RawRow[],
  nextCursor: string | null = null,
  reach?: ReadTable['reach'],
): Answer<Data> {
  const asOf = rows.map(({ as_of }) => millis(as_of));
  const isKnown = asOf.length > 0 && asOf.every((each) => each !== null);
  return {
    data,
    nextCursor,
    dataVersion: highestVersion(rows),
    ...(reach !== undefined && { reach }),
    completeThroughMs: isKnown ? Math.min(...(asOf as number[])) : null,
    asOfMs: newest(rows.map(({ evaluated_at, log_time }) => millis(evaluated_at ?? log_time))),
  };
}

/** An answer about things that no table holds. */
export function plainAnswer<Data>(data: Data): Answer<Data> {
  return { data, nextCursor: null, dataVersion: null, completeThroughMs: null, asOfMs: null };
}

function millis(text: unknown): number | null {
  return typeof text === 'string' ? Date.parse(`${text.replace(' ', 'T')}Z`) : null;
}

function newest(instants: readonly (number | null)[]): number | null {
  const known = instants.filter((each) => each !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** Highest version of rows that carry one, as `generation:offset`. */
export function highestVersion(rows: readonly RawRow[]): string | null {
  let highest = -1n;
  for (const { version } of rows) {
    const each = BigInt(String(version ?? -1));
    if (each > highest) highest = each;
  }
  return highest < 0n ? null : versionOf(highest.toString());
}
