import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { RecordTopic } from '../../../src/sources/kafka/record-topic.ts';
import { KafkaBench, readTo } from './kafka-bench.ts';

const record = (value: string) => ({ key: Buffer.from('org_a'), value: Buffer.from(value) });

async function open() {
  const bench = await KafkaBench.open({ partitions: 2 });
  const records = new RecordTopic(bench.topic, bench.connection, systemClock);
  bench.onDispose(() => records.close());
  return { bench, records };
}

test('many records come in order, and the newest is found again', async () => {
  const { bench, records } = await open();
  await using _ = bench;
  expect(await records.lastValue(0)).toBeNull();
  // Several batches: 3 MB.
  const values = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(10_000, '.'));
  await records.append(0, values.map(record));
  expect(Buffer.from((await records.lastValue(0))!).toString()).toBe(values.at(-1));
  expect(await records.lastValue(1)).toBeNull();
  const seen = await readTo(bench.source(), 0, values.length);
  expect(seen.map(({ value }) => value)).toEqual(values);
});

test('the newest record is found behind markers and aborted records', async () => {
  const { bench, records } = await open();
  await using _ = bench;
  await records.append(0, [record('old'), record('newest')]);
  const producer = bench.connection.client.producer({
    transactionalId: `test-${randomUUID()}`,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  bench.onDispose(() => producer.disconnect());
  for (let i = 0; i < 5; i++) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: bench.topic, messages: [{ partition: 0, value: 'aborted' }] });
    await transaction.abort();
  }
  expect(Buffer.from((await records.lastValue(0))!).toString()).toBe('newest');
});

test('a record that the topic refuses takes down what waits behind it, and leaves no hole', async () => {
  const { bench, records } = await open();
  await using _ = bench;
  const values = ['first', 'x'.repeat(2_000_000), 'third'];
  await expect(records.append(0, values.map(record))).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  const held = (await bench.source().bounds(0)).end;
  expect(held).toBeLessThanOrEqual(1);
  await records.append(0, [record('again')]);
  expect(Buffer.from((await records.lastValue(0))!).toString()).toBe('again');
});
