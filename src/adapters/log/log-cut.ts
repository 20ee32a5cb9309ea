import { randomUUID } from 'node:crypto';
import { readOffsets } from '../../lakehouse/layers/bronze/recorded-offsets.ts';
import { EngineError } from '../../model/errors.ts';
import { laneName, type StreamIdentity } from '../../model/lane.ts';
import type { Source } from '../../sources/source.ts';
import type { StateStore } from '../../state/state-store.ts';
import { bronzeTableName } from '../lake/bronze-catalog.ts';
import { hasLake, openLake } from '../lake/open-lake.ts';
import type { Config } from '../settings.ts';

interface ReadLog {
  readonly source: Source;
  readonly identity: StreamIdentity;
}

/**
 * Whether the log has lost records that some lane's state has applied. Claims each lane, so whoever owns
 * one is fenced: for the start with --new-generation alone.
 */
export async function isLogCut({ source, identity }: ReadLog, store: StateStore): Promise<boolean> {
  for (let partition = 0; partition < identity.partitions; partition++) {
    const { meta } = await store.claim(laneName({ topic: source.topic, partition }), randomUUID());
    if (meta !== null && (await isLost(source, partition, meta.nextOffset, meta.leaderEpoch))) return true;
  }
  return false;
}

/** Whether it has lost records that bronze holds: it may have read beyond the cut where no lane's state has. */
export async function isBronzeCut(config: Config, { source, identity }: ReadLog): Promise<boolean> {
  if (!config.bronze.enabled || !hasLake(config)) return false;
  const { catalog, close } = await openLake(config);
  try {
    const table = await catalog.table(bronzeTableName).load();
    if (table === null) return false;
    const { positions, epochs } = readOffsets(table.metadata, { topic: source.topic, identity });
    for (const [partition, next] of positions)
      if (await isLost(source, partition, next, epochs.get(partition))) return true;
    return false;
  } catch (error) {
    // The table of another stream says nothing of this log; it is set aside anyway.
    if (error instanceof EngineError && error.code === 'GENERATION_MISMATCH') return false;
    throw error;
  } finally {
    await close();
  }
}

async function isLost(source: Source, partition: number, offset: number, leaderEpoch?: number): Promise<boolean> {
  try {
    await source.seek(partition, offset, leaderEpoch);
    return false;
  } catch (error) {
    if (!(error instanceof EngineError) || !lostCodes.has(error.code)) throw error;
    return true;
  }
}

/** What the state needs is not in the log any more, at its end or at its beginning. */
const lostCodes: ReadonlySet<string> = new Set(['LOG_TRUNCATED', 'OFFSET_OUT_OF_RANGE']);
