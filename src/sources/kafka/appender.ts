import type { Producer } from 'kafkajs';
import { assert } from '../../model/errors.ts';
import type { KafkaConnection } from './connection.ts';
import { sourceError } from './kafka-errors.ts';

interface NewRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Original log time, ms, where the topic takes it from producers; absent = now. */
  readonly logTimeMs?: number;
}

interface Waiting extends NewRecord {
  resolve(offset: number): void;
  reject(error: unknown): void;
}

/** Kafka's default max.message.bytes is 1 MiB for a batch; two of ours fit. */
const batchBytesMax = 512 * 1024;
/** kafkajs copies what it has of a batch with each further record, so larger batches cost more, not less. */
const batchRecordsMax = 400;
/** Of the framing of one record. */
const framingBytes = 32;

/**
 * Appends to one topic: an idempotent producer, all in-sync replicas, explicit partitions. Records of
 * a partition stay in the order of the calls; what is added while a batch is under way goes with the
 * next. A record whose answer was lost may be in the log all the same.
 */
export class KafkaAppender {
  readonly topic: string;
  readonly #connection: KafkaConnection;
  readonly #queues = new Map<number, Waiting[]>();
  readonly #sending = new Map<number, Promise<void>>();
  #producer: Promise<Producer> | null = null;
  #isClosed = false;

  constructor(topic: string, connection: KafkaConnection) {
    this.topic = topic;
    this.#connection = connection;
  }

  /** Resolves with the offset once the record is durable. Throws SOURCE_UNAVAILABLE or SOURCE_REFUSED. */
  append(partition: number, record: NewRecord): Promise<number> {
    assert(!this.#isClosed, `the appender of ${this.topic} is open`);
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(partition) ?? [];
      this.#queues.set(partition, queue);
      queue.push({ ...record, resolve, reject });
      if (!this.#sending.has(partition)) this.#sending.set(partition, this.#sendAll(partition, queue));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#sending.values());
    const producer = await this.#producer?.catch(() => null);
    await producer?.disconnect();
  }

  async #sendAll(partition: number, queue: Waiting[]): Promise<void> {
    // What is added in the same turn goes with the first batch.
    await Promise.resolve();
    try {
      while (queue.length > 0) await this.#send(partition, queue.splice(0, countOfBatch(queue)), queue);
    } finally {
      this.#sending.delete(partition);
    }
  }

  async #send(partition: number, batch: readonly Waiting[], behind: Waiting[]): Promise<void> {
    try {
      const producer = await this.#connect();
      const [answer] = await producer.send({
        topic: this.topic,
        acks: -1,
        messages: batch.map(({ key, value, logTimeMs }) => ({
          partition,
          key: asBuffer(key),
          value: asBuffer(value),
          ...(logTimeMs === undefined ? {} : { timestamp: String(logTimeMs) }),
        })),
      });
      const base = Number(answer.baseOffset);
      batch.forEach(({ resolve }, i) => {
        resolve(base + i);
      });
    } catch (error) {
      const trouble = sourceError(error, `appending to ${this.topic}:${partition}`);
      // What waits behind fails with it: a log must hold a prefix of what was added, never a hole.
      for (const { reject } of [...batch, ...behind.splice(0)]) reject(trouble);
      await this.#drop();
    }
  }

  /** After a failure the producer is made new: its sequence numbers no longer say what the log holds. */
  async #drop(): Promise<void> {
    const dropped = this.#producer;
    this.#producer = null;
    await dropped?.then((producer) => producer.disconnect()).catch(() => undefined);
  }

  async #connect(): Promise<Producer> {
    this.#producer ??= this.#open();
    return await this.#producer;
  }

  async #open(): Promise<Producer> {
    const producer = this.#connection.client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => partitionNamed,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 },
    });
    await producer.connect();
    return producer;
  }
}

function partitionNamed({ message }: { message: { partition?: number } }): number {
  assert(message.partition !== undefined, 'every record names its partition');
  return message.partition;
}

/** kafkajs takes bytes that are no Buffer for text. */
function asBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function countOfBatch(queue: readonly NewRecord[]): number {
  let bytes = 0;
  for (let count = 0; count < queue.length; count++) {
    const { key, value } = queue[count];
    bytes += (key?.length ?? 0) + (value?.length ?? 0) + framingBytes;
    if (count > 0 && (bytes > batchBytesMax || count >= batchRecordsMax)) return count;
  }
  return queue.length;
}
