import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import { copyLog } from '../../simulator/copy-log.ts';
import { produceFile } from '../../simulator/produce-file.ts';
import { openLogReader } from '../../sources/recorded/recorded-log.ts';
import type { Config } from '../settings.ts';
import type { ProducedLog } from './engine-log.ts';
import { logPlaceOf } from './log-place.ts';
import type { VisitContext } from './visits.ts';

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
 * kafka.brokers names some, else to the log of the configured data directory, through the engine that runs
 * on it. Resolves with the count of records.
 */
export async function produceInto(
  path: string,
  config: Config,
  context: VisitContext,
  options: ProduceOptions,
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const into = stack.adopt(await logPlaceOf(config).openForProducer(context), (opened) => opened.close());
  if (isDirectory(path)) return await sendLog(path, into, config.log.topic, context, options);
  const { target, mode } = into;
  const { onProgress } = options;
  const defaultLogTimeMs = (): number => context.clock.wallMs();
  return await produceFile(path, target, {
    onProgress: (records) => onProgress(records, null),
    ...(mode === 'live' ? { defaultLogTimeMs } : {}),
  });
}

/** Sends a recorded log on: partitions and log times stay, so both sides must have as many lanes. */
async function sendLog(
  dir: string,
  { target, openReframing }: ProducedLog,
  topic: string,
  { clock }: VisitContext,
  options: ProduceOptions,
): Promise<number> {
  const log = await openLogReader({ dir: join(dir, 'log'), topic: options.topic ?? topic, clock });
  try {
    if (log.partitions !== target.partitions)
      throw new EngineError(
        'USAGE',
        `the log in ${dir} has ${log.partitions} partitions, its target ${target.partitions}: keys would change their lanes`,
      );
    const reframe = await openReframing();
    const { partitions } = log;
    return await copyLog(log, target, { ...options, partitions, clock, ...(reframe === null ? {} : { reframe }) });
  } finally {
    await log.close();
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
