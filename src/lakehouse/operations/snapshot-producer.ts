import { EngineError, isWorthRetrying } from '../../model/errors.ts';
import type { CatalogTable, TableState } from '../catalog/catalog.ts';
import {
  type DataFile,
  entryStatus,
  type ManifestFile,
  readManifestList,
  summarizePartitions,
  writeManifest,
  writeManifestList,
} from '../format/manifest.ts';
import type { Update } from '../format/metadata-updates.ts';
import type { PartitionSpec, Schema } from '../format/schema.ts';
import {
  currentSchema,
  currentSnapshot,
  type Snapshot,
  schemaOfSpec,
  snapshotById,
  specById,
  type TableMetadata,
} from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';
import { ManifestFilter } from './manifest-filter.ts';
import { ManifestMerger } from './manifest-merge.ts';
import { type SnapshotChange, summarize } from './snapshot-change.ts';
import { expiredSnapshots, removeExpiredFiles } from './snapshot-expiry.ts';

interface ChangeResult {
  /** `given_up`: `check` said so; `inputs_gone`: a file to remove is not live any more. Our snapshot is not in then. */
  readonly outcome: 'committed' | 'given_up' | 'inputs_gone';
  readonly state: TableState;
  readonly attempts: number;
  readonly conflicts: number;
  readonly unknown: number;
}

export interface ProducerOptions {
  readonly catalog: CatalogTable;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly nowMs: () => number;
  readonly attemptsMax: number;
  /** Waits before attempt `attempt` (1 = first repetition). */
  pause(attempt: number): Promise<void>;
}

/** Loads the table; it must exist. */
export async function loadTable(catalog: CatalogTable): Promise<TableState> {
  const state = await catalog.load();
  if (state === null) throw new EngineError('SINK_REJECTED', 'the table is no longer in its catalog');
  return state;
}

/** One change on its way: what is made once and serves every attempt. */
interface Prepared {
  readonly change: SnapshotChange;
  /** Tells, after a lost answer, whether the commit happened. */
  readonly snapshotId: bigint;
  readonly schemaId: number;
  /** Null when no file comes: offsets move over a gap in the log, or files only go. */
  readonly manifest: ManifestFile | null;
  readonly filter: ManifestFilter;
  readonly removed: ReadonlySet<string>;
}

/**
 * Changes a table by one snapshot. The manifest and the snapshot id are made once and serve every attempt;
 * conflicts are re-applied on the table as it then is, as long as what goes is still there.
 */
export class SnapshotProducer {
  readonly #options: ProducerOptions;
  readonly #merger: ManifestMerger;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#merger = new ManifestMerger(options.io, options.ids);
  }

  /** Throws CATALOG_CONFLICT or COMMIT_UNKNOWN when the attempts are used up. */
  async commit(change: SnapshotChange): Promise<ChangeResult> {
    const { catalog, attemptsMax } = this.#options;
    let prepared: Prepared | undefined;
    let conflicts = 0;
    let unknown = 0;
    const snapshotId = this.#options.ids.snapshotId();
    const refusedLists: string[] = [];
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1) await this.#options.pause(attempt - 1);
      const state = await loadTable(catalog);
      const done = (outcome: ChangeResult['outcome'], at: TableState): ChangeResult => {
        return { outcome, state: at, attempts: attempt, conflicts, unknown };
      };
      // The table itself says whether our snapshot is in: an answer may be lost, and a conflict may be one
      // with ourselves, where a proxy sent our commit twice.
      const isIn = snapshotById(state.metadata, snapshotId) !== null;
      if (!isIn && change.check(state) === 'give_up') return done('given_up', state);
      if (!isIn) prepared ??= await this.#prepare(change, state, snapshotId);
      try {
        const committed = isIn || !prepared ? state : await this.#attempt(prepared, state, refusedLists);
        if (committed === null) return done('inputs_gone', state);
        await this.#removeUnused(prepared, refusedLists, committed.metadata, snapshotId);
        return done('committed', committed);
      } catch (error) {
        if (!(error instanceof EngineError) || !isWorthRetrying(error)) throw error;
        if (error.code === 'CATALOG_CONFLICT') conflicts++;
        else unknown++;
        if (attempt >= attemptsMax) throw error;
      }
    }
  }

  async #prepare(change: SnapshotChange, { metadata }: TableState, snapshotId: bigint): Promise<Prepared> {
    const { io, ids } = this.#options;
    const folder = `${metadata.location}/metadata`;
    const filter = new ManifestFilter(io, ids, folder);
    const schemaId = currentSchema(metadata)['schema-id'];
    const removed = new Set((change.removed ?? []).map(({ path }) => path));
    const { added, rowSequenceNumber } = change;
    if (added.length === 0) return { change, snapshotId, schemaId, manifest: null, filter, removed };
    const spec = specById(metadata, change.specId);
    const schema = schemaOfSpec(metadata, spec);
    const numbers = { sequenceNumber: rowSequenceNumber ?? null, fileSequenceNumber: null };
    const entries = added.map((file) => ({ status: entryStatus.added, snapshotId, ...numbers, file }));
    const bytes = writeManifest(schema, spec, entries, ids.sync());
    const path = `${folder}/${ids.uuid()}-m0.avro`;
    await io.create(path, bytes);
    const manifest = newManifest({ path, length: bytes.length }, snapshotId, added, schema, spec);
    return { change, snapshotId, schemaId, manifest, filter, removed };
  }

  /** Null when a file to remove is not live. */
  async #attempt(prepared: Prepared, state: TableState, refusedLists: string[]): Promise<TableState | null> {
    const { catalog, io, nowMs } = this.#options;
    const { metadata } = state;
    const { change, snapshotId } = prepared;
    const parent = currentSnapshot(metadata);
    const marks = change.marks(state);
    const sequenceNumber = metadata['last-sequence-number'] + 1;
    const manifests = await this.#manifests(prepared, metadata, parent, sequenceNumber);
    if (manifests === null) return null;
    const list = await this.#writeList(manifests, metadata, { snapshotId, parent, sequenceNumber });
    const snapshot: Snapshot = {
      'snapshot-id': snapshotId,
      ...(parent === null ? {} : { 'parent-snapshot-id': parent['snapshot-id'] }),
      'sequence-number': sequenceNumber,
      'timestamp-ms': Math.max(nowMs(), metadata['last-updated-ms'] + 1),
      'manifest-list': list,
      summary: { ...summarize(change, parent), ...marks },
      'schema-id': prepared.schemaId,
    };
    const expired = expiredSnapshots(metadata, nowMs());
    try {
      const committed = await catalog.commit(
        state,
        [
          { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
          { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parent?.['snapshot-id'] ?? null },
        ],
        updatesOf(snapshot, marks, expired),
      );
      await removeExpiredFiles(io, committed.metadata, expired);
      return committed;
    } catch (error) {
      if (error instanceof EngineError && error.code === 'CATALOG_CONFLICT') refusedLists.push(list);
      throw error;
    }
  }

  /** The manifests of the new snapshot. Null when a file to remove is not live. */
  async #manifests(
    { change, filter, removed, manifest, snapshotId }: Prepared,
    metadata: TableMetadata,
    parent: Snapshot | null,
    sequenceNumber: number,
  ): Promise<readonly ManifestFile[] | null> {
    const { io } = this.#options;
    const listed = parent === null ? [] : readManifestList(await io.read(parent['manifest-list']));
    // What only tells of files that went in an earlier snapshot has no more to say.
    const previous = listed.filter(({ addedFiles, existingFiles }) => addedFiles + existingFiles > 0);
    const { manifests, missing } = await filter.remove(previous, removed, { snapshotId });
    if (missing.size > 0) return null;
    const next = { snapshotId, sequenceNumber, specId: change.specId };
    const kept = change.isClustering
      ? await this.#merger.cluster(manifests, metadata, next)
      : await this.#merger.merge(manifests, metadata, next);
    if (manifest === null) return kept;
    const minSequenceNumber = change.rowSequenceNumber ?? sequenceNumber;
    return [{ ...manifest, sequenceNumber, minSequenceNumber }, ...kept];
  }

  async #writeList(
    manifests: readonly ManifestFile[],
    { location }: TableMetadata,
    at: { snapshotId: bigint; parent: Snapshot | null; sequenceNumber: number },
  ): Promise<string> {
    const { io, ids } = this.#options;
    const path = `${location}/metadata/snap-${at.snapshotId}-${ids.uuid()}.avro`;
    const parentId = at.parent?.['snapshot-id'] ?? null;
    // Manifests that this snapshot made get its number, which a retry may change.
    const numbered = manifests.map((one) =>
      one.addedSnapshotId === at.snapshotId ? { ...one, sequenceNumber: at.sequenceNumber } : one,
    );
    const snapshot = { id: at.snapshotId, parentId, sequenceNumber: at.sequenceNumber };
    await io.create(path, writeManifestList(numbered, snapshot, ids.sync()));
    return path;
  }

  /** Only once our snapshot is in, and so cannot come a second time, is it sure that nothing points at the others. */
  async #removeUnused(
    prepared: Prepared | undefined,
    lists: readonly string[],
    metadata: TableMetadata,
    snapshotId: bigint,
  ): Promise<void> {
    const { io } = this.#options;
    const used = snapshotById(metadata, snapshotId)?.['manifest-list'];
    for (const list of lists) if (list !== used) await io.delete(list);
    const written = prepared?.filter.written ?? [];
    if (used === undefined || written.length === 0 || lists.length === 0) return;
    const kept = new Set(readManifestList(await io.read(used)).map(({ path }) => path));
    for (const path of written) if (!kept.has(path)) await io.delete(path);
  }
}

function updatesOf(
  snapshot: Snapshot,
  marks: Readonly<Record<string, string>>,
  expired: readonly Snapshot[],
): readonly Update[] {
  const updates: Update[] = [
    { action: 'add-snapshot', snapshot },
    { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshot['snapshot-id'] },
  ];
  if (Object.keys(marks).length > 0) updates.push({ action: 'set-properties', updates: marks });
  if (expired.length > 0) {
    updates.push({ action: 'remove-snapshots', 'snapshot-ids': expired.map((one) => one['snapshot-id']) });
  }
  return updates;
}

function newManifest(
  written: { path: string; length: number },
  snapshotId: bigint,
  files: readonly DataFile[],
  schema: Schema,
  spec: PartitionSpec,
): ManifestFile {
  return {
    ...written,
    specId: spec['spec-id'],
    content: 0,
    sequenceNumber: 0,
    minSequenceNumber: 0,
    addedSnapshotId: snapshotId,
    addedFiles: files.length,
    existingFiles: 0,
    deletedFiles: 0,
    addedRows: files.reduce((sum, file) => sum + file.recordCount, 0),
    existingRows: 0,
    deletedRows: 0,
    partitions: summarizePartitions(schema, spec, files),
  };
}
