import { getRandomValues, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BronzeTableStats } from '../lakehouse/layers/bronze/bronze-table.ts';
import { EngineError } from '../model/errors.ts';
import { publishFact } from '../model/facts.ts';
import { keyHashes } from '../model/hash-key.ts';
import type { Clock } from '../model/time.ts';
import { applyPlans } from '../plans/apply-plans.ts';
import { readPlanFiles } from '../plans/plan-files.ts';
import { EditWatcher } from '../plans/postgres/watch-edits.ts';
import { startProgramThread } from '../runtime/program-worker.ts';
import { createRunner } from '../runtime/runner.ts';
import { defaultRunnerSettings, type RunnerOptions } from '../runtime/runner-options.ts';
import type { ServingServer } from '../serving/http/serving-server.ts';
import { type DataDirectory, openDataDirectory } from '../state/sqlite/data-directory.ts';
import type { StateStore } from '../state/state-store.ts';
import { admitGeneration } from '../state/stream-generation.ts';
import { CampaignLane } from '../topology/campaign-topology.ts';
import type { EngineContext, EngineDoor, EngineParts } from './engine-parts.ts';
import { drawPrograms } from './graph.ts';
import { refreshHistoryViews } from './lake/history-views.ts';
import { LakeKeeper } from './lake/lake-keeper.ts';
import type { BronzeThreadSettings } from './lake/open-bronze.ts';
import { appendSent } from './log/append-through-engine.ts';
import type { EngineLog } from './log/engine-log.ts';
import { isBronzeCut, isLogCut } from './log/log-cut.ts';
import { logPlaceOf } from './log/log-place.ts';
import { streamName } from './log/visit-log.ts';
import { openSinks, planSinks } from './open-sinks.ts';
import { openState } from './open-state.ts';
import { type BronzeThread, FailureRelay, RunningParts } from './running-engine.ts';
import { waitFor } from './servers/wait-for.ts';
import { openServing } from './serving/open-serving.ts';
import { isServing } from './serving/serving-place.ts';
import type { Config } from './settings.ts';
import { embeddedPlace, openEmbeddedTables, openServerTables, type Tables } from './tables.ts';
import { DiskWatch, type WatchedDisk } from './watch-disks.ts';

/**
 * Opens the engine that the configuration describes: directory, log, state and its generation, first
 * plans, tables, bronze, the other sinks. A server that is not there yet is waited for. Whatever fails,
 * what was opened before it is closed again.
 */
export async function openEngine(config: Config, context: EngineContext): Promise<EngineParts> {
  const { clock } = context;
  keyHashes((words) => getRandomValues(words));
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await openDataDirectory(config.data_directory, { clock }), (opened) => opened.close());
  const disks = stack.use(new DiskWatch(disksOf(config), clock));
  await disks.start();
  const log = stack.adopt(await openLog(config, directory, context), (opened) => opened.close());
  const store = stack.adopt(await openStore(config, directory, log, context), (opened) => opened.close());
  const generation = await waitFor(log.name, () => admitLog(config, log, store, context), context);
  const tables = stack.adopt(await openTables(config, context), (opened) => opened.close());
  const failures = new FailureRelay();
  const parts = { log, tables, context, failures };
  const sinks = await waitFor('the topics of results', () => openSinks(planSinks(config), parts, stack), context);
  const edits = watchEdits(config, log, context, failures);
  if (edits !== null) stack.defer(() => edits.stop());
  const bronze = config.bronze.enabled
    ? await startBronze({ config, generation, isNewGeneration: context.isNewGeneration }, context, failures)
    : null;
  // Only for an opening that fails later: a started engine stops bronze itself, after a last snapshot.
  if (bronze !== null) stack.defer(() => bronze.stop());
  if (!context.isUntilEnd) stack.use(startKeeper(config, tables, clock));
  const runner = {
    ...runnerOf(config, log, store, generation, clock),
    sinks,
  };
  return new RunningParts({
    generation,
    isUntilEnd: context.isUntilEnd,
    makeRunner: (onError) => createRunner({ ...runner, onError }),
    bronze,
    failures,
    whyDiskFull: () => disks.whyFull(),
    queries: tables.reader,
    // The doors need the rest of the time.
    drainDeadlineMs: config.shutdown.deadline_ms * 0.8,
    announce: async (addresses) => announce(directory, tables, addresses),
    serve: (door) => serveEngine(config, door, { tables, context, log }),
    producer: log.appender === null ? null : { log: log.appender, encoder: log.codec.encoder },
    applyDrafts: (drafts) => applyPlans(drafts, log.plans),
    appendRecords: async (body) => {
      if (log.appender === null)
        throw new EngineError('USAGE', `events come from ${log.name}; producers send them there`);
      return await appendSent(body, { log: log.appender, mode: log.identity.mode, clock });
    },
    stack: stack.move(),
  });
}

/** Places of ours on disks of this machine. */
function disksOf({ data_directory, bronze, snapshots }: Config): WatchedDisk[] {
  const disks: WatchedDisk[] = [{ use: 'data', directory: data_directory }];
  const { warehouse } = bronze;
  if (warehouse !== null && bronze.enabled && !warehouse.startsWith('s3:')) {
    disks.push({ use: 'warehouse', directory: warehouse });
  }
  if (snapshots.directory !== null) disks.push({ use: 'snapshots', directory: snapshots.directory });
  return disks.filter(({ directory }) => existsSync(directory));
}

function openLog(config: Config, directory: DataDirectory, context: EngineContext): Promise<EngineLog> {
  const place = logPlaceOf(config);
  const open = () => place.openForEngine(directory, context);
  return place.servers === null ? open() : waitFor(place.servers, open, context);
}

function openStore(
  config: Config,
  directory: DataDirectory,
  log: EngineLog,
  context: EngineContext,
): Promise<StateStore> {
  const { hasHistory } = log;
  return waitFor('Redis', () => openState(config, directory, { clock: context.clock, hasHistory }), context);
}

/** The generation of this stream; a live log of ours gets the plans of the files at its first start. */
async function admitLog(config: Config, log: EngineLog, store: StateStore, context: EngineContext): Promise<number> {
  const { topic } = log.source;
  const isFirstStart = (await store.readGeneration(topic)) === null;
  const isOurs = log.appender !== null && log.identity.mode === 'live' && config.postgres.url === null;
  // Before the generation is written: a crash in between applies again, and equal plans append nothing.
  if (isOurs && isFirstStart && !context.isUntilEnd) await applyPlans(readPlanFiles(config.plans).drafts, log.plans);
  const { root } = log.plans.signing;
  const identity = { ...log.identity, ...(root === null ? {} : { planKey: root }) };
  const isCut = async () => (await isLogCut(log, store)) || (await isBronzeCut(config, log));
  return await admitGeneration(store, topic, identity, context.isNewGeneration ? { accept: true, isCut } : {});
}

async function openTables(config: Config, context: EngineContext): Promise<Tables> {
  const { url, port, readers } = config.clickhouse;
  if (url !== null) return await waitFor('ClickHouse', () => openServerTables(config, context.clock), context);
  context.onOpening?.('the embedded ClickHouse');
  const tables = await openEmbeddedTables({ ...embeddedPlace(config, port), readers }, context);
  await showHistory(config, tables, context);
  return tables;
}

/** Looks after the lake, in processes of their own. */
function startKeeper(config: Config, { reader, writer }: Tables, clock: Clock): LakeKeeper {
  const lent = config.clickhouse.url === null ? { reader, writer } : null;
  const keeper = new LakeKeeper({ config, lent, clock });
  keeper.start();
  return keeper;
}

/** Views of the embedded ClickHouse are told where the lake is by now; without it they tell what they told before. */
async function showHistory(config: Config, { writer }: Tables, { log }: EngineContext): Promise<void> {
  try {
    await refreshHistoryViews(config, writer);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log.warn('history.views', { error });
  }
}

/**
 * Follows the edits in PostgreSQL. A replayed log has its plans in it already, and a bounded run appends
 * nothing, so neither is edited.
 */
function watchEdits(
  config: Pick<Config, 'postgres'>,
  log: EngineLog,
  { clock, isUntilEnd }: EngineContext,
  failures: FailureRelay,
): EditWatcher | null {
  if (config.postgres.url === null || isUntilEnd || log.identity.mode === 'replayed') return null;
  // Other instances have the key, or "paceline apply" has.
  if (log.plans.signing.root !== null && log.plans.signing.signer === null) return null;
  const watcher = new EditWatcher({
    settings: config.postgres,
    target: { stream: streamName(log.identity), topic: log.source.topic, log: log.plans },
    clock,
    onFailure: (error) => failures.tell(error),
  });
  watcher.start();
  return watcher;
}

/** Bronze has a thread of its own, so that writing Parquet never holds up a lane. */
function startBronze(
  settings: BronzeThreadSettings,
  context: EngineContext,
  failures: FailureRelay,
): Promise<BronzeThread> {
  const start = () =>
    startProgramThread<BronzeTableStats>({
      name: 'bronze',
      adapter: new URL('./lake/open-bronze.ts', import.meta.url),
      settings,
      onError: (error) => failures.tell(error),
      onTrouble: (error) => publishFact('bronze.waiting', { error }),
      onHalt: (partition, error) => publishFact('bronze.halted', { partition, error }),
    });
  return waitFor('the bronze table and its log', start, context);
}

function runnerOf(
  config: Pick<Config, 'commit' | 'limits'>,
  { source, assignment, codec, plans }: EngineLog,
  store: StateStore,
  generation: number,
  clock: Clock,
): Omit<RunnerOptions, 'onError' | 'sinks'> {
  const planKey = plans.signing.root;
  return {
    source,
    assignment,
    decoder: codec.makeDecoder(),
    store,
    programFactory: (lane) => new CampaignLane({ ...lane, planKey }),
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
}

/** The doors of an engine. */
async function serveEngine(
  config: Config,
  { version, metrics, status, token }: EngineDoor,
  { tables, context, log }: { tables: Tables; context: EngineContext; log: EngineLog },
): Promise<ServingServer | null> {
  if (!isServing(config)) return null;
  return await openServing(config, {
    ...{ version, metrics, clock: context.clock, log: context.log, endpoint: tables.reader, operatorToken: token },
    engine: { status, graph: () => graphOf(config) },
    writer: log.appender === null ? null : log.source,
  });
}

function graphOf(config: Config): unknown {
  return drawPrograms(config).map(({ name, nodes, whyIdle, mermaid }) => ({ name, nodes, why_idle: whyIdle, mermaid }));
}

function announce(
  directory: DataDirectory,
  tables: Tables,
  { http, api, token }: Parameters<EngineParts['announce']>[0],
): void {
  const { reader, readToken } = tables;
  directory.publishEngineInfo({
    addresses: { http, api, clickhouse: readToken === null ? null : reader.url },
    tokens: { http: token, ...(readToken === null ? {} : { clickhouse_read: readToken }) },
  });
}
