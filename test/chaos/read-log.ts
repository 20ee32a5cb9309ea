import { systemClock } from '../../src/control/system-clock.ts';
import type { RecordRun } from '../../src/events/record-run.ts';
import { openLogReader } from '../../src/sources/recorded/recorded-log.ts';
import type { LogRecord } from '../oracle/events.ts';

const pollMax = { records: 16_384, bytes: 4 * 1024 * 1024 };

/** The records of a topic as they are stored, partition by partition; nobody writes meanwhile. */
export class StoredLog implements AsyncDisposable {
  readonly topic: string;
  readonly partitions: number;
  readonly #log: Awaited<ReturnType<typeof openLogReader>>;

  private constructor(log: Awaited<ReturnType<typeof openLogReader>>) {
    this.#log = log;
    this.topic = log.topic;
    this.partitions = log.partitions;
  }

  static async open(dir: string, topic: string): Promise<StoredLog> {
    return new StoredLog(await openLogReader({ dir, topic, clock: systemClock }));
  }

  async *records(partition: number): AsyncGenerator<LogRecord> {
    const { start } = await this.#log.bounds(partition);
    await this.#log.seek(partition, start);
    for (let run = await this.#log.poll(partition, pollMax); run; run = await this.#log.poll(partition, pollMax))
      yield* recordsOf(run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log.close();
  }
}

function* recordsOf(run: RecordRun): Generator<LogRecord> {
  for (let i = 0; i < run.count; i++)
    yield {
      topic: run.topic,
      partition: run.partition,
      offset: run.offsets[i],
      logTimeMs: run.logTimes[i],
      key: copyOf(run.bytes, run.keyStarts[i], run.keyEnds[i]),
      value: copyOf(run.bytes, run.valueStarts[i], run.valueEnds[i]),
    };
}

/** A copy: the run's bytes are read over by the next poll. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : new Uint8Array(bytes.subarray(start, end));
}
