import { randomUUID } from 'node:crypto';
import type { Admin } from 'kafkajs';
import { systemClock } from '../../../src/control/system-clock.ts';
import type { RecordRun } from '../../../src/events/record-run.ts';
import { KafkaConnection, type KafkaConnectionOptions } from '../../../src/sources/kafka/connection.ts';
import { KafkaSource } from '../../../src/sources/kafka/kafka-source.ts';
import { ensureTopics } from '../../../src/sources/kafka/topics.ts';
import type { Source } from '../../../src/sources/source.ts';
import { type PlainRecord, plainRecords } from '../../exams/source-exam.ts';

/** The broker of the local stack; the environment names another. */
export const stackBrokers = (process.env.PACELINE_TEST_KAFKA ?? '127.0.0.1:19092').split(',');

export const plain: KafkaConnectionOptions = { brokers: stackBrokers, clientId: 'test', tls: null, sasl: null };

export interface TopicSettings {
  readonly partitions?: number;
  readonly mode?: 'live' | 'replayed';
  readonly config?: Readonly<Record<string, string>>;
}

/** A topic of its own for one test, and whatever the test opens on it; all of it goes when disposed. */
export class KafkaBench implements AsyncDisposable {
  readonly topic = `test-${randomUUID()}`;
  readonly admin: Admin;
  readonly connection: KafkaConnection;
  readonly mode: 'live' | 'replayed';
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #settings: TopicSettings;

  constructor(connection: KafkaConnection, admin: Admin, settings: TopicSettings) {
    this.connection = connection;
    this.admin = admin;
    this.mode = settings.mode ?? 'live';
    this.#settings = settings;
  }

  static async open(settings: TopicSettings = {}, options: KafkaConnectionOptions = plain): Promise<KafkaBench> {
    const connection = new KafkaConnection(options);
    const admin = connection.client.admin();
    await admin.connect();
    const bench = new KafkaBench(connection, admin, settings);
    await bench.makeTopic();
    return bench;
  }

  async makeTopic(): Promise<void> {
    const { partitions = 1, config = {} } = this.#settings;
    const type = this.mode === 'live' ? 'LogAppendTime' : 'CreateTime';
    const entries = Object.entries({ 'message.timestamp.type': type, ...config });
    await this.admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: this.topic,
          numPartitions: partitions,
          configEntries: entries.map(([name, value]) => ({ name, value })),
        },
      ],
    });
    await ensureTopics(this.connection, [
      { topic: this.topic, partitions, replicationFactor: 1, mode: this.mode, retentionMs: null },
    ]);
  }

  /** Another source of the topic, over connections of its own where options are given. */
  source(options?: KafkaConnectionOptions): KafkaSource {
    const connection = options === undefined ? this.connection : new KafkaConnection(options);
    const source = new KafkaSource(connection, { topic: this.topic, mode: this.mode, clock: systemClock });
    this.onDispose(async () => {
      await source.close();
      if (connection !== this.connection) await connection.close();
    });
    return source;
  }

  onDispose(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    await this.admin.deleteTopics({ topics: [this.topic] });
    await this.admin.disconnect();
    await this.connection.close();
  }
}

/** Reads until the position reaches `end`, runs without records included. */
export async function readTo(
  source: Source,
  partition: number,
  end: number,
  max = { records: 1_000, bytes: 1_000_000 },
): Promise<PlainRecord[]> {
  const records: PlainRecord[] = [];
  for (let at = -1; at < end; ) {
    const run: RecordRun | null = await source.poll(partition, max);
    if (run === null) {
      await source.waitForRecords([partition], 1_000);
      continue;
    }
    records.push(...plainRecords(run));
    at = run.nextOffset;
  }
  return records;
}
