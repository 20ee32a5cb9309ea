import { readManifestList } from '../format/manifest.ts';
import { ancestry, type Snapshot, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';

const defaultMaxAgeMs = 86_400_000;
/** Snapshots kept whatever their age. */
const defaultKeep = 20;

/**
 * Snapshots of `main`'s past that may go: older than `history.expire.max-snapshot-age-ms` and beyond
 * the newest `history.expire.min-snapshots-to-keep`. The offsets live on in every newer snapshot and in
 * the table property. None when somebody keeps branches or tags: their past is not ours to cut.
 */
export function expiredSnapshots(metadata: TableMetadata, nowMs: number): Snapshot[] {
  if (Object.keys(metadata.refs).some((name) => name !== 'main')) return [];
  const maxAgeMs = Number(metadata.properties['history.expire.max-snapshot-age-ms'] ?? defaultMaxAgeMs);
  const keep = Number(metadata.properties['history.expire.min-snapshots-to-keep'] ?? defaultKeep);
  // The snapshot being added counts as one of those kept.
  return [...ancestry(metadata)].slice(Math.max(1, keep - 1)).filter((one) => nowMs - one['timestamp-ms'] > maxAgeMs);
}

/**
 * Removes what only expired snapshots used: their manifest lists, and manifests that were merged away.
 * All that are kept count, also those that a person's rollback left beside `main`'s past. Data files
 * stay: appends and merges never drop one.
 */
export async function removeExpiredFiles(
  io: FileIO,
  metadata: TableMetadata,
  expired: readonly Snapshot[],
): Promise<void> {
  if (expired.length === 0) return;
  const used = new Set<string>();
  for (const snapshot of metadata.snapshots) {
    for (const manifest of readManifestList(await io.read(snapshot['manifest-list']))) used.add(manifest.path);
  }
  const unused = new Set<string>();
  for (const snapshot of expired) {
    for (const manifest of readManifestList(await io.read(snapshot['manifest-list']))) {
      if (!used.has(manifest.path)) unused.add(manifest.path);
    }
  }
  for (const path of unused) await io.delete(path);
  for (const snapshot of expired) await io.delete(snapshot['manifest-list']);
}
