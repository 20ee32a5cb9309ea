import kafkajs from 'kafkajs';
import '../../src/sources/kafka/calm-kafkajs.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import type { LogEncoding } from '../../src/sources/recorded/log-encoding.ts';
import { openRecordedLog } from '../../src/sources/recorded/recorded-log.ts';

/**
 * Copies a topic of Kafka, as an ordinary consumer reads it, into a log in a directory: offsets, log
 * times, keys and values. So whoever compares a log compares a topic. How many records there were.
 */
export async function mirrorTopic(
  brokers: readonly string[],
  topic: string,
  to: {
    readonly dir: string;
    readonly encoding: LogEncoding;
    /** What is kept in a value's place. */
    readonly translate?: (value: Buffer) => Buffer;
  },
): Promise<number> {
  const { translate = (value: Buffer) => value } = to;
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const ends = await endsOf(kafka, topic);
  const partitions = ends.length;
  const log = await openRecordedLog({ ...to, topic, partitions, mode: 'replayed', clock: systemClock });
  const consumer = kafka.consumer({ groupId: `mirror-${process.pid}-${topic}`, maxBytes: 32 * 1024 * 1024 });
  const next = ends.map(() => 0);
  let records = 0;
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const done = Promise.withResolvers<void>();
    const check = () => ends.every((end, partition) => next[partition] >= end) && done.resolve();
    check();
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { offset, timestamp, key, value } of batch.messages) {
          // A batch may begin before the offset that was asked for.
          if (Number(offset) < next[batch.partition]) continue;
          const kept = value === null ? null : translate(value);
          log.add(batch.partition, Number(timestamp), key, kept, Number(offset));
          next[batch.partition] = Number(offset) + 1;
          records += 1;
        }
        next[batch.partition] = Math.max(next[batch.partition], Number(batch.lastOffset()) + 1);
        await log.flush();
        check();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
    await log.close();
  }
  return records;
}

async function endsOf(kafka: kafkajs.Kafka, topic: string): Promise<number[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  } finally {
    await admin.disconnect();
  }
}
