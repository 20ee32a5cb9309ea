import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import { keepTorn } from './log-cuts.ts';
import { type PartitionPlace, PartitionReader } from './partition-reader.ts';
import { listSegments, type Segment } from './segment-files.ts';

/** Where a writer goes on. */
interface LogTail {
  readonly path: string;
  readonly bytes: number;
  /** Offset that the next record gets. */
  readonly offset: number;
  readonly logTime: number;
}

/**
 * Reads the last segment to its end and repairs what a crash left there: a half-written record was
 * never acknowledged and is cut off. Nobody can tell it from a last record that the disk has damaged since, so it is
 * told, and its bytes are kept beside the segment. Damage with whole records behind it is not a crash: it stays, for readers to
 * deal with. Null when the partition has no segment.
 */
export function recoverTail(place: PartitionPlace): LogTail | null {
  const last = listSegments(place.directory, place.encoding).at(-1);
  if (last === undefined) return null;
  if (place.encoding === 'jsonl') closeLastLine(last);
  const reader = new PartitionReader(place, undefined, 'report');
  try {
    const offset = readToEnd(reader, last);
    const { bytes, rest } = reader.intactEnd;
    if (rest > 0) cutOff(place, last, { bytes, offset });
    return { path: last.path, bytes, offset, logTime: reader.lastLogTime };
  } finally {
    reader.close();
  }
}

function readToEnd(reader: PartitionReader, last: Segment): number {
  let offset = last.baseOffset;
  try {
    reader.seek(last.baseOffset);
    for (;;) {
      const run = reader.poll({ records: 65_536, bytes: Number.POSITIVE_INFINITY });
      if (run === null) return offset;
      offset = run.nextOffset;
    }
  } catch (error) {
    // A bad frame with none behind it is the torn end.
    if (error instanceof EngineError && error.code === 'LOG_CORRUPT') return offset;
    throw error;
  }
}

function cutOff(place: PartitionPlace, { path }: Segment, end: { bytes: number; offset: number }): void {
  const torn = readFileSync(path).subarray(end.bytes);
  const kept = keepTorn(place.directory, end.offset, torn);
  truncateSync(path, end.bytes);
  const { topic, partition } = place;
  publishFact('log.torn', { topic, partition, offset: end.offset, bytes: torn.length, kept });
}

/** A person's last line may lack its newline: when the line is a whole record it is kept. */
function closeLastLine(segment: Segment): void {
  const bytes = readFileSync(segment.path);
  const start = bytes.lastIndexOf(10) + 1;
  if (start === bytes.length) return;
  if (isWholeObject(bytes.subarray(start))) appendFileSync(segment.path, '\n', { flush: true });
}

function isWholeObject(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return false;
    throw cause;
  }
}
