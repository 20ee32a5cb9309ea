import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../model/errors.ts';
import type { KafkaConnection } from './connection.ts';
import { isKafkaError, sourceError } from './kafka-errors.ts';
import type { WireBroker, WireCluster } from './kafkajs-internals.ts';
import {
  askEpochEnd,
  askMetadata,
  type EpochEnd,
  kafkaError,
  type PartitionMetadata,
  type TopicMetadata,
} from './requests.ts';

const earliest = '-2';
const latest = '-1';
/** A topic that has grown or was made anew is noticed after this long, when nothing else tells. */
const metadataMaxAgeMs = 60_000;
const leaderErrors = ['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION'] as const;
const leaderTriesMax = 20;
const readUncommitted = 0;
const readCommitted = 1;

function isUnknown({ error }: { error: number }): boolean {
  return error === kafkaError.unknownTopicOrPartition || error === kafkaError.leaderNotAvailable;
}

/**
 * One topic as the cluster describes it: its id, its partitions and who leads them, asked again when
 * told that it is stale. The topic is bound at the first answer: made anew or grown, it is refused.
 */
export class TopicView {
  readonly topic: string;
  readonly #connection: KafkaConnection;
  readonly #cluster: WireCluster;
  #bound: TopicMetadata | null = null;
  #newest: TopicMetadata | null = null;
  #isStale = true;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<TopicMetadata> | null = null;

  constructor(topic: string, connection: KafkaConnection, cluster: WireCluster) {
    this.topic = topic;
    this.#connection = connection;
    this.#cluster = cluster;
  }

  /** The leader of a partition is not whom we took for it: the next question goes to the cluster again. */
  markStale(): void {
    this.#isStale = true;
  }

  /** Throws SOURCE_REFUSED when the topic is gone, is another one or has grown; SOURCE_UNAVAILABLE without an answer. */
  async metadata(): Promise<TopicMetadata> {
    const isFresh = !this.#isStale && performance.now() - this.#askedMs < metadataMaxAgeMs;
    if (isFresh && this.#newest !== null) return this.#newest;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return await this.#asking;
  }

  async leaderOf(partition: number): Promise<number> {
    const found = await this.#partition(partition);
    if (found !== undefined && found.leader >= 0) return found.leader;
    this.markStale();
    throw new EngineError('SOURCE_UNAVAILABLE', `${this.topic}:${partition} has no leader at the moment`);
  }

  /** The epoch of that leader; -1 while it is not known. */
  async leaderEpochOf(partition: number): Promise<number> {
    return (await this.#partition(partition))?.leaderEpoch ?? -1;
  }

  async #partition(partition: number): Promise<PartitionMetadata | undefined> {
    return (await this.metadata()).partitions.find((each) => each.partition === partition);
  }

  /** Where the leader's log ends the records of `epoch`. Throws SOURCE_UNAVAILABLE. */
  async epochEnd(partition: number, epoch: number): Promise<EpochEnd> {
    const broker = await this.broker(await this.leaderOf(partition));
    const leaderEpoch = await this.leaderEpochOf(partition);
    const end = await this.#askEpochEnd(broker, { partition, leaderEpoch, epoch });
    if (end.error === kafkaError.none) return end;
    this.markStale();
    const name = `${this.topic}:${partition}`;
    throw end.error === kafkaError.topicAuthorizationFailed
      ? new EngineError('SOURCE_REFUSED', `we may not describe ${name}; grant DESCRIBE and READ on the topic`)
      : new EngineError('SOURCE_UNAVAILABLE', `the leader of ${name} has changed (error ${end.error})`);
  }

  async #askEpochEnd(broker: WireBroker, question: Parameters<typeof askEpochEnd>[2]): ReturnType<typeof askEpochEnd> {
    try {
      return await askEpochEnd(broker, this.topic, question);
    } catch (error) {
      this.markStale();
      throw sourceError(error, `asking broker ${broker.nodeId} for the epochs of ${this.topic}:${question.partition}`);
    }
  }

  /** The broker over connections of `cluster`; the view's own where none is named. */
  async broker(nodeId: number, cluster: WireCluster = this.#cluster): Promise<WireBroker> {
    try {
      await cluster.connect();
      return await this.#find(nodeId, cluster);
    } catch (error) {
      this.markStale();
      throw sourceError(error, `waiting for broker ${nodeId} of ${this.#connection.names}`);
    }
  }

  async bounds(partition: number): Promise<{ start: number; end: number }> {
    const [start, end] = await Promise.all([
      this.#offset(partition, earliest, readUncommitted),
      this.#offset(partition, latest, readUncommitted),
    ]);
    return { start, end };
  }

  /** Where committed records end: before the first open transaction. */
  async stableEnd(partition: number): Promise<number> {
    return await this.#offset(partition, latest, readCommitted);
  }

  /** Asks again where the partition is just changing its leader. */
  async #offset(partition: number, timestamp: string, isolationLevel: number): Promise<number> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#offsetOnce(partition, timestamp, isolationLevel);
      } catch (error) {
        if (tries >= leaderTriesMax || !isKafkaError(error, ...leaderErrors)) throw error;
        await sleep(100);
      }
    }
  }

  async #offsetOnce(partition: number, timestamp: string, isolationLevel: number): Promise<number> {
    const broker = await this.broker(await this.leaderOf(partition));
    try {
      const { responses } = await broker.listOffsets({
        isolationLevel,
        topics: [{ topic: this.topic, partitions: [{ partition, timestamp }] }],
      });
      return Number(responses[0].partitions[0].offset);
    } catch (error) {
      this.markStale();
      throw sourceError(error, `asking for the offsets of ${this.topic}:${partition}`);
    }
  }

  /** A broker that joined after kafkajs last looked is found after a second look. */
  async #find(nodeId: number, cluster: WireCluster): Promise<WireBroker> {
    try {
      return await cluster.findBroker({ nodeId });
    } catch (error) {
      if ((error as { name?: string }).name !== 'KafkaJSBrokerNotFound') throw error;
      return await cluster.findBroker({ nodeId });
    }
  }

  async #ask(): Promise<TopicMetadata> {
    let answer = await this.#askOnce();
    // A broker that has just started may not have heard of its topics yet.
    for (let tries = 0; tries < 10 && this.#bound === null && isUnknown(answer); tries++) {
      await sleep(200);
      answer = await this.#askOnce();
    }
    this.#check(answer);
    this.#bound ??= answer;
    this.#newest = answer;
    this.#isStale = false;
    this.#askedMs = performance.now();
    return answer;
  }

  async #askOnce(): Promise<TopicMetadata> {
    try {
      await this.#cluster.connect();
      await this.#cluster.refreshMetadata();
      return await askMetadata(await this.#cluster.brokerPool.findConnectedBroker(), this.topic);
    } catch (error) {
      throw sourceError(error, `waiting for Kafka at ${this.#connection.names}`);
    }
  }

  #check({ error, topicId, partitions }: TopicMetadata): void {
    const { topic } = this;
    if (error === kafkaError.leaderNotAvailable)
      throw new EngineError('SOURCE_UNAVAILABLE', `waiting for leaders of topic ${topic}`);
    if (error === kafkaError.topicAuthorizationFailed)
      throw new EngineError('SOURCE_REFUSED', `we may not describe topic ${topic}; grant DESCRIBE and READ on it`);
    if (isUnknown({ error }) && this.#bound !== null)
      throw new EngineError(
        'SOURCE_UNAVAILABLE',
        `the brokers at ${this.#connection.names} do not know topic ${topic} any more: a broker has just started, or somebody has deleted it`,
      );
    if (error !== kafkaError.none)
      throw new EngineError(
        'SOURCE_REFUSED',
        `topic ${topic} does not exist at ${this.#connection.names} (error ${error}); "paceline migrate" makes it`,
      );
    if (this.#bound === null) return;
    if (topicId !== this.#bound.topicId)
      throw new EngineError(
        'SOURCE_REFUSED',
        `topic ${topic} was deleted and made anew (id ${this.#bound.topicId} became ${topicId}): its offsets mean other records now; restart with --new-generation to begin it from its start`,
      );
    if (partitions.length !== this.#bound.partitions.length)
      throw new EngineError(
        'SOURCE_REFUSED',
        `topic ${topic} has ${partitions.length} partitions now, not ${this.#bound.partitions.length}: keys have changed their lanes; fill a new topic by replay instead`,
      );
  }
}
