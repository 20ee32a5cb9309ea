import type { TableState } from '../catalog/catalog.ts';
import { readManifest, readManifestList } from '../format/manifest.ts';
import { specById, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO, ListedFile } from '../storage/file-io.ts';

interface SweepOptions {
  readonly nowMs: number;
  /** Younger files are let be: a commit under way may be about to name them, ms. */
  readonly olderThanMs: number;
}

/**
 * Files below a table's folder that no snapshot of it reaches: what a crash left between writing and
 * committing, or between committing and removing. They are listed before the table is loaded, so that what
 * a commit names in between is known.
 */
export async function findOrphans(
  io: FileIO,
  load: () => Promise<TableState>,
  { nowMs, olderThanMs }: SweepOptions,
): Promise<ListedFile[]> {
  const { metadata: before } = await load();
  const old: ListedFile[] = [];
  for await (const file of io.list(before.location)) {
    if (nowMs - file.modifiedMs > olderThanMs && !file.uri.endsWith('/version-hint.text')) old.push(file);
  }
  if (old.length === 0) return [];
  const reached = await reachedFiles(io, await load());
  return old.filter(({ uri }) => !reached.has(samePlace(uri)));
}

/** Everything that the table's metadata leads to, in one way of writing places. */
async function reachedFiles(io: FileIO, { metadata, metadataLocation }: TableState): Promise<Set<string>> {
  const reached = new Set<string>([samePlace(metadataLocation)]);
  const reach = (uri: string): boolean => {
    const place = samePlace(uri);
    if (reached.has(place)) return false;
    reached.add(place);
    return true;
  };
  for (const entry of metadata['metadata-log']) reach(entry['metadata-file']);
  for (const path of statisticsFiles(metadata)) reach(path);
  for (const snapshot of metadata.snapshots) {
    reach(snapshot['manifest-list']);
    for (const { path, specId } of readManifestList(await io.read(snapshot['manifest-list']))) {
      // Snapshots share most manifests.
      if (!reach(path)) continue;
      for (const { file } of readManifest(await io.read(path), specById(metadata, specId))) reach(file.path);
    }
  }
  return reached;
}

/** Statistics that other tools keep beside the data (Puffin files). */
function statisticsFiles(metadata: TableMetadata): string[] {
  const lists = metadata as unknown as Record<string, { 'statistics-path': string }[] | undefined>;
  return [...(lists.statistics ?? []), ...(lists['partition-statistics'] ?? [])].map((one) => one['statistics-path']);
}

/** Tools write one place in several ways: file:/x, file:///x and /x; s3, s3a and s3n. */
function samePlace(uri: string): string {
  return uri.replace(/^file:(?:\/\/(?:localhost)?)?(?=\/)/, '').replace(/^s3[an]:/, 's3:');
}
