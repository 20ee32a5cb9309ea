import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EmbeddedEngine, FailureRelay } from './adapters/embedded-engine.ts';
import { makeEventCodec } from './adapters/event-codec.ts';
import type { BronzeSettings } from './adapters/open-bronze.ts';
import { playDemoWorld } from './adapters/play-demo-world.ts';
import { openTables } from './adapters/tables.ts';
import { openTopicLog } from './adapters/topic-log.ts';
import { applyToLog, openEventLog } from './adapters/visits.ts';
import type { Config } from './control/config/settings.ts';
import type { EngineContext, EngineParts } from './control/engine-parts.ts';
import type { Logger } from './control/logs/logger.ts';
import { readPlanFiles } from './control/plans/plan-files.ts';
import { alertsTopic, deadLettersTopic } from './model/ids.ts';
import { alertEvents, deadLetters } from './model/tables.ts';
import type { Clock } from './model/time.ts';
import { RecordLogSink } from './sinks/record-log-sink.ts';
import type { Sink } from './sinks/sink.ts';
import { openDataDirectory } from './state/data-directory.ts';
import { EmbeddedStateStore } from './state/embedded-state-store.ts';
import { admitGeneration } from './state/stream-generation.ts';
import { type BronzeWorker, startBronzeWorker } from './topology/bronze-worker.ts';
import { createCampaignLane } from './topology/campaign-topology.ts';
import { allLanes } from './topology/fixed-assignment.ts';
import { createRunner } from './topology/runner.ts';
import { defaultRunnerSettings, type RunnerOptions } from './topology/runner-options.ts';

/**
 * Opens the embedded engine on a data directory: lock, log, state and its generation, tables, record
 * sinks, first plans. Whatever fails, what was opened before it is closed again.
 */
export async function openEngine(config: Config, context: EngineContext): Promise<EngineParts> {
  const { clock, log: logger, isUntilEnd } = context;
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await openDataDirectory(config.data_directory, { clock }), (opened) => opened.close());
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const store = stack.adopt(new EmbeddedStateStore(directory.statePath), (opened) => opened.close());
  const identity = await log.identity();
  const isFirstStart = (await store.readGeneration(log.topic)) === null;
  // Before the generation is written: a crash in between applies again, and equal plans append nothing.
  if (identity.mode === 'live' && isFirstStart && !isUntilEnd)
    await applyToLog(readPlanFiles(config.plans).drafts, log);
  const generation = await admitGeneration(store, log.topic, identity, { accept: context.isNewGeneration });
  const tables = await openTables({ dir: tablesDirectory(config), port: config.clickhouse.port, clock, log: logger });
  stack.defer(() => tables.close());
  const records = await openRecordSinks(directory.logDirectory, log.partitions, clock, stack);
  const codec = makeEventCodec(log.encoding);
  const failures = new FailureRelay();
  const bronze = config.bronze.enabled ? await startBronze(config, logger, failures) : null;
  // Only for an opening that fails later: a started engine stops bronze itself, after a last snapshot.
  if (bronze !== null) stack.defer(() => bronze.stop());
  const runner: Omit<RunnerOptions, 'onError'> = {
    source: log,
    assignment: allLanes(log.partitions),
    decoder: codec.makeDecoder(),
    store,
    sinks: [tables.sink, ...records],
    programFactory: createCampaignLane,
    clock,
    entropy: { token: () => randomUUID() },
    yieldTurn: () => nextTurn(),
    settings: {
      ...defaultRunnerSettings,
      generation,
      tickValue: codec.encoder.encode('tick', {}),
      commitIntervalMs: config.commit.interval_ms,
      undeliveredBytesMax: config.limits.undelivered_mb * 1_048_576,
    },
  };
  return new EmbeddedEngine({
    generation,
    isUntilEnd,
    clock,
    source: log,
    partitions: log.partitions,
    makeRunner: (onError) => createRunner({ ...runner, onError }),
    bronze,
    failures,
    queries: tables.reader,
    // The doors need the rest of the time.
    drainDeadlineMs: config.shutdown.deadline_ms * 0.8,
    announce: async ({ http, token }) =>
      directory.publishEngineInfo({
        addresses: { http, clickhouse: tables.reader.url },
        tokens: { http: token, clickhouse_read: tables.readToken },
      }),
    playWorld: (options, signal) => {
      const rules = readPlanFiles(config.plans).rules.map(({ rule }) => rule);
      return playDemoWorld({ log, encoder: codec.encoder, rules, clock }, options, signal);
    },
    applyDrafts: (drafts) => applyToLog(drafts, log),
    stack: stack.move(),
  });
}

function tablesDirectory(config: Config): string {
  return join(config.data_directory, 'clickhouse');
}

/** Bronze has a thread of its own, so that writing Parquet never holds up a lane. */
async function startBronze(config: Config, log: Logger, failures: FailureRelay): Promise<BronzeWorker> {
  const settings: BronzeSettings = {
    dataDirectory: config.data_directory,
    topic: config.log.topic,
    commitIntervalMs: config.bronze.commit_interval_ms,
    commitBytes: config.bronze.commit_mb * 1_048_576,
  };
  return await startBronzeWorker({
    adapter: new URL('./adapters/open-bronze.ts', import.meta.url),
    settings,
    onError: (error) => failures.tell(error),
    onTrouble: (error) => log.warn('bronze.trouble', { error }),
  });
}

async function openRecordSinks(
  dir: string,
  partitions: number,
  clock: Clock,
  stack: AsyncDisposableStack,
): Promise<Sink[]> {
  const open = async (topic: string) =>
    stack.adopt(await openTopicLog({ dir, topic, partitions, clock }), (log) => log.close());
  return [
    new RecordLogSink({ name: 'alert-records', table: alertEvents, log: await open(alertsTopic) }),
    new RecordLogSink({
      name: 'dead-letter-records',
      table: deadLetters,
      log: await open(deadLettersTopic),
      rawColumns: ['key', 'raw'],
    }),
  ];
}
