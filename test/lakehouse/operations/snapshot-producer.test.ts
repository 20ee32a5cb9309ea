import { expect, test } from 'vitest';
import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { entryStatus, readManifest, readManifestList } from '../../../src/lakehouse/format/manifest.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { EngineError } from '../../../src/model/errors.ts';
import { ChangingTable, change } from './changing-table.ts';

/** The catalog, which does something else just before the first commit that goes through it. */
function interrupted(catalog: CatalogTable, before: () => Promise<void>): CatalogTable {
  let isDone = false;
  return {
    load: () => catalog.load(),
    create: (table) => catalog.create(table),
    commit: async (...args) => {
      if (!isDone) {
        isDone = true;
        await before();
      }
      return catalog.commit(...args);
    },
  };
}

test('a replace says the same rows in other files, keeps their age, and counts both ways', async () => {
  const table = await new ChangingTable().make();
  const producer = table.producer();
  const small = [await table.file('a', 3), await table.file('a', 4), await table.file('b', 5)];
  for (const file of small) await producer.commit(change('append', { added: [file] }));
  const merged = await table.file('a', 7);
  const removed = small.slice(0, 2);
  const result = await producer.commit(change('replace', { added: [merged], removed, rowSequenceNumber: 2 }));
  expect(result.outcome).toBe('committed');
  const live = await table.live();
  expect(live.map(({ file, sequenceNumber }) => [file.path, file.recordCount, sequenceNumber]).sort()).toEqual(
    [
      [merged.path, 7, 2],
      [small[2].path, 5, 3],
    ].sort(),
  );
  const { metadata } = await table.state();
  const snapshot = currentSnapshot(metadata)!;
  expect(snapshot.summary).toMatchObject({
    operation: 'replace',
    'added-records': '7',
    'deleted-records': '7',
    'deleted-data-files': '2',
    'total-records': '12',
    'total-data-files': '2',
  });
  // Readers of the difference between two snapshots find what went, in this snapshot and in no later one.
  const gone = async () => {
    const at = currentSnapshot((await table.state()).metadata)!;
    const entries = [];
    for (const { path } of readManifestList(await table.io.read(at['manifest-list'])))
      entries.push(...readManifest(await table.io.read(path), bronzeSpec));
    return entries.filter(({ status }) => status === entryStatus.deleted).map(({ file }) => file.path);
  };
  expect((await gone()).sort()).toEqual(removed.map(({ path }) => path).sort());
  await producer.commit(change('append', { added: [await table.file('c', 1)] }));
  expect(await gone()).toEqual([]);
});

test('an append that comes in between is kept, and no file of the refused attempt stays', async () => {
  const table = await new ChangingTable().make();
  const old = [await table.file('a', 1), await table.file('a', 2)];
  await table.producer().commit(change('append', { added: old }));
  const late = await table.file('a', 10);
  const catalog = interrupted(table.catalog, async () => {
    await table.producer().commit(change('append', { added: [late] }));
  });
  const merged = await table.file('a', 3);
  const result = await table.producer(catalog).commit(change('replace', { added: [merged], removed: old }));
  expect(result).toMatchObject({ outcome: 'committed', conflicts: 1, attempts: 2 });
  expect((await table.live()).map(({ file }) => file.path).sort()).toEqual([late.path, merged.path].sort());
  const { metadata } = await table.state();
  const reached = new Set<string>();
  for (const snapshot of metadata.snapshots)
    for (const { path } of readManifestList(await table.io.read(snapshot['manifest-list']))) reached.add(path);
  expect(table.manifests).toEqual([...reached].sort());
});

test('what somebody else removed meanwhile is not removed again: the change ends, and the table is as it was', async () => {
  const table = await new ChangingTable().make();
  const file = await table.file('a', 1);
  await table.producer().commit(change('append', { added: [file] }));
  const catalog = interrupted(table.catalog, async () => {
    await table.producer().commit(change('delete', { removed: [file] }));
  });
  const merged = await table.file('a', 1);
  const result = await table.producer(catalog).commit(change('replace', { added: [merged], removed: [file] }));
  expect(result.outcome).toBe('inputs_gone');
  expect(await table.live()).toEqual([]);
});

test('a lost answer of a replace is found in the table, and nothing is done twice', async () => {
  const table = await new ChangingTable().make();
  const file = await table.file('a', 1);
  await table.producer().commit(change('append', { added: [file] }));
  let isLost = false;
  const catalog: CatalogTable = {
    ...interrupted(table.catalog, async () => {}),
    commit: async (...args) => {
      const state = await table.catalog.commit(...args);
      if (isLost) return state;
      isLost = true;
      throw new EngineError('COMMIT_UNKNOWN', 'answer lost');
    },
  };
  const merged = await table.file('a', 1);
  const result = await table.producer(catalog).commit(change('replace', { added: [merged], removed: [file] }));
  expect(result).toMatchObject({ outcome: 'committed', unknown: 1 });
  expect((await table.live()).map((one) => one.file.path)).toEqual([merged.path]);
});

test('data files go with the last snapshot that reaches them, whoever removed them, and no sooner', async () => {
  const table = await new ChangingTable().make({
    'history.expire.min-snapshots-to-keep': '3',
    'history.expire.max-snapshot-age-ms': '0',
  });
  const producer = table.producer();
  const erased = [await table.file('gone', 1), await table.file('gone', 2)];
  const kept = [await table.file('here', 1)];
  await producer.commit(change('append', { added: [...erased, ...kept] }));
  await producer.commit(change('delete', { removed: erased }));
  expect(table.dataFiles).toContain(erased[0].path);
  for (let i = 0; i < 3; i++) {
    kept.push(await table.file('here', 1));
    await producer.commit(change('append', { added: [kept[i + 1]] }));
  }
  expect(table.dataFiles).toEqual(kept.map(({ path }) => path).sort());
  expect((await table.live()).map(({ file }) => file.path).sort()).toEqual(table.dataFiles);
});

test('a tag keeps its snapshot and its files while the rest expires; a table that shares its files keeps them', async () => {
  for (const [properties, isTagged] of [
    [{}, true],
    [{ 'gc.enabled': 'false' }, false],
  ] as const) {
    const table = await new ChangingTable().make({
      'history.expire.min-snapshots-to-keep': '2',
      'history.expire.max-snapshot-age-ms': '0',
      ...properties,
    });
    const producer = table.producer();
    const file = await table.file('a', 1);
    await producer.commit(change('append', { added: [file] }));
    const base = await table.state();
    const monthEnd = currentSnapshot(base.metadata)!['snapshot-id'];
    if (isTagged) {
      const tag = { action: 'set-snapshot-ref', 'ref-name': '2026-05', type: 'tag', 'snapshot-id': monthEnd } as const;
      await table.catalog.commit(base, [], [tag]);
    }
    await producer.commit(change('delete', { removed: [file] }));
    for (let i = 0; i < 4; i++) await producer.commit(change('append', { added: [await table.file('b', 1)] }));
    const { metadata } = await table.state();
    expect(metadata.snapshots.some((one) => one['snapshot-id'] === monthEnd)).toBe(isTagged);
    expect(metadata.snapshots.length).toBeLessThan(5);
    expect(table.dataFiles).toContain(file.path);
  }
});
