import { join } from 'node:path';
import type { Catalog, CatalogTable, TableState } from '../catalog/catalog.ts';
import { sortedBy } from '../format/sort-order.ts';
import { buildGoldSlice, type GoldOptions, type GoldSlice, marksStatement } from '../layers/gold/build-gold.ts';
import {
  goldMonthsSchema,
  goldMonthsSpec,
  type MonthMark,
  monthKey,
  readGoldMonths,
} from '../layers/gold/gold-months.ts';
import { type GoldTable, goldSpec } from '../layers/gold/gold-tables.ts';
import { ensureTable } from '../operations/overwrite-partitions.ts';
import { columnId, layerProperties, newSchema, openTable } from '../operations/table-columns.ts';

export interface WriteGoldOptions extends Omit<GoldOptions, 'months' | 'folder'> {
  readonly catalog: Catalog;
  readonly tables: readonly GoldTable[];
  /** URI below which the tables are made. */
  readonly location: string;
  readonly workFolder: string;
  /** Rows of this day and later are not closed. */
  readonly before: string;
  /** Rows that are fetched and sorted at once. */
  readonly rowsMax: number;
  readonly isDryRun: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface GoldReport {
  /** Months of organizations, over all tables. */
  readonly months: number;
  readonly slices: number;
  readonly rows: number;
  /** Slices that somebody else wrote at the same time. */
  readonly overtaken: number;
}

export const goldNamespace = 'gold';
export const goldMonthsTable = 'months';
/** Tables that tell of the others. */
export const goldReceiptsTable = 'receipts';
export const goldDrillsTable = 'drills';
/** Files are open at once, one an organization. */
const orgsMax = 128;
/** After an erasure all is looked at anew. */
const roundsMax = 10;

/** Writes every month of which ClickHouse has other rows than gold was made from. Safe to end, and to run twice at once. */
export async function writeGold(options: WriteGoldOptions): Promise<GoldReport> {
  const total = { months: 0, slices: 0, rows: 0, overtaken: 0 };
  for (let round = 0; round < roundsMax; round++) if ((await writeRound(total, options)) !== 'erased') break;
  return total;
}

async function writeRound(
  total: { months: number; slices: number; rows: number; overtaken: number },
  options: WriteGoldOptions,
): Promise<'done' | 'erased'> {
  const { catalog, ids, location, isDryRun, workFolder, onProgress } = options;
  const monthsTable = catalog.table({ namespace: goldNamespace, table: goldMonthsTable });
  const newMonths = {
    uuid: ids.uuid(),
    location: `${location}/${goldMonthsTable}`,
    schema: goldMonthsSchema,
    spec: goldMonthsSpec,
    properties: layerProperties,
  };
  // Gold before ClickHouse: whoever writes these months from now on may have read newer rows than we.
  const months = isDryRun ? await monthsTable.load() : await ensureTable(monthsTable, newMonths);
  const opened = new Map<string, { catalog: CatalogTable; state: TableState }>();
  if (!isDryRun) for (const table of options.tables) opened.set(table.name, await openGold(table, options));
  const slices = await planGold(months === null ? new Map() : await readGoldMonths(options.io, months), options);
  for (const [at, slice] of slices.entries()) {
    onProgress?.(at, slices.length);
    total.slices += 1;
    total.months += slice.orgs.length;
    const table = opened.get(slice.table.name);
    if (table === undefined || months === null) continue;
    const folder = join(workFolder, 'slice');
    const report = await buildGoldSlice(slice, { ...table, months }, { ...options, folder, months: monthsTable });
    total.rows += report.rows;
    total.overtaken += report.outcome === 'overtaken' ? 1 : 0;
    if (report.outcome === 'erased') return 'erased';
  }
  return 'done';
}

async function openGold(table: GoldTable, { catalog, ids, location }: WriteGoldOptions) {
  const schema = newSchema(table.columns);
  const own = catalog.table({ namespace: goldNamespace, table: table.name });
  const made = {
    uuid: ids.uuid(),
    location: `${location}/${table.name}`,
    schema,
    spec: goldSpec(table, schema),
    properties: layerProperties,
    sortOrder: sortedBy(
      1,
      table.key.map((name) => columnId(schema, name)),
    ),
  };
  return { catalog: own, state: await openTable(own, made, table.columns) };
}

async function planGold(known: ReadonlyMap<string, MonthMark>, options: WriteGoldOptions): Promise<GoldSlice[]> {
  const { hot, tables, before, rowsMax } = options;
  const slices: GoldSlice[] = [];
  for (const table of tables) {
    const found = await hot.query(marksStatement(table, hot.nameOf(table.name), before));
    const due = found
      .map((row) => {
        const mark = { rows: Number(row.rows), versions: BigInt(String(row.versions)) };
        return { org: String(row.org_id), month: Number(row.month), ...mark };
      })
      .filter(({ org, month, rows, versions }) => {
        const mark = known.get(monthKey(table.name, org, month));
        return mark === undefined || mark.rows !== rows || mark.versions !== versions;
      })
      .sort((a, b) => a.month - b.month || (a.org < b.org ? -1 : 1));
    slices.push(...sliced(table, due, { before, rowsMax }));
  }
  return slices;
}

type DueMonth = { readonly org: string; readonly month: number } & MonthMark;

function sliced(
  table: GoldTable,
  due: readonly DueMonth[],
  { before, rowsMax }: { before: string; rowsMax: number },
): GoldSlice[] {
  const slices: { readonly month: number; readonly orgs: DueMonth[]; rows: number }[] = [];
  for (const one of due) {
    const last = slices.at(-1);
    const isRoom =
      last !== undefined && last.month === one.month && last.rows + one.rows <= rowsMax && last.orgs.length < orgsMax;
    const slice = isRoom ? last : { month: one.month, orgs: [], rows: 0 };
    if (!isRoom) slices.push(slice);
    slice.orgs.push(one);
    slice.rows += one.rows;
  }
  return slices.map(({ month, orgs }) => ({ table, month, orgs, before }));
}
