import { systemClock } from '../../../src/control/system-clock.ts';
import { KafkaConnection } from '../../../src/sources/kafka/connection.ts';
import { KafkaSource } from '../../../src/sources/kafka/kafka-source.ts';
import { sourceExam } from '../../exams/source-exam.ts';
import { KafkaBench, plain } from './kafka-bench.ts';

sourceExam('Kafka', async () => {
  const topic = await KafkaBench.open({ partitions: 2, config: { 'max.message.bytes': '8000000' } });
  let connection = new KafkaConnection(plain);
  const open = () => new KafkaSource(connection, { topic: topic.topic, mode: 'live', clock: systemClock });
  const bench = {
    source: open(),
    reopen: async () => {
      await bench.source.close();
      await connection.close();
      connection = new KafkaConnection(plain);
      bench.source = open();
    },
    dispose: async () => {
      await bench.source.close();
      await connection.close();
      await topic[Symbol.asyncDispose]();
    },
  };
  return bench;
});
