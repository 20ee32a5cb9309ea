import { expect, test } from 'vitest';
import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { eraseOrganization } from '../../../src/lakehouse/jobs/erase-organization.ts';
import { bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { liveFilesOf } from '../../../src/lakehouse/operations/live-files.ts';
import { type Overwritten, overwritePartitions } from '../../../src/lakehouse/operations/overwrite-partitions.ts';
import { loadTable } from '../../../src/lakehouse/operations/snapshot-producer.ts';
import { ChangingTable, change } from '../operations/changing-table.ts';

// A job of the lake reads one table and writes another; an erasure comes at every moment between.
const org = 'acme-marker';
const tables = ['t', 'layer'].map((table) => ({ namespace: 'n', table }));

/** Runs `hook` before the call of this number. */
class Interruption {
  #calls = 0;
  readonly #at: number;
  readonly #hook: () => Promise<void>;

  constructor(at: number, hook: () => Promise<void>) {
    this.#at = at;
    this.#hook = hook;
  }

  get hasCome(): boolean {
    return this.#calls > this.#at;
  }

  async before<T>(call: () => Promise<T>): Promise<T> {
    if (this.#calls++ === this.#at) await this.#hook();
    return await call();
  }
}

interface Job {
  readonly world: ChangingTable;
  readonly layer: CatalogTable;
  readonly interruption: Interruption;
}

/** What silver and gold do: look at the table they write, then at what it is made from, write, commit. */
async function runJob({ world, layer, interruption }: Job): Promise<Overwritten> {
  const { ids } = world;
  const io = {
    create: (uri: string, bytes: Uint8Array) => interruption.before(() => world.io.create(uri, bytes)),
    read: (uri: string) => interruption.before(() => world.io.read(uri)),
    delete: (uri: string) => interruption.before(() => world.io.delete(uri)),
    deleteAll: (uris: readonly string[]) => interruption.before(() => world.io.deleteAll(uris)),
    list: (prefix: string) => world.io.list(prefix),
  };
  const catalogOf = (table: CatalogTable): CatalogTable => ({
    load: () => interruption.before(() => table.load()),
    create: (made) => table.create(made),
    commit: (base, requirements, updates) => interruption.before(() => table.commit(base, requirements, updates)),
  });
  const catalog = catalogOf(layer);
  const since = await loadTable(catalog);
  const source = await loadTable(catalogOf(world.catalog));
  const added = [];
  for await (const { file } of liveFilesOf(io, source.metadata)) {
    const path = `${since.metadata.location}/data/${file.partition[0]}/${ids.uuid()}.parquet`;
    await io.create(path, await io.read(file.path));
    added.push({ ...file, path });
  }
  const options = { catalog, io, ids, nowMs: () => world.now++, attemptsMax: 5, pause: async () => {} };
  const overwrite = { spec: bronzeSpec, includes: () => true, added, summary: {}, seen: new Set<string>(), since };
  return await overwritePartitions(options, overwrite);
}

async function erase(world: ChangingTable): Promise<void> {
  const { io, ids, tables: catalog } = world;
  await eraseOrganization({
    ...{ catalog, io, ids, tables, org, isDryRun: false, attemptsMax: 6, alsoForget: new Set<string>() },
    nowMs: () => world.now++,
    pause: async () => {},
  });
}

test('whenever an erasure comes, a job brings nothing back of what it had read, and begins anew', async () => {
  const outcomes = new Set<string>();
  for (let at = 0; ; at++) {
    const world = await new ChangingTable().make();
    const layer = await world.makeOther('layer');
    const added = [await world.file(org, 3), await world.file('bolt', 4), await world.file('cord', 5)];
    await world.producer().commit(change('append', { added }));
    const interruption = new Interruption(at, () => erase(world));
    const outcome = await runJob({ world, layer, interruption }).catch((error: unknown) => {
      // What it was about to read is gone: it fails, and begins anew when its hour comes.
      expect(String(error), `call ${at}`).toMatch(/is missing/);
      return 'failed' as const;
    });
    if (!interruption.hasCome) break;
    outcomes.add(outcome);
    const again = new Interruption(Number.POSITIVE_INFINITY, async () => {});
    if (outcome !== 'written')
      expect(await runJob({ world, layer, interruption: again }), `call ${at}`).toBe('written');
    const left = [...world.io.files].filter(([path, bytes]) => path.includes(org) || Buffer.from(bytes).includes(org));
    expect(
      left.map(([path]) => path),
      `call ${at}`,
    ).toEqual([]);
    const { metadata } = await loadTable(layer);
    const live = [];
    if (currentSnapshot(metadata) !== null)
      for await (const { file } of liveFilesOf(world.io, metadata)) live.push([file.partition[0], file.path]);
    expect(live.map(([one]) => one).sort(), `call ${at}`).toEqual(['bolt', 'cord']);
    for (const [, path] of live) expect(world.io.files.has(String(path)), `call ${at}`).toBe(true);
  }
  expect([...outcomes].sort()).toEqual(['erased', 'failed', 'written']);
});
