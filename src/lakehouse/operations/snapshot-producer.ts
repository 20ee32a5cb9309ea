import { EngineError, isWorthRetrying } from '../../model/errors.ts';
import type { Catalog, TableState } from '../catalog/catalog.ts';
import {
  type DataFile,
  entryStatus,
  type ManifestFile,
  readManifestList,
  summarizePartitions,
  writeManifest,
  writeManifestList,
} from '../format/manifest.ts';
import type { PartitionSpec, Schema } from '../format/schema.ts';
import {
  currentSnapshot,
  type Snapshot,
  snapshotById,
  type TableMetadata,
  type Update,
} from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';
import { ManifestMerger } from './manifest-merge.ts';
import { expiredSnapshots, removeExpiredFiles } from './snapshot-expiry.ts';

/** What `check` says about a freshly loaded table before each attempt. */
export type AppendVerdict = 'go' | 'give_up';

export interface Append {
  readonly files: readonly DataFile[];
  /** Written into the snapshot summary and as table properties, in the commit that builds on `state`. */
  marks(state: TableState): Readonly<Record<string, string>>;
  /** Called before every attempt with the table as it is now; `give_up` ends the append. */
  check(state: TableState): AppendVerdict;
}

export interface AppendResult {
  /** `given_up`: `check` said so, and our snapshot is not in the table. */
  readonly outcome: 'committed' | 'given_up';
  readonly state: TableState;
  readonly attempts: number;
  readonly conflicts: number;
  readonly unknown: number;
}

export interface ProducerOptions {
  readonly catalog: Catalog;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly nowMs: () => number;
  readonly attemptsMax: number;
  /** Waits before attempt `attempt` (1 = first repetition). */
  pause(attempt: number): Promise<void>;
}

/** Loads the table; it must exist. */
export async function loadTable(catalog: Catalog): Promise<TableState> {
  const state = await catalog.load();
  if (state === null) throw new EngineError('SINK_REJECTED', 'the table is no longer in its catalog');
  return state;
}

/**
 * Adds data files as one snapshot ("fast append"). The manifest and the snapshot id are made once and
 * serve every attempt: the id is what tells, after a lost answer, whether the commit happened.
 */
export class SnapshotProducer {
  readonly #options: ProducerOptions;
  readonly #merger: ManifestMerger;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#merger = new ManifestMerger(options.io, options.ids);
  }

  /** Throws CATALOG_CONFLICT or COMMIT_UNKNOWN when the attempts are used up. */
  async append(append: Append): Promise<AppendResult> {
    const { catalog, attemptsMax } = this.#options;
    let prepared: PreparedAppend | undefined;
    let conflicts = 0;
    let unknown = 0;
    const snapshotId = this.#options.ids.snapshotId();
    const refusedLists: string[] = [];
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1) await this.#options.pause(attempt - 1);
      const state = await loadTable(catalog);
      const done = (outcome: AppendResult['outcome'], at: TableState): AppendResult => {
        return { outcome, state: at, attempts: attempt, conflicts, unknown };
      };
      // The table itself says whether our snapshot is in: an answer may be lost, and a conflict may be one
      // with ourselves, where a proxy sent our commit twice.
      const isIn = snapshotById(state.metadata, snapshotId) !== null;
      if (!isIn && append.check(state) === 'give_up') return done('given_up', state);
      if (!isIn) prepared ??= await this.#prepare(append, state, snapshotId);
      try {
        const committed = isIn || !prepared ? state : await this.#attempt(append, prepared, state, refusedLists);
        await this.#removeRefused(refusedLists, committed.metadata, snapshotId);
        return done('committed', committed);
      } catch (error) {
        if (!(error instanceof EngineError) || !isWorthRetrying(error)) throw error;
        if (error.code === 'CATALOG_CONFLICT') conflicts++;
        else unknown++;
        if (attempt >= attemptsMax) throw error;
      }
    }
  }

  async #prepare(append: Append, state: TableState, snapshotId: bigint): Promise<PreparedAppend> {
    const { io, ids } = this.#options;
    const { metadata } = state;
    const schema = metadata.schemas.find((one) => one['schema-id'] === metadata['current-schema-id']);
    const spec = metadata['partition-specs'].find((one) => one['spec-id'] === metadata['default-spec-id']);
    if (!schema || !spec) throw new EngineError('SINK_REJECTED', 'the table names a schema or spec it does not hold');
    if (append.files.length === 0) return { snapshotId, schema, manifest: null };
    const added = { status: entryStatus.added, snapshotId, sequenceNumber: null, fileSequenceNumber: null };
    const entries = append.files.map((file) => ({ ...added, file }));
    const bytes = writeManifest(schema, spec, entries, ids.sync());
    const path = `${metadata.location}/metadata/${ids.uuid()}-m0.avro`;
    await io.create(path, bytes);
    const manifest = newManifest({ path, length: bytes.length }, snapshotId, append.files, schema, spec);
    return { snapshotId, schema, manifest };
  }

  async #attempt(
    append: Append,
    prepared: PreparedAppend,
    state: TableState,
    refusedLists: string[],
  ): Promise<TableState> {
    const { catalog, io, ids, nowMs } = this.#options;
    const { metadata } = state;
    const parent = currentSnapshot(metadata);
    const marks = append.marks(state);
    const sequenceNumber = metadata['last-sequence-number'] + 1;
    const previous = parent === null ? [] : readManifestList(await io.read(parent['manifest-list']));
    const kept = await this.#merger.merge(previous, metadata, { snapshotId: prepared.snapshotId, sequenceNumber });
    const added = prepared.manifest && { ...prepared.manifest, sequenceNumber, minSequenceNumber: sequenceNumber };
    const manifests = added === null ? kept : [added, ...kept];
    const listPath = `${metadata.location}/metadata/snap-${prepared.snapshotId}-${ids.uuid()}.avro`;
    const parentId = parent?.['snapshot-id'] ?? null;
    await io.create(
      listPath,
      writeManifestList(manifests, { id: prepared.snapshotId, parentId, sequenceNumber }, ids.sync()),
    );
    const snapshot: Snapshot = {
      'snapshot-id': prepared.snapshotId,
      ...(parentId === null ? {} : { 'parent-snapshot-id': parentId }),
      'sequence-number': sequenceNumber,
      'timestamp-ms': Math.max(nowMs(), metadata['last-updated-ms'] + 1),
      'manifest-list': listPath,
      summary: { ...summarize(append.files, parent), ...marks },
      'schema-id': prepared.schema['schema-id'],
    };
    const expired = expiredSnapshots(metadata, nowMs());
    const updates: Update[] = [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': prepared.snapshotId },
      { action: 'set-properties', updates: marks },
    ];
    if (expired.length > 0) {
      updates.push({ action: 'remove-snapshots', 'snapshot-ids': expired.map((one) => one['snapshot-id']) });
    }
    try {
      const committed = await catalog.commit(
        state,
        [
          { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
          { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parentId },
        ],
        updates,
      );
      await removeExpiredFiles(io, committed.metadata, expired);
      return committed;
    } catch (error) {
      if (error instanceof EngineError && error.code === 'CATALOG_CONFLICT') refusedLists.push(listPath);
      throw error;
    }
  }

  /** Only once our snapshot is in, and so cannot come a second time, is it sure that nothing points at the others. */
  async #removeRefused(lists: readonly string[], metadata: TableMetadata, snapshotId: bigint): Promise<void> {
    const used = snapshotById(metadata, snapshotId)?.['manifest-list'];
    for (const list of lists) if (list !== used) await this.#options.io.delete(list);
  }
}

interface PreparedAppend {
  readonly snapshotId: bigint;
  readonly schema: Schema;
  /** Null when only offsets move, over a gap in the log. */
  readonly manifest: ManifestFile | null;
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

/** Counters of the snapshot summary; totals are the previous ones and what is added. */
function summarize(files: readonly DataFile[], parent: Snapshot | null): Record<string, string> {
  const records = files.reduce((sum, file) => sum + file.recordCount, 0);
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const total = (name: string, added: number) => String(Number(parent?.summary[name] ?? 0) + added);
  return {
    operation: 'append',
    'added-data-files': String(files.length),
    'added-records': String(records),
    'added-files-size': String(bytes),
    'changed-partition-count': String(new Set(files.map((file) => JSON.stringify(file.partition))).size),
    'total-records': total('total-records', records),
    'total-files-size': total('total-files-size', bytes),
    'total-data-files': total('total-data-files', files.length),
    'total-delete-files': total('total-delete-files', 0),
    'total-position-deletes': total('total-position-deletes', 0),
    'total-equality-deletes': total('total-equality-deletes', 0),
  };
}
