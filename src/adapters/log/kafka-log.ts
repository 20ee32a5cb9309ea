import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Logger } from '../../control/logs/logger.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { hourMs } from '../../model/time.ts';
import type { RecordLog } from '../../sinks/records/record-log-sink.ts';
import { KafkaConnection, type KafkaConnectionOptions } from '../../sources/kafka/connection.ts';
import { inspectKafka, type KafkaFinding } from '../../sources/kafka/inspect-kafka.ts';
import { type OpenedKafka, openKafkaSource } from '../../sources/kafka/open-kafka-source.ts';
import { RecordTopic } from '../../sources/kafka/record-topic.ts';
import { TopicView } from '../../sources/kafka/topic-view.ts';
import { TopicWriter } from '../../sources/kafka/topic-writer.ts';
import { ensureTopics, requireTimestampType, type TopicReport } from '../../sources/kafka/topics.ts';
import { readPem } from '../servers/pem.ts';
import type { Config } from '../settings.ts';
import type { LogContext } from './engine-log.ts';

/** How the configuration says to talk to the brokers. Throws CONFIG_INVALID for what is missing or unreadable. */
function kafkaOptions({ kafka }: Pick<Config, 'kafka'>, log: Logger): KafkaConnectionOptions {
  return {
    brokers: kafka.brokers,
    clientId: kafka.client_id,
    tls: readTls(kafka.tls),
    sasl: readSasl(kafka.sasl),
    onLog: ({ level, message, broker }) => log[level]('kafka.client', { message, broker }),
  };
}

/** The topic of events and our seat in the group that shares its lanes; bronze has a group of its own. */
export async function openKafkaLog(
  config: Config,
  role: 'campaigns' | 'bronze',
  { clock, log }: LogContext,
): Promise<OpenedKafka> {
  const { group_id: group, session_timeout_ms: sessionTimeoutMs, on_damaged_batch: onDamagedBatch } = config.kafka;
  return await openKafkaSource({
    ...kafkaOptions(config, log),
    topic: config.log.topic,
    mode: config.log.mode,
    groupId: role === 'bronze' ? `${group}-bronze` : group,
    sessionTimeoutMs,
    clock,
    onDamagedBatch,
    onTrouble: (error) => log.warn('kafka.waiting', { error }),
  });
}

/** The topic of events for a producer of many records. */
export async function openTopicWriter(
  config: Config,
  { log }: LogContext,
): Promise<{ writer: TopicWriter; close(): Promise<void> }> {
  const { topic, mode } = config.log;
  const connection = new KafkaConnection(kafkaOptions(config, log));
  try {
    const { partitions } = await new TopicView(topic, connection, connection.openCluster()).metadata();
    await requireTimestampType(connection, topic, mode);
    const writer = new TopicWriter(topic, partitions.length, connection);
    const close = async () => {
      await writer.close();
      await connection.close();
    };
    return { writer, close };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A topic of results (alerts, dead letters); lane p writes partition p, so it needs as many as the events have. */
export async function openRecordTopic(
  config: Config,
  topic: string,
  partitions: number,
  { clock, log }: LogContext,
): Promise<RecordLog & { close(): Promise<void> }> {
  const connection = new KafkaConnection(kafkaOptions(config, log));
  const records = new RecordTopic(topic, connection, clock);
  const close = async () => {
    await records.close();
    await connection.close();
  };
  try {
    const view = new TopicView(topic, connection, connection.openCluster());
    const found = (await view.metadata()).partitions.length;
    if (found < partitions)
      throw new EngineError(
        'SOURCE_REFUSED',
        `topic ${topic} has ${found} partitions, the events have ${partitions}; "paceline migrate" makes it with as many`,
      );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    append: (partition, appended) => records.append(partition, appended),
    lastValue: (partition) => records.lastValue(partition),
    close,
  };
}

/** What `doctor` wants to know of Kafka; changes nothing. */
export async function inspectKafkaLog(config: Config, { clock, log }: LogContext): Promise<KafkaFinding[]> {
  const connection = new KafkaConnection(kafkaOptions(config, log));
  const { topic, mode, partitions } = config.log;
  try {
    return await inspectKafka(connection, {
      topic,
      mode,
      partitions,
      groupId: config.kafka.group_id,
      resultTopics: resultTopics(config),
      retentionMs: retentionOf(config),
      clock,
    });
  } finally {
    await connection.close();
  }
}

/** Makes the topics of events and results that are missing, and checks those that are there. */
export async function migrateKafka(
  config: Config,
  { log }: LogContext,
  replicationFactor: number,
  isDryRun: boolean,
): Promise<TopicReport[]> {
  const connection = new KafkaConnection(kafkaOptions(config, log));
  const { topic, mode, partitions } = config.log;
  try {
    const results = resultTopics(config).map(
      (result) => ({ topic: result, partitions, replicationFactor, mode: 'live', retentionMs: null }) as const,
    );
    const events = { topic, partitions, replicationFactor, mode, retentionMs: retentionOf(config) };
    return await ensureTopics(connection, [events, ...results], { isDryRun });
  } finally {
    await connection.close();
  }
}

/** Original log times are old: any limit by age would delete a replay as it arrives. */
function retentionOf({ kafka, log }: Pick<Config, 'kafka' | 'log'>): number | null {
  if (log.mode === 'replayed') return -1;
  return kafka.retention_hours === null ? null : kafka.retention_hours * hourMs;
}

function readTls(tls: Config['kafka']['tls']): KafkaConnectionOptions['tls'] {
  if (!tls.enabled) return null;
  const { ca_file: ca, cert_file: cert, key_file: key } = tls;
  return {
    ...(ca === null ? {} : { ca: readPem(ca, 'kafka.tls.ca_file') }),
    ...(cert === null ? {} : { cert: readPem(cert, 'kafka.tls.cert_file') }),
    ...(key === null ? {} : { key: readPem(key, 'kafka.tls.key_file') }),
  };
}

function readSasl({
  mechanism,
  username,
  password,
  token_file: tokenFile,
}: Config['kafka']['sasl']): KafkaConnectionOptions['sasl'] {
  if (mechanism === 'none') return null;
  if (mechanism === 'oauthbearer') {
    if (tokenFile === null) throw missing('kafka.sasl.token_file', mechanism);
    // A file that was never there is a mistake to tell at once; one that goes away later may come back.
    if (!existsSync(tokenFile))
      throw new EngineError('CONFIG_INVALID', `kafka.sasl.token_file: there is no ${tokenFile}`);
    return { mechanism, token: async () => (await readFile(tokenFile, 'utf8')).trim() };
  }
  if (username === null) throw missing('kafka.sasl.username', mechanism);
  if (password === null) throw missing('kafka.sasl.password', mechanism);
  assert(mechanism.startsWith('scram') || mechanism === 'plain', 'a mechanism with a password');
  return { mechanism, username, password };
}

function missing(setting: string, mechanism: string): EngineError {
  return new EngineError('CONFIG_INVALID', `${setting} is needed for kafka.sasl.mechanism ${mechanism}`);
}

function resultTopics({ kafka }: Pick<Config, 'kafka'>): string[] {
  const { alerts_topic: alerts, dead_letters_topic: deadLetters } = kafka;
  const snapshots = [kafka.snapshots_topic, kafka.order_snapshots_topic].filter((topic) => topic !== null);
  return [alerts, deadLetters, ...snapshots];
}
