import {
  entryStatus,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  summarizePartitions,
  writeManifest,
} from '../format/manifest.ts';
import { schemaOfSpec, specById, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';

/** `commit.manifest.min-count-to-merge`: from this many manifests on, small ones become one. */
const defaultCountToMerge = 100;
/** Half of Iceberg's target of 8 MB: larger ones are left alone. */
const smallManifestBytes = 4 * 1024 * 1024;

/** Keeps manifest lists short: without merging every commit would add a manifest for ever. */
export class ManifestMerger {
  readonly #io: FileIO;
  readonly #ids: IdSource;

  constructor(io: FileIO, ids: IdSource) {
    this.#io = io;
    this.#ids = ids;
  }

  /** The manifests that the next snapshot takes over from `previous`. */
  async merge(
    previous: readonly ManifestFile[],
    metadata: TableMetadata,
    next: { snapshotId: bigint; sequenceNumber: number; specId: number },
  ): Promise<readonly ManifestFile[]> {
    // Of our own spec alone: another tool's transforms and their bounds are its own to merge.
    const { specId } = next;
    const small = previous.filter(
      (one) => one.specId === specId && one.content === 0 && one.deletedFiles === 0 && one.length < smallManifestBytes,
    );
    const countToMerge = Number(metadata.properties['commit.manifest.min-count-to-merge'] ?? defaultCountToMerge);
    if (small.length < countToMerge) return previous;
    const spec = specById(metadata, specId);
    const schema = schemaOfSpec(metadata, spec);
    const entries: ManifestEntry[] = [];
    for (const manifest of small) {
      for (const entry of readManifest(await this.#io.read(manifest.path), spec)) {
        if (entry.status !== entryStatus.deleted) entries.push(asExisting(entry, manifest));
      }
    }
    const bytes = writeManifest(schema, spec, entries, this.#ids.sync());
    const path = `${metadata.location}/metadata/${this.#ids.uuid()}-m1.avro`;
    await this.#io.create(path, bytes);
    const files = entries.map((entry) => entry.file);
    const merged: ManifestFile = {
      path,
      length: bytes.length,
      specId,
      content: 0,
      sequenceNumber: next.sequenceNumber,
      minSequenceNumber: Math.min(...entries.map((entry) => entry.sequenceNumber ?? next.sequenceNumber)),
      addedSnapshotId: next.snapshotId,
      addedFiles: 0,
      existingFiles: entries.length,
      deletedFiles: 0,
      addedRows: 0,
      existingRows: files.reduce((sum, file) => sum + file.recordCount, 0),
      deletedRows: 0,
      partitions: summarizePartitions(schema, spec, files),
    };
    const untouched = new Set(small);
    return [merged, ...previous.filter((one) => !untouched.has(one))];
  }
}

/** An entry that moves to another manifest no longer inherits its sequence numbers: they are written out. */
function asExisting(entry: ManifestEntry, manifest: ManifestFile): ManifestEntry {
  return {
    ...entry,
    status: entryStatus.existing,
    sequenceNumber: entry.sequenceNumber ?? manifest.sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber ?? manifest.sequenceNumber,
  };
}
