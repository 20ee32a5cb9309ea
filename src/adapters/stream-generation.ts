import { EngineError } from '../model/errors.ts';
import type { StreamIdentity } from '../model/lane.ts';
import type { StateStore } from '../state/state-store.ts';

const generationMax = 32_767;

/**
 * Binds the state to its stream. A directory without a generation gets number 1; one that belongs to
 * another stream is refused, unless the operator says that this is meant: then a new number begins.
 */
export async function claimGeneration(
  store: StateStore,
  topic: string,
  identity: StreamIdentity,
  isNewGeneration: boolean,
): Promise<{ generation: number; isFirstStart: boolean }> {
  const known = await store.readGeneration(topic);
  if (known !== null && isSame(known.identity, identity) && !isNewGeneration)
    return { generation: known.generation, isFirstStart: false };
  if (known !== null && !isNewGeneration)
    throw new EngineError(
      'GENERATION_MISMATCH',
      `the state belongs to ${describe(known.identity)} (generation ${known.generation}), the log is ${describe(identity)}`,
    );
  const generation = (known?.generation ?? 0) + 1;
  if (generation > generationMax)
    throw new EngineError('GENERATION_MISMATCH', `no generation is left after ${generationMax}`);
  await store.writeGeneration(topic, generation, identity);
  return { generation, isFirstStart: known === null };
}

function isSame(a: StreamIdentity, b: StreamIdentity): boolean {
  return a.clusterId === b.clusterId && a.topicId === b.topicId && a.partitions === b.partitions && a.mode === b.mode;
}

function describe({ clusterId, topicId, partitions, mode }: StreamIdentity): string {
  return `a ${mode} stream ${clusterId}/${topicId} of ${partitions} partitions`;
}
