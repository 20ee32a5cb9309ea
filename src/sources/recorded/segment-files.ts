import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import { BinaryEncoder, BinaryScanner } from './binary-frames.ts';
import { JsonLinesEncoder, JsonLinesScanner } from './json-lines.ts';
import type { LogEncoding, RecordEncoder, RecordScanner } from './log-encoding.ts';

/** Where the files of a recorded log are and what they are called (docs/log-format.md). */
export interface Segment {
  readonly path: string;
  readonly baseOffset: number;
}

export interface StreamFile {
  readonly identity: StreamIdentity;
  readonly encoding: LogEncoding;
}

const formatNumber = 1;
const segmentSuffix: Record<LogEncoding, string> = { binary: '.seg', jsonl: '.jsonl' };

export function newEncoder(encoding: LogEncoding): RecordEncoder {
  return encoding === 'binary' ? new BinaryEncoder() : new JsonLinesEncoder();
}

export function newScanner(encoding: LogEncoding, baseOffset: number): RecordScanner {
  return encoding === 'binary' ? new BinaryScanner(baseOffset) : new JsonLinesScanner(baseOffset);
}

export function partitionDirectory(dir: string, topic: string, partition: number): string {
  return join(dir, topic, String(partition));
}

export function segmentPath(directory: string, baseOffset: number, encoding: LogEncoding): string {
  return join(directory, String(baseOffset).padStart(20, '0') + segmentSuffix[encoding]);
}

/** Segments in order of offset; files with other names are not ours. */
export function listSegments(directory: string, encoding: LogEncoding): Segment[] {
  if (!existsSync(directory)) return [];
  const suffix = segmentSuffix[encoding];
  return readdirSync(directory)
    .filter((name) => name.endsWith(suffix) && /^\d{20}$/.test(name.slice(0, -suffix.length)))
    .sort()
    .map((name) => ({ path: join(directory, name), baseOffset: Number(name.slice(0, 20)) }));
}

/** Makes the entries of a directory durable: a new file is not there after a power cut without it. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Null when the directory holds no log of this topic. Throws LOG_CORRUPT when stream.json is not readable. */
export function readStreamFile(dir: string, topic: string): StreamFile | null {
  const path = join(dir, topic, 'stream.json');
  if (!existsSync(path)) return null;
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const { format, clusterId, topicId, partitions, mode, encoding } = file;
    if (format !== formatNumber) throw new TypeError(`format ${String(format)} is not ${formatNumber}`);
    if (typeof clusterId !== 'string' || typeof topicId !== 'string')
      throw new TypeError('clusterId or topicId is missing');
    if (!Number.isSafeInteger(partitions) || (partitions as number) < 1)
      throw new TypeError('partitions is not a count');
    if (mode !== 'live' && mode !== 'replayed') throw new TypeError('mode is neither live nor replayed');
    if (encoding !== 'binary' && encoding !== 'jsonl') throw new TypeError('encoding is neither binary nor jsonl');
    return { identity: { clusterId, topicId, partitions: partitions as number, mode }, encoding };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('LOG_CORRUPT', `${path} does not describe a log: ${reason}`, { cause });
  }
}

/** Creates the log's identity; the rename makes it appear whole or not at all. */
export function createStreamFile(
  dir: string,
  topic: string,
  shape: { partitions: number; mode: 'live' | 'replayed'; encoding: LogEncoding },
): StreamFile {
  const identity: StreamIdentity = {
    clusterId: randomUUID(),
    topicId: randomUUID(),
    partitions: shape.partitions,
    mode: shape.mode,
  };
  const path = join(dir, topic, 'stream.json');
  for (let partition = 0; partition < shape.partitions; partition++)
    mkdirSync(partitionDirectory(dir, topic, partition), { recursive: true });
  const text = `${JSON.stringify({ format: formatNumber, ...identity, encoding: shape.encoding }, null, 2)}\n`;
  writeFileSync(`${path}.new`, text, { flush: true });
  renameSync(`${path}.new`, path);
  syncDirectory(dirname(path));
  syncDirectory(dir);
  return { identity, encoding: shape.encoding };
}
