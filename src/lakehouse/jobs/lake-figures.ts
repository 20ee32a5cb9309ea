import { dayMs } from '../../model/time.ts';
import type { Catalog, TableName, TableState } from '../catalog/catalog.ts';
import { currentSnapshot, type Snapshot } from '../format/table-metadata.ts';
import { readLastDrill } from '../layers/gold/gold-drills.ts';
import { readMonthMarks } from '../layers/gold/gold-months.ts';
import { readLastVerified } from '../layers/gold/gold-receipts.ts';
import { weekOf } from '../layers/gold/weeks.ts';
import { readNewestDay } from '../layers/silver/silver-days.ts';
import type { FileIO } from '../storage/file-io.ts';
import { goldDrillsTable, goldMonthsTable, goldNamespace, goldReceiptsTable } from './write-gold.ts';

/** How much a layer holds. */
interface LayerFigures {
  readonly layer: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Instant up to which it is complete, epoch ms; null while it has nothing. */
  readonly completeThroughMs: number | null;
}

/** The lake in numbers, as its catalog and the small tables that tell of others say it. */
export interface LakeFigures {
  readonly layers: readonly LayerFigures[];
  readonly lastDrill: { readonly drilledAtMs: number; readonly differences: number } | null;
  /** When two readers last found a month the same, epoch ms. */
  readonly lastVerifiedMs: number | null;
  /** Changes whenever a table of gold does. */
  readonly goldMark: string;
}

/** Reads no data file but those of one row. */
export async function readLakeFigures(
  { catalog, io }: { readonly catalog: Catalog; readonly io: FileIO },
  tables: readonly { readonly name: TableName; readonly state: TableState }[],
): Promise<LakeFigures> {
  const load = async (table: string) => await catalog.table({ namespace: goldNamespace, table }).load();
  const [months, receipts, drills] = await Promise.all([
    load(goldMonthsTable),
    load(goldReceiptsTable),
    load(goldDrillsTable),
  ]);
  const days = tables.find(({ name }) => name.namespace === 'silver' && name.table === 'days')?.state ?? null;
  const events = tables.find(({ name }) => name.namespace === 'bronze')?.state ?? null;
  const newestDay = days === null ? null : await readNewestDay(io, days);
  // Others may have namespaces of their own in the same catalog.
  const complete: Readonly<Record<string, number | null>> = {
    bronze: events === null ? null : (currentSnapshot(events.metadata)?.['timestamp-ms'] ?? null),
    silver: newestDay === null ? null : (newestDay + 1) * dayMs,
    gold: months === null ? null : await goldThrough(io, months),
  };
  const layers = Object.keys(complete).map((layer) => {
    const own = tables.filter(({ name }) => name.namespace === layer);
    const snapshots = own.map(({ state }) => currentSnapshot(state.metadata));
    const sum = (key: string) => snapshots.reduce((total, one) => total + figureOf(one, key), 0);
    return {
      layer,
      files: sum('total-data-files'),
      rows: sum('total-records'),
      bytes: sum('total-files-size'),
      completeThroughMs: complete[layer],
    };
  });
  const gold = tables.filter(({ name }) => name.namespace === goldNamespace);
  return {
    layers,
    lastDrill: drills === null ? null : await readLastDrill(io, drills),
    lastVerifiedMs: receipts === null ? null : await readLastVerified(io, receipts),
    goldMark: gold.map(({ state }) => state.metadataLocation).join(' '),
  };
}

/** Gold has every week that was over for a day when its newest month was written. */
async function goldThrough(io: FileIO, months: TableState): Promise<number | null> {
  const written = (await readMonthMarks(io, months)).map(({ writtenAtMs }) => writtenAtMs);
  return written.length === 0 ? null : weekOf(Math.max(...written) - dayMs).startMs;
}

function figureOf(snapshot: Snapshot | null, key: string): number {
  return Number(snapshot?.summary[key] ?? 0);
}
