import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import { vi } from 'vitest';
import { type Isolation, isolate } from '../../scripts/stack/isolate.ts';
import { attachStack, type Stack } from '../../scripts/stack/stack.ts';
import { migrateServers } from '../../src/adapters/servers/migrate-servers.ts';
import { type LoadedConfig, loadConfig } from '../../src/adapters/settings.ts';
import { type Engine, type EngineOptions, startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import {
  type EmbeddedClickHouse,
  startEmbeddedClickHouse,
} from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const silent = makeLogger({ level: 'silent', clock: systemClock });
const shippedConfigDirectory = join(import.meta.dirname, '../../config');

/**
 * One stream on the shared servers with names of its own: topics, group, keys, a database where it is
 * asked for. Engines run in this process, each with its own data directory, and share a ClickHouse.
 */
export class EngineBench implements AsyncDisposable {
  readonly stack: Stack;
  readonly names: Isolation;
  readonly directory: string;
  readonly topic: string;
  readonly #partitions: number;
  #sections: Sections;
  readonly #clickhouse: EmbeddedClickHouse;
  readonly #kafka: kafkajs.Kafka;
  readonly #engines: Engine[] = [];

  private constructor(
    stack: Stack,
    parts: { directory: string; partitions: number; sections: Sections; clickhouse: EmbeddedClickHouse },
  ) {
    this.stack = stack;
    this.names = isolate(stack, 'bad days');
    this.directory = parts.directory;
    this.topic = `${this.names.name}.events`;
    this.#partitions = parts.partitions;
    this.#sections = parts.sections;
    this.#clickhouse = parts.clickhouse;
    const brokers = [stack.addresses.kafka.plaintext];
    this.#kafka = new kafkajs.Kafka({ clientId: 'bench', brokers, logLevel: kafkajs.logLevel.NOTHING });
  }

  /** Servers in the shape that `paceline migrate` gives them; `sections` hold for every engine. */
  static async open(partitions = 1, sections: Sections = {}): Promise<EngineBench> {
    const stack = attachStack(['kafka', 'registry', 'redis-state', 'postgres']);
    const directory = mkdtempSync(join(tmpdir(), 'paceline-bad-days-'));
    const clickhouse = await startEmbeddedClickHouse({
      dir: join(directory, 'clickhouse'),
      port: 0,
      clock: systemClock,
    });
    const bench = new EngineBench(stack, { directory, partitions, sections, clickhouse });
    await bench.migrate();
    return bench;
  }

  async migrate(changes: Sections = {}): Promise<void> {
    const context = { clock: systemClock, log: silent, actor: 'test', onPart: () => undefined, isDryRun: false };
    await migrateServers(this.load(changes).config, { ...context, replicationFactor: 1 });
  }

  /** Gives every engine from now on a migrated database of rules; resolves with its address. */
  async addDatabase(): Promise<string> {
    const url = await this.names.createDatabase();
    this.#sections = { ...this.#sections, postgres: { url } };
    await this.migrate();
    return url;
  }

  /** What an engine is started with; `changes` go over the sections of the bench. */
  load(changes: Sections = {}, instance = 'a'): LoadedConfig {
    const { name, keyPrefix } = this.names;
    const { kafka, redisState, registry } = this.stack.addresses;
    const ours: Sections = {
      log: { topic: this.topic, partitions: this.#partitions },
      kafka: {
        brokers: [kafka.plaintext],
        group_id: name,
        alerts_topic: `${name}.alerts`,
        dead_letters_topic: `${name}.dead-letters`,
        session_timeout_ms: 6_000,
      },
      registry: { url: registry.url },
      redis: { url: redisState.url, key_prefix: keyPrefix },
      snapshots: { directory: join(this.directory, 'snapshots'), interval_ms: 1_000 },
      clickhouse: { url: this.#clickhouse.url, password: this.#clickhouse.writeToken, roles: false, buckets: 1 },
      commit: { interval_ms: 50 },
      bronze: { enabled: false },
      http: { port: 0 },
    };
    const data = join(this.directory, `engine-${instance}`);
    mkdirSync(data, { recursive: true });
    const overrides: Record<string, unknown> = { data_directory: data, ...ours };
    for (const sections of [this.#sections, changes])
      for (const [section, values] of Object.entries(sections))
        overrides[section] = { ...(overrides[section] as object | undefined), ...values };
    return loadConfig([], { shippedConfigDirectory, overrides });
  }

  /** Starts an engine, or rejects with what a user would read. */
  async start(changes: Sections = {}, options: Partial<EngineOptions> = {}, instance = 'a'): Promise<Engine> {
    const loaded = this.load(changes, instance);
    const engine = await startEngine(loaded, { version: 'test', clock: systemClock, log: silent, ...options });
    this.#engines.push(engine);
    return engine;
  }

  /** Appends records as producers without a registry do: JSON, keyed by the organization. Bytes go as they are. */
  async produce(records: readonly { readonly org: string; readonly value: object | Uint8Array }[]): Promise<void> {
    // The murmur2 of Java's clients, as docs/events.md asks for.
    const producer = this.#kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    try {
      const messages = records.map(({ org, value }) => ({
        key: org,
        value: Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)),
      }));
      await producer.send({ topic: this.topic, messages });
    } finally {
      await producer.disconnect();
    }
  }

  async administer(work: (admin: kafkajs.Admin) => Promise<unknown>): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Rows of the tables as they stand now, the newest version of each key. */
  async rows(query: string): Promise<Record<string, unknown>[]> {
    const headers = { 'x-clickhouse-key': this.#clickhouse.readToken };
    return rowsOf(await askClickHouse({ url: this.#clickhouse.url, headers }, query));
  }

  /** Valid impressions in the newest rows of every campaign and day. */
  async impressions(): Promise<number> {
    const [{ total }] = await this.rows('SELECT toInt64(sum(impressions)) AS total FROM campaign_metrics_daily FINAL');
    return Number(total);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // An engine that failed has said why where the test looked for it.
    await Promise.allSettled(this.#engines.map((engine) => engine.stop()));
    await this.#clickhouse.stop();
    await this.names.removeTopics();
    await this.names.dispose();
    rmSync(this.directory, { recursive: true });
  }
}

let eventNumber = 0;

/** An impression that happened now; every call makes another event. */
export function impression(org: string, count = 1): { org: string; value: object } {
  eventNumber += 1;
  const value = {
    type: 'impression',
    event_id: eventNumber.toString(16).padStart(32, '0'),
    org_id: org,
    campaign_id: 'spring-sale',
    event_time: systemClock.wallMs(),
    source: 'adserver',
    currency: 'EUR',
    cost_micros: 1_000,
    batch_count: count,
  };
  return { org, value };
}

/** Waits until `look` no longer throws; what it threw last when that takes too long. */
export function eventually<T>(look: () => T | Promise<T>, timeout = 15_000): Promise<T> {
  return vi.waitFor(look, { timeout, interval: 25 });
}
