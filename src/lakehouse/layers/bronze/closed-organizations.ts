import { EngineError } from '../../../model/errors.ts';
import type { CatalogTable } from '../../catalog/catalog.ts';
import type { TableMetadata } from '../../format/table-metadata.ts';

/** Table property that says whose records bronze keeps the places of, and nothing else. */
export const closedKey = 'paceline.closed';

/** Says it to whoever writes the table, from the next commit on; again after each conflict. */
export async function markClosed(
  table: CatalogTable,
  { org, until }: { readonly org: string; readonly until: number | null },
  { attemptsMax, pause }: { readonly attemptsMax: number; pause(attempt: number): Promise<void> },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const state = await table.load();
    if (state === null) return;
    const closed = readClosed(state.metadata);
    if (closed.has(org) && closed.get(org) === until) return;
    const updates = { [closedKey]: encodeClosed(new Map([...closed, [org, until]])) };
    const requirement = { type: 'assert-table-uuid', uuid: state.metadata['table-uuid'] } as const;
    try {
      await table.commit(state, [requirement], [{ action: 'set-properties', updates }]);
      return;
    } catch (error) {
      const mayRepeat =
        error instanceof EngineError && (error.code === 'CATALOG_CONFLICT' || error.code === 'COMMIT_UNKNOWN');
      if (!mayRepeat || attempt >= attemptsMax) throw error;
      await pause(attempt);
    }
  }
}

/** By organization: the first offset of its lane that counts again; null = none does. */
export type ClosedOrganizations = ReadonlyMap<string, number | null>;

export function readClosed({ properties }: Pick<TableMetadata, 'properties'>): ClosedOrganizations {
  return new Map(Object.entries(JSON.parse(properties[closedKey] ?? '{}') as Record<string, number | null>));
}

function encodeClosed(closed: ClosedOrganizations): string {
  return JSON.stringify(Object.fromEntries([...closed].sort(([a], [b]) => (a < b ? -1 : 1))));
}
