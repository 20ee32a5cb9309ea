import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import type { QueryEndpoint } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import {
  type EmbeddedClickHouse,
  startEmbeddedClickHouse,
} from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { alertsTopic, deadLettersTopic, eventsTopic } from '../../src/model/ids.ts';
import { createClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { type Fault, startFaultyProxy } from '../sinks/clickhouse/faulty-proxy.ts';
import { mirrorTopic } from './mirror-topic.ts';
import { startOwnStack } from './own-stack.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** A stack of its own, since it will be hurt: Kafka, Redis, ClickHouse, and wires that can be cut. */
export class Servers {
  readonly stack: Stack;
  readonly clickhouse: EmbeddedClickHouse;
  /** What happens to the next calls of ClickHouse. */
  readonly clickhouseFaults: Fault[];
  readonly redisWire: TcpProxy;
  /** The configuration that every engine runs with. */
  readonly config: string;
  readonly #directory: string;
  readonly #closers: AsyncDisposableStack;

  private constructor(
    directory: string,
    parts: Pick<Servers, 'stack' | 'clickhouse' | 'clickhouseFaults' | 'redisWire' | 'config'>,
    closers: AsyncDisposableStack,
  ) {
    this.#directory = directory;
    this.stack = parts.stack;
    this.clickhouse = parts.clickhouse;
    this.clickhouseFaults = parts.clickhouseFaults;
    this.redisWire = parts.redisWire;
    this.config = parts.config;
    this.#closers = closers;
  }

  static async start(directory: string, partitions: number, tell: (line: string) => void): Promise<Servers> {
    await using closers = new AsyncDisposableStack();
    const stack = await startOwnStack(join(directory, 'stack'), ['redis-state', 'kafka'], tell);
    closers.defer(() => stack.stop());
    const clickhouse = await startEmbeddedClickHouse({
      dir: join(directory, 'clickhouse'),
      port: 0,
      clock: systemClock,
    });
    closers.defer(() => clickhouse.stop());
    const sink = createClickHouseSink({
      url: clickhouse.url,
      password: clickhouse.writeToken,
      buckets: 1,
      clock: systemClock,
    });
    await sink.migrate();
    await sink.close();
    const clickhouseFaults: Fault[] = [];
    const proxy = await startFaultyProxy(clickhouse.url, clickhouseFaults);
    closers.defer(() => proxy.close());
    const redisWire = await TcpProxy.to(stack.addresses.redisState.port);
    closers.defer(() => redisWire.close());
    await createTopics(stack.addresses.kafka.plaintext, partitions);
    const config = writeConfig(directory, {
      partitions,
      broker: stack.addresses.kafka.plaintext,
      redis: `redis://127.0.0.1:${redisWire.port}`,
      clickhouse: proxy.url,
      password: clickhouse.writeToken,
    });
    const parts = { stack, clickhouse, clickhouseFaults, redisWire, config };
    return new Servers(directory, parts, closers.move());
  }

  get endpoint(): QueryEndpoint {
    return { url: this.clickhouse.url, headers: { 'x-clickhouse-key': this.clickhouse.readToken } };
  }

  get brokers(): readonly string[] {
    return [this.stack.addresses.kafka.plaintext];
  }

  /** Copies the topics into logs below `directory`/log; how many events there were. */
  async mirror(): Promise<number> {
    const dir = join(this.#directory, 'log');
    for (const topic of [alertsTopic, deadLettersTopic])
      await mirrorTopic(this.brokers, topic, { dir, encoding: 'jsonl' });
    return await mirrorTopic(this.brokers, eventsTopic, { dir, encoding: 'binary' });
  }

  async close(): Promise<void> {
    await this.#closers.disposeAsync();
  }
}

/** The events bring their log times: a replayed stream. */
async function createTopics(broker: string, numPartitions: number): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const replayed = [{ name: 'message.timestamp.type', value: 'CreateTime' }];
  // Simulated records are older than a broker keeps them.
  const forEver = [
    { name: 'retention.ms', value: '-1' },
    { name: 'message.timestamp.before.max.ms', value: '9223372036854775807' },
    // Larger than our limit, so that the records beyond it reach us.
    { name: 'max.message.bytes', value: '16777216' },
  ];
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic: eventsTopic, numPartitions, configEntries: [...replayed, ...forEver] },
        { topic: alertsTopic, numPartitions, configEntries: forEver },
        { topic: deadLettersTopic, numPartitions, configEntries: forEver },
      ],
    });
  } finally {
    await admin.disconnect();
  }
}

function writeConfig(
  directory: string,
  to: { partitions: number; broker: string; redis: string; clickhouse: string; password: string },
): string {
  const secret = (name: string, text: string) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return `\${file:${join(directory, name)}}`;
  };
  const path = join(directory, 'servers.yaml');
  const settings = {
    log: { topic: eventsTopic, partitions: to.partitions, mode: 'replayed' },
    kafka: { brokers: [to.broker], group_id: 'chaos', session_timeout_ms: 6_000 },
    redis: { url: secret('redis-url', to.redis) },
    snapshots: { directory: join(directory, 'snapshots'), interval_ms: 2_000 },
    clickhouse: {
      url: to.clickhouse,
      database: 'ads',
      password: secret('clickhouse-password', to.password),
      buckets: 1,
    },
    bronze: { warehouse: join(directory, 'lake'), commit_interval_ms: 1_000 },
    http: { port: 0 },
    logging: { level: 'warn' },
  };
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(settings, null, 2));
  return path;
}
