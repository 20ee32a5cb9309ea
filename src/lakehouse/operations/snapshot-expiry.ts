import { type ManifestFile, readManifestList } from '../format/manifest.ts';
import { ancestry, type Snapshot, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import { liveFilesIn } from './live-files.ts';

const defaultMaxAgeMs = 86_400_000;
/** Snapshots kept whatever their age. */
const defaultKeep = 20;

/**
 * Snapshots of `main`'s past that may go: older than `history.expire.max-snapshot-age-ms` and beyond
 * the newest `history.expire.min-snapshots-to-keep`. The offsets live on in every newer snapshot and in
 * the table property. What a tag names stays; none go when somebody keeps another branch: its past is
 * not ours to cut.
 */
export function expiredSnapshots(metadata: TableMetadata, nowMs: number): Snapshot[] {
  const refs = Object.entries(metadata.refs);
  if (refs.some(([name, { type }]) => name !== 'main' && type === 'branch')) return [];
  const named = new Set(refs.map(([, ref]) => ref['snapshot-id']));
  const maxAgeMs = Number(metadata.properties['history.expire.max-snapshot-age-ms'] ?? defaultMaxAgeMs);
  const keep = Number(metadata.properties['history.expire.min-snapshots-to-keep'] ?? defaultKeep);
  // The snapshot being added counts as one of those kept.
  return [...ancestry(metadata)]
    .slice(Math.max(1, keep - 1))
    .filter((one) => nowMs - one['timestamp-ms'] > maxAgeMs && !named.has(one['snapshot-id']));
}

/**
 * Removes what only expired snapshots used: their manifest lists, manifests that were merged away, and
 * data files that were replaced or deleted. All snapshots that are kept count, also those that a person's
 * rollback left beside `main`'s past. A table whose `gc.enabled` is false keeps its data files: they are
 * another table's too.
 */
export async function removeExpiredFiles(
  io: FileIO,
  metadata: TableMetadata,
  expired: readonly Snapshot[],
): Promise<void> {
  if (expired.length === 0) return;
  const used = await manifestsOf(io, metadata.snapshots);
  const gone = await manifestsOf(io, expired);
  for (const path of used.keys()) gone.delete(path);
  // Data first: as long as a manifest is there, it tells of them.
  await io.deleteAll([...(await unreachableFiles(io, metadata, { expired, used, gone }))]);
  await io.deleteAll([...gone.keys()]);
  await io.deleteAll(expired.map((snapshot) => snapshot['manifest-list']));
}

interface Reach {
  readonly expired: readonly Snapshot[];
  /** By path. */
  readonly used: ReadonlyMap<string, ManifestFile>;
  readonly gone: ReadonlyMap<string, ManifestFile>;
}

/**
 * Data files that no kept snapshot reaches. While a table was only appended to there are none, and merges
 * of manifests need not be read for it; after that, manifests are read only when some of them go.
 */
async function unreachableFiles(io: FileIO, metadata: TableMetadata, reach: Reach): Promise<Set<string>> {
  const { expired, used, gone } = reach;
  const isAppendOnly = [...metadata.snapshots, ...expired].every(({ summary }) => summary?.operation === 'append');
  if (isAppendOnly || gone.size === 0 || metadata.properties['gc.enabled'] === 'false') return new Set();
  const files = new Set<string>();
  for (const manifest of gone.values()) {
    for (const { file } of await liveFilesIn(io, metadata, manifest)) files.add(file.path);
  }
  for (const manifest of used.values()) {
    if (files.size === 0) break;
    for (const { file } of await liveFilesIn(io, metadata, manifest)) files.delete(file.path);
  }
  return files;
}

async function manifestsOf(io: FileIO, snapshots: readonly Snapshot[]): Promise<Map<string, ManifestFile>> {
  const manifests = new Map<string, ManifestFile>();
  for (const snapshot of snapshots) {
    for (const one of readManifestList(await io.read(snapshot['manifest-list']))) manifests.set(one.path, one);
  }
  return manifests;
}
