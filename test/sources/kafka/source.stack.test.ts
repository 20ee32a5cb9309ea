import { randomUUID } from 'node:crypto';
import { KafkaConnection } from '../../../src/sources/kafka/connection.ts';
import { KafkaSource } from '../../../src/sources/kafka/kafka-source.ts';
import { sourceExam } from '../../exams/source-exam.ts';

const brokers = (process.env.PACELINE_TEST_KAFKA ?? '127.0.0.1:19092').split(',');

sourceExam('Kafka', async () => {
  const topic = `exam-${randomUUID()}`;
  const options = { brokers, clientId: 'exam', tls: null, sasl: null } as const;
  let connection = new KafkaConnection(options);
  const admin = connection.client.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [
      {
        topic,
        numPartitions: 2,
        configEntries: [
          { name: 'message.timestamp.type', value: 'LogAppendTime' },
          { name: 'max.message.bytes', value: '8000000' },
        ],
      },
    ],
  });
  const bench = {
    source: new KafkaSource(connection, { topic, mode: 'live' }),
    reopen: async () => {
      await bench.source.close();
      await connection.close();
      connection = new KafkaConnection(options);
      bench.source = new KafkaSource(connection, { topic, mode: 'live' });
    },
    dispose: async () => {
      await bench.source.close();
      await admin.deleteTopics({ topics: [topic] });
      await admin.disconnect();
      await connection.close();
    },
  };
  return bench;
});
