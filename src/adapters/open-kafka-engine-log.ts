import { partitionOfLane } from '../model/lane.ts';
import type { EngineLog } from './engine-log.ts';
import { type KafkaContext, openKafkaLog, openRecordTopic } from './kafka-log.ts';
import { ScannedPlanLog } from './plan-log.ts';
import { planSigning } from './plan-signing.ts';
import { openEventCodec } from './schema-registry.ts';
import type { Config } from './settings.ts';

/** The log in Kafka: our lanes are those that the consumer group gives us. */
export async function openKafkaEngineLog(
  config: Config,
  context: KafkaContext,
  { isNewGeneration }: { readonly isNewGeneration: boolean },
): Promise<EngineLog> {
  await using stack = new AsyncDisposableStack();
  const codec = await openEventCodec(config, 'binary', context.clock);
  const kafka = stack.adopt(await openKafkaLog(config, 'campaigns', context), (each) => each.close());
  const { source, assignment } = kafka;
  const identity = await source.identity();
  const opened = stack.move();
  return {
    name: `topic ${source.topic} at ${config.kafka.brokers.join(', ')}`,
    source,
    assignment,
    identity,
    codec,
    recorded: null,
    openResults: async (topic) =>
      opened.adopt(await openRecordTopic(config, topic, identity.partitions, context), (each) => each.close()),
    plans: new ScannedPlanLog(source, { partitions: identity.partitions, codec, signing: planSigning(config) }),
    hasHistory: async (lane) => {
      // A person said that the state begins anew, so what the group remembers is of the time before.
      if (isNewGeneration) return false;
      const partition = partitionOfLane(lane);
      const [advised, { start }] = [await kafka.advisoryOffset(partition), await source.bounds(partition)];
      return advised !== null && advised > start;
    },
    close: () => opened.disposeAsync(),
  };
}
