import {
  type DataFile,
  entryStatus,
  type ManifestFile,
  readManifest,
  readManifestList,
  summarizePartitions,
  writeManifest,
  writeManifestList,
} from '../../../src/lakehouse/format/manifest.ts';
import type { Update } from '../../../src/lakehouse/format/metadata-updates.ts';
import {
  ancestry,
  currentSnapshot,
  type Snapshot,
  type TableMetadata,
} from '../../../src/lakehouse/format/table-metadata.ts';
import { tableLocation } from './bronze-engine.ts';
import { readRowFile } from './row-files.ts';
import type { CatalogServer } from './simulated-catalog.ts';
import type { ObjectServer } from './simulated-objects.ts';

const sync = new Uint8Array(16).fill(9);

/** What other tools and people do to the table: sound commits of their own that know nothing of offsets. */
export class OtherTools {
  readonly #catalog: CatalogServer;
  readonly #objects: ObjectServer;
  readonly #nowMs: () => number;
  #made = 0;

  constructor(catalog: CatalogServer, objects: ObjectServer, nowMs: () => number) {
    this.#catalog = catalog;
    this.#objects = objects;
    this.#nowMs = nowMs;
  }

  /** Rewrites all data files as one for each partition of the table. */
  compact(): void {
    const metadata = this.#usable();
    const parent = metadata && currentSnapshot(metadata);
    if (!metadata || !parent) return;
    const files = this.#liveFiles(metadata, parent);
    if (files === null) return;
    const rewritten = [...Map.groupBy(files, ({ partition }) => JSON.stringify(partition)).values()].map((group) => {
      const rows = group.flatMap(({ path }) => readRowFile(this.#objects.get(path)));
      const bytes = Buffer.from(JSON.stringify(rows));
      return { ...group[0], path: this.#put('data', bytes), recordCount: rows.length, sizeBytes: bytes.length };
    });
    this.#replace(metadata, parent, rewritten);
  }

  /** Forgets all snapshots but the newest `keep` of `main`'s past, and what only they used. */
  expire(keep: number): void {
    const metadata = this.#usable();
    if (!metadata) return;
    const kept = new Set([...ancestry(metadata)].slice(0, keep).map((each) => each['snapshot-id']));
    const gone = metadata.snapshots.filter((each) => !kept.has(each['snapshot-id']));
    if (gone.length === 0) return;
    this.#commit([{ action: 'remove-snapshots', 'snapshot-ids': gone.map((each) => each['snapshot-id']) }]);
    const left = metadata.snapshots.filter((each) => kept.has(each['snapshot-id']));
    const used = new Set(left.flatMap((each) => this.#reachable(metadata, each)));
    for (const uri of gone.flatMap((each) => this.#reachable(metadata, each))) {
      if (!used.has(uri)) this.#objects.delete(uri);
    }
  }

  setProperty(name: string, value: string): void {
    if (this.#usable()) this.#commit([{ action: 'set-properties', updates: { [name]: value } }]);
  }

  /** Sets `main` back to an older snapshot. */
  rollBack(to: Snapshot): void {
    this.#commit([
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': to['snapshot-id'] },
    ]);
  }

  #replace(metadata: TableMetadata, parent: Snapshot, files: readonly DataFile[]): void {
    this.#made += 1;
    const id = 1_000n + BigInt(this.#made);
    const sequenceNumber = metadata['last-sequence-number'] + 1;
    const schema = metadata.schemas[0];
    const spec = metadata['partition-specs'][0];
    const numbers = { snapshotId: id, sequenceNumber, fileSequenceNumber: sequenceNumber };
    const entries = files.map((file) => ({ status: entryStatus.added, ...numbers, file }));
    const bytes = writeManifest(schema, spec, entries, sync);
    const manifest: ManifestFile = {
      path: this.#put('metadata', bytes),
      length: bytes.length,
      specId: spec['spec-id'],
      content: 0,
      sequenceNumber,
      minSequenceNumber: sequenceNumber,
      addedSnapshotId: id,
      addedFiles: files.length,
      existingFiles: 0,
      deletedFiles: 0,
      addedRows: files.reduce((sum, { recordCount }) => sum + recordCount, 0),
      existingRows: 0,
      deletedRows: 0,
      partitions: summarizePartitions(schema, spec, files),
    };
    const parentId = parent['snapshot-id'];
    const list = this.#put('metadata', writeManifestList([manifest], { id, parentId, sequenceNumber }, sync));
    const snapshot: Snapshot = {
      'snapshot-id': id,
      'parent-snapshot-id': parentId,
      'sequence-number': sequenceNumber,
      'timestamp-ms': Math.max(this.#nowMs(), metadata['last-updated-ms'] + 1),
      'manifest-list': list,
      summary: { operation: 'replace' },
      'schema-id': schema['schema-id'],
    };
    this.#commit([
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id },
    ]);
  }

  /** Null while the table, or a server, cannot be used. */
  #usable(): TableMetadata | null {
    const { isDown, isRefusing, table } = this.#catalog;
    return isDown || isRefusing || this.#objects.isDown || this.#objects.isCutting ? null : (table?.metadata ?? null);
  }

  #liveFiles(metadata: TableMetadata, snapshot: Snapshot): DataFile[] | null {
    const list = this.#objects.whole(snapshot['manifest-list']);
    if (list === null) return null;
    const files: DataFile[] = [];
    for (const { path } of readManifestList(list)) {
      const bytes = this.#objects.whole(path);
      if (bytes === null) return null;
      for (const entry of readManifest(bytes, metadata['partition-specs'][0])) {
        if (this.#objects.whole(entry.file.path) === null) return null;
        if (entry.status !== entryStatus.deleted) files.push(entry.file);
      }
    }
    return files;
  }

  #reachable(metadata: TableMetadata, snapshot: Snapshot): string[] {
    const list = this.#objects.whole(snapshot['manifest-list']);
    if (list === null) return [];
    const manifests = readManifestList(list).map(({ path }) => path);
    const files = this.#liveFiles(metadata, snapshot) ?? [];
    return [snapshot['manifest-list'], ...manifests, ...files.map(({ path }) => path)];
  }

  #put(folder: string, bytes: Uint8Array): string {
    this.#made += 1;
    const uri = `${tableLocation}/${folder}/tool-${this.#made}`;
    this.#objects.put(uri, bytes);
    return uri;
  }

  #commit(updates: readonly Update[]): void {
    const { table } = this.#catalog;
    if (table !== null) this.#catalog.commit(table, [], updates);
  }
}
