import { type DataFile, entryStatus, type ManifestFile, readManifest, readManifestList } from '../format/manifest.ts';
import { currentSnapshot, type Snapshot, specById, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';

/** A data file of a snapshot, with what its rows inherited. */
export interface LiveFile {
  readonly file: DataFile;
  readonly specId: number;
  /** Its rows are as old as this: deletes of later snapshots apply to them. */
  readonly sequenceNumber: number;
}

/**
 * All data files of a snapshot, else of the newest one, one manifest after the other; none where there is no snapshot
 * yet. Files of deletes are not among them.
 */
export async function* liveFilesOf(
  io: FileIO,
  metadata: TableMetadata,
  snapshot: Snapshot | null = currentSnapshot(metadata),
): AsyncGenerator<LiveFile> {
  if (snapshot === null) return;
  for (const manifest of readManifestList(await io.read(snapshot['manifest-list']))) {
    if (manifest.content === 0) yield* await liveFilesIn(io, metadata, manifest);
  }
}

/** The live files of one manifest, of data or of deletes. */
export async function liveFilesIn(io: FileIO, metadata: TableMetadata, manifest: ManifestFile): Promise<LiveFile[]> {
  const { specId, sequenceNumber } = manifest;
  return readManifest(await io.read(manifest.path), specById(metadata, specId))
    .filter(({ status }) => status !== entryStatus.deleted)
    .map((entry) => ({ file: entry.file, specId, sequenceNumber: entry.sequenceNumber ?? sequenceNumber }));
}

/** Whether another tool wrote deletes beside the data (merge-on-read): then a data file alone does not tell its rows. */
export async function hasDeleteFiles(io: FileIO, snapshot: Snapshot): Promise<boolean> {
  const manifests = readManifestList(await io.read(snapshot['manifest-list']));
  return manifests.some(({ content, addedFiles, existingFiles }) => content === 1 && addedFiles + existingFiles > 0);
}
