import type { RunBuilder } from './run-builder.ts';

/** `binary`: checksummed frames, fast. `jsonl`: one JSON object per line, for people. */
export type LogEncoding = 'binary' | 'jsonl';

/** Turns records into the bytes of a segment. */
export interface RecordEncoder {
  /** Bytes waiting for `take`. */
  readonly length: number;
  add(offset: number, logTime: number, key: Uint8Array | null, value: Uint8Array | null): void;
  /** What was added since the last call; the encoder is empty afterwards. */
  take(): Uint8Array;
}

/** How far a scan may go. */
export interface ScanBounds {
  readonly records: number;
  readonly bytes: number;
  /** Records at or past this offset are not visible yet. */
  readonly endOffset: number;
}

/**
 * Why a scan stopped: `full` = its bounds are reached, `hidden` = the next record is not visible
 * yet, `short` = the bytes end before the next record does, `bad` = the bytes cannot be what a
 * writer wrote; `at` is where the trouble starts.
 */
export type ScanStop = 'full' | 'hidden' | 'short' | 'bad';

/** Finds the records of one segment, from its beginning, in order. Remembers where it is. */
export interface RecordScanner {
  /** Offset after the last record found; a seek moves it on to where it was asked for. */
  nextOffset: number;
  readonly lastLogTime: number;
  /** Where in the buffer the next scan begins. */
  at: number;
  /** Everything before this byte is used up: the caller may move the rest to the buffer's start. */
  readonly keepFrom: number;
  /** Bytes that the next record's frame needs from `keepFrom`, when known; 0 otherwise. */
  readonly needs: number;
  /** Tells that `by` bytes were removed from the front of the buffer. */
  shift(by: number): void;
  /** Adds the records found in bytes[at, end) to `into`. */
  scan(bytes: Buffer, end: number, into: RunBuilder, bounds: ScanBounds): ScanStop;
}

/** Larger than any record we accept by far; a frame that claims more is no frame. */
export const frameBytesMax = 256 * 1024 * 1024;
