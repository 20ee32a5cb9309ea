import { expect, test } from 'vitest';
import type { Catalog, CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { eraseOrganization } from '../../../src/lakehouse/jobs/erase-organization.ts';
import { expireSnapshots } from '../../../src/lakehouse/operations/expire-snapshots.ts';
import { loadTable } from '../../../src/lakehouse/operations/snapshot-producer.ts';
import type { FileIO } from '../../../src/lakehouse/storage/file-io.ts';
import { EngineError } from '../../../src/model/errors.ts';
import { seededRandom } from '../format/seeded.ts';
import { ChangingTable, change } from '../operations/changing-table.ts';

const seeds = Array.from({ length: 40 }, (_, n) => n + 1);
const org = 'acme-marker';
const name = { namespace: 'n', table: 't' };

/** What may go wrong with a call of the store or the catalog. */
type Trouble = 'refused' | 'lost answer' | 'conflict' | 'killed';

class Killed extends Error {}

/** A table with a past: appends of several organizations, deletes, and names that keep some of it. */
async function tableWithPast(random: () => number): Promise<ChangingTable> {
  const table = await new ChangingTable().make();
  for (let step = 0; step < 12; step++) {
    const added = [];
    for (const one of [org, 'bolt', 'cord'])
      if (random() < 0.7) added.push(await table.file(one, 1 + Math.floor(random() * 9)));
    if (added.length > 0) await table.producer().commit(change('append', { added }));
    const live = await table.live();
    if (live.length > 3 && random() < 0.4)
      await table.producer().commit(change('delete', { removed: [live[Math.floor(random() * live.length)].file] }));
    if (random() < 0.2) {
      const state = await table.state();
      const ref = { type: 'tag', 'snapshot-id': state.metadata.refs.main?.['snapshot-id'] ?? 0n } as const;
      if (state.metadata.refs.main !== undefined)
        await table.catalog.commit(state, [], [{ action: 'set-snapshot-ref', 'ref-name': `month-${step}`, ...ref }]);
    }
  }
  await table.producer().commit(change('append', { added: [await table.file(org, 3), await table.file('bolt', 4)] }));
  return table;
}

function troubleOf(random: () => number): Trouble | null {
  const drawn = random();
  if (drawn > 0.02) return null;
  return drawn < 0.006 ? 'refused' : drawn < 0.011 ? 'lost answer' : drawn < 0.016 ? 'conflict' : 'killed';
}

function faulty(table: ChangingTable, random: () => number): { io: FileIO; catalog: CatalogTable } {
  const away = () => new EngineError('SINK_UNAVAILABLE', '503 slow down');
  const call = async <T>(work: () => Promise<T>, isCommit = false): Promise<T> => {
    const trouble = troubleOf(random);
    if (trouble === 'killed') throw new Killed();
    if (trouble === 'refused') throw away();
    if (trouble === 'conflict' && isCommit) throw new EngineError('CATALOG_CONFLICT', '409');
    const result = await work();
    if (trouble === 'lost answer') throw isCommit ? new EngineError('COMMIT_UNKNOWN', 'no answer') : away();
    return result;
  };
  const { io, catalog } = table;
  return {
    io: {
      create: (uri, bytes) => call(() => io.create(uri, bytes)),
      read: (uri, range) => call(() => io.read(uri, range)),
      delete: (uri) => call(() => io.delete(uri)),
      deleteAll: (uris) => call(() => io.deleteAll(uris)),
      list: (prefix) => io.list(prefix),
    },
    catalog: {
      load: () => call(() => catalog.load()),
      create: (made) => catalog.create(made),
      commit: (base, requirements, updates) => call(() => catalog.commit(base, requirements, updates), true),
    },
  };
}

async function erase(table: ChangingTable, { io, catalog }: { io: FileIO; catalog: CatalogTable }): Promise<void> {
  await eraseOrganization({
    catalog: { table: () => catalog } as unknown as Catalog,
    ...{ io, ids: table.ids, tables: [name], org, isDryRun: false, attemptsMax: 6 },
    alsoForget: new Set(['n.t']),
    nowMs: () => table.now++,
    pause: async () => {},
  });
}

/** Again after each end that is not a good one, as a timer would. */
async function eraseUntilDone(
  table: ChangingTable,
  through: () => { io: FileIO; catalog: CatalogTable },
): Promise<number> {
  for (let run = 1; ; run++) {
    try {
      await erase(table, through());
      return run;
    } catch (error) {
      const isTrouble = error instanceof Killed || (error instanceof EngineError && error.code !== 'SINK_REJECTED');
      if (!isTrouble || run > 200) throw error;
    }
  }
}

/** Files, whatever they are, that name the organization. */
function filesThatTell(table: ChangingTable): string[] {
  return [...table.io.files].flatMap(([path, bytes]) =>
    path.includes(`/${org}/`) || Buffer.from(bytes).includes(org) ? [path] : [],
  );
}

const liveOf = async (table: ChangingTable) =>
  (await table.live()).map(({ file }) => `${file.partition[0]} ${file.path} ${file.recordCount}`).sort();

test.each(seeds)(
  'an erasure through faults and kills ends with nothing of it left, and all of the others (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const table = await tableWithPast(random);
    const others = (await liveOf(table)).filter((line) => !line.startsWith(org));
    const runs = await eraseUntilDone(table, () => faulty(table, random));
    // A last run without trouble: what a kill left is taken up.
    if (runs > 1) await erase(table, table);
    expect(await liveOf(table)).toEqual(others);
    expect(filesThatTell(table)).toEqual([]);
    const { metadata } = await table.state();
    expect(metadata.snapshots).toHaveLength(1);
    expect(Object.keys(metadata.refs)).toEqual(['main']);
  },
);

/** Bugs that a look at the files must find. */
const planted: Readonly<Record<string, (table: ChangingTable) => { io: FileIO; catalog: CatalogTable }>> = {
  'keeps a snapshot': ({ io, catalog }) => ({
    io,
    catalog: {
      load: () => catalog.load(),
      create: (made) => catalog.create(made),
      commit: (base, requirements, updates) => {
        const kept = updates.map((update) =>
          update.action === 'remove-snapshots'
            ? { ...update, 'snapshot-ids': update['snapshot-ids'].slice(1) }
            : update,
        );
        return catalog.commit(base, requirements, kept);
      },
    },
  }),
  'forgets the files': ({ io, catalog }) => ({
    catalog,
    io: {
      create: (uri, bytes) => io.create(uri, bytes),
      read: (uri, range) => io.read(uri, range),
      list: (prefix) => io.list(prefix),
      delete: async (uri) => {
        if (!uri.endsWith('.parquet')) await io.delete(uri);
      },
      deleteAll: async (uris) => io.deleteAll(uris.filter((uri) => !uri.endsWith('.parquet'))),
    },
  }),
};

test.each(Object.entries(planted))('an erasure that %s is found', async (_, through) => {
  let found = 0;
  for (const seed of seeds) {
    const table = await tableWithPast(seededRandom(seed));
    await erase(table, through(table));
    const { metadata } = await table.state();
    if (metadata.snapshots.length > 1 || filesThatTell(table).length > 0) found += 1;
  }
  expect(found).toBe(seeds.length);
});

/** Files of data that no snapshot reaches. */
async function leftBehind(table: ChangingTable): Promise<string[]> {
  const reached = new Set((await table.live()).map(({ file }) => file.path));
  return table.dataFiles.filter((path) => !reached.has(path));
}

test('an expiry leaves no file behind that only the past had, and one that forgets is found', async () => {
  let forgotten = 0;
  for (const seed of seeds) {
    for (const isPlanted of [false, true]) {
      const table = await tableWithPast(seededRandom(seed));
      const { metadata } = await table.state();
      const names = Object.keys(metadata.refs).filter((ref) => ref !== 'main');
      const updates = names.map((ref) => ({ action: 'remove-snapshot-ref', 'ref-name': ref }) as const);
      if (updates.length > 0) await table.catalog.commit(await loadTable(table.catalog), [], updates);
      const io = isPlanted ? planted['forgets the files'](table).io : table.io;
      const asked = { catalog: table.catalog, io, nowMs: table.now + 1e9, maxAgeMs: 0, keep: 1, attemptsMax: 3 };
      expect(await expireSnapshots(asked)).toBeGreaterThan(3);
      const left = await leftBehind(table);
      if (!isPlanted) expect(left, `seed ${seed}`).toEqual([]);
      else if (left.length > 0) forgotten += 1;
    }
  }
  expect(forgotten).toBeGreaterThan(seeds.length / 2);
});
