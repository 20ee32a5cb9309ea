import { setTimeout as sleep } from 'node:timers/promises';
import { makeEventCodec } from '../src/adapters/log/event-codec.ts';
import type { RulePlan } from '../src/rules/plan.ts';
import { RecordProducer } from '../src/simulator/produce-records.ts';
import { KafkaConnection } from '../src/sources/kafka/connection.ts';
import { TopicWriter } from '../src/sources/kafka/topic-writer.ts';
import { LogMaker } from './make-log.ts';
import { serveTask } from './task.ts';

export interface ProducerTask {
  readonly broker: string;
  readonly topic: string;
  readonly partitions: number;
  readonly rate: number;
  readonly seconds: number;
  readonly rules: readonly RulePlan[];
}

export interface ProducerResult {
  readonly records: number;
  /** From the first paced event to the last durable one. */
  readonly seconds: number;
}

const bufferedBytesMax = 4 * 1024 * 1024;
const size = { campaigns: 2_000, organizations: 200, openingEvents: 5 } as const;

/** Produces the events of the benchmark's world as they happen, so many a second. */
await serveTask(async ({ broker, topic, partitions, rate, seconds, rules }: ProducerTask): Promise<ProducerResult> => {
  const connection = new KafkaConnection({ brokers: [broker], clientId: 'latency', tls: null, sasl: null });
  const writer = new TopicWriter(topic, partitions, connection);
  const startMs = Date.now();
  const events = rate * seconds + size.campaigns * size.openingEvents;
  const { campaigns, organizations } = size;
  const world = { events, partitions, campaigns, organizations, minutes: seconds / 60, seed: 1, startMs };
  const maker = new LogMaker(world, new RecordProducer(writer, makeEventCodec('binary').encoder));
  let pacedFromMs: number | null = null;
  await maker.run(rules, async (atMs) => {
    if (writer.bufferedBytes > bufferedBytesMax) await writer.flush();
    if (atMs === startMs) return;
    // What comes before it, flights and budgets, took its time.
    pacedFromMs ??= Date.now() - (atMs - startMs);
    const aheadMs = atMs - startMs - (Date.now() - pacedFromMs);
    await sleep(Math.max(0, aheadMs));
  });
  await writer.flush();
  const took = (Date.now() - (pacedFromMs ?? startMs)) / 1_000;
  await writer.close();
  await connection.close();
  return { records: maker.records, seconds: took };
});
