import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import { syncDirectory } from './segment-files.ts';

/**
 * Where a partition has lost its end, so that other records may stand under offsets that somebody has read. Each cut
 * begins an epoch, as a new leader does in Kafka: a state keeps the epoch of the record before its offset, and
 * finds another one when the log is not the one that it read. Stored in `cuts.json` beside the segments.
 */
const formatNumber = 1;
const keptSuffix = '.torn';

/** Offsets of the cuts, in the order in which they came about. Throws LOG_CORRUPT for a file that is none of ours. */
export function readCuts(directory: string): number[] {
  const path = cutsPath(directory);
  if (!existsSync(path)) return [];
  try {
    const { format, cuts } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    if (format !== formatNumber) throw new TypeError(`format ${String(format)} is not ${formatNumber}`);
    if (!Array.isArray(cuts) || !cuts.every((each) => Number.isSafeInteger(each) && each >= 0))
      throw new TypeError('cuts are no offsets');
    return cuts as number[];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('LOG_CORRUPT', `${path} does not say where the log was cut: ${reason}`, { cause });
  }
}

/** Durable when it returns; the rename makes it appear whole or not at all. */
export function writeCuts(directory: string, cuts: readonly number[]): void {
  const path = cutsPath(directory);
  writeFileSync(`${path}.new`, `${JSON.stringify({ format: formatNumber, cuts })}\n`, { flush: true });
  renameSync(`${path}.new`, path);
  syncDirectory(directory);
}

/** Epoch of the record at an offset: the newest cut at or before it, 0 where there is none. */
export function epochAt(cuts: readonly number[], offset: number): number {
  return cuts.findLastIndex((cut) => cut <= offset) + 1;
}

/** Keeps bytes that are to be cut off in a file of their own, durable when it returns; its path. */
export function keepTorn(directory: string, offset: number, bytes: Uint8Array): string {
  const stem = String(offset).padStart(20, '0');
  const count = readdirSync(directory).filter((name) => name.startsWith(stem) && name.endsWith(keptSuffix)).length;
  const path = join(directory, `${stem}-${count + 1}${keptSuffix}`);
  const file = openSync(path, 'wx');
  try {
    writeFileSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncDirectory(directory);
  return path;
}

/** Whether something was cut off at the offset where the log ends now: nothing was appended since. */
export function isCutAt(directory: string, offset: number): boolean {
  const stem = String(offset).padStart(20, '0');
  return readdirSync(directory).some((name) => name.startsWith(stem) && name.endsWith(keptSuffix));
}

function cutsPath(directory: string): string {
  return join(directory, 'cuts.json');
}
