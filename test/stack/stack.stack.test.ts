import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Isolation, isolate } from '../../scripts/stack/isolate.ts';
import { attachStack, type Stack } from '../../scripts/stack/stack.ts';

let stack: Stack;
let own: Isolation;

beforeAll(() => {
  stack = attachStack();
  own = isolate(stack, 'the stack itself');
});
afterAll(async () => await own.dispose());

/** Connects one admin and lists topics; the door is opened with these settings. */
async function listTopics(settings: Partial<kafkajs.KafkaConfig> & { brokers: string[] }): Promise<string[]> {
  const retry = { retries: 0 };
  const admin = new kafkajs.Kafka({ clientId: 'test', logLevel: kafkajs.logLevel.NOTHING, retry, ...settings }).admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

test('every door of Kafka opens to the right key and to no other', async () => {
  const { plaintext, sasl, tls, certificate, scram, plain } = stack.addresses.kafka;
  const topic = await own.createTopic('doors', 3);
  const ssl = { ca: readFileSync(certificate) };
  const name = (user: { user: string; password: string }) => ({ username: user.user, password: user.password });
  const doors: (Partial<kafkajs.KafkaConfig> & { brokers: string[] })[] = [
    { brokers: [plaintext] },
    { brokers: [sasl], sasl: { mechanism: 'scram-sha-256', ...name(scram) } },
    { brokers: [sasl], sasl: { mechanism: 'scram-sha-512', ...name(scram) } },
    { brokers: [tls], ssl, sasl: { mechanism: 'scram-sha-512', ...name(scram) } },
    { brokers: [tls], ssl, sasl: { mechanism: 'plain', ...name(plain) } },
  ];
  for (const door of doors) expect(await listTopics(door)).toContain(topic);
  const wrong = { username: scram.user, password: 'not the password' };
  await expect(listTopics({ brokers: [sasl], sasl: { mechanism: 'scram-sha-256', ...wrong } })).rejects.toThrow();
  // Without the certificate nothing vouches for the server.
  await expect(listTopics({ brokers: [tls], ssl: true, sasl: doors[3].sasl! })).rejects.toThrow();
});

test('whoever starts the stack a second time reads that it serves, and no warning of a library', async () => {
  const command = join(import.meta.dirname, '../../scripts/stack.ts');
  const flags = ['--disable-warning=ExperimentalWarning', command, '--detach', '--parts', 'kafka'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, flags);
  expect(stderr).toBe('kafka already serves\n');
  expect(stdout).toContain(stack.addresses.kafka.plaintext);
});

test('the registry keeps ids over a restart and refuses an incompatible schema', async () => {
  const { url } = stack.addresses.registry;
  const post = async (fields: object[]) =>
    await fetch(`${url}/subjects/${own.name}-value/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: JSON.stringify({ type: 'record', name: 'R', fields }) }),
    });
  const { id } = (await (await post([{ name: 'a', type: 'string' }])).json()) as { id: number };
  await stack.restart('registry');
  const answer = (await (await fetch(`${url}/schemas/ids/${id}`)).json()) as { schema: string };
  expect(JSON.parse(answer.schema)).toMatchObject({ type: 'record', name: 'R' });
  expect((await post([{ name: 'b', type: 'string' }])).status).toBe(409);
});

test('the two Redis keep their policies, and a named user needs the right password', async () => {
  for (const [address, policy] of [
    [stack.addresses.redisState, 'noeviction'],
    [stack.addresses.redisCache, 'allkeys-lru'],
  ] as const) {
    const { port, user, password } = address;
    const client = new Redis({ port, host: '127.0.0.1', username: user, password });
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', policy]);
    client.disconnect();
    const stranger = new Redis({
      port,
      username: user,
      password: 'wrong',
      lazyConnect: true,
      retryStrategy: () => null,
    });
    stranger.on('error', () => undefined);
    await expect(stranger.connect()).rejects.toThrow();
  }
});

test('a cut tail of the state log loses the newest writes and keeps the rest', async () => {
  const { port } = stack.addresses.redisState;
  const before = new Redis({ port });
  await before.set(`${own.keyPrefix}old`, 'kept');
  await before.set(`${own.keyPrefix}new`, 'lost');
  await before.quit();
  expect(await stack.cutAofTail(5)).toBe(5);
  const after = new Redis({ port });
  expect(await after.mget(`${own.keyPrefix}old`, `${own.keyPrefix}new`)).toEqual(['kept', null]);
  await after.quit();
});

test('a killed PostgreSQL comes back with what was committed, in a database of the test', async () => {
  const connectionString = await own.createDatabase();
  const ask = async (sql: string) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  await ask('CREATE TABLE kept AS SELECT 7 AS n');
  await stack.kill('postgres');
  await expect(ask('SELECT 1')).rejects.toThrow();
  await stack.start('postgres');
  expect(await ask('SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('a killed Kafka comes back with its topics', async () => {
  const topic = await own.createTopic('survivor', 1);
  await stack.kill('kafka');
  await stack.start('kafka');
  expect(await listTopics({ brokers: [stack.addresses.kafka.plaintext] })).toContain(topic);
});
