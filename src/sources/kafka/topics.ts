import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { KafkaConnection } from './connection.ts';
import { isKafkaError, sourceError } from './kafka-errors.ts';
import { TopicView } from './topic-view.ts';

interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** Copies of each partition; -1 takes the cluster's default. */
  readonly replicationFactor: number;
  /** live: the broker stamps records; replayed: producers bring the original log time. */
  readonly mode: 'live' | 'replayed';
  /** How long a topic made new keeps its records; -1 = for ever, null = as long as the cluster says. */
  readonly retentionMs: number | null;
}

export interface TopicReport {
  readonly topic: string;
  /** `missing` = it would be made. */
  readonly outcome: 'made' | 'kept' | 'missing';
  readonly partitions: number;
}

/** More than we take: a record that is too large becomes a dead letter of its organization, not a producer's riddle. */
const messageBytesMax = 4 * limits.recordBytesMax;
/** Each 200 ms after the other. */
const leaderTriesMax = 50;

type TimestampType = 'LogAppendTime' | 'CreateTime';

export const timestampTypeOf = { live: 'LogAppendTime', replayed: 'CreateTime' } as const;

/** Runs administration over a connection of its own. Throws SOURCE_UNAVAILABLE or SOURCE_REFUSED. */
export async function withAdmin<Result>(
  connection: KafkaConnection,
  what: string,
  act: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = connection.client.admin();
  try {
    await admin.connect();
    return await act(admin);
  } catch (error) {
    throw sourceError(error, what);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Makes the topics that are missing and checks those that are there: a topic's partitions and the time
 * of its records are never changed in place. Throws SOURCE_REFUSED with what differs. A dry run makes
 * nothing.
 */
export async function ensureTopics(
  connection: KafkaConnection,
  specs: readonly TopicSpec[],
  { isDryRun = false }: { readonly isDryRun?: boolean } = {},
): Promise<TopicReport[]> {
  return await withAdmin(connection, `making topics at ${connection.names}`, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = isDryRun ? [] : specs.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await createTopics(admin, missing);
    for (const { topic, partitions } of missing) await waitForLeaders(connection, topic, partitions);
    const reports: TopicReport[] = [];
    for (const spec of specs) {
      if (existing.has(spec.topic)) await requireSpec(admin, spec);
      const outcome = existing.has(spec.topic) ? 'kept' : isDryRun ? 'missing' : 'made';
      reports.push({ topic: spec.topic, outcome, partitions: spec.partitions });
    }
    return reports;
  });
}

async function createTopics(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
  const topics = specs.map(({ topic, partitions, replicationFactor, mode, retentionMs }) => ({
    topic,
    numPartitions: partitions,
    replicationFactor,
    configEntries: [
      { name: 'message.timestamp.type', value: timestampTypeOf[mode] },
      { name: 'max.message.bytes', value: String(messageBytesMax) },
      ...(retentionMs === null ? [] : [{ name: 'retention.ms', value: String(retentionMs) }]),
    ],
  }));
  try {
    // kafkajs' own waiting takes a broker that has not heard of the topic yet for a failure.
    await admin.createTopics({ waitForLeaders: false, topics });
  } catch (cause) {
    if (!isKafkaError(cause, 'INVALID_REPLICATION_FACTOR')) throw cause;
    const { brokers } = await admin.describeCluster();
    const message = `${specs[0].replicationFactor} copies of each partition need as many brokers, there are ${brokers.length}: say --replication-factor ${brokers.length}`;
    throw new EngineError('SOURCE_REFUSED', message, { cause });
  }
}

/** Resolves once every partition of a new topic has a leader. */
async function waitForLeaders(connection: KafkaConnection, topic: string, partitions: number): Promise<void> {
  const view = new TopicView(topic, connection, connection.openCluster());
  for (let tries = 0; ; tries++) {
    try {
      for (let partition = 0; partition < partitions; partition++) await view.leaderOf(partition);
      return;
    } catch (error) {
      if (tries >= leaderTriesMax) throw error;
      await sleep(200);
    }
  }
}

async function requireSpec(admin: Admin, { topic, partitions, mode }: TopicSpec): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const found = topics[0].partitions.length;
  if (found !== partitions)
    throw new EngineError(
      'SOURCE_REFUSED',
      `topic ${topic} has ${found} partitions, the configuration says ${partitions}: set log.partitions to ${found}, or fill a new topic`,
    );
  checkTimestampType(topic, mode, await readTimestampType(admin, topic));
}

/** Throws SOURCE_REFUSED when the topic's records are not stamped as the mode wants it. */
export async function requireTimestampType(
  connection: KafkaConnection,
  topic: string,
  mode: 'live' | 'replayed',
): Promise<void> {
  await withAdmin(connection, `reading the settings of topic ${topic}`, async (admin) => {
    checkTimestampType(topic, mode, await readTimestampType(admin, topic));
  });
}

function checkTimestampType(topic: string, mode: 'live' | 'replayed', found: TimestampType): void {
  const wanted = timestampTypeOf[mode];
  if (found === wanted) return;
  const [key, value] = ['message.timestamp.type', wanted];
  throw new EngineError(
    'SOURCE_REFUSED',
    `topic ${topic} has ${key}=${found}, a ${mode} log wants ${wanted}: correct log.mode, or run kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics --entity-name ${topic} --add-config ${key}=${value} before anything is produced`,
  );
}

async function readTimestampType(admin: Admin, topic: string): Promise<TimestampType> {
  return (await readTopicConfig(admin, topic, ['message.timestamp.type'])).get(
    'message.timestamp.type',
  ) as TimestampType;
}

export async function readTopicConfig(
  admin: Admin,
  topic: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: [...names] }],
  });
  return new Map(resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue]));
}
