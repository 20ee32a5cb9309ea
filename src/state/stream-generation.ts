import { EngineError } from '../model/errors.ts';
import type { StreamIdentity } from '../model/lane.ts';
import type { StateStore } from './state-store.ts';

/** versionOf keeps 15 bits for it. */
const generationMax = 32_767;

/**
 * The generation that rows of this stream carry: 1 for the first stream a store sees. Another
 * stream under the same topic would mix two histories, so it throws GENERATION_MISMATCH, unless
 * `accept` says that a person wants a new generation; then `isCut` tells whether the log has lost what the
 * state has applied, which makes another history of the same stream.
 *
 * The key of its plans belongs to the generation, for it decides answers: one that names none takes the
 * key that `identity` brings, once; another key than before, or none any more, is another generation.
 */
export async function admitGeneration(
  store: StateStore,
  topic: string,
  identity: StreamIdentity,
  options: { readonly accept?: boolean; readonly isCut?: () => Promise<boolean> } = {},
): Promise<number> {
  const held = await store.readGeneration(topic);
  const isSame = held !== null && isSameLog(held.identity, identity);
  const isCut = isSame && options.accept === true && (await options.isCut?.()) === true;
  if (isSame && !isCut) {
    if (held.identity.planKey === identity.planKey) return held.generation;
    if (held.identity.planKey === undefined) {
      await store.writeGeneration(topic, held.generation, identity);
      return held.generation;
    }
  }
  if (held !== null && !options.accept)
    throw new EngineError(
      'GENERATION_MISMATCH',
      `the state of ${topic} (generation ${held.generation}) belongs to ${spell(held.identity)}, the log is ${spell(identity)}`,
    );
  const generation = (held?.generation ?? 0) + 1;
  if (generation > generationMax)
    throw new EngineError('GENERATION_MISMATCH', `${topic} has used up its ${generationMax} generations`);
  await store.writeGeneration(topic, generation, identity);
  return generation;
}

function isSameLog(a: StreamIdentity, b: StreamIdentity): boolean {
  return a.clusterId === b.clusterId && a.topicId === b.topicId && a.partitions === b.partitions && a.mode === b.mode;
}

function spell({ clusterId, topicId, partitions, mode, planKey }: StreamIdentity): string {
  const key = planKey === undefined ? 'unsigned plans' : `plans that begin with plans.root_key ${planKey}`;
  return `{cluster ${clusterId}, topic ${topicId}, ${partitions} partitions, ${mode}, ${key}}`;
}
