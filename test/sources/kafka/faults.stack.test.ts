import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { KafkaConnection } from '../../../src/sources/kafka/connection.ts';
import { KafkaSource } from '../../../src/sources/kafka/kafka-source.ts';
import { openKafkaSource } from '../../../src/sources/kafka/open-kafka-source.ts';
import { KafkaBench, plain, readTo } from './kafka-bench.ts';

const plenty = { records: 100, bytes: 100_000 };
const bytes = (text: string) => Buffer.from(text);

test('records deleted under our position are a loud error, whichever end they lack at', async () => {
  await using bench = await KafkaBench.open();
  const source = bench.source();
  for (let i = 0; i < 10; i++) await source.append(0, null, bytes(`${i}`));
  await source.seek(0, 2);
  // kafkajs forgets to ask who leads the partition before it deletes.
  await bench.admin.fetchTopicOffsets(bench.topic);
  await bench.admin.deleteTopicRecords({ topic: bench.topic, partitions: [{ partition: 0, offset: '5' }] });
  await expect(source.poll(0, plenty)).rejects.toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
    message: expect.stringContaining(`${bench.topic}:0 no longer holds offset 2`),
  });
  await expect(source.seek(0, 4)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
  await expect(source.seek(0, 11)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  await source.seek(0, 5);
  expect((await readTo(source, 0, 10)).map(({ value }) => value)).toEqual(['5', '6', '7', '8', '9']);
});

test('a topic that was deleted and made anew is not taken for the old one', async () => {
  await using bench = await KafkaBench.open();
  const source = bench.source();
  const { topicId } = await source.identity();
  for (let i = 0; i < 3; i++) await source.append(0, null, bytes(`${i}`));
  expect(await readTo(source, 0, 3)).toHaveLength(3);
  await bench.admin.deleteTopics({ topics: [bench.topic] });
  await sleep(500);
  await bench.makeTopic();
  const other = bench.source(plain);
  for (let i = 0; i < 9; i++) await other.append(0, null, bytes(`new ${i}`));
  expect((await other.identity()).topicId).not.toBe(topicId);
  const refusal = async () => {
    for (;;) {
      try {
        await source.waitForRecords([0], 1_000);
        const run = await source.poll(0, plenty);
        expect(run).toBeNull();
      } catch (error) {
        if ((error as { code?: string }).code !== 'SOURCE_UNAVAILABLE') throw error;
        await sleep(50);
      }
    }
  };
  await expect(refusal()).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringContaining('was deleted and made anew'),
  });
});

test('records stamped by their producer are refused on a live log', async () => {
  await using bench = await KafkaBench.open({ mode: 'replayed' });
  const open = (mode: 'live' | 'replayed') =>
    openKafkaSource({
      ...plain,
      topic: bench.topic,
      mode,
      groupId: bench.topic,
      sessionTimeoutMs: 6_000,
      clock: systemClock,
      onDamagedBatch: 'report',
    });
  await expect(open('live')).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringContaining('message.timestamp.type=LogAppendTime'),
  });
  const opened = await open('replayed');
  await opened.close();
  const source = bench.source();
  await source.append(0, null, bytes('x'));
  const connection = new KafkaConnection(plain);
  const live = new KafkaSource(connection, { topic: bench.topic, mode: 'live', clock: systemClock });
  await expect(live.poll(0, plenty)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  await live.close();
  await connection.close();
});

test('brokers that are away are waited for, a topic that is not there is refused', async () => {
  await using bench = await KafkaBench.open();
  const away = bench.source({ ...plain, brokers: ['127.0.0.1:1'] });
  await expect(away.identity()).rejects.toMatchObject({
    code: 'SOURCE_UNAVAILABLE',
    message: expect.stringContaining('127.0.0.1:1'),
  });
  const missing = new KafkaSource(bench.connection, { topic: `${bench.topic}-not`, mode: 'live', clock: systemClock });
  await expect(missing.identity()).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringContaining('paceline migrate'),
  });
});
