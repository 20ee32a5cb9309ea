import { EventBatch, LaneDictionaries } from '../../src/events/event-batch.ts';
import type { LaneLimits } from '../../src/model/lane-limits.ts';
import type { RawRecords } from '../../src/operators/segment.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { type Row, type Table, tables } from '../../src/rows/tables.ts';
import type { LaneSnapshot } from '../../src/state/state-store.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { fillBatch, type TestRecord } from './batch-builder.ts';

/** How a test drives a lane: where it cuts batches, where it commits, where it crashes. */
export interface Drive {
  /** Length of the next batch. */
  batch(): number;
  commits(): boolean;
  /** Crash after a commit: memory is lost, the lane is restored and the tail read back. */
  crashes(): boolean;
  /** Dictionaries begin anew before the next batch; names are known by other ids then. Never when absent. */
  renews?(): boolean;
  /** Those of the engine when absent. */
  readonly limits?: LaneLimits;
}

export const whole: Drive = { batch: () => Number.POSITIVE_INFINITY, commits: () => false, crashes: () => false };

/** Tables as FINAL shows them: by key, the highest version; equal versions must be equal bytes. */
export type FinalTables = Record<string, Map<string, Row>>;

export function emptyTables(): FinalTables {
  return Object.fromEntries(tables.map((table) => [table.name, new Map()]));
}

/** Runs records through lanes and a store that is plain memory; returns what FINAL would show, over what `used` held. */
export function runLane(
  records: readonly TestRecord[],
  drive: Drive,
  used = emptyTables(),
  planKey: string | null = null,
): FinalTables {
  return driveLane(records, drive, fillBatch, used, planKey);
}

/** The same for records of any shape, whose offsets are their places; `fill` turns some into a batch. */
export function driveLane<R>(
  records: readonly R[],
  drive: Drive,
  fill: (batch: EventBatch, run: readonly R[]) => RawRecords,
  final = emptyTables(),
  planKey: string | null = null,
): FinalTables {
  const lane = { partition: 0, partitions: 1, generation: 1, planKey };
  let program = new CampaignLane(lane, drive.limits);
  let batch = new EventBatch(64);
  const stored = {
    seq: 0,
    nextOffset: 0,
    bases: new Map<number, Uint8Array>(),
    deltas: [] as { seq: number; bytes: Uint8Array }[],
  };
  const commit = (next: number) => {
    const { delta, bases, oldestDeltaSeq, outputs } = program.harvest(stored.seq + 1);
    program.verify(batch);
    stored.seq += 1;
    stored.nextOffset = next;
    stored.deltas.push({ seq: stored.seq, bytes: delta });
    for (const { group, bytes } of bases) stored.bases.set(group, bytes);
    stored.deltas = stored.deltas.filter(({ seq }) => seq >= oldestDeltaSeq);
    for (const { stream, bytes } of outputs)
      keepFinal(final[stream], tables.find(({ name }) => name === stream) as Table, bytes);
  };
  for (let at = 0; at < records.length; ) {
    const isRenewed = drive.renews?.() ?? false;
    batch.of(isRenewed ? new LaneDictionaries() : batch.dictionaries.within(program.namesKeptMax));
    const run = records.slice(at, at + Math.max(1, drive.batch()));
    program.apply(batch, fill(batch, run));
    program.verify(batch);
    at += run.length;
    if (!drive.commits() && at < records.length) continue;
    commit(at);
    if (!drive.crashes()) continue;
    program = new CampaignLane(lane, drive.limits);
    batch = new EventBatch(64);
    program.restore({
      meta: { seq: stored.seq, nextOffset: stored.nextOffset },
      ...stored,
      outbox: [],
    } as LaneSnapshot);
    const tail = records.slice(program.tailStart(), at);
    fill(batch, tail);
    program.remember(batch);
    program.verify(null);
  }
  return final;
}

function keepFinal(rows: Map<string, Row>, table: Table, bytes: Uint8Array): void {
  for (const row of decodeRows(table, bytes)) {
    const key = table.key.map((column) => String(row[column])).join('|');
    const known = rows.get(key);
    if (known !== undefined && known.version === row.version && printed(known) !== printed(row)) {
      throw new Error(`same key and version, other bytes in ${table.name}: ${printed(known)} / ${printed(row)}`);
    }
    if (known === undefined || (row.version as bigint) >= (known.version as bigint)) rows.set(key, row);
  }
}

export function printed(value: unknown): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : each));
}

/** Sorted text of all tables: what two runs are compared by. */
export function printTables(final: FinalTables): string {
  return Object.entries(final)
    .map(
      ([name, rows]) =>
        `${name}\n${[...rows]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, row]) => printed(row))
          .join('\n')}`,
    )
    .join('\n\n');
}
