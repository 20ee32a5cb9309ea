import type { Clock } from '../../model/time.ts';
import { KafkaAppender } from './appender.ts';
import type { KafkaConnection } from './connection.ts';
import { KafkaSource } from './kafka-source.ts';

/** A topic of results: appended in order, and its newest record read again after trouble. */
export class RecordTopic {
  readonly #appender: KafkaAppender;
  readonly #source: KafkaSource;

  constructor(topic: string, connection: KafkaConnection, clock: Clock) {
    this.#appender = new KafkaAppender(topic, connection);
    // Whoever stamps them, the times of results are not asked for.
    this.#source = new KafkaSource(connection, { topic, mode: 'replayed', clock });
  }

  /**
   * Resolves when all are durable; after an error the log holds the first of them, some or all. A
   * record whose answer was lost may appear twice, told by its content.
   */
  async append(partition: number, records: readonly { key: Uint8Array; value: Uint8Array }[]): Promise<void> {
    const appended = await Promise.allSettled(records.map((record) => this.#appender.append(partition, record)));
    for (const each of appended) if (each.status === 'rejected') throw each.reason;
  }

  /** Value of the newest record; null when there is none. Looks back further while it meets markers alone. */
  async lastValue(partition: number): Promise<Uint8Array | null> {
    const { start, end } = await this.#source.bounds(partition);
    for (let back = 1, from = end; from > start; back *= 4) {
      from = Math.max(start, end - back);
      let last: Uint8Array | null = null;
      for await (const run of this.#source.readBack(partition, from, end)) {
        const at = run.count - 1;
        if (run.valueStarts[at] >= 0) last = run.bytes.slice(run.valueStarts[at], run.valueEnds[at]);
      }
      if (last !== null) return last;
    }
    return null;
  }

  async close(): Promise<void> {
    await this.#appender.close();
    await this.#source.close();
  }
}
