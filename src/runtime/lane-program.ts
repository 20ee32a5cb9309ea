import type { EventBatch } from '../events/event-batch.ts';
import type { FiledRun } from '../events/filed-run.ts';
import type { RecordRun } from '../events/record-run.ts';
import type { LaneSnapshot } from '../state/state-store.ts';

/** Rows of one output stream (a table, or a record stream), already in their sink's bytes. */
export interface StreamRows {
  readonly stream: string;
  /** Number of the columns that the rows have; any later version still reads them. */
  readonly shape: number;
  readonly rows: number;
  readonly bytes: Uint8Array;
}

/** What a commit takes out of a lane's memory. */
export interface LaneHarvest {
  readonly delta: Uint8Array;
  readonly bases: readonly { group: number; bytes: Uint8Array }[];
  readonly oldestDeltaSeq: number;
  /** Their bytes are good until the program is used again. */
  readonly outputs: readonly StreamRows[];
  /** Raw records for a store that keeps them itself; absent = none. */
  readonly filed?: readonly FiledRun[];
}

/** What became of the records that a program applied, since it was made; each is in exactly one of them. */
export interface RecordTally {
  readonly applied: number;
  /** Dead letters. */
  readonly dead: number;
  readonly late: number;
  /** Duplicates, tests, plans and ledger entries that came too late. */
  readonly dropped: number;
  /** Ticks and plans. */
  readonly control: number;
}

/**
 * What runs in a lane: the topology seen from the runner. Pure in memory: no I/O, no clock. State
 * and outputs at offset X are a function of the log prefix [0, X) alone.
 */
export interface LaneProgram {
  /** Applies every record of the batch in order. */
  apply(batch: EventBatch, run: RecordRun): void;
  /** First offset whose record must be read back before `apply` may go on (duplicate memory). */
  tailStart(): number;
  /** Records of the tail, read back after a restore; only fills the duplicate memory. */
  remember(batch: EventBatch): void;
  /**
   * Records that were refused because the program threw over them, as they were sent: it takes note of what a
   * restart would find of them in the tail.
   */
  rememberRefused(batch: EventBatch): void;
  /** True when an alert transition waits for its commit. */
  readonly isAlertPending: boolean;
  /** Bytes the next harvest would roughly hold: the runner commits early at a bound. */
  readonly dirtyBytes: number;
  /** The changes since the last harvest, to be committed as `seq`. */
  harvest(seq: number): LaneHarvest;
  /** The bases of the last harvest may not be stored: deltas that only they would cover stay needed. */
  distrustBases(): void;
  restore(snapshot: LaneSnapshot): void;
  /**
   * Rows that an outbox kept, perhaps since an older version, as this version writes them. Throws
   * STATE_FORMAT for rows of a newer one.
   */
  inPresentShape(stored: StreamRows): StreamRows;
  /** Read after each `apply`: the lane checks that no record is without an outcome. */
  readonly tally: RecordTally;
  /**
   * Its dictionaries start anew once they hold more names than this, for names are free: ids of a name are good
   * for batches of the same dictionaries alone.
   */
  readonly namesKeptMax: number;
  /** The lane clock, log time ms; -Infinity before the first record. */
  readonly clockMs: number;
}

/** Makes the program of a lane; generation goes into every version. */
export type LaneProgramFactory = (lane: {
  topic: string;
  partition: number;
  partitions: number;
  generation: number;
}) => LaneProgram;
