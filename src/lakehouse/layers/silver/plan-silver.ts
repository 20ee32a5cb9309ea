import type { TableState } from '../../catalog/catalog.ts';
import { findSpec } from '../../format/table-metadata.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import { bronzeSpec } from '../bronze/bronze-schema.ts';
import { dayKey } from './silver-days.ts';

/** A day of an organization, and how many records bronze has of it. */
export interface SilverCell {
  readonly org: string;
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly records: number;
}

interface PlanOptions {
  /** What bronze and silver have, by `dayKey`. */
  readonly bronze: ReadonlyMap<string, SilverCell>;
  readonly silver: ReadonlyMap<string, number>;
  /** Days that end before this instant have all that is awaited, ms. */
  readonly closedThroughMs: number;
  /** Records of a slice: what the engine holds in memory. */
  readonly recordsMax: number;
}

/** A file is open at once for each. */
const cellsMax = 128;
const dayMs = 86_400_000;

/** What bronze has of each organization and day, by its manifests; what belongs to nobody is left out. */
export async function readBronzeDays(
  io: FileIO,
  { metadata }: TableState,
  systemOrg: string,
): Promise<Map<string, SilverCell>> {
  const days = new Map<string, { org: string; day: number; records: number }>();
  const specId = findSpec(metadata, bronzeSpec);
  for await (const { file, specId: own } of liveFilesOf(io, metadata)) {
    if (own !== specId) continue;
    const [org, day] = [String(file.partition[0]), Number(file.partition[1])];
    if (org === systemOrg) continue;
    const key = dayKey(org, day);
    const known = days.get(key) ?? { org, day, records: 0 };
    known.records += file.recordCount;
    days.set(key, known);
  }
  return days;
}

/**
 * Which days of which organizations are to be written together, oldest first. A day is due when it is closed and bronze has
 * other records of it than silver was made from: late money and conversions write their day anew. A day that bronze
 * no longer has stays as it is.
 */
export function planSilver({ bronze, silver, closedThroughMs, recordsMax }: PlanOptions): SilverCell[][] {
  const due = [...bronze]
    .filter(([key, { day, records }]) => {
      return (day + 1) * dayMs <= closedThroughMs && silver.get(key) !== records;
    })
    .map(([, one]) => one)
    .sort((a, b) => a.day - b.day || (a.org < b.org ? -1 : 1));
  const slices: { readonly cells: SilverCell[]; records: number }[] = [];
  for (const cell of due) {
    const last = slices.at(-1);
    const isRoom = last !== undefined && last.records + cell.records <= recordsMax && last.cells.length < cellsMax;
    const slice = isRoom ? last : { cells: [], records: 0 };
    if (!isRoom) slices.push(slice);
    slice.cells.push(cell);
    slice.records += cell.records;
  }
  return slices.map(({ cells }) => cells);
}
