import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../model/errors.ts';
import { copyLog } from '../simulator/copy-log.ts';
import { produceFile } from '../simulator/produce-file.ts';
import type { RecordAppender } from '../simulator/produce-records.ts';
import { openLogReader } from '../sources/recorded/recorded-log.ts';
import { openDataDirectory } from '../state/sqlite/data-directory.ts';
import { hasKafka, openTopicWriter } from './kafka-log.ts';
import { openReframing } from './schema-registry.ts';
import type { Config } from './settings.ts';
import { openEventLog, type VisitContext } from './visits.ts';

export interface ProduceOptions {
  /** Records a second; absent = as fast as it goes. */
  readonly rate?: number;
  /** Topic of a recorded log, where it is not the one that is written to. */
  readonly topic?: string;
  readonly signal?: AbortSignal;
  readonly onProgress: (records: number, total: number | null) => void;
}

/**
 * Appends the records of a JSON-lines file, or of the log in a data directory, to Kafka where
 * kafka.brokers names some, else to the log of the configured data directory, on which no engine may
 * run. Resolves with the count of records.
 */
export async function produceInto(
  path: string,
  config: Config,
  context: VisitContext,
  options: ProduceOptions,
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const { target, mode } = hasKafka(config)
    ? await openTopic(config, context, stack)
    : await openOwnLog(config, context, stack);
  if (isDirectory(path)) return await sendLog(path, target, config, context, options);
  const { onProgress } = options;
  const defaultLogTimeMs = (): number => context.clock.wallMs();
  return await produceFile(path, target, {
    onProgress: (records) => onProgress(records, null),
    ...(mode === 'live' ? { defaultLogTimeMs } : {}),
  });
}

interface Target {
  readonly target: RecordAppender;
  readonly mode: 'live' | 'replayed';
}

async function openTopic(config: Config, context: VisitContext, stack: AsyncDisposableStack): Promise<Target> {
  const opened = stack.adopt(await openTopicWriter(config, context), (topic) => topic.close());
  return { target: opened.writer, mode: config.log.mode };
}

async function openOwnLog(config: Config, { clock }: VisitContext, stack: AsyncDisposableStack): Promise<Target> {
  const directory = stack.adopt(await openDataDirectory(config.data_directory, { clock }), (opened) => opened.close());
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  return { target: log, mode: (await log.identity()).mode };
}

/** Sends a recorded log on: partitions and log times stay, so both sides must have as many lanes. */
async function sendLog(
  dir: string,
  target: RecordAppender,
  config: Config,
  { clock }: VisitContext,
  options: ProduceOptions,
): Promise<number> {
  const log = await openLogReader({ dir: join(dir, 'log'), topic: options.topic ?? config.log.topic, clock });
  try {
    if (log.partitions !== target.partitions)
      throw new EngineError(
        'USAGE',
        `the log in ${dir} has ${log.partitions} partitions, its target ${target.partitions}: keys would change their lanes`,
      );
    const reframe = hasKafka(config) ? await openReframing(config, clock) : null;
    const { partitions } = log;
    return await copyLog(log, target, { ...options, partitions, clock, ...(reframe === null ? {} : { reframe }) });
  } finally {
    await log.close();
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
