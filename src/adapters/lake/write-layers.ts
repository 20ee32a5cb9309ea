import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, downloadFromClickHouse, rowsOf } from '../../control/query-client.ts';
import { systemClock } from '../../control/system-clock.ts';
import { describeKind } from '../../decoders/event-objects.ts';
import { eventKinds } from '../../events/kinds.ts';
import { ParquetEncoder } from '../../lakehouse/format/parquet-encoder.ts';
import { type GoldReport, goldNamespace, writeGold } from '../../lakehouse/jobs/write-gold.ts';
import { type SilverReport, silverNamespace, writeSilver } from '../../lakehouse/jobs/write-silver.ts';
import type { EventKind } from '../../lakehouse/layers/silver/silver-kinds.ts';
import { randomIds } from '../../lakehouse/storage/id-source.ts';
import { systemOrg } from '../../model/ids.ts';
import { type LentTables, openTablesForReading } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import { serverEndpoint } from '../tables.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { goldTables } from './gold-tables.ts';
import { databaseOf, writeHistoryViews } from './history-views.ts';
import { type LayerTools, openLayerTools } from './layer-tools.ts';
import { type Lake, openLake, tableOf, withLake } from './open-lake.ts';

export type { GoldReport, SilverReport };

interface LayerOptions {
  readonly isDryRun: boolean;
  /** What events have; absent = what our schemas say today. */
  readonly kinds?: readonly EventKind[];
  /** The tables of an engine that has this done. */
  readonly lent?: LentTables | null;
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
    const { objects, registryUrl } = tools;
    return await writeSilver({
      ...layerParts(lake, tools),
      kinds: options.kinds ?? eventKinds.map(describeKind),
      values: {
        isReleased: (kind, id) => objects.isReleased(kind, id),
        decode: (kind, value) => objects.decode(kind, value),
        registryUrl,
      },
      rowsMax: sliceRowsMax,
      sliceRecordsMax: sliceRowsMax,
      bronze: lake.catalog.table(bronzeTableName),
      location: `${lake.root}/${silverNamespace}`,
      systemOrg,
      isDryRun: options.isDryRun,
      onProgress: options.onProgress,
    });
  });
}

const dayMs = 86_400_000;
/** Monday, 5 January 1970. */
const firstMondayMs = 4 * dayMs;
/** The week before is closed when it has been over for a day; what comes later writes its month anew. */
const closedAfterMs = dayMs;
/** An answer of ClickHouse is held in its memory. */
const goldRowsMax = 200_000;

/** The Monday before which rows are of closed weeks. */
function closedWeeksBefore(nowMs: number): string {
  const weekMs = 7 * dayMs;
  const weeks = Math.floor((nowMs - closedAfterMs - firstMondayMs) / weekMs);
  return new Date(firstMondayMs + weeks * weekMs).toISOString().slice(0, 10);
}

/** Writes what ClickHouse has of closed weeks to the tables of gold. */
export async function writeGoldLayer(config: Config, options: LayerOptions, log: Logger): Promise<GoldReport> {
  await using stack = new AsyncDisposableStack();
  const reading = await openTablesForReading(config, { clock: systemClock, log, lent: options.lent ?? null });
  stack.defer(() => reading.close());
  const { endpoint } = reading;
  const lake = stack.adopt(await openLake(config), (opened) => opened.close());
  const tools = stack.use(await openLayerTools(config));
  const report = await writeGold({
    ...layerParts(lake, tools),
    ...goldOptions(lake),
    hot: {
      query: async (sql) => rowsOf(await askClickHouse(endpoint, sql)),
      download: (sql, path) => downloadFromClickHouse(endpoint, sql, path),
      nameOf: (table) => `${databaseOf(config)}.${table}`,
    },
    before: closedWeeksBefore(systemClock.wallMs()),
    isDryRun: options.isDryRun,
    onProgress: options.onProgress,
  });
  // An embedded ClickHouse is told by its engine. What a view says stays true either way, until its snapshot expires.
  if (report.rows > 0 && config.clickhouse.url !== null)
    await writeHistoryViews(config, { endpoint: serverEndpoint(config, 'change'), lake });
  return report;
}

interface TableParts {
  readonly encoder: ParquetEncoder;
  readonly io: Lake['io'];
  readonly ids: typeof randomIds;
  readonly nowMs: () => number;
  readonly pause: (attempt: number) => Promise<void>;
  readonly attemptsMax: number;
  readonly catalog: Lake['catalog'];
}

interface EngineParts {
  readonly engine: LayerTools['engine'];
  readonly sqlOf: LayerTools['sqlOf'];
  readonly workFolder: string;
}

/** The tables of gold and how they are written. */
export function goldOptions(lake: Lake) {
  return { tables: goldTables, location: `${lake.root}/${goldNamespace}`, rowsMax: goldRowsMax };
}

/** What changes a table of the lake, with the engine that writes it where one is given. */
export function layerParts(lake: Lake): TableParts;
export function layerParts(lake: Lake, tools: LayerTools): TableParts & EngineParts;
export function layerParts(lake: Lake, tools?: LayerTools): TableParts & Partial<EngineParts> {
  return {
    ...(tools === undefined ? {} : { engine: tools.engine, sqlOf: tools.sqlOf, workFolder: tools.folder }),
    encoder: new ParquetEncoder(),
    io: lake.io,
    ids: randomIds,
    nowMs: () => systemClock.wallMs(),
    pause: (attempt: number) => systemClock.sleep(pauseStepMs * attempt),
    attemptsMax,
    catalog: lake.catalog,
  };
}
