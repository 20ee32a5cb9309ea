import { getRandomValues, randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { makeLogger } from '../../control/logs/logger.ts';
import { systemClock } from '../../control/system-clock.ts';
import { ParquetEncoder } from '../../lakehouse/format/parquet-encoder.ts';
import { BronzeTable, type BronzeTableStats } from '../../lakehouse/layers/bronze/bronze-table.ts';
import type { BronzeSettings } from '../../lakehouse/layers/bronze/config.ts';
import { setBronzeAside } from '../../lakehouse/layers/bronze/set-aside.ts';
import { randomIds } from '../../lakehouse/storage/id-source.ts';
import { keyHashes } from '../../model/hash-key.ts';
import type { ProgramParts } from '../../runtime/program-worker.ts';
import { defaultRunnerSettings, type RunnerOptions } from '../../runtime/runner-options.ts';
import { TableStore } from '../../runtime/table-store.ts';
import { BronzeLane } from '../../topology/bronze-topology.ts';
import { logPlaceOf } from '../log/log-place.ts';
import type { Config } from '../settings.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { openLake } from './open-lake.ts';

/** Travels to the worker thread, so it is plain data. */
export interface BronzeThreadSettings {
  readonly config: Config;
  readonly generation: number;
  /** A person said that the generation is new: the table of an earlier one gets another name. */
  readonly isNewGeneration: boolean;
}

/** More rows than this make a Parquet file too large to write in one go. */
const commitRecordsMax = 500_000;
const pauseStepMs = 10;

/** What the bronze thread works with; called on that thread, by the name it expects. */
export async function openProgram(
  { config, generation, isNewGeneration }: BronzeThreadSettings,
  { onChange }: { onChange(): void },
): Promise<ProgramParts<BronzeTableStats>> {
  keyHashes((words) => getRandomValues(words));
  await using stack = new AsyncDisposableStack();
  const tell = makeLogger({ level: config.logging.level, clock: systemClock });
  const reading = await logPlaceOf(config).openForReading({ clock: systemClock, log: tell });
  const log = stack.adopt(reading, (opened) => opened.close());
  const { catalog, io, root } = stack.adopt(await openLake(config), (opened) => opened.close());
  const identity = await log.source.identity();
  const stream = { topic: config.log.topic, identity, generation };
  const aside = isNewGeneration ? await setBronzeAside(catalog, bronzeTableName, stream) : null;
  if (aside !== null) tell.warn('bronze.set_aside', { table: aside });
  const bronzeLocation = `${root}/bronze/events`;
  const table = new BronzeTable({
    catalog: catalog.table(bronzeTableName),
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    ...stream,
    // The files of a table that was set aside stay where they are.
    location: generation === 1 ? bronzeLocation : `${bronzeLocation}-${generation}`,
    nowMs: () => systemClock.wallMs(),
    pause: (attempt) => systemClock.sleep(pauseStepMs * attempt),
  });
  const store = new TableStore(table, onChange);
  await store.open();
  const opened = stack.move();
  return {
    runner: {
      ...bronzeRunner(config.bronze),
      source: log.source,
      assignment: log.assignment,
      decoder: log.codec.makeDecoder(),
      store,
    },
    stats: () => table.stats(),
    close: () => opened.disposeAsync(),
  };
}

/** How bronze is read and when it commits; the rest are doors. */
export function bronzeRunner(
  bronze: Pick<BronzeSettings, 'commit_interval_ms' | 'commit_mb'>,
): Pick<RunnerOptions, 'sinks' | 'programFactory' | 'clock' | 'entropy' | 'yieldTurn' | 'settings'> {
  const commitBytes = bronze.commit_mb * 1_048_576;
  const intervalMs = bronze.commit_interval_ms;
  return {
    sinks: [],
    programFactory: () => new BronzeLane({ commitBytes, commitRecords: commitRecordsMax }),
    clock: systemClock,
    entropy: { token: () => randomUUID() },
    yieldTurn: () => nextTurn(),
    settings: {
      ...defaultRunnerSettings,
      // Goes into versions of rows, which bronze has none of.
      generation: 0,
      tickValue: null,
      commitIntervalMs: intervalMs,
      catchUpIntervalMs: intervalMs,
      commitBytesMax: commitBytes,
      commitsTogether: true,
    },
  };
}
