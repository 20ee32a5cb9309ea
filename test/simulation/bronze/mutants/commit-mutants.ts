import type { CatalogTable, TableState } from '../../../../src/lakehouse/catalog/catalog.ts';
import {
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from '../../../../src/lakehouse/format/manifest.ts';
import type { Update } from '../../../../src/lakehouse/format/metadata-updates.ts';
import { currentSnapshot, type Snapshot, snapshotById } from '../../../../src/lakehouse/format/table-metadata.ts';
import { bronzeSchema, bronzeSpec } from '../../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { EngineError } from '../../../../src/model/errors.ts';
import type { BronzeServers } from '../bronze-engine.ts';
import type { BronzeMutant } from '../bronze-mutant.ts';
import { addedBy, sync } from './rewriting.ts';

/** What could go wrong around the one call that makes a commit. */
export const commitMutants: readonly BronzeMutant[] = [
  {
    name: 'blind_retry',
    bug: 'a commit without an answer is made again on top of whatever is there',
    seed: 23,
    catalog: (catalog, _, servers) => ({
      ...catalog,
      commit: (...args) =>
        catalog.commit(...args).catch(async (error: unknown) => {
          const snapshot = addedBy(args[2]);
          if (!isCode(error, 'COMMIT_UNKNOWN') || snapshot === undefined) throw error;
          return await commitAgain(catalog, servers, snapshot, args[2]);
        }),
    }),
  },
  {
    name: 'outage_taken_for_refusal',
    bug: 'a commit without an answer ends the engine',
    seed: 20,
    catalog: (catalog) => ({
      ...catalog,
      commit: (...args) =>
        catalog.commit(...args).catch((cause: unknown) => {
          if (!isCode(cause, 'COMMIT_UNKNOWN')) throw cause;
          throw new EngineError('SINK_REJECTED', 'simulated: gives up', { cause });
        }),
    }),
  },
  {
    name: 'table_not_looked_at_again',
    bug: 'an attempt builds on the table as the process last had it, and so conflicts for ever',
    seed: 2,
    catalog: (catalog, { own }) => ({
      ...catalog,
      async load() {
        if (!own.has('table')) own.set('table', await catalog.load());
        return own.get('table') as TableState | null;
      },
      async create(table) {
        const state = await catalog.create(table);
        own.set('table', state);
        return state;
      },
      async commit(...args) {
        const state = await catalog.commit(...args);
        own.set('table', state);
        return state;
      },
    }),
  },
  {
    name: 'list_removed_at_a_conflict',
    bug: 'a conflict counts as proof that nothing points at our manifest list',
    seed: 3,
    catalog: (catalog, _, { objects }) => ({
      ...catalog,
      commit: (...args) =>
        catalog.commit(...args).catch((error: unknown) => {
          if (isCode(error, 'CATALOG_CONFLICT')) objects.delete(addedBy(args[2])?.['manifest-list'] ?? '');
          throw error;
        }),
    }),
  },
  {
    name: 'cleans_up_after_no_answer',
    bug: 'a commit without an answer counts as failed, and its manifest list is removed',
    seed: 12,
    catalog: (catalog, _, { objects }) => ({
      ...catalog,
      commit: (...args) =>
        catalog.commit(...args).catch((error: unknown) => {
          if (isCode(error, 'COMMIT_UNKNOWN')) objects.delete(addedBy(args[2])?.['manifest-list'] ?? '');
          throw error;
        }),
    }),
  },
  {
    name: 'expiry_takes_what_is_used',
    bug: 'with a snapshot go all of its manifests, also those that newer snapshots use',
    seed: 2,
    catalog: (catalog, _, { objects }) => ({
      ...catalog,
      async commit(base, requirements, updates) {
        const state = await catalog.commit(base, requirements, updates);
        for (const update of updates) {
          if (update.action !== 'remove-snapshots') continue;
          for (const id of update['snapshot-ids']) {
            const list = objects.whole(snapshotById(base.metadata, id)?.['manifest-list'] ?? '');
            for (const { path } of list === null ? [] : readManifestList(list)) objects.delete(path);
          }
        }
        return state;
      },
    }),
  },
];

/** The same files as a new snapshot, with the manifests that a writer would make for it. */
async function commitAgain(
  catalog: CatalogTable,
  { objects }: BronzeServers,
  snapshot: Snapshot,
  updates: readonly Update[],
): Promise<TableState> {
  const state = await catalog.load();
  const parent = state && currentSnapshot(state.metadata);
  const list = objects.whole(snapshot['manifest-list']);
  if (!state || list === null) throw new EngineError('COMMIT_UNKNOWN', 'simulated: cannot make it again');
  const id = snapshot['snapshot-id'] + 1n;
  const sequenceNumber = state.metadata['last-sequence-number'] + 1;
  const again = `${snapshot['manifest-list']}-again`;
  const numbers = { sequenceNumber, minSequenceNumber: sequenceNumber, addedSnapshotId: id };
  const added = readManifestList(list)
    .filter(({ addedSnapshotId }) => addedSnapshotId === snapshot['snapshot-id'])
    .map((manifest) => {
      const entries = readManifest(objects.get(manifest.path), bronzeSpec);
      const bytes = writeManifest(
        bronzeSchema,
        bronzeSpec,
        entries.map((entry) => ({ ...entry, snapshotId: id })),
        sync,
      );
      objects.put(`${manifest.path}-again`, bytes);
      return { ...manifest, ...numbers, path: `${manifest.path}-again` };
    });
  const kept = parent === null ? [] : readManifestList(objects.get(parent['manifest-list']));
  const parentId = parent?.['snapshot-id'] ?? null;
  objects.put(again, writeManifestList([...added, ...kept], { id, parentId, sequenceNumber }, sync));
  const next: Snapshot = {
    ...snapshot,
    'snapshot-id': id,
    ...(parentId === null ? {} : { 'parent-snapshot-id': parentId }),
    'sequence-number': sequenceNumber,
    'manifest-list': again,
  };
  const renamed = updates
    .filter(({ action }) => action !== 'remove-snapshots')
    .map((update): Update => {
      if (update.action === 'add-snapshot') return { ...update, snapshot: next };
      return update.action === 'set-snapshot-ref' ? { ...update, 'snapshot-id': id } : update;
    });
  return await catalog.commit(state, [], renamed);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof EngineError && error.code === code;
}
