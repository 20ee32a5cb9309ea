import { readAvroFile, writeAvroFile } from '../format/avro-container.ts';
import { entryStatus, type ManifestFile } from '../format/manifest.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';

/** What is left of a snapshot's manifests when data files go. */
interface Filtered {
  readonly manifests: readonly ManifestFile[];
  /** Files that were to go and are not live any more: somebody else replaced or deleted them. */
  readonly missing: ReadonlySet<string>;
}

/**
 * Takes data files out of manifests. A manifest that holds one is written anew, record by record as it came,
 * so that what other tools noted (metrics, sort orders, partitions by transforms that we never use) survives.
 */
export class ManifestFilter {
  readonly #io: FileIO;
  readonly #ids: IdSource;
  readonly #folder: string;
  /** By the path of the old manifest: attempts of one commit meet mostly the same ones. Null = holds none of them. */
  readonly #filtered = new Map<string, Rewritten | null>();

  constructor(io: FileIO, ids: IdSource, folder: string) {
    this.#io = io;
    this.#ids = ids;
    this.#folder = folder;
  }

  /** Every manifest that was written, used or not. */
  get written(): readonly string[] {
    return [...this.#filtered.values()].flatMap((one) => (one === null ? [] : [one.manifest.path]));
  }

  /** `removed`: paths; `next`: the snapshot that removes them. The same for all calls of a filter. */
  async remove(
    manifests: readonly ManifestFile[],
    removed: ReadonlySet<string>,
    next: { readonly snapshotId: bigint },
  ): Promise<Filtered> {
    const missing = new Set(removed);
    const kept: ManifestFile[] = [];
    for (const manifest of manifests) {
      const rewritten = manifest.content === 0 && removed.size > 0 ? await this.#filter(manifest, removed, next) : null;
      for (const path of rewritten?.removed ?? []) missing.delete(path);
      kept.push(rewritten?.manifest ?? manifest);
    }
    return { manifests: kept, missing };
  }

  async #filter(
    manifest: ManifestFile,
    removed: ReadonlySet<string>,
    next: { readonly snapshotId: bigint },
  ): Promise<Rewritten | null> {
    let result = this.#filtered.get(manifest.path);
    if (result === undefined) {
      result = await this.#rewrite(manifest, removed, next);
      this.#filtered.set(manifest.path, result);
    }
    return result;
  }

  async #rewrite(
    manifest: ManifestFile,
    removed: ReadonlySet<string>,
    { snapshotId }: { readonly snapshotId: bigint },
  ): Promise<Rewritten | null> {
    const { metadata, schema, records } = readAvroFile(await this.#io.read(manifest.path));
    const live = (records as unknown as EntryRecord[]).filter(({ status }) => status !== entryStatus.deleted);
    const gone = live.filter(({ data_file }) => removed.has(data_file.file_path));
    if (gone.length === 0) return null;
    const goes = new Set(gone);
    const entries = live.map((entry) => ({
      ...entry,
      // An entry that moves to another manifest no longer inherits its numbers: they are written out.
      sequence_number: entry.sequence_number ?? manifest.sequenceNumber,
      file_sequence_number: entry.file_sequence_number ?? manifest.sequenceNumber,
      ...(goes.has(entry)
        ? { status: entryStatus.deleted, snapshot_id: snapshotId }
        : { status: entryStatus.existing, snapshot_id: entry.snapshot_id ?? manifest.addedSnapshotId }),
    }));
    const { 'avro.schema': _schema, 'avro.codec': _codec, ...header } = metadata;
    const bytes = writeAvroFile(
      schema,
      entries as unknown as Parameters<typeof writeAvroFile>[1],
      header,
      this.#ids.sync(),
    );
    const path = `${this.#folder}/${this.#ids.uuid()}-m2.avro`;
    await this.#io.create(path, bytes);
    const rows = (of: readonly EntryRecord[]) =>
      of.reduce((sum, { data_file }) => sum + Number(data_file.record_count), 0);
    return {
      removed: gone.map(({ data_file }) => data_file.file_path),
      manifest: {
        ...manifest,
        path,
        length: bytes.length,
        addedSnapshotId: snapshotId,
        addedFiles: 0,
        addedRows: 0,
        existingFiles: live.length - gone.length,
        existingRows: rows(live) - rows(gone),
        deletedFiles: gone.length,
        deletedRows: rows(gone),
        // Bounds of more files than are left: wider than needed, never wrong.
        partitions: manifest.partitions,
      },
    };
  }
}

interface Rewritten {
  readonly manifest: ManifestFile;
  readonly removed: readonly string[];
}

/** The part of a manifest entry that is touched; the rest is carried. */
interface EntryRecord {
  readonly status: number;
  readonly snapshot_id: number | bigint | null;
  readonly sequence_number: number | bigint | null;
  readonly file_sequence_number: number | bigint | null;
  readonly data_file: { readonly file_path: string; readonly record_count: number | bigint };
}
