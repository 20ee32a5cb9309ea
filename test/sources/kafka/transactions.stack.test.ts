import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import { expect, test } from 'vitest';
import { KafkaBench, readTo } from './kafka-bench.ts';

async function transactional(bench: KafkaBench): Promise<Producer> {
  const producer = bench.connection.client.producer({
    transactionalId: `test-${randomUUID()}`,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  bench.onDispose(() => producer.disconnect());
  return producer;
}

/** One transaction of two records, each a batch of its own, so that a fetch can end between them. */
async function sendTwo(producer: Producer, topic: string, end: 'commit' | 'abort', size = 1): Promise<void> {
  const transaction = await producer.transaction();
  for (const name of ['a', 'b'])
    await transaction.send({ topic, messages: [{ key: null, value: `${end}-${name}`.padEnd(size, '.') }] });
  await transaction[end]();
}

const offsets = (records: readonly { offset: number }[]) => records.map(({ offset }) => offset);

// Aborted (0-1, marker 2), committed (3-4, marker 5), aborted (6-7, marker 8), committed (9-10, marker 11).
test.each([
  { title: 'one answer', size: 1, records: 1_000 },
  { title: 'one record a poll', size: 1, records: 1 },
  // A fetch brings 1 MiB at most, so a transaction's records and its marker come in different answers.
  { title: 'markers in later answers', size: 900_000, records: 1_000 },
])('aborted records are never seen: $title', async ({ size, records }) => {
  await using bench = await KafkaBench.open();
  const producer = await transactional(bench);
  for (const end of ['abort', 'commit', 'abort', 'commit'] as const) await sendTwo(producer, bench.topic, end, size);
  const source = bench.source();
  expect(await source.bounds(0)).toEqual({ start: 0, end: 12 });
  const seen = await readTo(source, 0, 12, { records, bytes: 10_000_000 });
  expect(offsets(seen)).toEqual([3, 4, 9, 10]);
  expect(seen.every(({ value }) => value?.startsWith('commit'))).toBe(true);
  const back: number[] = [];
  for await (const run of source.readBack(0, 1, 10)) back.push(...run.offsets);
  expect(back).toEqual([3, 4, 9]);
});

test('a fetch that begins inside two interleaved aborted transactions lets nothing through', async () => {
  await using bench = await KafkaBench.open();
  const [first, second] = [await transactional(bench), await transactional(bench)];
  const [one, two] = [await first.transaction(), await second.transaction()];
  const send = (transaction: typeof one, value: string) =>
    transaction.send({ topic: bench.topic, messages: [{ value }] });
  for (const value of ['a', 'b', 'c']) {
    await send(one, `one-${value}`);
    await send(two, `two-${value}`);
  }
  const source = bench.source();
  // An open transaction hides what comes after its first record, also records of others.
  await source.append(0, null, Buffer.from('plain'));
  expect(await source.poll(0, { records: 9, bytes: 9_999 })).toBeNull();
  await one.abort();
  await two.abort();
  for (const from of [0, 1, 2, 3, 4, 5]) {
    await source.seek(0, from);
    expect(offsets(await readTo(source, 0, 9)), `from ${from}`).toEqual([6]);
  }
});

test("a user's key that looks like an abort marker is a key", async () => {
  await using bench = await KafkaBench.open();
  const producer = await transactional(bench);
  const transaction = await producer.transaction();
  for (const key of [Buffer.alloc(4), Buffer.from('org_a')])
    await transaction.send({ topic: bench.topic, messages: [{ key, value: 'aborted' }] });
  await transaction.abort();
  const source = bench.source();
  await source.append(0, Buffer.alloc(4), Buffer.from('kept'));
  expect((await readTo(source, 0, 4)).map(({ value }) => value)).toEqual(['kept']);
});
