import { EngineError } from '../../model/errors.ts';
import { type Catalog, type CatalogTable, fullName, type TableName, type TableState } from '../catalog/catalog.ts';
import type { Requirement, Update } from '../format/metadata-updates.ts';
import { currentSnapshot, findSpec, specById } from '../format/table-metadata.ts';
import { erasureMarks, markErasure } from '../operations/erasure-mark.ts';
import { type LiveFile, liveFilesOf } from '../operations/live-files.ts';
import { filesOfMetadata, notedFiles, noteFiles, removeNoted } from '../operations/noted-files.ts';
import { filesOfPartitions, overwritePartitions } from '../operations/overwrite-partitions.ts';
import { removeExpiredFiles } from '../operations/snapshot-expiry.ts';
import { loadTable, type ProducerOptions, SnapshotProducer } from '../operations/snapshot-producer.ts';

interface EraseOptions extends Omit<ProducerOptions, 'catalog'> {
  readonly catalog: Catalog;
  /** Those that jobs read before those that they write. */
  readonly tables: readonly TableName[];
  readonly org: string;
  /** Tables whose past has rows of it in files of others. */
  readonly alsoForget: ReadonlySet<string>;
  readonly isDryRun: boolean;
}

/** What went from a table, or would go. */
export interface ErasedTable {
  readonly table: string;
  readonly rows: number;
  /** Every file that any snapshot had of it. */
  readonly files: readonly string[];
  /** Past states that can no longer be asked, of all organizations. */
  readonly snapshots: number;
  readonly tags: readonly string[];
}

const keepMetadata = 'write.metadata.previous-versions-max';

/**
 * Removes an organization from tables that are partitioned by it: its files from the newest snapshot, and every
 * other snapshot with what only it reached, so that no state of the table has them. Old metadata goes too, for it
 * names what was there. Time travel to before it ends, for all organizations. What a job brings from before is refused.
 */
export async function eraseOrganization(options: EraseOptions): Promise<ErasedTable[]> {
  const erased: ErasedTable[] = [];
  for (const name of options.tables) {
    const table = options.catalog.table(name);
    const state = await table.load();
    if (state === null || !isPartitionedByOrg(state)) continue;
    let found = await filesOfOrg(options, state);
    // Noted by a run that was killed before it removed them.
    const noted = (await notedFiles(options.io, state)).size;
    const isClean = (): boolean => found.length === 0 && noted === 0 && !options.alsoForget.has(fullName(name));
    if (isClean() && !options.isDryRun) {
      await markErasure({ ...options, catalog: table });
      found = await filesOfOrg(options, await loadTable(table));
    }
    if (isClean()) continue;
    const { metadata } = state;
    const current = currentSnapshot(metadata)?.['snapshot-id'];
    const report = {
      table: fullName(name),
      rows: found.reduce((sum, { file }) => sum + file.recordCount, 0),
      files: found.map(({ file }) => file.path),
      snapshots: metadata.snapshots.filter((one) => one['snapshot-id'] !== current).length,
      tags: Object.keys(metadata.refs).filter((ref) => ref !== 'main'),
    };
    if (!options.isDryRun) await eraseFrom(table, report, options);
    erased.push(report);
  }
  return erased;
}

function isPartitionedByOrg({ metadata }: TableState): boolean {
  return specById(metadata, metadata['default-spec-id']).fields[0]?.name === 'org_id';
}

/** Files of the organization in any snapshot that is kept. Throws SINK_REJECTED where rows lie by another spec. */
async function filesOfOrg({ io, org }: EraseOptions, { metadata }: TableState): Promise<LiveFile[]> {
  const own = metadata['default-spec-id'];
  const files = new Map<string, LiveFile>();
  for (const snapshot of metadata.snapshots) {
    for await (const one of liveFilesOf(io, metadata, snapshot)) {
      if (one.specId !== own)
        throw new EngineError(
          'SINK_REJECTED',
          `${metadata.location} has files of another partition spec; rewrite them first, for they may hold rows of ${org}`,
        );
      if (one.file.partition[0] === org) files.set(one.file.path, one);
    }
  }
  return [...files.values()];
}

async function eraseFrom(table: CatalogTable, report: ErasedTable, options: EraseOptions): Promise<void> {
  const { io, ids, org, attemptsMax } = options;
  const own = { ...options, catalog: table };
  const note = async (files: readonly string[]) => {
    const state = await loadTable(table);
    await noteFiles(io, ids, state, [...files, ...(await filesOfMetadata(io, state))]);
  };
  await note(report.files);
  const marks = erasureMarks(ids);
  let isMarked = false;
  for (let attempt = 1; ; attempt++) {
    const state = await loadTable(table);
    const spec = specById(state.metadata, state.metadata['default-spec-id']);
    const includes = ([name]: readonly unknown[]) => name === org;
    const live = new Set((await filesOfPartitions(options, state, includes)).map(({ path }) => path));
    if (live.size === 0 && isMarked) break;
    if (live.size === 0) {
      await markErasure(own);
      isMarked = true;
      continue;
    }
    // In the commit that takes them out, so that a job commits before it and is seen, or after it and is refused.
    const change = { spec, includes, added: [], summary: {}, seen: live, since: state, marks };
    if ((await overwritePartitions(own, change)) === 'written') break;
    if (attempt >= attemptsMax) throw busy(state);
  }
  // Bounds of manifests, which name the organization still.
  const { metadata } = await loadTable(table);
  const specId = findSpec(metadata, specById(metadata, metadata['default-spec-id'])) ?? 0;
  const clustering = { operation: 'replace', added: [], specId, isClustering: true } as const;
  await new SnapshotProducer(own).commit({ ...clustering, marks: () => ({}), check: () => 'go' });
  await note([]);
  await forgetPast(table, options);
  const folder = `${metadata.location}/data/org_id=${encodeURIComponent(org)}`;
  for await (const file of io.list(`${folder}/`)) await io.delete(file.uri);
  const kept = metadata.properties[keepMetadata] ?? '100';
  // Each commit drops metadata files beyond so many: the last two tell of nothing that went.
  for (const versions of ['1', '1', kept])
    await change(table, options, () => [{ action: 'set-properties', updates: { [keepMetadata]: versions } }]);
  await removeNoted(io, await loadTable(table));
}

/** All snapshots but the newest, all names but `main`, and what only they reached. */
async function forgetPast(table: CatalogTable, options: EraseOptions): Promise<void> {
  const before = await change(table, options, ({ metadata }) => {
    const current = currentSnapshot(metadata)?.['snapshot-id'];
    const past = metadata.snapshots.map((one) => one['snapshot-id']).filter((id) => id !== current);
    const names = Object.keys(metadata.refs).filter((name) => name !== 'main');
    return [
      ...names.map((name): Update => ({ action: 'remove-snapshot-ref', 'ref-name': name })),
      ...(past.length === 0 ? [] : [{ action: 'remove-snapshots', 'snapshot-ids': past } as const]),
    ];
  });
  const { metadata } = await loadTable(table);
  const kept = new Set(metadata.snapshots.map((one) => one['snapshot-id']));
  const gone = before.metadata.snapshots.filter((one) => !kept.has(one['snapshot-id']));
  await removeExpiredFiles(options.io, metadata, gone);
}

/** Commits updates to the table as it is, again after each conflict; returns what they were built on. */
async function change(
  table: CatalogTable,
  { attemptsMax, pause }: EraseOptions,
  updatesFor: (state: TableState) => readonly Update[],
): Promise<TableState> {
  for (let attempt = 1; ; attempt++) {
    const state = await loadTable(table);
    const updates = updatesFor(state);
    const requirement: Requirement = { type: 'assert-table-uuid', uuid: state.metadata['table-uuid'] };
    try {
      if (updates.length > 0) await table.commit(state, [requirement], updates);
      return state;
    } catch (error) {
      const isConflict = error instanceof EngineError && error.code === 'CATALOG_CONFLICT';
      if (!isConflict || attempt >= attemptsMax) throw error;
      await pause(attempt);
    }
  }
}

function busy({ metadata }: TableState): EngineError {
  return new EngineError('CATALOG_CONFLICT', `${metadata.location} keeps changing; run it again`);
}
