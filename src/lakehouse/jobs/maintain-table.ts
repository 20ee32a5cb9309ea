import { EngineError } from '../../model/errors.ts';
import type { CatalogTable, TableState } from '../catalog/catalog.ts';
import type { DataFileEncoder } from '../format/data-file-encoder.ts';
import { type DataFile, readManifestList } from '../format/manifest.ts';
import type { PartitionSpec } from '../format/schema.ts';
import { currentSchema, currentSnapshot, findSpec } from '../format/table-metadata.ts';
import { type CompactionBin, type CompactionOptions, mergeFiles, planCompaction } from '../operations/compaction.ts';
import { dueSnapshots, expireSnapshots } from '../operations/expire-snapshots.ts';
import { hasDeleteFiles, type LiveFile, liveFilesOf } from '../operations/live-files.ts';
import { findOrphans } from '../operations/orphan-sweep.ts';
import { loadTable, SnapshotProducer } from '../operations/snapshot-producer.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';

/** In this order, because each makes less work for the next: fewer files, fewer manifests, fewer snapshots, then the rest. */
export const maintenanceSteps = ['compact', 'cluster', 'expire', 'sweep'] as const;
export type MaintenanceStep = (typeof maintenanceSteps)[number];

/** How the rows of a table lie in its files. */
export interface TableLayout {
  readonly spec: PartitionSpec;
  /** Field ids, see `MergeOptions`. */
  readonly sortedBy: readonly number[];
  readonly repetitive: ReadonlySet<number>;
  readonly unbounded: ReadonlySet<number>;
}

export interface MaintenanceOptions {
  readonly catalog: CatalogTable;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly encoder: DataFileEncoder;
  readonly layout: TableLayout;
  readonly nowMs: () => number;
  pause(attempt: number): Promise<void>;
  readonly compaction: CompactionOptions;
  /** Files that no snapshot reaches go when they are older, ms. */
  readonly orphansOlderThanMs: number;
  /** Snapshots: absent = as the table's properties say. */
  readonly snapshotsOlderThanMs?: number;
  readonly snapshotsToKeep?: number;
  /** Say what would be done and do nothing. */
  readonly isDryRun: boolean;
  readonly onProgress?: (step: MaintenanceStep, done: number, total: number) => void;
}

/** What a step did, or would do. */
export interface StepReport {
  readonly step: MaintenanceStep;
  /** Files, manifests or snapshots that went or would go. */
  readonly gone: number;
  /** What came in their place; 0 in a dry run of a step that cannot know. */
  readonly made: number;
  /** Bytes of the files that went; they leave the disk when the snapshots that reach them expire. */
  readonly bytes: number;
}

const attemptsMax = 10;
/** Merged files that go in with one snapshot: few enough that a conflict or a crash repeats little. */
const binsPerSnapshot = 32;

/** Runs one step on one table, beside whoever writes to it. Safe to end at any moment, and to run twice at once. */
export async function maintainTable(step: MaintenanceStep, options: MaintenanceOptions): Promise<StepReport> {
  switch (step) {
    case 'compact':
      return compact(options);
    case 'cluster':
      return cluster(options);
    case 'expire':
      return expire(options);
    case 'sweep':
      return sweep(options);
  }
}

async function compact(options: MaintenanceOptions): Promise<StepReport> {
  const { io, catalog, layout, isDryRun, onProgress } = options;
  const state = await loadTable(catalog);
  const snapshot = currentSnapshot(state.metadata);
  const specId = specOf(state, layout);
  const live: LiveFile[] = [];
  if (snapshot !== null) {
    if (await hasDeleteFiles(io, snapshot))
      throw refusal(state, 'has delete files of another tool; let it compact them first');
    for await (const file of liveFilesOf(io, state.metadata, snapshot)) live.push(file);
  }
  const bins = planCompaction(live, specId, options.compaction);
  const report = { step: 'compact', gone: 0, made: 0, bytes: 0 } as {
    step: 'compact';
    gone: number;
    made: number;
    bytes: number;
  };
  for (let from = 0; from < bins.length; from += binsPerSnapshot) {
    const some = bins.slice(from, from + binsPerSnapshot);
    onProgress?.('compact', from, bins.length);
    if (!isDryRun && !(await mergeBins(some, specId, state, options))) continue;
    report.gone += some.reduce((sum, { files }) => sum + files.length, 0);
    report.bytes += some.reduce((sum, { bytes }) => sum + bytes, 0);
    report.made += some.length;
  }
  return report;
}

/** False when somebody else changed one of the files meanwhile: the next run plans afresh. */
async function mergeBins(
  bins: readonly CompactionBin[],
  specId: number,
  { metadata }: TableState,
  options: MaintenanceOptions,
): Promise<boolean> {
  const { io, encoder, ids, layout } = options;
  const { fields } = currentSchema(metadata);
  const added: DataFile[] = [];
  for (const bin of bins) {
    const path = `${metadata.location}/data/merged/${ids.uuid()}.parquet`;
    added.push(await mergeFiles(bin, path, { io, encoder, fields, ...layout }));
  }
  const files = bins.flatMap((bin) => bin.files);
  const result = await new SnapshotProducer({ ...options, attemptsMax }).commit({
    operation: 'replace',
    added,
    removed: files.map(({ file }) => file),
    specId,
    rowSequenceNumber: Math.max(...files.map(({ sequenceNumber }) => sequenceNumber)),
    marks: () => ({}),
    check: () => 'go',
  });
  if (result.outcome === 'committed') return true;
  await io.deleteAll(added.map(({ path }) => path));
  return false;
}

async function cluster(options: MaintenanceOptions): Promise<StepReport> {
  const { io, catalog, layout, isDryRun } = options;
  const state = await loadTable(catalog);
  const count = async (at: TableState): Promise<number> => {
    const snapshot = currentSnapshot(at.metadata);
    return snapshot === null ? 0 : readManifestList(await io.read(snapshot['manifest-list'])).length;
  };
  const before = await count(state);
  // One manifest is sorted as well as it can be.
  const gone = before > 1 ? before : 0;
  if (gone === 0 || isDryRun) return { step: 'cluster', gone, made: 0, bytes: 0 };
  const result = await new SnapshotProducer({ ...options, attemptsMax }).commit({
    operation: 'replace',
    added: [],
    specId: specOf(state, layout),
    isClustering: true,
    marks: () => ({}),
    check: () => 'go',
  });
  return { step: 'cluster', gone: before, made: await count(result.state), bytes: 0 };
}

async function expire(options: MaintenanceOptions): Promise<StepReport> {
  const { catalog, io, nowMs, snapshotsOlderThanMs, snapshotsToKeep, isDryRun } = options;
  const asked = {
    catalog,
    nowMs: nowMs(),
    attemptsMax,
    ...(snapshotsOlderThanMs === undefined ? {} : { maxAgeMs: snapshotsOlderThanMs }),
    ...(snapshotsToKeep === undefined ? {} : { keep: snapshotsToKeep }),
  };
  const gone = isDryRun
    ? dueSnapshots(await loadTable(catalog), asked).length
    : await expireSnapshots({ ...asked, io });
  return { step: 'expire', gone, made: 0, bytes: 0 };
}

async function sweep(options: MaintenanceOptions): Promise<StepReport> {
  const { catalog, io, nowMs, orphansOlderThanMs, isDryRun, onProgress } = options;
  const asked = { nowMs: nowMs(), olderThanMs: orphansOlderThanMs };
  const orphans = await findOrphans(io, () => loadTable(catalog), asked);
  const some = 1_000;
  for (let from = 0; !isDryRun && from < orphans.length; from += some) {
    onProgress?.('sweep', from, orphans.length);
    await io.deleteAll(orphans.slice(from, from + some).map(({ uri }) => uri));
  }
  return { step: 'sweep', gone: orphans.length, made: 0, bytes: orphans.reduce((sum, one) => sum + one.sizeBytes, 0) };
}

function specOf(state: TableState, { spec }: TableLayout): number {
  const id = findSpec(state.metadata, spec);
  if (id === null) throw refusal(state, 'lacks the partition spec that we write by');
  return id;
}

function refusal({ metadata }: TableState, why: string): EngineError {
  return new EngineError('SINK_REJECTED', `${metadata.location} ${why}`);
}
