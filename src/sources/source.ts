import type { Lane, StreamIdentity } from '../model/lane.ts';
import type { RecordRun } from '../model/record-run.ts';

/**
 * Where records come from: one topic, read lane by lane from our own offsets. The exam of this
 * contract is test/exams/source-exam.ts; every implementation takes it.
 */
export interface Source {
  readonly topic: string;
  identity(): Promise<StreamIdentity>;
  /**
   * The next run from the lane's position, at most `max`; null when nothing is there now. The
   * position moves to `run.nextOffset`. A single record larger than `max.bytes` still comes, alone.
   */
  poll(partition: number, max: { records: number; bytes: number }): Promise<RecordRun | null>;
  /** Moves the position; throws OFFSET_OUT_OF_RANGE when the log does not hold `offset`..end. */
  seek(partition: number, offset: number): Promise<void>;
  /** Records of [from, to), in order, without moving the position. */
  readBack(partition: number, from: number, to: number): AsyncIterable<RecordRun>;
  /** First offset still held, and the offset that the next appended record will get. */
  bounds(partition: number): Promise<{ start: number; end: number }>;
  /** Appends one record of our own (tick, plan); resolves with its offset once it is durable. */
  append(partition: number, key: Uint8Array | null, value: Uint8Array): Promise<number>;
  /** Resolves when a poll of `partition` may return something, or after `ms`. */
  waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export type { Lane };
