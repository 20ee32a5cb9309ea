import { expect, test } from 'vitest';
import type { CatalogTable, TableState } from '../../../src/lakehouse/catalog/catalog.ts';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../../src/lakehouse/catalog/sqlite-rows.ts';
import type { DataFileEncoder } from '../../../src/lakehouse/format/data-file-encoder.ts';
import { ParquetEncoder } from '../../../src/lakehouse/format/parquet-encoder.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { BronzeTable } from '../../../src/lakehouse/layers/bronze/bronze-table.ts';
import { offsetsKey } from '../../../src/lakehouse/layers/bronze/recorded-offsets.ts';
import { setBronzeAside } from '../../../src/lakehouse/layers/bronze/set-aside.ts';
import { EngineError } from '../../../src/model/errors.ts';
import { MemoryIO } from '../format/memory-io.ts';
import { seededIds, seededRandom } from '../format/seeded.ts';
import { dataFilePaths, tableRows } from '../format/table-reading.ts';
import { makeRun, orgOf } from './bronze-rows.ts';

const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' as const };

const bronzeName = { namespace: 'bronze', table: 'events' };

/** One catalog row and one set of files; every writer gets its own connection-like wrapper. */
class World {
  readonly io = new MemoryIO();
  readonly ids = seededIds(7);
  now = Date.UTC(2026, 5, 1);
  readonly names = new SqlCatalog({
    rows: new CatalogRows(new SqliteRows(':memory:'), 'paceline'),
    io: this.io,
    ids: this.ids,
    nowMs: () => this.now,
  });
  readonly catalog = this.names.table(bronzeName);

  table(
    options: {
      catalog?: CatalogTable;
      encoder?: DataFileEncoder;
      topicId?: string;
      generation?: number;
      properties?: Record<string, string>;
    } = {},
  ) {
    return new BronzeTable({
      catalog: options.catalog ?? this.catalog,
      io: this.io,
      ids: this.ids,
      encoder: options.encoder ?? new ParquetEncoder(),
      topic: 'ads.events.v1',
      identity: { ...identity, topicId: options.topicId ?? 't' },
      ...(options.generation === undefined ? {} : { generation: options.generation }),
      location: 'file:///lake/bronze/events',
      nowMs: () => this.now++,
      pause: async () => {},
      properties: options.properties ?? {},
    });
  }

  async state(): Promise<TableState> {
    const state = await this.catalog.load();
    if (state === null) throw new Error('no table');
    return state;
  }
}

test('records are in the table with all their columns, and offsets stand in the summary and the property', async () => {
  const world = new World();
  const table = world.table();
  expect(await table.open()).toEqual(new Map());
  table.add(makeRun(0, 0, 40));
  table.add(makeRun(1, 0, 3));
  expect(await table.commit()).toBe('committed');
  const state = await world.state();
  const rows = await tableRows(world.io, state);
  expect(rows.length).toBe(43);
  for (const row of rows) {
    const offset = Number(row.log_offset);
    expect(Buffer.from(row.value as Uint8Array).toString()).toBe(`${row.partition}/${offset}`);
    expect(row.org_id).toBe(orgOf(offset));
    expect(row.key ?? null).toBeNull();
    expect(row.schema_id).toBe(3);
    expect(row.kind).toBe('click');
  }
  const stream = { format: 2, cluster_id: 'c', topic_id: 't', topic: 'ads.events.v1' };
  const recorded = { ...stream, next: { 0: 40, 1: 3 }, sequence: 1 };
  expect(JSON.parse(currentSnapshot(state.metadata)!.summary[offsetsKey])).toEqual(recorded);
  expect(JSON.parse(state.metadata.properties[offsetsKey])).toEqual(recorded);
  // Records around midnight of one organization lie in two days.
  const days = new Set((await dataFilePaths(world.io, state)).map((path) => path.split('/').at(-2)));
  expect([...days].sort()).toEqual(['event_time_day=2026-03-01', 'event_time_day=2026-03-02']);
});

test('a table knows which leader appended what it holds, of each partition by itself', async () => {
  const world = new World();
  const [table, other] = [world.table(), world.table()];
  await table.open();
  table.add(makeRun(0, 0, 10), 3);
  await table.commit();
  await other.open();
  other.add(makeRun(1, 0, 4), 7);
  await other.commit();
  await table.open();
  expect([table.leaderEpochOf(0), table.leaderEpochOf(1), table.leaderEpochOf(2)]).toEqual([3, 7, undefined]);
  expect(JSON.parse((await world.state()).metadata.properties[offsetsKey])).toMatchObject({
    format: 2,
    next: { 0: 10, 1: 4 },
    epochs: { 0: '3@10', 1: '7@4' },
  });
  // A leader that is not known takes nothing over from the one before it.
  table.add(makeRun(0, 10, 12));
  await table.commit();
  expect([table.leaderEpochOf(0), table.leaderEpochOf(1)]).toEqual([undefined, 7]);
});

/** What the release before wrote, to the byte. */
const formatBefore =
  '{"cluster_id":"c","topic_id":"t","topic":"ads.events.v1","next":{"0":10,"1":4},"generation":1,"sequence":2}';

test('offsets of the release before know no leader, and get one with the next commit', async () => {
  const world = new World();
  const before = world.table();
  await before.open();
  before.add(makeRun(0, 0, 10));
  before.add(makeRun(1, 0, 4));
  await before.commit();
  await rewriteOffsets(world, () => formatBefore);
  const table = world.table({ generation: 1 });
  expect(await table.open()).toEqual(
    new Map([
      [0, 10],
      [1, 4],
    ]),
  );
  expect(table.leaderEpochOf(0)).toBeUndefined();
  table.add(makeRun(0, 10, 12), 5);
  expect(await table.commit()).toBe('committed');
  const { properties } = (await world.state()).metadata;
  expect(JSON.parse(properties[offsetsKey])).toMatchObject({ format: 2, next: { 0: 12, 1: 4 }, epochs: { 0: '5@12' } });
});

test('an offset that a person has corrected has no leader of another one', async () => {
  const world = new World();
  const first = world.table();
  await first.open();
  first.add(makeRun(0, 0, 10), 3);
  first.add(makeRun(1, 0, 4), 3);
  await first.commit();
  await rewriteOffsets(world, (offsets) => offsets.replace('"0":10', '"0":6'));
  const table = world.table();
  await table.open();
  expect([table.positions().get(0), table.leaderEpochOf(0), table.leaderEpochOf(1)]).toEqual([6, undefined, 3]);
});

test('offsets of a format to come are not guessed at', async () => {
  const world = new World();
  const first = world.table();
  await first.open();
  first.add(makeRun(0, 0, 10));
  await first.commit();
  await rewriteOffsets(world, (offsets) => offsets.replace('"format":2', '"format":3'));
  await expect(world.table().open()).rejects.toMatchObject({ code: 'STATE_FORMAT' });
});

test('a new life goes on where the table ends', async () => {
  const world = new World();
  const first = world.table();
  await first.open();
  first.add(makeRun(0, 0, 10));
  await first.commit();
  first.add(makeRun(0, 10, 20));
  const second = world.table();
  expect(await second.open()).toEqual(new Map([[0, 10]]));
});

test('a writer that was overtaken drops its records and reads on from the table', async () => {
  const world = new World();
  const slow = world.table();
  const fast = world.table();
  await slow.open();
  await fast.open();
  slow.add(makeRun(0, 0, 10));
  fast.add(makeRun(0, 0, 12));
  expect(await fast.commit()).toBe('committed');
  expect(await slow.commit()).toBe('fenced');
  expect(slow.positions()).toEqual(new Map([[0, 12]]));
  slow.add(makeRun(0, 12, 15));
  expect(await slow.commit()).toBe('committed');
  expect((await tableRows(world.io, await world.state())).length).toBe(15);
});

test('two writers of different partitions do not disturb each other', async () => {
  const world = new World();
  const [a, b] = [world.table(), world.table()];
  await a.open();
  await b.open();
  a.add(makeRun(0, 0, 10));
  b.add(makeRun(1, 0, 5));
  expect(await a.commit()).toBe('committed');
  // Its records went in, and it is told that the table has moved on elsewhere.
  expect(await b.commit()).toBe('fenced');
  expect((await tableRows(world.io, await world.state())).length).toBe(15);
  expect(await world.table().open()).toEqual(
    new Map([
      [0, 10],
      [1, 5],
    ]),
  );
});

test("another stream's table is refused", async () => {
  const world = new World();
  const table = world.table();
  await table.open();
  table.add(makeRun(0, 0, 5));
  await table.commit();
  await expect(world.table({ topicId: 'recreated' }).open()).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
});

test('a table that was set back is not written to', async () => {
  const world = new World();
  const table = world.table();
  await table.open();
  table.add(makeRun(0, 0, 5));
  await table.commit();
  const older = currentSnapshot((await world.state()).metadata)!['snapshot-id'];
  table.add(makeRun(0, 5, 9));
  await table.commit();
  const update = { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': older } as const;
  await world.catalog.commit(await world.state(), [], [update]);
  await expect(world.table().open()).rejects.toMatchObject({ code: 'BRONZE_ROLLED_BACK' });
});

test('manifests are merged and old snapshots expire, and neither loses a record or the offsets', async () => {
  const world = new World();
  const properties = {
    'commit.manifest.min-count-to-merge': '5',
    'history.expire.min-snapshots-to-keep': '4',
    'history.expire.max-snapshot-age-ms': '0',
    'write.metadata.previous-versions-max': '3',
  };
  const table = world.table({ properties });
  await table.open();
  for (let i = 0; i < 23; i++) {
    table.add(makeRun(0, i * 4, i * 4 + 4));
    await table.commit();
  }
  const state = await world.state();
  expect(state.metadata.snapshots.length).toBe(4);
  const offsets = (await tableRows(world.io, state)).map((row) => Number(row.log_offset));
  expect(offsets.sort((a, b) => a - b)).toEqual(Array.from({ length: 92 }, (_, i) => i));
  const count = (end: RegExp) => [...world.io.files.keys()].filter((path) => end.test(path)).length;
  expect(count(/metadata\.json$/)).toBe(4);
  expect(count(/snap-.*avro$/)).toBe(4);
  expect(count(/-m[01]\.avro$/)).toBeLessThan(15);
  expect(await world.table().open()).toEqual(new Map([[0, 92]]));
});

class Crash extends Error {}

/** A catalog on a bad line: requests get lost before or after they take effect, or the writer dies there. */
function troubled(catalog: CatalogTable, random: () => number): CatalogTable {
  return {
    load: () => catalog.load(),
    create: (table) => catalog.create(table),
    commit: async (base, requirements, updates) => {
      const fate = random();
      if (fate < 0.15) throw new Crash('died before the commit');
      if (fate < 0.25) throw new EngineError('COMMIT_UNKNOWN', 'request lost');
      const state = await catalog.commit(base, requirements, updates);
      if (fate < 0.4) throw new Crash('died after the commit');
      if (fate < 0.6) throw new EngineError('COMMIT_UNKNOWN', 'answer lost');
      return state;
    },
  };
}

test('120 lives with crashes, lost answers and overtaken writers leave every record exactly once', async () => {
  const random = seededRandom(20261124);
  const world = new World();
  const ends = [400, 400];
  const seen = { crashed: 0, fenced: 0, committed: 0, unknown: 0 };
  const life = async (): Promise<void> => {
    const table = world.table({ catalog: troubled(world.catalog, random) });
    const at = new Map(await table.open());
    try {
      for (let step = 0; step < 1 + random() * 4; step++) {
        for (const partition of [0, 1]) {
          const from = at.get(partition) ?? 0;
          const to = Math.min(ends[partition], from + Math.floor(random() * 6));
          if (to > from) table.add(makeRun(partition, from, to));
          at.set(partition, to);
        }
        // The other racing life runs here.
        for (let turns = random() * 30; turns > 0; turns--) await Promise.resolve();
        const outcome = await table.commit();
        if (outcome === 'fenced') {
          seen.fenced++;
          at.clear();
          for (const [partition, next] of table.positions()) at.set(partition, next);
        } else if (outcome === 'committed') seen.committed++;
      }
    } catch (error) {
      if (error instanceof Crash) seen.crashed++;
      else throw error;
    }
    seen.unknown += table.stats().unknown;
  };
  for (let pair = 0; pair < 60; pair++) await Promise.all([life(), life()]);
  expect(seen.crashed).toBeGreaterThan(10);
  expect(seen.fenced).toBeGreaterThan(10);
  expect(seen.unknown).toBeGreaterThan(10);

  const state = await world.state();
  const files = await dataFilePaths(world.io, state);
  expect(new Set(files).size).toBe(files.length);
  const rows = await tableRows(world.io, state);
  const positions = await world.table().open();
  for (const partition of [0, 1]) {
    const offsets = rows.filter((row) => row.partition === partition).map((row) => Number(row.log_offset));
    const expected = Array.from({ length: positions.get(partition) ?? 0 }, (_, i) => i);
    expect(offsets.sort((a, b) => a - b)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(100);
  }
});

test('a new generation sets the table of another stream aside, where it stays readable, and begins its own', async () => {
  const world = new World();
  const old = world.table();
  await old.open();
  old.add(makeRun(0, 0, 5));
  await old.commit();
  const stream = { topic: 'ads.events.v1', identity: { ...identity, topicId: 'made anew' }, generation: 2 };
  await expect(world.table({ topicId: 'made anew' }).open()).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
  const before = await world.state();
  expect(await setBronzeAside(world.names, bronzeName, stream)).toBe('events_before_generation_2');
  expect(await setBronzeAside(world.names, bronzeName, stream)).toBeNull();
  const table = world.table({ topicId: 'made anew', generation: 2 });
  expect(await table.open()).toEqual(new Map());
  table.add(makeRun(0, 0, 3));
  await table.commit();
  expect(await setBronzeAside(world.names, bronzeName, stream)).toBeNull();
  expect((await world.state()).metadata['table-uuid']).not.toBe(before.metadata['table-uuid']);
  expect(await tableRows(world.io, before)).toHaveLength(5);
  // The same stream in a later generation: its log was cut.
  const cut = { ...stream, generation: 3 };
  await expect(world.table({ topicId: 'made anew', generation: 3 }).open()).rejects.toMatchObject({
    code: 'GENERATION_MISMATCH',
  });
  expect(await setBronzeAside(world.names, bronzeName, cut)).toBe('events_before_generation_3');
});

test('a table from before generations were told is taken as ours', async () => {
  const world = new World();
  const old = world.table();
  await old.open();
  old.add(makeRun(0, 0, 5));
  await old.commit();
  expect(await world.table({ generation: 4 }).open()).toEqual(new Map([[0, 5]]));
});

/** Says the offsets of the newest snapshot and of the table otherwise. */
async function rewriteOffsets(world: World, rewrite: (offsets: string) => string): Promise<void> {
  const state = await world.state();
  const offsets = rewrite(state.metadata.properties[offsetsKey]);
  const newest = currentSnapshot(state.metadata)!;
  Object.assign(newest.summary, { [offsetsKey]: offsets });
  Object.assign(state.metadata.properties, { [offsetsKey]: offsets });
  const held = world.catalog.load.bind(world.catalog);
  let isRewritten = true;
  const { commit } = world.catalog;
  Object.assign(world.catalog, {
    load: async () => (isRewritten ? state : await held()),
    commit: async (...args: Parameters<typeof commit>) => {
      isRewritten = false;
      return await commit.apply(world.catalog, args);
    },
  });
}
