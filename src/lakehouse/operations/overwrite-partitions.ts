import { EngineError } from '../../model/errors.ts';
import type { CatalogTable, TableState } from '../catalog/catalog.ts';
import type { DataFile } from '../format/manifest.ts';
import type { PartitionSpec, PartitionValue } from '../format/schema.ts';
import { currentSnapshot, findSpec } from '../format/table-metadata.ts';
import { erasureMark } from './erasure-mark.ts';
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
  /** The table as it was before anything was read that the files are made from. */
  readonly since: TableState;
  /** Properties that the table gets with the snapshot. */
  readonly marks?: Readonly<Record<string, string>>;
}

/**
 * `overtaken`: somebody else changed those partitions since they were looked at. `erased`: an organization was erased
 * since, and the files may hold what it had. Then nothing was changed, and our files are removed.
 */
export type Overwritten = 'written' | 'overtaken' | 'erased';

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

/** Puts files in the place of all that some partitions hold, in one snapshot. Changes of others are built upon. */
export async function overwritePartitions(options: ProducerOptions, overwrite: Overwrite): Promise<Overwritten> {
  const { catalog, io, attemptsMax } = options;
  const { spec, includes, added, summary, seen, since, marks = {} } = overwrite;
  let refused: Overwritten = 'overtaken';
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const state = await loadTable(catalog);
    const specId = findSpec(state.metadata, spec);
    if (specId === null)
      throw new EngineError('SINK_REJECTED', `${state.metadata.location} lacks the partition spec that we write by`);
    if (erasureMark(state.metadata) !== erasureMark(since.metadata)) {
      refused = 'erased';
      break;
    }
    const removed = await filesOfPartitions(options, state, includes);
    if (removed.length !== seen.size || !removed.every(({ path }) => seen.has(path))) break;
    if (removed.length === 0 && added.length === 0) return 'written';
    const base = currentSnapshot(state.metadata)?.['snapshot-id'] ?? null;
    const result = await new SnapshotProducer(options).commit({
      operation: removed.length === 0 ? 'append' : added.length === 0 ? 'delete' : 'overwrite',
      added,
      removed,
      specId,
      summary,
      marks: () => marks,
      // Another snapshot may have changed our partitions, or be that of an erasure: look again before going on.
      check: ({ metadata }) => ((currentSnapshot(metadata)?.['snapshot-id'] ?? null) === base ? 'go' : 'give_up'),
    });
    if (result.outcome === 'committed') return 'written';
  }
  await io.deleteAll(added.map(({ path }) => path));
  return refused;
}

/** Makes the table of a name unless it is there. */
export async function ensureTable(
  catalog: CatalogTable,
  table: Parameters<CatalogTable['create']>[0],
): Promise<TableState> {
  return (await catalog.load()) ?? (await catalog.create(table));
}
