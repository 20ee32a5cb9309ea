import { EngineError } from '../../model/errors.ts';
import { partitionOfLane } from '../../model/lane.ts';
import { ScannedPlanLog } from '../plans/plan-log.ts';
import { planSigning } from '../plans/plan-signing.ts';
import type { Config } from '../settings.ts';
import type {
  EngineLog,
  LogContext,
  LogPlace,
  MakeLogOptions,
  PlannedLog,
  ProducedLog,
  ReadLog,
} from './engine-log.ts';
import { openEventCodec, openReframing } from './schema-registry.ts';

/** Kafka's clients are large, and loaded for who has brokers. */
const loadKafkaLog = () => import('./kafka-log.ts');

/** The log in Kafka: anybody with rights may write to it, and a consumer group shares its lanes. */
export function kafkaPlace(config: Config): LogPlace {
  return {
    title: `topic ${config.log.topic}`,
    servers: 'Kafka and the schema registry',
    isShared: true,
    openForEngine: (_directory, context) => openForEngine(config, context),
    openForReading: (context) => openForReading(config, context),
    openForPlans: (context) => openForPlans(config, context),
    openForProducer: (context) => openForProducer(config, context),
    inspect: async (context) => (await loadKafkaLog()).inspectKafkaLog(config, context),
    migrate: (options) => makeTopics(config, options),
  };
}

/** Our lanes are those that the consumer group gives us. */
async function openForEngine(
  config: Config,
  context: LogContext & { readonly isNewGeneration: boolean },
): Promise<EngineLog> {
  await using stack = new AsyncDisposableStack();
  const { openKafkaLog, openRecordTopic } = await loadKafkaLog();
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
    appender: null,
    encodeResult: config.kafka.results_format === 'avro' ? codec.encodeResult : null,
    openResults: async (topic) =>
      opened.adopt(await openRecordTopic(config, topic, identity.partitions, context), (each) => each.close()),
    plans: new ScannedPlanLog(source, { partitions: identity.partitions, codec, signing: planSigning(config) }),
    hasHistory: async (lane) => {
      // A person said that the state begins anew, so what the group remembers is of the time before.
      if (context.isNewGeneration) return false;
      const partition = partitionOfLane(lane);
      const [advised, { start }] = [await kafka.advisoryOffset(partition), await source.bounds(partition)];
      return advised !== null && advised > start;
    },
    close: () => opened.disposeAsync(),
  };
}

/** In a group of its own. */
async function openForReading(config: Config, context: LogContext): Promise<ReadLog> {
  const codec = await openEventCodec(config, 'binary', context.clock);
  const { openKafkaLog } = await loadKafkaLog();
  return { ...(await openKafkaLog(config, 'bronze', context)), codec };
}

async function openForPlans(config: Config, context: LogContext): Promise<PlannedLog> {
  const { topic, mode } = config.log;
  if (mode === 'replayed')
    throw new EngineError(
      'USAGE',
      `${topic} is a replayed stream: its plans are in it, at the times they were applied`,
    );
  await using stack = new AsyncDisposableStack();
  const codec = await openEventCodec(config, 'binary', context.clock);
  const { openKafkaLog } = await loadKafkaLog();
  const { source } = stack.adopt(await openKafkaLog(config, 'campaigns', context), (opened) => opened.close());
  const identity = await source.identity();
  const { partitions } = identity;
  const plans = new ScannedPlanLog(source, { partitions, codec, signing: planSigning(config) });
  const opened = stack.move();
  return { topic, identity, plans, close: () => opened.disposeAsync() };
}

async function openForProducer(config: Config, context: LogContext): Promise<ProducedLog> {
  const { openTopicWriter } = await loadKafkaLog();
  const { writer, close } = await openTopicWriter(config, context);
  return { target: writer, mode: config.log.mode, openReframing: () => openReframing(config, context.clock), close };
}

async function makeTopics(
  config: Config,
  { replicationFactor, isDryRun, ...context }: MakeLogOptions,
): Promise<string[]> {
  const { migrateKafka } = await loadKafkaLog();
  const reports = await migrateKafka(config, context, replicationFactor, isDryRun);
  return reports.map(({ topic, outcome, partitions }) =>
    outcome === 'missing'
      ? `would make topic ${topic}, ${partitions} partitions`
      : `topic ${topic} ${outcome}, ${partitions} partitions`,
  );
}
