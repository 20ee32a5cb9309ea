import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeLogger } from '../../control/logs/logger.ts';
import { systemClock } from '../../control/system-clock.ts';
import type { Decoder } from '../../decoders/decoder.ts';
import type { RecordRun } from '../../events/record-run.ts';
import { EngineError } from '../../model/errors.ts';
import { openLogReader } from '../../sources/recorded/recorded-log.ts';
import { createStreamFile, partitionDirectory, readStreamFile } from '../../sources/recorded/segment-files.ts';
import type { Source } from '../../sources/source.ts';
import { BronzeHistory } from '../lake/bronze-history.ts';
import { makeEventCodec } from '../log/event-codec.ts';
import { logPlaceOf } from '../log/log-place.ts';
import type { Config } from '../settings.ts';

/** Where history is read: plain data, for each thread opens it for itself. */
export type HistoryPlace =
  | { readonly kind: 'log'; readonly directory: string; readonly topic: string }
  | { readonly kind: 'topic'; readonly config: Config }
  | { readonly kind: 'bronze'; readonly config: Config };

/** Records that were: read only, beside whatever engine goes on writing them. */
export interface History {
  readonly partitions: number;
  /** About how many records a lane holds, and whether it still has its first one. */
  extent(partition: number): Promise<{ readonly records: number; readonly isWhole: boolean }>;
  /** The records of a lane, from the first that is still there; those from `toMs` on may be left out. */
  runs(partition: number, toMs: number): AsyncIterable<RecordRun>;
  makeDecoder(): Decoder;
  close(): Promise<void>;
}

export async function openHistory(place: HistoryPlace): Promise<History> {
  if (place.kind === 'log') return await openLog(place.directory, place.topic);
  if (place.kind === 'bronze') return await BronzeHistory.open(place.config);
  const log = makeLogger({ level: 'silent', clock: systemClock });
  const { source, codec, close } = await logPlaceOf(place.config).openForReading({ clock: systemClock, log });
  const { partitions } = await source.identity();
  return { partitions, ...readingOf(source), makeDecoder: () => codec.makeDecoder(), close };
}

async function openLog(directory: string, topic: string): Promise<History> {
  const reader = await openLogReader({ dir: directory, topic, clock: systemClock });
  const codec = makeEventCodec(reader.encoding);
  return {
    partitions: reader.partitions,
    ...readingOf(reader),
    makeDecoder: () => codec.makeDecoder(),
    close: () => reader.close(),
  };
}

function readingOf(source: Source): Pick<History, 'extent' | 'runs'> {
  return {
    extent: async (partition) => {
      const { start, end } = await source.bounds(partition);
      return { records: end - start, isWhole: start === 0 };
    },
    async *runs(partition) {
      const { start, end } = await source.bounds(partition);
      if (end > start) yield* source.readBack(partition, start, end);
    },
  };
}

/**
 * The history that somebody asks for: where the configuration keeps its log, or by name. `dispose` removes what had
 * to be made for it. Throws USAGE for what is not there.
 */
export function chooseHistory(
  config: Config,
  asked: { readonly kind: 'configured' | 'topic' | 'bronze' } | { readonly kind: 'log'; readonly path: string },
): { place: HistoryPlace; dispose(): void } {
  const kept = { dispose: () => {} };
  const { isShared } = logPlaceOf(config);
  if (asked.kind === 'bronze') return { place: { kind: 'bronze', config }, ...kept };
  if (asked.kind === 'topic' && !isShared)
    throw new EngineError('USAGE', '--topic needs kafka.brokers in the configuration');
  if (asked.kind === 'topic' || (asked.kind === 'configured' && isShared))
    return { place: { kind: 'topic', config }, ...kept };
  const { topic } = config.log;
  const { directory, dispose } = findLog(asked.kind === 'log' ? asked.path : config.data_directory, topic);
  return { place: { kind: 'log', directory, topic }, dispose };
}

/**
 * The log that a path means: a directory that holds one of `topic`, a data directory (or one of a simulation) with
 * such a `log`, or one file of JSON lines, which is a lane.
 */
function findLog(path: string, topic: string): { directory: string; dispose(): void } {
  if (!existsSync(path)) throw new EngineError('USAGE', `${path} does not exist`);
  if (!statSync(path).isDirectory()) return frameFile(path, topic);
  const found = [path, join(path, 'log')].find((directory) => readStreamFile(directory, topic) !== null);
  if (found !== undefined) return { directory: found, dispose: () => {} };
  throw new EngineError('USAGE', `${path} holds no log of ${topic}: no ${topic}/stream.json in it or in its log/`);
}

/** A log of one lane around a file of JSON lines, which stays where it is. */
function frameFile(file: string, topic: string): { directory: string; dispose(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-backtest-'));
  createStreamFile(directory, topic, { partitions: 1, mode: 'replayed', encoding: 'jsonl' });
  const lane = partitionDirectory(directory, topic, 0);
  mkdirSync(lane, { recursive: true });
  symlinkSync(resolve(file), join(lane, `${'0'.repeat(20)}.jsonl`));
  return { directory, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}
