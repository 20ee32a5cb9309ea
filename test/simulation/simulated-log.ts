import type { RecordRun, Unreadable } from '../../src/events/record-run.ts';
import { EngineError } from '../../src/model/errors.ts';
import type { StreamIdentity } from '../../src/model/lane.ts';
import type { LogTimeMs, TimeColumn } from '../../src/model/time.ts';
import type { Source } from '../../src/sources/source.ts';
import type { SimulatedProcess } from './simulated-process.ts';

export interface NewRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

export interface LogRecord extends NewRecord {
  readonly offset: number;
  readonly logTimeMs: number;
  /** Of the leader that appended it. */
  readonly leaderEpoch: number;
  /** More than 0: a batch of so many offsets that nobody can read; `value` are its bytes. */
  readonly damaged: number;
}

interface Partition {
  records: LogRecord[];
  skips: { readonly from: number; readonly to: number }[];
  /** Where each leader began to append, oldest first. */
  leaders: { readonly epoch: number; readonly start: number }[];
  start: number;
  end: number;
}

function emptyPartition(): Partition {
  return { records: [], skips: [], leaders: [{ epoch: 0, start: 0 }], start: 0, end: 0 };
}

/**
 * One topic as its brokers keep it: it outlives every process, stamps what is appended, skips offsets
 * (transaction markers, aborted records), forgets its beginning, and may be deleted and made anew.
 */
export class SimulatedLog {
  readonly topic: string;
  topicId = 'topic 1';
  isDown = false;
  readonly #partitions: readonly Partition[];
  readonly #stamp: () => number;

  constructor(partitions: number, stamp: () => number, topic = 'simulated') {
    this.topic = topic;
    this.#stamp = stamp;
    this.#partitions = Array.from({ length: partitions }, emptyPartition);
  }

  get partitionCount(): number {
    return this.#partitions.length;
  }

  /** All records of each partition that were ever appended, whatever retention took since. */
  get partitions(): readonly (readonly LogRecord[])[] {
    return this.#partitions.map(({ records }) => records);
  }

  /** The brokers' clock. */
  stamp(): number {
    return this.#stamp();
  }

  append(partition: number, { key, value }: NewRecord): number {
    const held = this.#partitions[partition];
    const { epoch: leaderEpoch } = held.leaders[held.leaders.length - 1];
    held.records.push({ offset: held.end, logTimeMs: this.#stamp(), key, value, leaderEpoch, damaged: 0 });
    held.end += 1;
    return held.end - 1;
  }

  /** A batch of so many records arrives, and nobody can read it. */
  appendDamaged(partition: number, records: number): void {
    const offset = this.append(partition, { key: null, value: Buffer.from(`a batch of ${records} records, damaged`) });
    const held = this.#partitions[partition];
    held.records[held.records.length - 1] = { ...held.records[held.records.length - 1], damaged: records };
    held.end = offset + records;
  }

  /** Offsets that no reader ever sees. */
  skip(partition: number, count: number): void {
    const held = this.#partitions[partition];
    held.skips.push({ from: held.end, to: held.end + count });
    held.end += count;
  }

  /** How many offsets of [from, to) no reader ever sees. */
  skipped(partition: number, from: number, to: number): number {
    const { skips } = this.#partitions[partition];
    return skips.reduce((sum, skip) => sum + Math.max(0, Math.min(to, skip.to) - Math.max(from, skip.from)), 0);
  }

  /** Retention: what lies before `offset` is gone. */
  trim(partition: number, offset: number): void {
    const held = this.#partitions[partition];
    held.start = Math.min(held.end, Math.max(held.start, offset));
  }

  bounds(partition: number): { start: number; end: number } {
    const { start, end } = this.#partitions[partition];
    return { start, end };
  }

  /** The topic is deleted and made anew under its old name: empty, with other records to come. */
  recreate(topicId: string): void {
    this.topicId = topicId;
    for (const held of this.#partitions) Object.assign(held, emptyPartition());
    for (let partition = 0; partition < this.partitionCount; partition++) {
      for (let n = 0; n < 400; n++) this.append(partition, { key: null, value: Buffer.from('{"type":"tick"}') });
    }
  }

  /** The end of a partition is lost, as after an unclean election; another leader appends from there on. */
  truncate(partition: number, wanted: number): void {
    const held = this.#partitions[partition];
    // A batch goes whole.
    const broken = held.records.find(({ offset, damaged }) => offset < wanted && offset + damaged > wanted);
    const end = broken?.offset ?? wanted;
    const { epoch } = held.leaders[held.leaders.length - 1];
    held.records = held.records.filter(({ offset, damaged }) => offset + Math.max(1, damaged) <= end);
    held.skips = held.skips.filter(({ from }) => from < end).map(({ from, to }) => ({ from, to: Math.min(to, end) }));
    held.end = Math.min(held.end, end);
    held.leaders = [...held.leaders.filter(({ start }) => start < held.end), { epoch: epoch + 1, start: held.end }];
  }

  /** Whether what lies before `offset` was appended under `epoch`, as far as the leader knows. */
  isAsRead(partition: number, offset: number, epoch: number): boolean {
    const { leaders, end } = this.#partitions[partition];
    const at = leaders.findIndex((leader) => leader.epoch === epoch);
    return at >= 0 && offset <= (leaders[at + 1]?.start ?? end);
  }

  /** The leader that appended what lies before `offset`. */
  epochBefore(partition: number, offset: number): number {
    return this.#partitions[partition].leaders.findLast(({ start }) => start < offset)?.epoch ?? 0;
  }

  /** At most `count` records from `from` on, before `to`. */
  read(partition: number, from: number, count: number, to = Number.POSITIVE_INFINITY): readonly LogRecord[] {
    const { records } = this.#partitions[partition];
    const first = indexOf(records, from);
    let end = first;
    while (end < records.length && end - first < count && records[end].offset < to) end += 1;
    return records.slice(first, end);
  }
}

/** Index of the first record at or after `offset`. */
export function indexOf(records: readonly LogRecord[], offset: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle].offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function endOf(records: readonly LogRecord[]): number {
  const last = records.at(-1);
  return last === undefined ? 0 : last.offset + Math.max(1, last.damaged);
}

/** The first of them that make a run: one that nobody can read stands alone. */
export function firstRun(records: readonly LogRecord[]): readonly LogRecord[] {
  const damaged = records.findIndex((record) => record.damaged > 0);
  return damaged < 0 ? records : records.slice(0, Math.max(1, damaged));
}

/** A run of records that end before `nextOffset`; without it, right behind the last of them. */
export function toRun(
  topic: string,
  partition: number,
  records: readonly LogRecord[],
  nextOffset = endOf(records),
): RecordRun {
  const empty = new Uint8Array(0);
  const bytes = new Uint8Array(Buffer.concat(records.flatMap(({ key, value }) => [key ?? empty, value ?? empty])));
  const count = records.length;
  const run = {
    topic,
    partition,
    count,
    bytes,
    offsets: Float64Array.from(records, ({ offset }) => offset),
    logTimes: Float64Array.from(records, ({ logTimeMs }) => logTimeMs) as TimeColumn<LogTimeMs>,
    keyStarts: new Int32Array(count),
    keyEnds: new Int32Array(count),
    valueStarts: new Int32Array(count),
    valueEnds: new Int32Array(count),
    nextOffset,
    control: 0,
    gaps: 0,
    unreadable: null as Unreadable | null,
    leaderEpoch: records.at(-1)?.leaderEpoch ?? -1,
  };
  if (count === 1 && records[0].damaged > 0) {
    const { offset, damaged: offsets } = records[0];
    const detail = `offsets ${offset} to ${offset + offsets - 1} are damaged`;
    run.unreadable = { reason: 'damaged_batch', detail, offsets };
  }
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { key, value } = records[i];
    run.keyStarts[i] = key === null ? -1 : at;
    at += key?.length ?? 0;
    run.keyEnds[i] = key === null ? -1 : at;
    run.valueStarts[i] = value === null ? -1 : at;
    at += value?.length ?? 0;
    run.valueEnds[i] = value === null ? -1 : at;
  }
  return run;
}

/** A process's reader of the log: own positions, runs of random length. */
export class SimulatedSource implements Source {
  readonly #log: SimulatedLog;
  readonly #process: SimulatedProcess;
  readonly #positions: number[];
  /** Epoch of the record before each position; -1 = not known. */
  readonly #epochs: number[];
  readonly #minds: boolean;

  /** `mindsEpochs`: what was read is compared with the log; without it a cut is not noticed. */
  constructor(log: SimulatedLog, process: SimulatedProcess, { mindsEpochs = true }: { mindsEpochs?: boolean } = {}) {
    this.#minds = mindsEpochs;
    this.#epochs = Array.from({ length: log.partitionCount }, () => -1);
    this.#log = log;
    this.#process = process;
    this.#positions = Array.from({ length: log.partitionCount }, () => 0);
  }

  get topic(): string {
    return this.#log.topic;
  }

  async identity(): Promise<StreamIdentity> {
    await this.#delay();
    return { clusterId: 'sim', topicId: this.#log.topicId, partitions: this.#log.partitionCount, mode: 'live' };
  }

  async poll(partition: number, max: { records: number; bytes: number }): Promise<RecordRun | null> {
    await this.#delay();
    const from = this.#positions[partition];
    this.#requireHeld(partition, from);
    this.#requireAsRead(partition, from, this.#epochs[partition]);
    const count = Math.min(max.records, this.#process.random.between(1, 24));
    const records = firstRun(this.#log.read(partition, from, count));
    const { end } = this.#log.bounds(partition);
    if (records.length === 0 && from >= end) return null;
    // Behind the last record may lie offsets that have none: a run without records tells of them.
    const run = records.length > 0 ? toRun(this.topic, partition, records) : toRun(this.topic, partition, [], end);
    this.#positions[partition] = run.nextOffset;
    this.#epochs[partition] = this.#log.epochBefore(partition, run.nextOffset);
    return {
      ...run,
      control: this.#log.skipped(partition, from, run.nextOffset),
      leaderEpoch: this.#epochs[partition],
    };
  }

  async seek(partition: number, offset: number, leaderEpoch = -1): Promise<void> {
    await this.#delay();
    if (offset > this.#log.bounds(partition).end) throw cut(partition, offset);
    this.#requireHeld(partition, offset);
    this.#requireAsRead(partition, offset, leaderEpoch);
    this.#positions[partition] = offset;
    this.#epochs[partition] = leaderEpoch;
  }

  /** Retention may have taken it meanwhile. */
  #requireHeld(partition: number, offset: number): void {
    const { start, end } = this.#log.bounds(partition);
    if (offset < start) throw new EngineError('OFFSET_OUT_OF_RANGE', `offset ${offset} is not in ${start} to ${end}`);
  }

  #requireAsRead(partition: number, offset: number, epoch: number): void {
    if (epoch < 0 || !this.#minds || this.#log.isAsRead(partition, offset, epoch)) return;
    throw cut(partition, offset);
  }

  async *readBack(partition: number, from: number, to: number): AsyncIterable<RecordRun> {
    for (let at = from; at < to; ) {
      await this.#delay();
      this.#requireHeld(partition, at);
      const records = firstRun(this.#log.read(partition, at, this.#process.random.between(1, 40), to));
      if (records.length === 0) return;
      const run = toRun(this.topic, partition, records);
      yield run;
      at = run.nextOffset;
    }
  }

  async bounds(partition: number): Promise<{ start: number; end: number }> {
    await this.#delay();
    return this.#log.bounds(partition);
  }

  append(partition: number, key: Uint8Array | null, value: Uint8Array): Promise<number> {
    return this.#process.call(
      () => {
        this.#failWhenDown();
        return this.#log.append(partition, { key, value });
      },
      () => new EngineError('SOURCE_UNAVAILABLE', 'simulated: append without an answer'),
    );
  }

  async waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void> {
    for (let waitedMs = 0; waitedMs < ms; waitedMs += pollEveryMs) {
      if (signal?.aborted) throw signal.reason;
      if (partitions.some((partition) => this.#hasNews(partition))) return;
      await this.#process.clock.sleep(Math.min(pollEveryMs, ms - waitedMs), signal);
    }
  }

  async close(): Promise<void> {}

  #hasNews(partition: number): boolean {
    return this.#positions[partition] < this.#log.bounds(partition).end;
  }

  #failWhenDown(): void {
    if (this.#log.isDown) throw new EngineError('SOURCE_UNAVAILABLE', 'simulated: the brokers are down');
  }

  async #delay(): Promise<void> {
    await this.#process.clock.sleep(this.#process.random.between(1, 3));
    this.#failWhenDown();
  }
}

function cut(partition: number, offset: number): EngineError {
  return new EngineError('LOG_TRUNCATED', `simulated: lane ${partition} was read to ${offset}, and the log is another`);
}

/** How often a waiting reader looks. */
const pollEveryMs = 40;
