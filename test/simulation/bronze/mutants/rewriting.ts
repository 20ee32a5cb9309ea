import type { TableState } from '../../../../src/lakehouse/catalog/catalog.ts';
import type { Update } from '../../../../src/lakehouse/format/metadata-updates.ts';
import {
  ancestry,
  currentSnapshot,
  type Snapshot,
  type TableMetadata,
} from '../../../../src/lakehouse/format/table-metadata.ts';
import { encodeOffsets, offsetsKey } from '../../../../src/lakehouse/layers/bronze/recorded-offsets.ts';
import type { RecordTable } from '../../../../src/runtime/table-store.ts';
import type { LaneStore } from '../../../../src/state/state-store.ts';
import type { BronzeServers } from '../bronze-engine.ts';

/** Sixteen bytes that end a block of what a mutant writes. */
export const sync = new Uint8Array(16).fill(5);

/** The store with some of its calls made otherwise. */
export function altered(store: RecordTable, changes: Partial<RecordTable>): RecordTable {
  const same: RecordTable = {
    open: () => store.open(),
    positions: () => store.positions(),
    leaderEpochOf: (partition) => store.leaderEpochOf(partition),
    own: (partitions) => store.own(partitions),
    add: (rows, leaderEpoch) => store.add(rows, leaderEpoch),
    commit: () => store.commit(),
  };
  return Object.assign(same, changes);
}

/** What the runner sees of the table, with some of its calls made otherwise. */
export function alteredLanes(lanes: LaneStore, changes: Partial<LaneStore>): LaneStore {
  const same: LaneStore = {
    claim: (lane, token) => lanes.claim(lane, token),
    commit: (round) => lanes.commit(round),
    check: (lane, token, seq) => lanes.check(lane, token, seq),
    trim: (lane, token, acknowledged) => lanes.trim(lane, token, acknowledged),
    standing: (lane) => lanes.standing(lane),
    assigned: (partitions) => lanes.assigned?.(partitions),
  };
  return Object.assign(same, changes);
}

/** The offsets that the table names, as text; those of an empty table when it names none. */
export function offsetsOf({ metadata }: TableState, { log }: BronzeServers): string {
  const inSummary = [...ancestry(metadata)].find(({ summary }) => summary[offsetsKey] !== undefined);
  const identity = { clusterId: 'sim', topicId: log.topicId, partitions: log.partitionCount, mode: 'live' } as const;
  const none = encodeOffsets({ topic: log.topic, identity }, { positions: new Map(), epochs: new Map() });
  return inSummary?.summary[offsetsKey] ?? metadata.properties[offsetsKey] ?? none;
}

export function nextOf(offsets: string): Record<string, number> {
  return (JSON.parse(offsets) as { next: Record<string, number> }).next;
}

export function withNext(offsets: string, next: Record<string, number>): string {
  return JSON.stringify({ ...JSON.parse(offsets), next });
}

/** The table as it would be if its newest snapshot and its property named these offsets. */
export function telling(state: TableState, offsets: string): TableState {
  const id = currentSnapshot(state.metadata)?.['snapshot-id'];
  const summarized = mapSnapshots(state, (each) => (each['snapshot-id'] === id ? withMark(each, offsets) : each));
  return withProperty(summarized, offsets);
}

export function mapSnapshots(state: TableState, map: (snapshot: Snapshot) => Snapshot): TableState {
  return { ...state, metadata: { ...state.metadata, snapshots: state.metadata.snapshots.map(map) } };
}

export function withProperty(state: TableState, offsets: string | undefined): TableState {
  const { [offsetsKey]: _, ...others } = state.metadata.properties;
  const properties = offsets === undefined ? others : { ...others, [offsetsKey]: offsets };
  return { ...state, metadata: { ...state.metadata, properties } satisfies TableMetadata };
}

/** A snapshot whose summary names these offsets, or none. */
export function withMark(snapshot: Snapshot, offsets: string | undefined): Snapshot {
  const { [offsetsKey]: _, ...others } = snapshot.summary;
  return { ...snapshot, summary: offsets === undefined ? others : { ...others, [offsetsKey]: offsets } };
}

/** What a commit would add to the offsets, or to their two places. */
export function mapMarks(
  updates: readonly Update[],
  summary: (offsets: string) => string | undefined,
  property: (offsets: string) => string | undefined,
): Update[] {
  return updates.map((update) => {
    if (update.action === 'add-snapshot') {
      const offsets = update.snapshot.summary[offsetsKey];
      return offsets === undefined ? update : { ...update, snapshot: withMark(update.snapshot, summary(offsets)) };
    }
    if (update.action !== 'set-properties') return update;
    const { [offsetsKey]: offsets, ...others } = update.updates;
    const kept = offsets === undefined ? undefined : property(offsets);
    return { ...update, updates: kept === undefined ? others : { ...others, [offsetsKey]: kept } };
  });
}

/** The snapshot that a commit adds. */
export function addedBy(updates: readonly Update[]): Snapshot | undefined {
  for (const update of updates) if (update.action === 'add-snapshot') return update.snapshot;
  return undefined;
}
