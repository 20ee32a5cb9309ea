import { KafkaAppender } from './appender.ts';
import type { KafkaConnection } from './connection.ts';

/**
 * A topic as producers of many records see a log: take in without waiting, then make all durable. Each
 * record carries its log time; a live topic stamps over it.
 */
export class TopicWriter {
  readonly partitions: number;
  readonly #appender: KafkaAppender;
  readonly #waiting = new Set<Promise<void>>();
  #failure: unknown = null;
  bufferedBytes = 0;

  constructor(topic: string, partitions: number, connection: KafkaConnection) {
    this.partitions = partitions;
    this.#appender = new KafkaAppender(topic, connection);
  }

  /** The offset is Kafka's to give, so none is answered here that means anything: always -1. */
  add(partition: number, logTimeMs: number, key: Uint8Array | null, value: Uint8Array | null): number {
    const bytes = (key?.length ?? 0) + (value?.length ?? 0);
    this.bufferedBytes += bytes;
    const sent: Promise<void> = this.#appender
      .append(partition, { key, value, logTimeMs })
      .then(
        () => undefined,
        (error: unknown) => {
          this.#failure ??= error;
        },
      )
      .finally(() => {
        this.bufferedBytes -= bytes;
        this.#waiting.delete(sent);
      });
    this.#waiting.add(sent);
    return -1;
  }

  /** Resolves when all are durable; throws the first trouble met, after which some are missing. */
  async flush(): Promise<void> {
    await Promise.all(this.#waiting);
    if (this.#failure !== null) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.#appender.close();
  }
}
