import { EngineError } from '../../model/errors.ts';
import type { CatalogTable, TableState } from '../catalog/catalog.ts';
import type { DataFile } from '../format/manifest.ts';
import type { PartitionSpec, PartitionValue } from '../format/schema.ts';
import { currentSnapshot, findSpec } from '../format/table-metadata.ts';
import { liveFilesOf } from './live-files.ts';
import { loadTable, type ProducerOptions, SnapshotProducer } from './snapshot-producer.ts';

interface Overwrite {
  /** How the table is partitioned. */
  readonly spec: PartitionSpec;
  /** Whether a partition is one of those that are written anew. */
  includes(partition: readonly PartitionValue[]): boolean;
  readonly added: readonly DataFile[];
  /** What the files were made from, for the snapshot's summary. */
  readonly summary: Readonly<Record<string, string>>;
  /** Files that were there when the work began: when others are there now, somebody else did the same work. */
  readonly seen: ReadonlySet<string>;
}

/** Paths of the live files of some partitions. */
export async function filesOfPartitions(
  { io }: Pick<ProducerOptions, 'io'>,
  state: TableState,
  includes: Overwrite['includes'],
): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for await (const { file } of liveFilesOf(io, state.metadata)) {
    if (includes(file.partition)) files.push(file);
  }
  return files;
}

/**
 * Puts files in the place of all that some partitions hold, in one snapshot. False when somebody else changed
 * those partitions since they were looked at: then our files are removed, and nothing was changed. Changes of other
 * partitions are built upon.
 */
export async function overwritePartitions(options: ProducerOptions, overwrite: Overwrite): Promise<boolean> {
  const { catalog, io, attemptsMax } = options;
  const { spec, includes, added, summary, seen } = overwrite;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const state = await loadTable(catalog);
    const specId = findSpec(state.metadata, spec);
    if (specId === null)
      throw new EngineError('SINK_REJECTED', `${state.metadata.location} lacks the partition spec that we write by`);
    const removed = await filesOfPartitions(options, state, includes);
    if (removed.length !== seen.size || !removed.every(({ path }) => seen.has(path))) break;
    if (removed.length === 0 && added.length === 0) return true;
    const base = currentSnapshot(state.metadata)?.['snapshot-id'] ?? null;
    const result = await new SnapshotProducer(options).commit({
      operation: removed.length === 0 ? 'append' : added.length === 0 ? 'delete' : 'overwrite',
      added,
      removed,
      specId,
      summary,
      marks: () => ({}),
      // Another snapshot may have changed our partitions: look again before going on.
      check: ({ metadata }) => ((currentSnapshot(metadata)?.['snapshot-id'] ?? null) === base ? 'go' : 'give_up'),
    });
    if (result.outcome === 'committed') return true;
  }
  await io.deleteAll(added.map(({ path }) => path));
  return false;
}

/** Makes the table of a name unless it is there. */
export async function ensureTable(
  catalog: CatalogTable,
  table: Parameters<CatalogTable['create']>[0],
): Promise<TableState> {
  return (await catalog.load()) ?? (await catalog.create(table));
}
