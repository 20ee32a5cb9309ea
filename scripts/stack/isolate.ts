import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import { credentials } from './credentials.ts';
import { askPostgres } from './postgres.ts';
import type { Stack } from './stack.ts';

/** Names of one test's own, so that tests share servers and never see each other. */
export interface Isolation {
  /** Unique; fits into a topic, a key, a consumer group and a database name alike. */
  readonly name: string;
  /** Prefix for keys in either Redis; a lane's keys are apart already, by their topic. */
  readonly keyPrefix: string;
  /** Makes a topic `<name>.<suffix>` and returns its name. */
  createTopic(suffix: string, partitions: number, config?: Readonly<Record<string, string>>): Promise<string>;
  /** Makes an empty database and returns its connection string. */
  createDatabase(): Promise<string>;
  /** Removes all topics that bear its name, whoever made them. */
  removeTopics(): Promise<void>;
  /** Removes what was made. */
  dispose(): Promise<void>;
}

export function isolate(stack: Stack, hint: string): Isolation {
  const name = `${hint.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}_${randomBytes(4).toString('hex')}`;
  const topics: string[] = [];
  const databases: string[] = [];
  const { postgres } = stack.addresses;
  const ask = async (sql: string) => void (await askPostgres(postgres.port, 'postgres', sql));
  return {
    name,
    keyPrefix: `${name}:`,
    async createTopic(suffix, partitions, config = {}) {
      const topic = `${name}.${suffix}`;
      const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
      await withAdmin(stack, (admin) =>
        admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions, configEntries }] }),
      );
      topics.push(topic);
      return topic;
    },
    async createDatabase() {
      const database = `${name}_${databases.length}`;
      await ask(`CREATE DATABASE "${database}"`);
      databases.push(database);
      const { user, password } = credentials.postgres;
      return `postgresql://${user}:${password}@127.0.0.1:${postgres.port}/${database}`;
    },
    async removeTopics() {
      await withAdmin(stack, async (admin) => {
        const found = (await admin.listTopics()).filter((topic) => topic.startsWith(`${name}.`));
        if (found.length > 0) await admin.deleteTopics({ topics: found });
      });
    },
    async dispose() {
      if (topics.length > 0) await withAdmin(stack, (admin) => admin.deleteTopics({ topics: topics.splice(0) }));
      for (const database of databases.splice(0)) await ask(`DROP DATABASE "${database}" WITH (FORCE)`);
    },
  };
}

async function withAdmin(stack: Stack, work: (admin: kafkajs.Admin) => Promise<unknown>): Promise<void> {
  const brokers = [stack.addresses.kafka.plaintext];
  const admin = new kafkajs.Kafka({ clientId: 'isolate', brokers, logLevel: kafkajs.logLevel.ERROR }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
