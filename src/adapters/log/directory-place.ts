import { join } from 'node:path';
import type { Clock } from '../../model/time.ts';
import { allLanes } from '../../runtime/fixed-assignment.ts';
import { openLogReader } from '../../sources/recorded/recorded-log.ts';
import { readStreamFile } from '../../sources/recorded/segment-files.ts';
import { type DataDirectory, openDataDirectory } from '../../state/sqlite/data-directory.ts';
import { ScannedPlanLog } from '../plans/plan-log.ts';
import { planSigning } from '../plans/plan-signing.ts';
import type { Config } from '../settings.ts';
import { EngineAppender } from './append-through-engine.ts';
import type { EngineLog, LogContext, LogPlace, PlannedLog, ProducedLog, ReadLog } from './engine-log.ts';
import { makeEventCodec } from './event-codec.ts';
import { openTopicLog } from './topic-log.ts';
import { findRunningEngine, openEventLog, visitWaitMs } from './visits.ts';

/** The log in the data directory: all lanes are ours for ever, and its only writer is the process that holds it. */
export function directoryPlace(config: Config): LogPlace {
  return {
    title: `${config.log.topic} in the data directory`,
    servers: null,
    isShared: false,
    openForEngine: (directory, { clock }) => openForEngine(config, directory, clock),
    openForReading: ({ clock }) => openForReading(config, clock),
    openForPlans: (context) => openForPlans(config, context),
    openForProducer: (context) => openForProducer(config, context),
    inspect: null,
    migrate: null,
  };
}

async function openForEngine(config: Config, directory: DataDirectory, clock: Clock): Promise<EngineLog> {
  await using stack = new AsyncDisposableStack();
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const { partitions } = log;
  const identity = await log.identity();
  const codec = makeEventCodec(log.encoding);
  const opened = stack.move();
  return {
    name: `the log in ${config.data_directory}`,
    source: log,
    assignment: allLanes(partitions),
    identity,
    codec,
    appender: log,
    encodeResult: null,
    openResults: async (topic) =>
      opened.adopt(await openTopicLog({ dir: directory.logDirectory, topic, partitions, clock }), (each) =>
        each.close(),
      ),
    plans: new ScannedPlanLog(log, { partitions, codec, signing: planSigning(config) }),
    // The state lies beside the log, in one directory with one owner: neither is ever without the other.
    hasHistory: async () => false,
    close: () => opened.disposeAsync(),
  };
}

async function openForReading(config: Pick<Config, 'data_directory' | 'log'>, clock: Clock): Promise<ReadLog> {
  const { topic, on_damaged_batch: onDamagedBatch } = config.log;
  const source = await openLogReader({ dir: join(config.data_directory, 'log'), topic, clock, onDamagedBatch });
  const { partitions } = await source.identity();
  const codec = makeEventCodec(source.encoding);
  return { source, assignment: allLanes(partitions), codec, close: () => source.close() };
}

async function openForPlans(config: Config, { clock }: LogContext): Promise<PlannedLog> {
  await using stack = new AsyncDisposableStack();
  const directory = await openDataDirectory(config.data_directory, { clock, waitMs: visitWaitMs });
  stack.adopt(directory, (opened) => opened.close());
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const { partitions, encoding } = log;
  const plans = new ScannedPlanLog(log, { partitions, codec: makeEventCodec(encoding), signing: planSigning(config) });
  const identity = await log.identity();
  const opened = stack.move();
  return { topic: config.log.topic, identity, plans, close: () => opened.disposeAsync() };
}

/** Through the engine that runs on the directory, which alone writes its log; else by taking the directory. */
async function openForProducer(config: Config, { clock }: LogContext): Promise<ProducedLog> {
  const engine = await findRunningEngine(config.data_directory);
  const stream = engine === null ? null : readStreamFile(join(config.data_directory, 'log'), config.log.topic);
  if (engine !== null && stream !== null) {
    const { partitions, mode } = stream.identity;
    const target = new EngineAppender(engine, partitions);
    return { target, mode, openReframing: async () => null, close: async () => {} };
  }
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await openDataDirectory(config.data_directory, { clock }), (opened) => opened.close());
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const { mode } = await log.identity();
  const opened = stack.move();
  return { target: log, mode, openReframing: async () => null, close: () => opened.disposeAsync() };
}
