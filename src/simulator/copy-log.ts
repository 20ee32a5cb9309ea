import type { RecordRun } from '../events/record-run.ts';
import type { Clock } from '../model/time.ts';
import type { Source } from '../sources/source.ts';
import type { RecordAppender } from './produce-records.ts';

interface CopyLogOptions {
  readonly partitions: number;
  /** Records a second; absent = as fast as it goes. */
  readonly rate?: number;
  readonly clock: Clock;
  /** Changes a value in place before it is sent. */
  readonly reframe?: (value: Uint8Array) => void;
  readonly signal?: AbortSignal;
  readonly onProgress?: (records: number, total: number) => void;
}

const runMax = { records: 2_048, bytes: 1024 * 1024 };
const bufferedBytesMax = 8 * 1024 * 1024;
/** The rate is kept over slices of this much. */
const sliceMs = 20;

/** One partition on its way: the run being sent and how far we are in it. */
interface Stream {
  readonly partition: number;
  run: RecordRun | null;
  at: number;
}

/**
 * Appends every record of a log to another, with its log time and in its partition, in the order of
 * log times. Resolves with the count of records.
 */
export async function copyLog(from: Source, into: RecordAppender, options: CopyLogOptions): Promise<number> {
  const { clock, rate, signal, onProgress } = options;
  const streams = await openStreams(from, options.partitions);
  const total = await countOffsets(from, options.partitions);
  const startMs = clock.steadyMs();
  let sent = 0;
  for (let stream = earliest(streams); stream !== null && !signal?.aborted; stream = earliest(streams)) {
    sendOne(stream, into, options.reframe);
    sent += 1;
    if (stream.at === stream.run?.count) await refill(stream, from);
    if (into.bufferedBytes >= bufferedBytesMax) await into.flush();
    if (sent % 1_024 === 0) onProgress?.(sent, total);
    if (rate === undefined) continue;
    const aheadMs = (sent / rate) * 1_000 - (clock.steadyMs() - startMs);
    if (aheadMs >= sliceMs) await clock.sleep(aheadMs);
  }
  await into.flush();
  return sent;
}

async function openStreams(from: Source, partitions: number): Promise<Stream[]> {
  const streams = Array.from({ length: partitions }, (_, partition): Stream => ({ partition, run: null, at: 0 }));
  for (const stream of streams) await refill(stream, from);
  return streams;
}

async function countOffsets(from: Source, partitions: number): Promise<number> {
  let total = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await from.bounds(partition);
    total += end - start;
  }
  return Math.max(1, total);
}

async function refill(stream: Stream, from: Source): Promise<void> {
  stream.run = await from.poll(stream.partition, runMax);
  stream.at = 0;
}

function earliest(streams: readonly Stream[]): Stream | null {
  let first: Stream | null = null;
  for (const stream of streams) {
    if (stream.run === null) continue;
    if (first?.run == null || stream.run.logTimes[stream.at] < first.run.logTimes[first.at]) first = stream;
  }
  return first;
}

/** The run is only valid until the next poll, so what is sent is a copy. */
function sendOne(stream: Stream, into: RecordAppender, reframe?: (value: Uint8Array) => void): void {
  const { run, at, partition } = stream;
  if (run === null) return;
  const part = (start: number, end: number) => (start < 0 ? null : run.bytes.slice(start, end));
  const key = part(run.keyStarts[at], run.keyEnds[at]);
  const value = part(run.valueStarts[at], run.valueEnds[at]);
  if (value !== null) reframe?.(value);
  into.add(partition, run.logTimes[at], key, value);
  stream.at += 1;
}
