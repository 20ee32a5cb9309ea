import { join } from 'node:path';
import type { Config } from '../control/config/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import { BronzeTable } from '../sinks/iceberg/bronze-table.ts';
import { LocalFileIO, localUri } from '../sinks/iceberg/file-io.ts';
import { randomIds } from '../sinks/iceberg/id-source.ts';
import { ParquetEncoder } from '../sinks/iceberg/parquet-encoder.ts';
import { SqlCatalog } from '../sinks/iceberg/sql-catalog.ts';
import { openLogReader } from '../sources/recorded-log.ts';
import type { BronzeParts } from '../topology/bronze-worker.ts';
import { allLanes } from '../topology/fixed-assignment.ts';
import { makeEventCodec } from './event-codec.ts';

/** Travels to the worker thread, so it is plain data. */
export interface BronzeSettings {
  readonly config: Config;
}

/** More rows than this make a Parquet file too large to write in one go. */
const commitRecordsMax = 500_000;
const pauseStepMs = 10;

/** What the bronze thread works with; called on that thread, by the name it expects. */
export async function openBronze(settings: BronzeSettings): Promise<BronzeParts> {
  const { data_directory: dataDirectory, log, bronze } = settings.config;
  const { topic } = log;
  const source = await openLogReader({ dir: join(dataDirectory, 'log'), topic, clock: systemClock });
  const identity = await source.identity();
  const io = new LocalFileIO();
  const nowMs = (): number => systemClock.wallMs();
  const catalog = new SqlCatalog({
    path: join(dataDirectory, 'catalog.sqlite'),
    catalogName: 'paceline',
    namespace: 'bronze',
    table: 'events',
    io,
    ids: randomIds,
    nowMs,
  });
  const table = new BronzeTable({
    catalog,
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic,
    identity,
    location: localUri(join(dataDirectory, 'lake', 'bronze', 'events')),
    nowMs,
    pause: (attempt) => systemClock.sleep(pauseStepMs * attempt),
  });
  return {
    topology: {
      source,
      decoder: makeEventCodec(source.encoding).makeDecoder(),
      store: table,
      clock: systemClock,
      assignment: allLanes(identity.partitions),
      commitIntervalMs: bronze.commit_interval_ms,
      commitBytes: bronze.commit_mb * 1_048_576,
      commitRecords: commitRecordsMax,
    },
    stats: () => table.stats(),
    close: async () => {
      await source.close();
      catalog.close();
    },
  };
}
