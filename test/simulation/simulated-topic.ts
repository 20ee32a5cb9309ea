import type { RecordLog } from '../../src/sinks/records/record-log-sink.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/**
 * A topic of results: what was appended stays, in order. Whoever reads the newest record takes the
 * partition over, as a transactional producer does; appends of those before are refused from then on, and
 * an append that arrives twice counts once.
 */
export class SimulatedTopic {
  isDown = false;
  readonly partitions: Uint8Array[][];
  readonly #writers: (Writer | null)[];

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => []);
    this.#writers = this.partitions.map(() => null);
  }

  append(partition: number, writer: Writer, sequence: number, values: readonly Uint8Array[]): void {
    if (this.isDown || this.#writers[partition] !== writer) throw unreachable();
    if (sequence <= writer.stored) return;
    writer.stored = sequence;
    this.partitions[partition].push(...values);
  }

  /** Each call makes a writer of its own: one whose answer was lost is nobody's. */
  takeOver(partition: number): { writer: Writer; last: Uint8Array | null } {
    if (this.isDown) throw unreachable();
    const writer: Writer = { stored: 0, sent: 0 };
    this.#writers[partition] = writer;
    return { writer, last: this.partitions[partition].at(-1) ?? null };
  }
}

interface Writer {
  /** Sequence of its last append that was stored. */
  stored: number;
  sent: number;
}

/** The topic as a process reaches it over the network. */
export function connectTopic(topic: SimulatedTopic, process: SimulatedProcess): RecordLog {
  const writers = new Map<number, Writer>();
  return {
    async append(partition, records) {
      const writer = writers.get(partition);
      if (writer === undefined) throw unreachable();
      const sequence = ++writer.sent;
      const values = records.map(({ value }) => value);
      await process.call(() => topic.append(partition, writer, sequence, values), unreachable);
    },
    async lastValue(partition) {
      const { writer, last } = await process.call(() => topic.takeOver(partition), unreachable);
      writers.set(partition, writer);
      return last;
    },
  };
}

function unreachable(): Error {
  return new Error('simulated: the topic is not reachable, or another writer has it');
}
