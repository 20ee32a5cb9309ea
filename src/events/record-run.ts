/**
 * A bounded run of raw records of one lane, as structure of arrays over shared bytes: no object per
 * record. Valid until the next poll of the same lane; copy what must live longer.
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
  readonly logTimes: Float64Array;
  /** Byte range of the key in `bytes`; start -1 = null key. */
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  /** Byte range of the value; start -1 = null value (tombstone). */
  readonly valueStarts: Int32Array;
  readonly valueEnds: Int32Array;
  /** Where the next poll starts: past the last record, whatever gaps follow it. */
  readonly nextOffset: number;
}
