import type { WeekRows } from './week-rows.ts';

/** What a week in gold and the same week played from bronze have of each other. */
export interface WeekComparison {
  readonly rows: number;
  /** Rows that one of the two lacks, or that are not the same to the byte. */
  readonly differences: number;
  /** Rows that were restated after gold was written: the next `lake gold` brings them. */
  readonly restated: number;
  /** The first of the differences, for people. */
  readonly example: string | null;
  /** Exclusive or of the digests of gold's rows. */
  readonly hash: bigint;
}

const offsetBits = 48n;

/** The offset in a version. */
function offsetOfVersion(version: bigint): number {
  return Number(version & ((1n << offsetBits) - 1n));
}

/** The number of the stream in a version. */
export function generationOfVersion(version: bigint): number {
  return Number(version >> offsetBits);
}

/**
 * Compares key by key. `writtenBefore`: the first offset of the lane that may have come after gold was written; a row
 * of it is newer than gold can be.
 */
export function compareWeek(
  table: string,
  { gold, played, writtenBefore }: { gold: WeekRows; played: WeekRows; writtenBefore: number },
): WeekComparison {
  let [differences, restated, hash] = [0, 0, 0n];
  let example: string | null = null;
  const differs = (what: string): void => {
    differences += 1;
    example ??= `${table}: ${what}`;
  };
  for (const [key, { version, digest }] of gold) {
    hash ^= digest;
    const other = played.get(key);
    if (other === undefined) differs(`${key} is in gold and not in what bronze gives`);
    else if (other.version === version && other.digest !== digest) differs(`${key} is not the same in both`);
    else if (other.version < version) differs(`${key} has version ${version} in gold, ${other.version} by bronze`);
    else if (other.version > version && offsetOfVersion(other.version) < writtenBefore)
      differs(`${key} has version ${version} in gold, and ${other.version} was there when it was written`);
    else if (other.version > version) restated += 1;
  }
  for (const [key, { version }] of played) {
    if (gold.has(key)) continue;
    if (offsetOfVersion(version) >= writtenBefore) restated += 1;
    else differs(`${key} is in what bronze gives and not in gold`);
  }
  return { rows: gold.size, differences, restated, example, hash };
}
