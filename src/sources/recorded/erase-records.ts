import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import type { LogEncoding } from './log-encoding.ts';
import { RunBuilder } from './run-builder.ts';
import {
  listSegments,
  newEncoder,
  newScanner,
  partitionDirectory,
  readStreamFile,
  type Segment,
  syncDirectory,
} from './segment-files.ts';

/** A record of a segment; its bytes are good until the next one. */
interface ErasableRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

interface EraseRecordsOptions {
  /** As of `openRecordedLog`. */
  readonly dir: string;
  readonly topic: string;
  /** Of what was cut off the end of the log, what has this in it goes as well. */
  readonly key: Uint8Array;
  /** What stands in the place of the record from now on, without a key; null = it stays. */
  standIn(record: ErasableRecord): Uint8Array | null;
  readonly isDryRun: boolean;
}

interface ErasedRecords {
  readonly records: number;
  readonly segments: readonly string[];
}

const allBounds = { records: 4_096, bytes: Number.POSITIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY };
const suffixOfDraft = '.erased';

/**
 * Erases records from a log that nobody has open: each segment that has some is written anew and takes the place of
 * the old one by a rename. Offsets and log times stay. Damage is not stepped over: throws LOG_CORRUPT. A run that was
 * killed leaves each segment as it was or as it is to be.
 */
export function eraseRecords(options: EraseRecordsOptions): ErasedRecords {
  const { dir, topic, isDryRun } = options;
  const stream = readStreamFile(dir, topic);
  if (stream === null) return { records: 0, segments: [] };
  let records = 0;
  const segments: string[] = [];
  for (let partition = 0; partition < stream.identity.partitions; partition++) {
    const directory = partitionDirectory(dir, topic, partition);
    const all = listSegments(directory, stream.encoding);
    for (const path of tornWith(directory, options.key)) {
      segments.push(path);
      if (!isDryRun) rmSync(path);
    }
    if (!isDryRun && all.length > 0) dropDrafts(directory);
    for (const [index, segment] of all.entries()) {
      const rewriting = { partition, encoding: stream.encoding, isLast: index === all.length - 1 };
      const erased = eraseFrom(segment, rewriting, options);
      if (erased === 0) continue;
      records += erased;
      segments.push(segment.path);
    }
  }
  return { records, segments };
}

/** Bytes that were cut off and kept, and that name the key. */
function tornWith(directory: string, key: Uint8Array): string[] {
  if (!existsSync(directory)) return [];
  const torn = readdirSync(directory).filter((name) => name.endsWith('.torn'));
  return torn.map((name) => join(directory, name)).filter((path) => readFileSync(path).includes(Buffer.from(key)));
}

/** What a run left that was killed before its rename. */
function dropDrafts(directory: string): void {
  for (const name of readdirSync(directory)) if (name.endsWith(suffixOfDraft)) rmSync(join(directory, name));
}

function eraseFrom(
  segment: Segment,
  { partition, encoding, isLast }: { partition: number; encoding: LogEncoding; isLast: boolean },
  { standIn, isDryRun }: EraseRecordsOptions,
): number {
  const bytes = readFileSync(segment.path);
  const scanner = newScanner(encoding, segment.baseOffset);
  const encoder = newEncoder(encoding);
  const run = new RunBuilder();
  const parts: Uint8Array[] = [];
  let erased = 0;
  for (let stop = scan(); stop !== 'short'; stop = scan()) {
    if (stop === 'bad') throw damaged(segment, scanner.at);
  }
  // What a crash tore at the end of the log was never acknowledged, and its owner cuts it off.
  if (scanner.at < bytes.length && !isLast) throw damaged(segment, scanner.at);
  parts.push(bytes.subarray(scanner.at));
  if (erased > 0 && !isDryRun) replace(segment.path, parts);
  return erased;

  function scan() {
    run.clear();
    const stop = scanner.scan(bytes, bytes.length, run, allBounds);
    const { count, offsets, logTimes, keyStarts, keyEnds, valueStarts, valueEnds } = run.build('', 0, bytes, 0);
    for (let at = 0; at < count; at++) {
      const key = keyStarts[at] < 0 ? null : bytes.subarray(keyStarts[at], keyEnds[at]);
      const value = valueStarts[at] < 0 ? null : bytes.subarray(valueStarts[at], valueEnds[at]);
      const instead = standIn({ partition, offset: offsets[at], key, value });
      if (instead !== null) erased += 1;
      encoder.add(offsets[at], logTimes[at], instead === null ? key : null, instead ?? value);
    }
    if (encoder.length > 0) parts.push(encoder.take());
    return stop;
  }
}

function replace(path: string, parts: readonly Uint8Array[]): void {
  const draft = `${path}${suffixOfDraft}`;
  const file = openSync(draft, 'w');
  try {
    for (const part of parts) for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  syncDirectory(dirname(path));
}

function damaged({ path }: Segment, at: number): EngineError {
  return new EngineError('LOG_CORRUPT', `${path} is damaged at byte ${at}; nothing of it was erased`);
}
