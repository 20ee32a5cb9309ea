import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../control/logs/logger.ts';
import type { QueryEndpoint } from '../../control/query-client.ts';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { openRecordedLog, type RecordedLog } from '../../sources/recorded/recorded-log.ts';
import { readStreamFile } from '../../sources/recorded/segment-files.ts';
import {
  type DataDirectory,
  type EngineInfo,
  openDataDirectory,
  readEngineInfo,
} from '../../state/sqlite/data-directory.ts';
import { peekGeneration } from '../../state/sqlite/embedded-state-store.ts';
import type { Config } from '../settings.ts';
import { embeddedPlace, embeddedTablesDirectory, openEmbeddedTables, serverEndpoint } from '../tables.ts';

/** The tables of a running engine, for work that it has done by a process of its own. */
export interface LentTables {
  readonly reader: QueryEndpoint;
  /** May change what is there. */
  readonly writer: QueryEndpoint;
}

export interface VisitContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** By the engine that holds the embedded tables; null or absent = we see for ourselves. */
  readonly lent?: LentTables | null;
}

/** How long a short command waits for the lock of an engine that is just leaving. */
export const visitWaitMs = 2_000;

/** The engine that runs on a directory now; null when none answers, even where one left its file. */
export async function findRunningEngine(dir: string): Promise<EngineInfo | null> {
  const info = readEngineInfo(dir);
  if (info?.addresses.http == null) return null;
  try {
    const answer = await fetch(`${info.addresses.http}/-/status`, { signal: AbortSignal.timeout(2_000) });
    const status = (await answer.json()) as { pid?: number };
    return status.pid === info.pid ? info : null;
  } catch (error) {
    // Nobody answers there, or something that is no paceline: the file is what a killed engine left.
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return null;
    throw error;
  }
}

export interface OpenedTables {
  readonly endpoint: QueryEndpoint;
  /** Changes them; null where somebody else holds them. */
  readonly writer: QueryEndpoint | null;
  close(): Promise<void>;
}

/** Opens the tables for reading: through the running engine, else by taking the directory. */
export async function openTablesForReading(config: Config, context: VisitContext): Promise<OpenedTables> {
  const others = { writer: null, close: async () => {} };
  if (config.clickhouse.url !== null) return { endpoint: serverEndpoint(config), ...others };
  if (context.lent) return { endpoint: context.lent.reader, ...others };
  const engine = await findRunningEngine(config.data_directory);
  if (engine?.addresses.clickhouse != null) {
    const headers = { 'x-clickhouse-key': engine.tokens.clickhouse_read };
    return { endpoint: { url: engine.addresses.clickhouse, headers }, ...others };
  }
  await using stack = new AsyncDisposableStack();
  stack.adopt(await takeDirectory(config, context), (opened) => opened.close());
  const tables = await openEmbeddedTables(embeddedPlace(config, 0), context);
  stack.defer(() => tables.close());
  const opened = stack.move();
  return { endpoint: tables.reader, writer: tables.writer, close: () => opened.disposeAsync() };
}

/** Opens the tables to change them: on a server, or in a data directory on which no engine runs. */
export async function openTablesForChange(
  config: Config,
  context: VisitContext,
): Promise<{ endpoint: QueryEndpoint; close(): Promise<void> }> {
  if (config.clickhouse.url !== null) return { endpoint: serverEndpoint(config, 'change'), close: async () => {} };
  if (context.lent) return { endpoint: context.lent.writer, close: async () => {} };
  await using stack = new AsyncDisposableStack();
  stack.adopt(await takeDirectory(config, context), (opened) => opened.close());
  const tables = await openEmbeddedTables(embeddedPlace(config, 0), context);
  stack.defer(() => tables.close());
  const opened = stack.move();
  return { endpoint: tables.writer, close: () => opened.disposeAsync() };
}

/** Where events come from Kafka there is no log here, and the tables are all that there is. */
async function takeDirectory(
  { data_directory, log }: Pick<Config, 'data_directory' | 'log'>,
  { clock }: VisitContext,
): Promise<DataDirectory> {
  const hasLog = readStreamFile(join(data_directory, 'log'), log.topic) !== null;
  if (!hasLog && !existsSync(embeddedTablesDirectory(data_directory)))
    throw new EngineError('USAGE', `${data_directory} holds no data of paceline yet; name another with --data`);
  return await openDataDirectory(data_directory, { clock, waitMs: visitWaitMs });
}

/** A log that exists keeps its own number of partitions, mode and encoding. */
export async function openEventLog(
  config: Pick<Config, 'log'>,
  directory: Pick<DataDirectory, 'logDirectory'>,
  clock: Clock,
): Promise<RecordedLog> {
  const { topic, partitions, mode, encoding, on_damaged_batch: onDamagedBatch } = config.log;
  const dir = directory.logDirectory;
  const existing = readStreamFile(dir, topic);
  return await openRecordedLog({
    dir,
    topic,
    partitions: existing?.identity.partitions ?? partitions,
    mode,
    encoding,
    clock,
    onDamagedBatch,
  });
}

/** What `doctor` wants to know of a directory; takes no lock and changes nothing. */
export async function inspectDirectory(
  dir: string,
  topic: string | null,
): Promise<{ engine: EngineInfo | null; isOwnerAlive: boolean; generation: HeldGeneration | null }> {
  const engine = readEngineInfo(dir);
  const isOwnerAlive = (await findRunningEngine(dir)) !== null;
  return { engine, isOwnerAlive, generation: topic === null ? null : describeGeneration(dir, topic) };
}

interface HeldGeneration {
  readonly detail: string;
  readonly isKnown: boolean;
}

function describeGeneration(dir: string, topic: string): HeldGeneration {
  const stream = readStreamFile(join(dir, 'log'), topic);
  if (stream === null) return { detail: 'no log yet; the first start makes one', isKnown: true };
  const { mode, partitions } = stream.identity;
  const about = `${mode} stream of ${partitions} partitions`;
  try {
    const held = peekGeneration(join(dir, 'state.sqlite'), topic);
    return { detail: `${about}, ${held === null ? 'not started yet' : `generation ${held}`}`, isKnown: true };
  } catch (error) {
    // Of a disk that takes nothing the other lines tell.
    if (!(error instanceof EngineError)) throw error;
    return { detail: `${about}; the state cannot be looked at: ${error.message}`, isKnown: false };
  }
}
