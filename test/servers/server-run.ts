import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import {
  type EmbeddedClickHouse,
  startEmbeddedClickHouse,
} from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { compareDirectory, type Findings, type LogTopics } from '../chaos/compare-directory.ts';
import { EngineProcess } from '../chaos/engine-process.ts';
import { mirrorTopic } from '../chaos/mirror-topic.ts';
import { type Fault, startFaultyProxy } from '../sinks/clickhouse/faulty-proxy.ts';
import { jsonOfResult } from './json-of-result.ts';
import { makeDatabase, paceline, type ServerStage, secretFile, writeSettings } from './server-stage.ts';

export const instances = ['a', 'b'] as const;
export type Instance = (typeof instances)[number];

/**
 * Two engines that work off the topic of a stage together: a consumer group, keys in Redis, topics of
 * results, a ClickHouse, and a bronze table, all of them new.
 */
export class ServerRun implements AsyncDisposable {
  readonly stage: ServerStage;
  /** What happens to the next calls of ClickHouse. */
  readonly clickhouseFaults: Fault[] = [];
  readonly #directory: string;
  readonly #topics: LogTopics;
  readonly #group: string;
  readonly #config: string;
  readonly #clickhouse: EmbeddedClickHouse;
  readonly #closers: AsyncDisposableStack;
  readonly #engines = new Map<Instance, EngineProcess>();
  #isDone = false;

  private constructor(
    stage: ServerStage,
    parts: {
      directory: string;
      topics: LogTopics;
      group: string;
      config: string;
      clickhouse: EmbeddedClickHouse;
      faults: Fault[];
      closers: AsyncDisposableStack;
    },
  ) {
    this.stage = stage;
    this.#directory = parts.directory;
    this.#topics = parts.topics;
    this.#group = parts.group;
    this.#config = parts.config;
    this.#clickhouse = parts.clickhouse;
    this.clickhouseFaults = parts.faults;
    this.#closers = parts.closers;
  }

  static async open(stage: ServerStage, name: string): Promise<ServerRun> {
    await using closers = new AsyncDisposableStack();
    const directory = join(stage.directory, name);
    mkdirSync(directory);
    const prefix = `e2e_${randomBytes(6).toString('hex')}`;
    const topics = { events: stage.topic, alerts: `${prefix}.alerts`, deadLetters: `${prefix}.dead-letters` };
    const clickhouse = await startEmbeddedClickHouse({
      dir: join(directory, 'clickhouse'),
      port: 0,
      clock: systemClock,
    });
    closers.defer(() => clickhouse.stop());
    const faults: Fault[] = [];
    const proxy = await startFaultyProxy(clickhouse.url, faults);
    closers.defer(() => proxy.close());
    const config = writeSettings(join(directory, 'engine.yaml'), {
      ...stage.settings(),
      kafka: {
        brokers: stage.brokers,
        group_id: prefix,
        alerts_topic: topics.alerts,
        dead_letters_topic: topics.deadLetters,
        results_format: 'avro',
        session_timeout_ms: 6_000,
      },
      redis: {
        url: secretFile(directory, 'redis-url', stage.stack.addresses.redisState.url),
        key_prefix: `${prefix}:`,
      },
      postgres: { url: secretFile(directory, 'postgres-url', await makeDatabase(stage.stack, prefix)) },
      snapshots: { directory: join(directory, 'snapshots'), interval_ms: 2_000 },
      clickhouse: {
        url: proxy.url,
        password: secretFile(directory, 'clickhouse-password', clickhouse.writeToken),
        roles: false,
        buckets: 8,
      },
      bronze: { warehouse: join(directory, 'lake'), catalog: 'postgres', commit_interval_ms: 1_000 },
    });
    await paceline('migrate', '--config', config, '--replication-factor', '1');
    return new ServerRun(stage, {
      directory,
      topics,
      group: prefix,
      config,
      clickhouse,
      faults,
      closers: closers.move(),
    });
  }

  engine(name: Instance): EngineProcess | undefined {
    return this.#engines.get(name);
  }

  /** Starts an engine that ends by itself when its lanes are at their ends. */
  start(name: Instance): EngineProcess {
    const directory = join(this.#directory, `engine-${name}`);
    mkdirSync(directory, { recursive: true });
    const options = { flags: ['--until-end'], logPath: `${directory}.log`, config: this.#config };
    const engine = EngineProcess.run(directory, options);
    this.#engines.set(name, engine);
    return engine;
  }

  /** Both engines have come to the end, so there is nothing left to hurt. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Both work until both came to the end by themselves; who was killed starts again. */
  async workOff(): Promise<void> {
    try {
      await Promise.all(instances.map((name) => this.#toTheEnd(name)));
    } finally {
      this.#isDone = true;
    }
  }

  /** Two engines, of which one is killed as soon as both share the lanes, for good; the other ends by itself. */
  async workOffAlone(): Promise<void> {
    const [survivor, killed] = instances.map((name) => this.start(name));
    while ((await this.#members()) < 2) {
      if (survivor.hasEnded !== null) throw new Error(`it ended before the other came: ${survivor.lastWords()}`);
      await sleep(50);
    }
    await killed.kill();
    const { code } = await survivor.ended;
    if (code !== 0) throw new Error(`the engine that was left ended with ${code}: ${survivor.lastWords()}`);
  }

  /** How many sit in the group, each with its lanes. */
  async #members(): Promise<number> {
    const admin = new kafkajs.Kafka({ brokers: [...this.stage.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      const { groups } = await admin.describeGroups([this.#group]);
      return groups[0].state === 'Stable' ? groups[0].members.length : 0;
    } finally {
      await admin.disconnect();
    }
  }

  async #toTheEnd(name: Instance): Promise<void> {
    for (;;) {
      const ended = await this.start(name).ended;
      if (ended.signal === 'SIGKILL') continue;
      if (ended.code === 0) return;
      throw new Error(`engine ${name} ended with ${ended.signal ?? ended.code}: ${this.engine(name)?.lastWords()}`);
    }
  }

  /** Compares the tables, the topics of results and bronze with the oracle's fold. */
  async compare(): Promise<Findings> {
    const { topic, brokers, expected, directory } = this.stage;
    const log = join(this.#directory, 'log');
    mkdirSync(log);
    symlinkSync(join(directory, 'log', topic), join(log, topic));
    const results = [
      [this.#topics.alerts, 'alert'],
      [this.#topics.deadLetters, 'dead_letter'],
    ] as const;
    for (const [of, name] of results)
      await mirrorTopic(brokers, of, { dir: log, encoding: 'jsonl', translate: jsonOfResult(name) });
    const { url, readToken } = this.#clickhouse;
    return await compareDirectory(this.#directory, expected, {
      endpoint: { url, headers: { 'x-clickhouse-key': readToken } },
      withBronze: true,
      topics: this.#topics,
      mayRepeat: true,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const engine of this.#engines.values()) if (engine.hasEnded === null) await engine.kill();
    await this.#closers.disposeAsync();
  }
}
