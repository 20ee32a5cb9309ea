import type { RecordRun } from '../events/record-run.ts';
import type { Lane, StreamIdentity } from '../model/lane.ts';

/**
 * Where records come from: one topic, read lane by lane from our own offsets. The exam of this
 * contract is test/exams/source-exam.ts; every implementation takes it.
 */
export interface Source {
  readonly topic: string;
  identity(): Promise<StreamIdentity>;
  /**
   * The next run from the lane's position, at most `max`; null when nothing is there now. The
   * position moves to `run.nextOffset`. A single record larger than `max.bytes` still comes, alone. A run
   * without records tells that the position passed over what is not for us (transaction markers).
   */
  poll(partition: number, max: { records: number; bytes: number }): Promise<RecordRun | null>;
  /** Whether the next poll finds records in memory; a source without it reads at once. */
  isAtHand?(partition: number): boolean;
  /**
   * Moves the position. Throws OFFSET_OUT_OF_RANGE when the log has forgotten `offset`, and LOG_TRUNCATED when
   * it ends before it, or when the record before it is not one that the leader of `leaderEpoch` appended (absent
   * = not known). From then on a poll throws LOG_TRUNCATED as soon as the log is not the one that was read.
   */
  seek(partition: number, offset: number, leaderEpoch?: number): Promise<void>;
  /** Records of [from, to), in order, without moving the position. */
  readBack(partition: number, from: number, to: number): AsyncIterable<RecordRun>;
  /** First offset still held, and the offset that the next appended record will get. */
  bounds(partition: number): Promise<{ start: number; end: number }>;
  /** Appends one record of our own (tick, plan); resolves with its offset once it is durable. */
  append(partition: number, key: Uint8Array | null, value: Uint8Array): Promise<number>;
  /** Resolves when a poll of `partition` may return something, or after `ms`. */
  waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Tells the log how far our state has committed. Advice for lag tools: nothing of ours ever reads it
   * back to decide where to go on, only whether a lane that the store does not know has a history; and a
   * source may drop it.
   */
  adviseCommitted?(partition: number, nextOffset: number): void;
  close(): Promise<void>;
}

/**
 * Who says which lanes of a source are ours to run. The embedded log gives all of them for ever; a
 * consumer group gives and takes. Correctness never rests on it: two owners of one lane at the same
 * time are sorted out by the state store's fence (StateStore.claim, DESIGN §5).
 */
export interface LaneAssignment {
  /** After how long at most the lanes of a member that died are given to others; absent = there are no others. */
  readonly missedAfterMs?: number;
  /** Joins; the listener hears the first assignment later. Throws when the world refuses us. */
  start(listener: AssignmentListener): Promise<void>;
  /** Leaves, so that others may take over at once; no call of the listener comes after it. */
  stop(): Promise<void>;
}

export interface AssignmentListener {
  /**
   * These, and no others, are ours from now on. A lane that was ours before and still is keeps its
   * session; one that is missing here is let go.
   */
  assigned(partitions: readonly number[]): void;
  /**
   * These may be taken away: the runner stops reading them and commits what is applied. Resolves when
   * it has, or when it cannot; whoever calls waits no longer than its own patience. Reading goes on with
   * the next `assigned` that still holds the lane.
   */
  revoking(partitions: readonly number[]): Promise<void>;
  /** The assignment cannot go on (a group that refuses us): stops the runner with this error. */
  failed(error: unknown): void;
}

export type { Lane };
