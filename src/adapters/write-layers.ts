import { systemClock } from '../control/system-clock.ts';
import { describeKind } from '../decoders/event-objects.ts';
import { eventKinds } from '../events/kinds.ts';
import { ParquetEncoder } from '../lakehouse/format/parquet-encoder.ts';
import { type SilverReport, silverNamespace, writeSilver } from '../lakehouse/jobs/write-silver.ts';
import type { EventKind } from '../lakehouse/layers/silver/silver-kinds.ts';
import { randomIds } from '../lakehouse/storage/id-source.ts';
import { systemOrg } from '../model/ids.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { openLayerTools } from './layer-tools.ts';
import { tableOf, withLake } from './open-lake.ts';
import type { Config } from './settings.ts';

export type { SilverReport };

interface LayerOptions {
  readonly isDryRun: boolean;
  /** What events have; absent = what our schemas say today. */
  readonly kinds?: readonly EventKind[];
  onProgress(done: number, total: number): void;
}

/** Rows that are read and sorted at once: a gigabyte of memory at most. */
const sliceRowsMax = 1_000_000;
const attemptsMax = 10;
const pauseStepMs = 100;

/** Writes the closed days of bronze to the tables of silver. */
export async function writeSilverLayer(config: Config, options: LayerOptions): Promise<SilverReport> {
  return withLake(config, async (lake) => {
    await tableOf(lake, `${bronzeTableName.namespace}.${bronzeTableName.table}`);
    await using tools = await openLayerTools(config);
    const { engine, objects, registryUrl, sqlOf } = tools;
    return await writeSilver({
      engine,
      sqlOf,
      workFolder: tools.folder,
      kinds: options.kinds ?? eventKinds.map(describeKind),
      values: {
        isReleased: (kind, id) => objects.isReleased(kind, id),
        decode: (kind, value) => objects.decode(kind, value),
        registryUrl,
      },
      encoder: new ParquetEncoder(),
      io: lake.io,
      ids: randomIds,
      nowMs: () => systemClock.wallMs(),
      pause: (attempt) => systemClock.sleep(pauseStepMs * attempt),
      attemptsMax,
      rowsMax: sliceRowsMax,
      sliceRecordsMax: sliceRowsMax,
      catalog: lake.catalog,
      bronze: lake.catalog.table(bronzeTableName),
      location: `${lake.root}/${silverNamespace}`,
      systemOrg,
      isDryRun: options.isDryRun,
      onProgress: options.onProgress,
    });
  });
}
