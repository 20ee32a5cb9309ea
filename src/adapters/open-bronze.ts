import { join } from 'node:path';
import { makeLogger } from '../control/logs/logger.ts';
import { systemClock } from '../control/system-clock.ts';
import type { CatalogPointer } from '../lakehouse/catalog/catalog-pointer.ts';
import { SqlCatalog } from '../lakehouse/catalog/sql-catalog.ts';
import { SqlitePointer } from '../lakehouse/catalog/sqlite-pointer.ts';
import { ParquetEncoder } from '../lakehouse/format/parquet-encoder.ts';
import { BronzeTable } from '../lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../lakehouse/storage/id-source.ts';
import type { BronzeParts } from '../runtime/bronze-worker.ts';
import { allLanes } from '../runtime/fixed-assignment.ts';
import { openLogReader } from '../sources/recorded/recorded-log.ts';
import type { LaneAssignment, Source } from '../sources/source.ts';
import { bronzeTableName, completePostgresCatalog, hasPostgresCatalog, openPostgresCatalog } from './bronze-catalog.ts';
import { type EventCodec, makeEventCodec } from './event-codec.ts';
import { hasKafka, openKafkaLog } from './kafka-log.ts';
import { isS3, openStorage } from './open-storage.ts';
import { openEventCodec } from './schema-registry.ts';
import type { Config } from './settings.ts';

/** Travels to the worker thread, so it is plain data. */
export interface BronzeSettings {
  readonly config: Config;
}

/** More rows than this make a Parquet file too large to write in one go. */
const commitRecordsMax = 500_000;
const pauseStepMs = 10;

/** What the bronze thread works with; called on that thread, by the name it expects. */
export async function openBronze({ config }: BronzeSettings): Promise<BronzeParts> {
  await using stack = new AsyncDisposableStack();
  const log = stack.adopt(await openReading(config), (opened) => opened.close());
  const storage = stack.adopt(openStorage(warehouseOf(config), config), (opened) => opened.close());
  const { io } = storage;
  const nowMs = (): number => systemClock.wallMs();
  const catalog = new SqlCatalog({ pointer: await openPointer(config), io, ids: randomIds, nowMs });
  stack.defer(() => catalog.close());
  const table = new BronzeTable({
    catalog,
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic: config.log.topic,
    identity: await log.source.identity(),
    location: `${storage.root}/bronze/events`,
    nowMs,
    pause: (attempt) => systemClock.sleep(pauseStepMs * attempt),
  });
  const opened = stack.move();
  return {
    topology: {
      source: log.source,
      decoder: log.codec.makeDecoder(),
      store: table,
      clock: systemClock,
      assignment: log.assignment,
      commitIntervalMs: config.bronze.commit_interval_ms,
      commitBytes: config.bronze.commit_mb * 1_048_576,
      commitRecords: commitRecordsMax,
    },
    stats: () => table.stats(),
    close: () => opened.disposeAsync(),
  };
}

interface Reading {
  readonly source: Source;
  readonly assignment: LaneAssignment;
  readonly codec: EventCodec;
  close(): Promise<void>;
}

/** The log once more, read at bronze's own pace: with Kafka in a group of its own. */
async function openReading(config: Config): Promise<Reading> {
  if (hasKafka(config)) {
    const log = makeLogger({ level: config.logging.level, clock: systemClock });
    const codec = await openEventCodec(config, 'binary', systemClock);
    return { ...(await openKafkaLog(config, 'bronze', { clock: systemClock, log })), codec };
  }
  const { topic } = config.log;
  const source = await openLogReader({ dir: join(config.data_directory, 'log'), topic, clock: systemClock });
  const { partitions } = await source.identity();
  const codec = makeEventCodec(source.encoding);
  return { source, assignment: allLanes(partitions), codec, close: () => source.close() };
}

function warehouseOf({ bronze, data_directory }: Config): string {
  return bronze.warehouse ?? join(data_directory, 'lake');
}

async function openPointer(config: Config): Promise<CatalogPointer> {
  if (hasPostgresCatalog(config)) {
    const pointer = await openPostgresCatalog(config);
    await completePostgresCatalog(pointer, config);
    return pointer;
  }
  const { bronze, data_directory } = config;
  // Beside a warehouse that others share lies the file that they share too.
  const isShared = bronze.warehouse !== null && !isS3(bronze.warehouse);
  const folder = isShared && bronze.warehouse !== null ? bronze.warehouse : data_directory;
  return new SqlitePointer(join(folder, 'catalog.sqlite'), bronzeTableName);
}
