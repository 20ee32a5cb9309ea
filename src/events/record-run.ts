import type { LogTimeMs, TimeColumn } from '../model/time.ts';
import type { RejectReason } from './event-batch.ts';

/**
 * A bounded run of raw records of one lane, as structure of arrays over shared bytes: no object per
 * record. Valid until the next poll of the same lane; copy what must live longer.
 *
 * A run accounts for every offset from where the lane stood up to `nextOffset`: its records, `control`,
 * `gaps`, and what `unreadable` stands for. The lane checks the sum, so nothing is stepped over.
 */
export interface RecordRun {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  /** A plain array, not a Buffer, so that `slice` copies. */
  readonly bytes: Uint8Array;
  /** Ascending; gaps are legal (compaction, transaction markers). */
  readonly offsets: Float64Array;
  /** Append time of each record, ms. */
  readonly logTimes: TimeColumn<LogTimeMs>;
  /** Byte range of the key in `bytes`; start -1 = null key. */
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  /** Byte range of the value; start -1 = null value (tombstone). */
  readonly valueStarts: Int32Array;
  readonly valueEnds: Int32Array;
  /** Where the next poll starts: past the last record, whatever gaps follow it. */
  readonly nextOffset: number;
  /** Offsets of transaction markers and of aborted transactions. */
  readonly control: number;
  /** Offsets at which the log itself says that it holds nothing (compaction). */
  readonly gaps: number;
  /** Set when the run's only record stands for what could not be read. */
  readonly unreadable: Unreadable | null;
  /** Epoch of the leader that appended what comes last before `nextOffset`; -1 where the log knows no leaders. */
  readonly leaderEpoch: number;
}

/** What could not be read, and why: a dead letter in place of it. */
export interface Unreadable {
  /** `damaged_batch`: bytes that make no sense; the others: one record that we do not take, or stumble over. */
  readonly reason: RejectReason & ('damaged_batch' | 'too_large' | 'bad_time' | 'internal_error');
  /** One sentence for a person, with the offsets. */
  readonly detail: string;
  /** How many offsets it stands for, that of its record among them. */
  readonly offsets: number;
}

/** Log times lie between 1970 and 2100; what claims another is not believed. */
const logTimeMax = 4_102_444_800_000;

/** Whether a lane's clock may be set to it, ms. */
export function isLogTime(ms: number): ms is LogTimeMs {
  return Number.isInteger(ms) && ms >= 0 && ms <= logTimeMax;
}
