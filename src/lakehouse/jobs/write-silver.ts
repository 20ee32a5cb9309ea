import { join } from 'node:path';
import type { Catalog, CatalogTable, TableState } from '../catalog/catalog.ts';
import type { Schema } from '../format/schema.ts';
import type { NewTable } from '../format/table-metadata.ts';
import {
  buildSlice,
  type SilverOptions,
  type SilverTableState,
  silverDaysTable,
} from '../layers/silver/build-silver.ts';
import { closedThrough } from '../layers/silver/closed-through.ts';
import { planSilver, readBronzeDays, type SilverCell } from '../layers/silver/plan-silver.ts';
import { readSilverDays, silverDaysSchema, silverDaysSpec } from '../layers/silver/silver-days.ts';
import { silverTables } from '../layers/silver/silver-kinds.ts';
import { silverColumns, silverOrder, silverSpec } from '../layers/silver/silver-schema.ts';
import { ensureTable } from '../operations/overwrite-partitions.ts';
import { loadTable } from '../operations/snapshot-producer.ts';
import { layerProperties, newSchema, openTable } from '../operations/table-columns.ts';

interface WriteSilverOptions extends Omit<SilverOptions, 'tables' | 'bronze' | 'folder'> {
  readonly catalog: Catalog;
  readonly bronze: CatalogTable;
  /** URI below which the tables are made. */
  readonly location: string;
  /** A folder of this machine for what is between. */
  readonly workFolder: string;
  /** Organization of records that belong to nobody. */
  readonly systemOrg: string;
  /** Records of bronze that are read at once. */
  readonly sliceRecordsMax: number;
  readonly isDryRun: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface SilverReport {
  /** Days of organizations that were written, or would be. */
  readonly days: number;
  readonly slices: number;
  readonly events: number;
  readonly rows: number;
  /** Slices that somebody else wrote at the same time. */
  readonly overtaken: number;
  /** Days that end before this instant are closed, ms; null while there is nothing. */
  readonly closedThroughMs: number | null;
}

export const silverNamespace = 'silver';
/** Repeats across days set days due again, with fewer each round; and an erasure has all looked at anew. */
const roundsMax = 10;

/** Writes every day that is due. Safe to end at any moment, and to run twice at once. */
export async function writeSilver(options: WriteSilverOptions): Promise<SilverReport> {
  const total = { days: 0, slices: 0, events: 0, rows: 0, overtaken: 0 };
  let closedThroughMs: number | null = null;
  for (let round = 0; round < roundsMax; round++) {
    // Silver before bronze: see `SilverOptions.tables`.
    const tables = options.isDryRun ? await loadTables(options) : await openTables(options);
    const bronze = await loadTable(options.bronze);
    const { slices, closed } = await plan(options, tables, bronze);
    closedThroughMs = Number.isFinite(closed) ? closed : null;
    let outrun = 0;
    let isErased = false;
    for (const [at, slice] of slices.entries()) {
      options.onProgress?.(at, slices.length);
      total.slices += 1;
      total.days += slice.length;
      if (options.isDryRun) continue;
      const folder = join(options.workFolder, 'slice');
      const report = await buildSlice(slice, { ...options, tables, bronze, folder });
      total.events += report.events;
      total.rows += report.rows;
      total.overtaken += report.outcome === 'overtaken' ? 1 : 0;
      outrun += report.outrun;
      isErased = report.outcome === 'erased';
      if (isErased) break;
    }
    if (outrun === 0 && !isErased) break;
  }
  return { ...total, closedThroughMs };
}

async function plan(
  { io, engine, sqlOf, systemOrg, sliceRecordsMax }: WriteSilverOptions,
  tables: ReadonlyMap<string, SilverTableState>,
  bronze: TableState,
): Promise<{ slices: SilverCell[][]; closed: number }> {
  const closed = await closedThrough(bronze, { io, engine, sql: sqlOf(bronze) });
  const days = tables.get(silverDaysTable);
  const slices = planSilver({
    bronze: await readBronzeDays(io, bronze, systemOrg),
    silver: days === undefined ? new Map() : await readSilverDays(io, days.state),
    closedThroughMs: closed,
    recordsMax: sliceRecordsMax,
  });
  return { slices, closed };
}

/** Those that are there. */
async function loadTables(options: WriteSilverOptions): Promise<Map<string, SilverTableState>> {
  const tables = new Map<string, SilverTableState>();
  for (const { table } of await options.catalog.tables(silverNamespace)) {
    const catalog = options.catalog.table({ namespace: silverNamespace, table });
    const state = await catalog.load();
    if (state !== null) tables.set(table, { catalog, state });
  }
  return tables;
}

/** All of them, made and given the columns that events have come to have. */
async function openTables(options: WriteSilverOptions): Promise<Map<string, SilverTableState>> {
  const tables = new Map<string, SilverTableState>();
  for (const table of silverTables(options.kinds)) {
    const columns = silverColumns(table);
    const schema = newSchema(columns);
    const catalog = options.catalog.table({ namespace: silverNamespace, table: table.name });
    const made = newTable(options, table.name, schema, silverSpec(schema));
    tables.set(table.name, {
      catalog,
      state: await openTable(catalog, { ...made, sortOrder: silverOrder(schema) }, columns),
    });
  }
  const catalog = options.catalog.table({ namespace: silverNamespace, table: silverDaysTable });
  const state = await ensureTable(catalog, newTable(options, silverDaysTable, silverDaysSchema, silverDaysSpec));
  return tables.set(silverDaysTable, { catalog, state });
}

function newTable(
  { ids, location }: WriteSilverOptions,
  name: string,
  schema: Schema,
  spec: NewTable['spec'],
): NewTable {
  return { uuid: ids.uuid(), location: `${location}/${name}`, schema, spec, properties: layerProperties };
}
