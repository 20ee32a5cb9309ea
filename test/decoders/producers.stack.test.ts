import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import '../../src/sources/kafka/calm-kafkajs.ts';
import { type Isolation, isolate } from '../../scripts/stack/isolate.ts';
import { attachStack, type Stack } from '../../scripts/stack/stack.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { partitionOfKey } from '../../src/model/hash.ts';
import { pythonWithKafka, runToEnd } from '../servers/clients/python.ts';
import { decodeRows } from './decode-records.ts';

// The producers that docs/events.md shows, run as they stand there against a real broker and registry:
// only the addresses and the topic are put in place.
const root = join(import.meta.dirname, '../..');
const partitions = 8;
let stack: Stack;
let names: Isolation;
let home: string;

beforeAll(async () => {
  stack = attachStack(['kafka', 'registry']);
  names = isolate(stack, 'producers');
  await registry().register('BACKWARD');
  home = mkdtempSync(join(tmpdir(), 'paceline-producers-'));
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
});
afterAll(async () => {
  if (home !== undefined) rmSync(home, { recursive: true });
  await names?.dispose();
});

function registry(): ConfluentRegistry {
  return new ConfluentRegistry({ url: stack.addresses.registry.url }, systemClock);
}

/** The example of a language, out of the page, for the servers of this test. */
function exampleOf(language: string, file: string, topic: string): string {
  const page = readFileSync(join(root, 'docs/events.md'), 'utf8');
  const text = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? '';
  expect(text).toContain('com.paceline.events.v1.Click');
  const path = join(home, file);
  const placed = text
    .replaceAll('http://localhost:8081', stack.addresses.registry.url)
    .replaceAll('localhost:9092', stack.addresses.kafka.plaintext)
    .replaceAll('ads.events.v1"', `${topic}"`)
    .replaceAll("topic: 'ads.events.v1'", `topic: '${topic}'`);
  writeFileSync(path, placed);
  return path;
}

/** The newest record of the topic, as the decoder reads it, and where it lies. */
async function newest(topic: string) {
  const kafka = new kafkajs.Kafka({ brokers: [stack.addresses.kafka.plaintext], logLevel: kafkajs.logLevel.ERROR });
  const consumer = kafka.consumer({ groupId: `${names.name}-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<{ partition: number; value: Buffer; key: string }>();
  await consumer.run({
    eachMessage: async ({ partition, message }) =>
      resolve({ partition, value: message.value as Buffer, key: String(message.key) }),
  });
  const record = await promise;
  await consumer.disconnect();
  const [row] = await decodeRows([{ value: record.value, key: record.key }], registry());
  return { ...record, row };
}

async function expectOneClick(topic: string): Promise<void> {
  const { partition, key, row } = await newest(topic);
  expect(row).toMatchObject({
    kind: 'click',
    reject: null,
    org: 'acme',
    campaign: 'spring-sale',
    amount: 350_000,
    currency: 'EUR',
  });
  expect([key, partition]).toEqual(['acme', partitionOfKey(Buffer.from(key), 0, key.length, partitions)]);
}

test('the Node example of docs/events.md sends a click that counts', async () => {
  const topic = await names.createTopic('node', partitions);
  runToEnd(process.execPath, [exampleOf('js', 'click.mjs', topic)]);
  await expectOneClick(topic);
});

test('the Python example of docs/events.md sends a click that counts', async ({ skip }) => {
  const python = pythonWithKafka();
  if (python === null) return skip('python3 is missing, so the Python example was NOT run');
  const topic = await names.createTopic('python', partitions);
  runToEnd(python, [exampleOf('python', 'click.py', topic)]);
  await expectOneClick(topic);
});

test('a schema that refers to another is read with what the registry says of it', async () => {
  const { url } = stack.addresses.registry;
  const subject = `${names.name}.Ivt`;
  const ivt = { type: 'enum', name: 'Ivt', namespace: names.name, symbols: ['NONE', 'GIVT', 'SIVT'] };
  await post(`${url}/subjects/${subject}/versions`, { schemaType: 'AVRO', schema: JSON.stringify(ivt) });
  const click = await registry().schema((await registry().lookUp()).byKind.get('click')!);
  const { fields, ...record } = click!.json as { fields: { name: string }[] };
  const own = fields.map((field) => (field.name === 'ivt' ? { ...field, type: `${names.name}.Ivt` } : field));
  const { id } = await post(`${url}/subjects/${names.name}.Click/versions`, {
    schemaType: 'AVRO',
    schema: JSON.stringify({ ...record, fields: own }),
    references: [{ name: `${names.name}.Ivt`, subject, version: 1 }],
  });
  const known = await registry().schema(id);
  expect(known?.references).toEqual([ivt]);
});

async function post(url: string, body: unknown): Promise<{ id: number }> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  expect([answer.status, await answer.clone().text()]).toEqual([200, expect.any(String)]);
  return (await answer.json()) as { id: number };
}
