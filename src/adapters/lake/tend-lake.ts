import { systemClock } from '../../control/system-clock.ts';
import { fullName } from '../../lakehouse/catalog/catalog.ts';
import { ParquetEncoder } from '../../lakehouse/format/parquet-encoder.ts';
import { specById } from '../../lakehouse/format/table-metadata.ts';
import {
  type MaintenanceStep,
  maintainTable,
  type StepReport,
  type TableLayout,
} from '../../lakehouse/jobs/maintain-table.ts';
import { bronzeLayout } from '../../lakehouse/layers/bronze/bronze-schema.ts';
import { relocateTimeless } from '../../lakehouse/layers/bronze/relocate-timeless.ts';
import { randomIds } from '../../lakehouse/storage/id-source.ts';
import type { Config } from '../settings.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { type Lake, type LakeTable, tableOf, tablesOf, withLake } from './open-lake.ts';

/** What the lake can be asked to have done. */
export type TendStep = MaintenanceStep | 'relocate';
export type TendReport = Omit<StepReport, 'step'> & {
  readonly table: string;
  readonly step: TendStep;
  readonly rows?: number;
};

export interface TendOptions {
  /** As `namespace.table`; undefined = all. */
  readonly table: string | undefined;
  readonly steps: readonly TendStep[];
  readonly isDryRun: boolean;
  /** Merged files get about this size. */
  readonly targetBytes: number;
  readonly orphansOlderThanMs: number;
  /** Undefined: as the table's properties say. */
  readonly snapshotsOlderThanMs: number | undefined;
  readonly snapshotsToKeep: number | undefined;
  onProgress(step: MaintenanceStep, done: number, total: number): void;
  onDone(report: TendReport): void;
}

/** Half of Iceberg's own default: merged in half the memory. */
export const targetMbDefault = 256;
/** As Iceberg's: longer than any commit takes. */
export const orphanAgeMsDefault = 3 * 86_400_000;
export const maintenanceSteps: readonly TendStep[] = ['relocate', 'compact', 'cluster', 'expire', 'sweep'];

/** All that tables need, as their properties say it. */
export function maintenanceOf(): Omit<TendOptions, 'onProgress' | 'onDone'> {
  return {
    ...{ table: undefined, steps: maintenanceSteps, isDryRun: false, targetBytes: targetMbDefault * 1_048_576 },
    ...{ orphansOlderThanMs: orphanAgeMsDefault, snapshotsOlderThanMs: undefined, snapshotsToKeep: undefined },
  };
}

/** Rows of one merged file: about 600 MB of values in memory at most. */
const mergedRowsMax = 500_000;
/** As Iceberg's own compaction: fewer small files are not worth a rewrite. */
const filesMin = 5;
const pauseStepMs = 100;
const relocateAttemptsMax = 10;

/** What every step works with. */
function toolsOf({ catalog, io }: Lake, { name }: LakeTable, isDryRun: boolean) {
  return {
    catalog: catalog.table(name),
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    nowMs: () => systemClock.wallMs(),
    pause: (attempt: number) => systemClock.sleep(pauseStepMs * attempt),
    isDryRun,
  };
}

/** Moves rows of bronze that lie in 1970 to the day of the log. */
async function relocate(tools: ReturnType<typeof toolsOf>): Promise<Omit<TendReport, 'table'>> {
  const { rows, files, made } = await relocateTimeless({ ...tools, attemptsMax: relocateAttemptsMax });
  return { step: 'relocate', gone: files, made, bytes: 0, rows };
}

/** Looks after tables, beside whoever writes to them. */
export async function tendLake(config: Config, options: TendOptions): Promise<void> {
  await withLake(config, async (lake) => {
    const tables = options.table === undefined ? await tablesOf(lake) : [await tableOf(lake, options.table)];
    for (const table of tables) await tendTable(lake, table, options);
  });
}

async function tendTable(lake: Lake, table: LakeTable, options: TendOptions): Promise<void> {
  const { snapshotsOlderThanMs, snapshotsToKeep, targetBytes } = options;
  const tools = toolsOf(lake, table, options.isDryRun);
  const tended = {
    ...tools,
    layout: layoutOf(table),
    compaction: { targetBytes, rowsMax: mergedRowsMax, filesMin },
    orphansOlderThanMs: options.orphansOlderThanMs,
    ...(snapshotsOlderThanMs === undefined ? {} : { snapshotsOlderThanMs }),
    ...(snapshotsToKeep === undefined ? {} : { snapshotsToKeep }),
    onProgress: options.onProgress,
  };
  for (const step of options.steps) {
    if (!isFor(step, table)) continue;
    const report = step === 'relocate' ? await relocate(tools) : await maintainTable(step, tended);
    options.onDone({ table: fullName(table.name), ...report });
  }
}

/** Whole days of other tables are written at once, so that they have neither small files nor rows in 1970. */
function isFor(step: TendStep, { name }: LakeTable): boolean {
  return (step !== 'relocate' && step !== 'compact') || name.namespace === bronzeTableName.namespace;
}

function layoutOf({ name, state: { metadata } }: LakeTable): TableLayout {
  if (name.namespace === bronzeTableName.namespace) return bronzeLayout;
  const spec = specById(metadata, metadata['default-spec-id']);
  return { spec, sortedBy: [], repetitive: new Set(), unbounded: new Set() };
}
