import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Stack } from '../../scripts/stack/stack.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { type Expected, foldDirectory } from '../chaos/compare-directory.ts';
import { mirrorTopic } from '../chaos/mirror-topic.ts';
import { releasedSchemas } from '../oracle/decode-avro.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  readonly partitions: number;
}

/**
 * A simulated world in a topic of real servers, with its original log times, and what the oracle makes
 * of the topic as an ordinary consumer reads it. Everything gets there by the commands that users type.
 */
export class ServerStage {
  readonly directory: string;
  readonly stack: Stack;
  readonly topic: string;
  readonly partitions: number;
  readonly expected: Expected;

  private constructor(parts: Omit<ServerStage, 'settings' | 'brokers'>) {
    this.directory = parts.directory;
    this.stack = parts.stack;
    this.topic = parts.topic;
    this.partitions = parts.partitions;
    this.expected = parts.expected;
  }

  static async open(
    directory: string,
    stack: Stack,
    world: WorldOptions,
    tell: (line: string) => void,
  ): Promise<ServerStage> {
    const name = `e2e_${randomBytes(6).toString('hex')}`;
    const { partitions } = world;
    const topic = `${name}.events`;
    const to = { stack, topic, partitions };
    const config = writeSettings(join(directory, 'produce.yaml'), {
      ...settingsOf(to),
      kafka: {
        brokers: [stack.addresses.kafka.plaintext],
        alerts_topic: `${name}.alerts`,
        dead_letters_topic: `${name}.dead-letters`,
      },
    });
    tell(`simulating ${world.days} days of ${world.campaigns} campaigns, seed ${world.seed}`);
    const simulated = join(directory, 'simulated');
    const { seed, days, campaigns } = world;
    const numbers = Object.entries({ seed, days, campaigns, partitions });
    const size = numbers.flatMap(([flag, value]) => [`--${flag}`, String(value)]);
    await paceline('simulate', '--out', simulated, ...size);
    tell('making topics, schemas and tables');
    await paceline('migrate', '--config', config, '--replication-factor', '1');
    tell('producing the log into the topic');
    const { records } = await paceline('produce', simulated, '--topic', eventsTopic, '--config', config);
    tell(`${records} records produced; reading them back`);
    const mirror = { dir: join(directory, 'log'), encoding: 'binary' } as const;
    const read = await mirrorTopic([stack.addresses.kafka.plaintext], topic, mirror);
    if (read !== records) throw new Error(`${records} records were produced, the topic holds ${read}`);
    tell(`folding ${read} records by docs/semantics.md`);
    const expected = await foldDirectory(directory, { generation: 1, topic, schemas: await schemasOf(stack) });
    return new ServerStage({ ...to, directory, expected });
  }

  get brokers(): readonly string[] {
    return [this.stack.addresses.kafka.plaintext];
  }

  /** What every configuration on this stage says. */
  settings(): object {
    return settingsOf(this);
  }
}

function settingsOf({ stack, topic, partitions }: Pick<ServerStage, 'stack' | 'topic' | 'partitions'>): object {
  return {
    log: { topic, partitions, mode: 'replayed' },
    registry: { url: stack.addresses.registry.url },
    http: { port: 0 },
    logging: { level: 'warn' },
  };
}

/** Secrets may not stand in a configuration: they stand in a file beside it. */
export function secretFile(directory: string, name: string, secret: string): string {
  const path = join(directory, name);
  writeFileSync(path, secret, { mode: 0o600 });
  return `\${file:${path}}`;
}

/** JSON is YAML. */
export function writeSettings(path: string, settings: object): string {
  writeFileSync(path, JSON.stringify(settings, null, 2), { mode: 0o600 });
  return path;
}

/** A command in a process of its own, as users run it; what it answers with --json. */
export async function paceline(...args: readonly string[]): Promise<Record<string, unknown>> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
  const flags = ['--disable-warning=ExperimentalWarning', main, ...args, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** A new database on the stack's PostgreSQL. */
export async function makeDatabase(stack: Stack, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: stack.addresses.postgres.url });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE "${name}"`);
  } finally {
    await client.end();
  }
  const url = new URL(stack.addresses.postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** Our schemas by the ids that the registry gave them. */
async function schemasOf(stack: Stack): Promise<ReadonlyMap<number, unknown>> {
  const { byReleased } = await new ConfluentRegistry({ url: stack.addresses.registry.url }, systemClock).lookUp();
  return new Map([...releasedSchemas()].map(([id, schema]) => [byReleased.get(id) ?? id, schema]));
}
