import type { Admin } from 'kafkajs';
import type { Clock } from '../../model/time.ts';
import type { KafkaConnection } from './connection.ts';
import { sourceError } from './kafka-errors.ts';
import { KafkaSource } from './kafka-source.ts';
import { apiKey, askMetadata, fetchVersion, metadataVersion, type TopicMetadata } from './requests.ts';
import { readTopicConfig, timestampTypeOf, withAdmin } from './topics.ts';

/** One thing found out, as `doctor` prints it (src/model/finding.ts has the same shape). */
export interface KafkaFinding {
  readonly id: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly fix: string | null;
}

interface InspectKafkaOptions {
  readonly topic: string;
  readonly mode: 'live' | 'replayed';
  readonly partitions: number;
  readonly groupId: string;
  /** Topics of results: each needs as many partitions as the events have. */
  readonly resultTopics: readonly string[];
  /** How long the topic is wished to keep its records; null = whatever the cluster says, a day at least. */
  readonly retentionMs: number | null;
  readonly clock: Clock;
}

const oneHourMs = 3_600_000;
/** Clocks may differ by this much before somebody should look. */
const skewMaxMs = 5_000;
const settingNames = ['message.timestamp.type', 'retention.ms', 'retention.bytes', 'cleanup.policy'];

/** Asks Kafka for all that an engine needs of it; changes nothing. Never throws: trouble is a finding. */
export async function inspectKafka(connection: KafkaConnection, options: InspectKafkaOptions): Promise<KafkaFinding[]> {
  const cluster = connection.openCluster();
  const findings: KafkaFinding[] = [];
  const { topic } = options;
  let metadata: TopicMetadata;
  try {
    await cluster.connect();
    const broker = await cluster.brokerPool.findConnectedBroker();
    findings.push(ok('kafka.reachable', `${connection.names} answer`), judgeVersions(broker.versions));
    metadata = await askMetadata(broker, topic);
  } catch (cause) {
    const { message, next } = sourceError(cause, `asking Kafka at ${connection.names}`);
    return [...findings, failed('kafka.reachable', message, next)];
  }
  findings.push(judgeTopic(options, metadata));
  if (metadata.error !== 0) return findings;
  findings.push(judgeReplicas(topic, metadata));
  try {
    findings.push(...(await withAdmin(connection, 'reading settings', (admin) => inspectSettings(admin, options))));
  } catch (cause) {
    const { message } = sourceError(cause, 'reading settings');
    findings.push(
      failed('kafka.settings', message, `Grant DESCRIBE_CONFIGS on topic ${topic} and DESCRIBE on the group.`),
    );
  }
  findings.push(await inspectNewest(connection, options));
  return findings;
}

function judgeVersions(versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>>): KafkaFinding {
  const knows = (key: number, version: number) => (versions[key]?.maxVersion ?? -1) >= version;
  const isNew = knows(apiKey.fetch, fetchVersion) && knows(apiKey.metadata, metadataVersion);
  const most = `Fetch v${versions[apiKey.fetch]?.maxVersion}, Metadata v${versions[apiKey.metadata]?.maxVersion}`;
  if (isNew) return ok('kafka.version', `the brokers speak ${most}`);
  return failed('kafka.version', `the brokers speak only ${most}`, 'Paceline needs Kafka 3.1 or newer.');
}

function judgeTopic({ topic, partitions }: InspectKafkaOptions, { error, ...metadata }: TopicMetadata): KafkaFinding {
  if (error !== 0)
    return failed('kafka.topic', `topic ${topic} is not there (error ${error})`, 'Run "paceline migrate".');
  const found = metadata.partitions.length;
  if (found === partitions) return ok('kafka.topic', `topic ${topic} (id ${metadata.topicId}) has ${found} partitions`);
  return warning(
    'kafka.topic',
    `topic ${topic} has ${found} partitions, log.partitions says ${partitions}`,
    `Set log.partitions to ${found}; never add partitions to a topic that is in use.`,
  );
}

function judgeReplicas(topic: string, { partitions, brokers }: TopicMetadata): KafkaFinding {
  const lagging = partitions.filter(({ inSync, replicas }) => inSync.length < replicas.length).length;
  const without = partitions.filter(({ leader }) => leader < 0).length;
  if (without > 0)
    return failed('kafka.replicas', `${without} partitions of ${topic} have no leader`, 'Bring their brokers back.');
  if (lagging > 0)
    return warning('kafka.replicas', `${lagging} partitions of ${topic} lack replicas in sync`, 'Look at the brokers.');
  const copies = Math.min(...partitions.map(({ replicas }) => replicas.length));
  if (copies >= 2) return ok('kafka.replicas', `every partition of ${topic} has ${copies} copies in sync`);
  return warning(
    'kafka.replicas',
    `topic ${topic} has one copy of each partition, on ${brokers} brokers`,
    'With one copy a lost disk is a lost log; use a replication factor of 3.',
  );
}

async function inspectSettings(admin: Admin, options: InspectKafkaOptions): Promise<KafkaFinding[]> {
  const settings = await readTopicConfig(admin, options.topic, settingNames);
  const existing = new Set(await admin.listTopics());
  return [
    judgeTimestamps(options, settings),
    judgeRetention(options, settings),
    await inspectResultTopics(admin, options, existing),
    await inspectGroup(admin, options),
  ];
}

function judgeTimestamps({ topic, mode }: InspectKafkaOptions, settings: ReadonlyMap<string, string>): KafkaFinding {
  const found = settings.get('message.timestamp.type');
  const wanted = timestampTypeOf[mode];
  if (found === wanted) return ok('kafka.timestamps', `topic ${topic} stamps with ${found}, as a ${mode} log wants`);
  return failed(
    'kafka.timestamps',
    `topic ${topic} stamps with ${found}, a ${mode} log wants ${wanted}`,
    `Correct log.mode, or set message.timestamp.type=${wanted} on the topic before anything is produced.`,
  );
}

function judgeRetention(
  { topic, mode, retentionMs: wishedMs }: InspectKafkaOptions,
  settings: ReadonlyMap<string, string>,
): KafkaFinding {
  const foundMs = Number(settings.get('retention.ms') ?? -1);
  const bytes = Number(settings.get('retention.bytes') ?? -1);
  const id = 'kafka.retention';
  const kept = `topic ${topic} keeps records ${foundMs < 0 ? 'for ever' : `for ${printHours(foundMs)}`}`;
  if (settings.get('cleanup.policy')?.includes('compact'))
    return failed(id, `topic ${topic} is compacted: events disappear`, 'Set cleanup.policy=delete.');
  // By age means by log time, and those of a replay are old from the beginning.
  if (mode === 'replayed' && foundMs >= 0)
    return failed(id, `${kept}, counted from their original times`, 'Set retention.ms=-1 on the topic.');
  if (foundMs >= 0 && foundMs < 24 * oneHourMs)
    return warning(id, `${kept} only`, 'An engine that is down for longer loses records; keep a day at least.');
  if (bytes >= 0)
    return warning(
      id,
      `topic ${topic} keeps at most ${bytes} bytes a partition, whatever their age`,
      'Set retention.bytes=-1: a busy day must not push out what a restore needs.',
    );
  if (wishedMs !== null && foundMs >= 0 && foundMs < wishedMs)
    return warning(
      id,
      `${kept}, kafka.retention_hours says ${printHours(wishedMs)}`,
      `Set retention.ms=${wishedMs} on the topic, or correct the setting.`,
    );
  return ok(id, kept);
}

function printHours(ms: number): string {
  return `${Number((ms / oneHourMs).toFixed(1))} h`;
}

async function inspectResultTopics(
  admin: Admin,
  { resultTopics, partitions }: InspectKafkaOptions,
  existing: ReadonlySet<string>,
): Promise<KafkaFinding> {
  const id = 'kafka.results';
  const missing = resultTopics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) return failed(id, `not there: topic ${missing.join(', topic ')}`, 'Run "paceline migrate".');
  const { topics } = await admin.fetchTopicMetadata({ topics: [...resultTopics] });
  const small = topics.filter((topic) => topic.partitions.length < partitions).map(({ name }) => name);
  if (small.length === 0)
    return ok(id, `topics ${resultTopics.join(' and ')} have at least ${partitions} partitions each`);
  return failed(
    id,
    `fewer partitions than the ${partitions} of the events: ${small.join(', ')}`,
    `Add partitions to ${small.join(', ')}.`,
  );
}

/** Reading the newest record shows that we may read, and whether the broker's clock runs ahead of ours. */
async function inspectNewest(
  connection: KafkaConnection,
  { topic, partitions, mode, clock }: InspectKafkaOptions,
): Promise<KafkaFinding> {
  const source = new KafkaSource(connection, { topic, mode: 'replayed', clock });
  let newestMs = Number.NEGATIVE_INFINITY;
  try {
    for (let partition = 0; partition < partitions; partition++) {
      const { start, end } = await source.bounds(partition);
      if (end === start) continue;
      for await (const run of source.readBack(partition, end - 1, end)) newestMs = Math.max(newestMs, run.logTimes[0]);
    }
  } catch (cause) {
    const { message, next } = sourceError(cause, `reading topic ${topic}`);
    return failed('kafka.read', message, next);
  } finally {
    await source.close();
  }
  const aheadMs = newestMs - clock.wallMs();
  if (mode === 'replayed' || aheadMs <= skewMaxMs)
    return ok('kafka.read', `the newest records of ${topic} can be read`);
  return warning(
    'kafka.read',
    `the newest record of ${topic} is stamped ${Math.round(aheadMs / 1_000)} s ahead of this machine's clock`,
    'Keep the clocks of brokers and engines on one time service.',
  );
}

async function inspectGroup(admin: Admin, { groupId }: InspectKafkaOptions): Promise<KafkaFinding> {
  const { groups } = await admin.describeGroups([groupId]);
  const { state, members, protocol } = groups[0];
  const id = 'kafka.group';
  if (members.length > 0 && protocol !== '' && !protocol.startsWith('paceline'))
    return failed(
      id,
      `group ${groupId} is used by another program (${protocol})`,
      'Set kafka.group_id to a name of its own.',
    );
  return ok(id, `group ${groupId} is ${state}, with ${members.length} members`);
}

const ok = (id: string, detail: string): KafkaFinding => ({ id, status: 'ok', detail, fix: null });
const warning = (id: string, detail: string, fix: string): KafkaFinding => ({ id, status: 'warning', detail, fix });
const failed = (id: string, detail: string, fix: string): KafkaFinding => ({ id, status: 'failed', detail, fix });
