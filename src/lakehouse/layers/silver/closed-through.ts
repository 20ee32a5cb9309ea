import type { TableState } from '../../catalog/catalog.ts';
import type { SqlEngine } from '../../engine/sql-engine.ts';
import { currentSnapshot } from '../../format/table-metadata.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import { bronzeField } from '../bronze/bronze-schema.ts';
import { recordedPartitions } from '../bronze/recorded-offsets.ts';

/** Delivery that comes later than this is rare: its day is written anew when it came. */
const awaitedMs = 15 * 60_000;
/** A lane that is further behind holds every day back, whatever its exact place. */
const lookBackMs = 3 * 86_400_000;

/**
 * The log time up to which bronze has every lane, less what is awaited: days that end before it are closed. Ticks
 * move lanes in which nobody sends. Negative infinity while there is nothing.
 */
export async function closedThrough(
  bronze: TableState,
  { io, engine, sql }: { io: FileIO; engine: SqlEngine; sql: string },
): Promise<number> {
  const snapshot = currentSnapshot(bronze.metadata);
  const partitions = recordedPartitions(bronze.metadata);
  if (snapshot === null || partitions.length === 0) return Number.NEGATIVE_INFINITY;
  let newestMs = Number.NEGATIVE_INFINITY;
  for await (const { file } of liveFilesOf(io, bronze.metadata, snapshot)) {
    const upper = file.upperBounds.get(bronzeField.log_time);
    if (upper !== undefined) newestMs = Math.max(newestMs, Number(Buffer.from(upper).readBigInt64LE() / 1_000n));
  }
  if (newestMs === Number.NEGATIVE_INFINITY) return newestMs;
  const since = newestMs - lookBackMs;
  const rows = await engine.run(
    `SELECT partition, toString(toUnixTimestamp64Milli(max(log_time))) AS at FROM ${sql}
     WHERE log_time >= fromUnixTimestamp64Milli(${since}) GROUP BY partition`,
  );
  const clocks = new Map(rows.map(({ partition, at }) => [Number(partition), Number(at)]));
  return Math.min(...partitions.map((partition) => clocks.get(partition) ?? since)) - awaitedMs;
}
