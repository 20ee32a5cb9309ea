import type { Logger } from '../control/logs/logger.ts';
import { askClickHouse, downloadFromClickHouse, rowsOf } from '../control/query-client.ts';
import { systemClock } from '../control/system-clock.ts';
import { describeKind } from '../decoders/event-objects.ts';
import { eventKinds } from '../events/kinds.ts';
import { ParquetEncoder } from '../lakehouse/format/parquet-encoder.ts';
import { type GoldReport, goldNamespace, writeGold } from '../lakehouse/jobs/write-gold.ts';
import { type SilverReport, silverNamespace, writeSilver } from '../lakehouse/jobs/write-silver.ts';
import type { GoldTable } from '../lakehouse/layers/gold/gold-tables.ts';
import type { EventKind } from '../lakehouse/layers/silver/silver-kinds.ts';
import { randomIds } from '../lakehouse/storage/id-source.ts';
import { systemOrg } from '../model/ids.ts';
import { type ColumnType, type Table, tables } from '../rows/tables.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { type LayerTools, openLayerTools } from './layer-tools.ts';
import { type Lake, openLake, tableOf, withLake } from './open-lake.ts';
import type { Config } from './settings.ts';
import { openTablesForReading } from './visits.ts';

export type { GoldReport, SilverReport };

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

/** Columns that hold any bytes. */
const rawColumns: Readonly<Record<string, readonly string[]>> = { dead_letters: ['key', 'raw'] };

/** A table of ClickHouse as Iceberg has it: no types without a sign, instants in micros. */
function goldTable(table: Table): GoldTable {
  const columns = table.columns.map(({ name, type, doc }): GoldTable['columns'][number] => {
    const isNullable = type.startsWith('Nullable(');
    const isRaw = rawColumns[table.name]?.includes(name) ?? false;
    return { name, doc, isRequired: !isNullable, type: isRaw ? 'binary' : icebergTypes[type] };
  });
  return { name: table.name, columns, key: table.key, partitionBy: table.partitionBy };
}

const icebergTypes = {
  String: 'string',
  'LowCardinality(String)': 'string',
  UInt8: 'int',
  UInt16: 'int',
  UInt32: 'long',
  UInt64: 'long',
  Int32: 'int',
  Int64: 'long',
  Date32: 'date',
  'DateTime64(3)': 'timestamptz',
  'Decimal(18,6)': 'decimal(18, 6)',
  'Nullable(Int32)': 'int',
  'Nullable(Int64)': 'long',
  'Nullable(DateTime64(3))': 'timestamptz',
} as const satisfies Readonly<Record<ColumnType, GoldTable['columns'][number]['type']>>;

export const goldTables = tables.map(goldTable);

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
  const reading = await openTablesForReading(config, { clock: systemClock, log });
  stack.defer(() => reading.close());
  const { endpoint } = reading;
  const lake = stack.adopt(await openLake(config), (opened) => opened.close());
  const tools = stack.use(await openLayerTools(config));
  return await writeGold({
    ...layerParts(lake, tools),
    ...goldOptions(lake),
    hot: {
      query: async (sql) => rowsOf(await askClickHouse(endpoint, sql)),
      download: (sql, path) => downloadFromClickHouse(endpoint, sql, path),
      nameOf: (table) => `${config.clickhouse.url === null ? 'ads' : config.clickhouse.database}.${table}`,
    },
    before: closedWeeksBefore(systemClock.wallMs()),
    isDryRun: options.isDryRun,
    onProgress: options.onProgress,
  });
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
