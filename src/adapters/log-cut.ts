import { randomUUID } from 'node:crypto';
import { EngineError } from '../model/errors.ts';
import { laneName } from '../model/lane.ts';
import type { Source } from '../sources/source.ts';
import type { StateStore } from '../state/state-store.ts';

/**
 * Whether the log has lost records that some lane's state has applied. Claims each lane, so whoever owns
 * one is fenced: for the start with --new-generation alone.
 */
export async function isLogCut(source: Source, partitions: number, store: StateStore): Promise<boolean> {
  for (let partition = 0; partition < partitions; partition++) {
    const { meta } = await store.claim(laneName({ topic: source.topic, partition }), randomUUID());
    if (meta === null) continue;
    try {
      await source.seek(partition, meta.nextOffset, meta.leaderEpoch);
    } catch (error) {
      if (!(error instanceof EngineError) || !lostCodes.has(error.code)) throw error;
      return true;
    }
  }
  return false;
}

/** What the state needs is not in the log any more, at its end or at its beginning. */
const lostCodes: ReadonlySet<string> = new Set(['LOG_TRUNCATED', 'OFFSET_OUT_OF_RANGE']);
