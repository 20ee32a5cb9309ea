import type { FiledRun } from '../../../../src/events/filed-run.ts';
import type { TableState } from '../../../../src/lakehouse/catalog/catalog.ts';
import { ancestry, currentSnapshot } from '../../../../src/lakehouse/format/table-metadata.ts';
import { offsetsKey } from '../../../../src/lakehouse/layers/bronze/recorded-offsets.ts';
import type { BronzeMutant } from '../bronze-mutant.ts';
import {
  addedBy,
  altered,
  alteredLanes,
  mapMarks,
  mapSnapshots,
  nextOf,
  offsetsOf,
  telling,
  withMark,
  withNext,
  withProperty,
} from './rewriting.ts';

/** What could go wrong with where the table ends and where reading goes on. */
export const offsetMutants: readonly BronzeMutant[] = [
  {
    name: 'no_contiguity_check',
    bug: 'a commit does not look whether the table still ends where its records start',
    seed: 3,
    catalog: (catalog, { own }, servers) => {
      const keep = (state: TableState) => own.set('offsets', offsetsOf(state, servers));
      return {
        ...catalog,
        async load() {
          const state = await catalog.load();
          if (state === null) return null;
          if (own.get('isCommitting') === true) return telling(state, own.get('offsets') as string);
          keep(state);
          return state;
        },
        async commit(...args) {
          const state = await catalog.commit(...args);
          keep(state);
          return state;
        },
      };
    },
    store: (store, { own }) =>
      altered(store, {
        async commit() {
          own.set('isCommitting', true);
          try {
            return await store.commit();
          } finally {
            own.set('isCommitting', false);
          }
        },
      }),
  },
  {
    name: 'offsets_of_others_from_memory',
    bug: 'a commit names the offsets of other partitions as its process once saw them',
    seed: 3,
    catalog: (catalog, { own }, servers) => ({
      ...catalog,
      async create(table) {
        const state = await catalog.create(table);
        own.set('next', nextOf(offsetsOf(state, servers)));
        return state;
      },
      async load() {
        const state = await catalog.load();
        if (state !== null && !own.has('next')) own.set('next', nextOf(offsetsOf(state, servers)));
        return state;
      },
      async commit(base, requirements, updates) {
        const had = nextOf(offsetsOf(base, servers));
        const remembering = (offsets: string) => {
          const moved = Object.entries(nextOf(offsets)).filter(([partition, next]) => had[partition] !== next);
          own.set('next', { ...(own.get('next') as object), ...Object.fromEntries(moved) });
          return withNext(offsets, own.get('next') as Record<string, number>);
        };
        return await catalog.commit(base, requirements, mapMarks(updates, remembering, remembering));
      },
    }),
  },
  {
    name: 'offsets_in_a_second_commit',
    bug: 'files come with one commit, their offsets with the next',
    seed: 1,
    catalog: (catalog) => ({
      ...catalog,
      async commit(base, requirements, updates) {
        const none = () => undefined;
        const offsets = addedBy(updates)?.summary[offsetsKey] ?? '';
        const state = await catalog.commit(base, requirements, mapMarks(updates, none, none));
        return await catalog.commit(state, [], [{ action: 'set-properties', updates: { [offsetsKey]: offsets } }]);
      },
    }),
  },
  {
    name: 'property_not_written',
    bug: 'offsets are written into the summary alone, which expires',
    seed: 1,
    catalog: (catalog) => ({
      ...catalog,
      commit: (base, requirements, updates) =>
        catalog.commit(
          base,
          requirements,
          mapMarks(
            updates,
            (offsets) => offsets,
            () => undefined,
          ),
        ),
    }),
  },
  {
    name: 'property_ignored',
    bug: 'offsets are read from summaries alone, and those may all have expired',
    seed: 3,
    catalog: (catalog) => ({
      ...catalog,
      load: async () => {
        const state = await catalog.load();
        return state && withProperty(state, undefined);
      },
    }),
  },
  {
    name: 'newest_summary_only',
    bug: 'where the newest snapshot tells no offsets, the table counts as empty',
    seed: 1,
    catalog: (catalog, _, servers) => ({
      ...catalog,
      load: async () => {
        const state = await catalog.load();
        const newest = state && currentSnapshot(state.metadata);
        if (!state || !newest || newest.summary[offsetsKey] !== undefined) return state;
        const bare = withProperty(
          mapSnapshots(state, (each) => withMark(each, undefined)),
          undefined,
        );
        return telling(state, offsetsOf(bare, servers));
      },
    }),
  },
  {
    name: 'rollback_unnoticed',
    bug: 'the property is not compared with what the snapshots say',
    seed: 3,
    catalog: (catalog) => ({
      ...catalog,
      load: async () => {
        const state = await catalog.load();
        const recorded = state && [...ancestry(state.metadata)].find(({ summary }) => summary[offsetsKey]);
        return recorded ? withProperty(state, recorded.summary[offsetsKey]) : state;
      },
    }),
  },
  {
    name: 'any_stream_admitted',
    bug: 'the offsets of another topic under the same name are taken for ours',
    seed: 1,
    catalog: (catalog, _, servers) => ({
      ...catalog,
      load: async () => {
        const state = await catalog.load();
        if (state === null) return null;
        return telling(state, offsetsOf(state, servers).replace(/"topic \d"/, `"${servers.log.topicId}"`));
      },
    }),
  },
  {
    name: 'no_seek_after_fence',
    bug: 'after another writer moved the table on, reading goes on where it was',
    seed: 13,
    lanes: (lanes) =>
      alteredLanes(lanes, {
        async commit(round) {
          return (await lanes.commit(round)).map((outcome) => (outcome === 'GAP' ? 'OK' : outcome));
        },
        check: async () => 'OK',
      }),
  },
  {
    name: 'buffer_kept_after_fence',
    bug: 'what waits is kept and committed after another writer has taken its place',
    seed: 5,
    lanes: (lanes, { own }) => {
      const key = (lane: string) => `kept ${lane}`;
      const keptOf = (lane: string) => (own.get(key(lane)) ?? []) as readonly FiledRun[];
      return alteredLanes(lanes, {
        async commit(round) {
          const altered = round.map((each) => ({ ...each, filed: [...keptOf(each.lane), ...(each.filed ?? [])] }));
          const outcomes = await lanes.commit(altered);
          for (const [index, { lane, filed }] of altered.entries())
            own.set(key(lane), outcomes[index] === 'GAP' ? filed : []);
          return outcomes;
        },
      });
    },
  },
  {
    name: 'table_without_epochs',
    bug: 'the table keeps offsets alone, and records of another log are put behind those that it holds',
    seed: 4,
    store: (store) => altered(store, { leaderEpochOf: () => undefined }),
  },
  {
    name: 'positions_from_the_group',
    bug: 'reading goes on where the group remembers that it was read, not where the table ends',
    seed: 3,
    store: (store, { memory }) =>
      altered(store, {
        positions: () => new Map([...store.positions(), ...(memory as Map<unknown, unknown> as Map<number, number>)]),
        add(rows, leaderEpoch) {
          store.add(rows, leaderEpoch);
          (memory as Map<unknown, unknown>).set(rows.partition, rows.nextOffset);
        },
      }),
  },
];
