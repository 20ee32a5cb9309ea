import {
  entryStatus,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  summarizePartitions,
  writeManifest,
} from '../format/manifest.ts';
import type { PartitionSpec, PartitionValue, Schema } from '../format/schema.ts';
import { schemaOfSpec, specById, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';

/** `commit.manifest.min-count-to-merge`: from this many manifests on, small ones become one. */
const defaultCountToMerge = 100;
/** Half of Iceberg's target of 8 MB: larger ones are left alone. */
const smallManifestBytes = 4 * 1024 * 1024;

/** About 8 MB of manifest, Iceberg's target: an entry of ours takes some 400 bytes. */
const clusteredEntriesMax = 20_000;

/** The snapshot that manifests are written for. */
interface NextSnapshot {
  readonly snapshotId: bigint;
  readonly sequenceNumber: number;
  readonly specId: number;
}

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
    next: NextSnapshot,
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
    const merged = await this.#write(await this.#entriesOf(small, spec), { metadata, schema, spec, ...next });
    const untouched = new Set(small);
    return [merged, ...previous.filter((one) => !untouched.has(one))];
  }

  /**
   * The same files in manifests that are sorted by partition, so that a reader of one organization opens few of
   * them. Manifests of other specs, and of deletes, stay.
   */
  async cluster(
    previous: readonly ManifestFile[],
    metadata: TableMetadata,
    next: NextSnapshot,
  ): Promise<ManifestFile[]> {
    const ours = previous.filter(({ specId, content }) => specId === next.specId && content === 0);
    const spec = specById(metadata, next.specId);
    const schema = schemaOfSpec(metadata, spec);
    const entries = await this.#entriesOf(ours, spec);
    entries.sort((a, b) => comparePartitions(a.file.partition, b.file.partition));
    const clustered: ManifestFile[] = [];
    for (let from = 0; from < entries.length; from += clusteredEntriesMax) {
      const slice = entries.slice(from, from + clusteredEntriesMax);
      clustered.push(await this.#write(slice, { metadata, schema, spec, ...next }));
    }
    return [...clustered, ...previous.filter((one) => !ours.includes(one))];
  }

  async #entriesOf(manifests: readonly ManifestFile[], spec: PartitionSpec): Promise<ManifestEntry[]> {
    const entries: ManifestEntry[] = [];
    for (const manifest of manifests) {
      for (const entry of readManifest(await this.#io.read(manifest.path), spec)) {
        if (entry.status !== entryStatus.deleted) entries.push(asExisting(entry, manifest));
      }
    }
    return entries;
  }

  async #write(
    entries: readonly ManifestEntry[],
    next: NextSnapshot & { readonly metadata: TableMetadata; readonly schema: Schema; readonly spec: PartitionSpec },
  ): Promise<ManifestFile> {
    const { metadata, schema, spec, specId } = next;
    const bytes = writeManifest(schema, spec, entries, this.#ids.sync());
    const path = `${metadata.location}/metadata/${this.#ids.uuid()}-m1.avro`;
    await this.#io.create(path, bytes);
    const files = entries.map((entry) => entry.file);
    return {
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
  }
}

/** By the fields in their order, nulls first: as manifests' bounds are compared. */
function comparePartitions(a: readonly PartitionValue[], b: readonly PartitionValue[]): number {
  for (const [at, x] of a.entries()) {
    const y = b[at];
    if (x === y) continue;
    if (x === null || y === null) return x === null ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
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
