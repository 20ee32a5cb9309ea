import { EngineError } from '../../model/errors.ts';
import type { CatalogTable, TableState } from '../catalog/catalog.ts';
import type { Snapshot } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import { expiredSnapshots, removeExpiredFiles } from './snapshot-expiry.ts';
import { loadTable } from './snapshot-producer.ts';

interface ExpiryOptions {
  readonly catalog: CatalogTable;
  readonly io: FileIO;
  readonly nowMs: number;
  /** Younger snapshots stay, ms; absent = as the table's properties say. */
  readonly maxAgeMs?: number;
  /** So many of the newest stay whatever their age; absent = as the table's properties say. */
  readonly keep?: number;
  readonly attemptsMax: number;
}

/** Snapshots that would go now. */
export function dueSnapshots(
  { metadata }: TableState,
  { nowMs, maxAgeMs, keep }: Omit<ExpiryOptions, 'io'>,
): Snapshot[] {
  const asked = {
    ...metadata.properties,
    ...(maxAgeMs === undefined ? {} : { 'history.expire.max-snapshot-age-ms': String(maxAgeMs) }),
    // None is being added here, so one more would be kept than asked for.
    'history.expire.min-snapshots-to-keep': String(
      (keep ?? Number(metadata.properties['history.expire.min-snapshots-to-keep'] ?? 20)) + 1,
    ),
  };
  return expiredSnapshots({ ...metadata, properties: asked }, nowMs);
}

/** Forgets snapshots by age and count, and removes what only they reached. Says how many went. */
export async function expireSnapshots(options: ExpiryOptions): Promise<number> {
  const { catalog, io, attemptsMax } = options;
  for (let attempt = 1; ; attempt++) {
    const state = await loadTable(catalog);
    const due = dueSnapshots(state, options);
    if (due.length === 0) return 0;
    try {
      const committed = await catalog.commit(
        state,
        [{ type: 'assert-table-uuid', uuid: state.metadata['table-uuid'] }],
        [{ action: 'remove-snapshots', 'snapshot-ids': due.map((one) => one['snapshot-id']) }],
      );
      await removeExpiredFiles(io, committed.metadata, due);
      return due.length;
    } catch (error) {
      const isConflict = error instanceof EngineError && error.code === 'CATALOG_CONFLICT';
      if (!isConflict || attempt >= attemptsMax) throw error;
    }
  }
}
