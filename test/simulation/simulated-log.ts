import { EngineError } from '../../src/model/errors.ts';
import type { StreamIdentity } from '../../src/model/lane.ts';
import type { RecordRun } from '../../src/model/record-run.ts';
import type { Source } from '../../src/sources/source.ts';
import type { Mutant } from './mutants.ts';
import type { SimulatedProcess } from './simulated-process.ts';

export interface LogRecord {
  readonly logTimeMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** The log itself: it outlives every process. */
export class SimulatedLog {
  readonly topic = 'simulated';
  readonly partitions: LogRecord[][];

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => []);
  }

  append(partition: number, record: LogRecord): number {
    return this.partitions[partition].push(record) - 1;
  }
}

export function toRun(topic: string, partition: number, records: readonly LogRecord[], from: number): RecordRun {
  const parts = records.flatMap(({ key, value }) => [key ?? new Uint8Array(), value]);
  const bytes = new Uint8Array(Buffer.concat(parts));
  const count = records.length;
  const run = {
    topic,
    partition,
    count,
    bytes,
    offsets: Float64Array.from(records, (_, i) => from + i),
    logTimes: Float64Array.from(records, ({ logTimeMs }) => logTimeMs),
    keyStarts: new Int32Array(count),
    keyEnds: new Int32Array(count),
    valueStarts: new Int32Array(count),
    valueEnds: new Int32Array(count),
    nextOffset: from + count,
  };
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { key, value } = records[i];
    run.keyStarts[i] = key === null ? -1 : at;
    at += key?.length ?? 0;
    run.keyEnds[i] = key === null ? -1 : at;
    run.valueStarts[i] = at;
    at += value.length;
    run.valueEnds[i] = at;
  }
  return run;
}

/** A process's reader of the log: own positions, runs of random length. */
export class SimulatedSource implements Source {
  readonly #log: SimulatedLog;
  readonly #process: SimulatedProcess;
  readonly #mutant: Mutant | null;
  readonly #positions: number[];

  constructor(log: SimulatedLog, process: SimulatedProcess, mutant: Mutant | null) {
    this.#log = log;
    this.#process = process;
    this.#mutant = mutant;
    this.#positions = log.partitions.map(() => 0);
  }

  get topic(): string {
    return this.#log.topic;
  }

  async identity(): Promise<StreamIdentity> {
    return { clusterId: 'sim', topicId: 'sim', partitions: this.#log.partitions.length, mode: 'live' };
  }

  async poll(partition: number, max: { records: number; bytes: number }): Promise<RecordRun | null> {
    await this.#delay();
    const from = this.#positions[partition];
    const count = Math.min(max.records, this.#process.random.between(1, 12));
    const records = this.#log.partitions[partition].slice(from, from + count);
    if (records.length === 0) return null;
    this.#positions[partition] = from + records.length;
    return toRun(this.topic, partition, records, from);
  }

  async seek(partition: number, offset: number): Promise<void> {
    await this.#delay();
    const end = this.#log.partitions[partition].length;
    if (offset > end) throw new EngineError('OFFSET_OUT_OF_RANGE', `offset ${offset} of ${end}`);
    this.#positions[partition] = this.#mutant === 'resume_from_wrong_offset' ? end : offset;
  }

  async *readBack(partition: number, from: number, to: number): AsyncIterable<RecordRun> {
    if (this.#mutant === 'tail_not_read_back') return;
    for (let at = from; at < to; ) {
      await this.#delay();
      const records = this.#log.partitions[partition].slice(at, Math.min(to, at + this.#process.random.between(1, 12)));
      yield toRun(this.topic, partition, records, at);
      at += records.length;
    }
  }

  async bounds(partition: number): Promise<{ start: number; end: number }> {
    await this.#delay();
    return { start: 0, end: this.#log.partitions[partition].length };
  }

  append(partition: number, key: Uint8Array | null, value: Uint8Array): Promise<number> {
    const { scheduler } = this.#process;
    return this.#process.call(
      () => this.#log.append(partition, { logTimeMs: scheduler.nowMs, key, value }),
      () => new EngineError('LOG_FULL', 'simulated: append without an answer'),
    );
  }

  async waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void> {
    for (let waitedMs = 0; waitedMs < ms; waitedMs += 20) {
      if (partitions.some((partition) => this.#log.partitions[partition].length > this.#positions[partition])) return;
      await this.#process.clock.sleep(Math.min(20, ms - waitedMs), signal);
    }
  }

  async close(): Promise<void> {}

  #delay(): Promise<void> {
    return this.#process.clock.sleep(this.#process.random.between(1, 3));
  }
}
