import { isLogTime, type RecordRun } from '../../events/record-run.ts';
import { assert, EngineError } from '../../model/errors.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import type { Clock, LogTimeMs } from '../../model/time.ts';
import type { Source } from '../source.ts';
import { KafkaAppender } from './appender.ts';
import type { KafkaConnection } from './connection.ts';
import { KafkaLane, truncatedLog } from './kafka-lane.ts';
import { LaneFetcher } from './lane-fetcher.ts';
import type { WatchedLane } from './stall-watchdog.ts';
import { TopicView } from './topic-view.ts';

interface KafkaSourceOptions {
  readonly topic: string;
  readonly mode: 'live' | 'replayed';
  readonly clock: Clock;
  /** What becomes of a batch that nobody can read: a report in its place, or the lane waits for a person. */
  readonly onDamagedBatch?: 'report' | 'stop';
}

const readBackBytesMax = 8 * 1024 * 1024;
const readBackRun = { records: 16_384, bytes: 4 * 1024 * 1024 };

/**
 * A topic of Kafka, read from our own offsets: no consumer of kafkajs takes part, so nothing is ever
 * reset to an offset that we did not name. Who reads which partition is said elsewhere (GroupMembership).
 */
export class KafkaSource implements Source {
  readonly topic: string;
  readonly #mode: 'live' | 'replayed';
  readonly #clock: Clock;
  readonly #onDamagedBatch: 'report' | 'stop';
  readonly #view: TopicView;
  readonly #fetcher: LaneFetcher;
  readonly #appender: KafkaAppender;
  readonly #lanes = new Map<number, KafkaLane>();
  /** Where advice of committed offsets goes. */
  onCommitted: (partition: number, nextOffset: number) => void = () => undefined;

  constructor(connection: KafkaConnection, options: KafkaSourceOptions) {
    this.topic = options.topic;
    this.#mode = options.mode;
    this.#clock = options.clock;
    this.#onDamagedBatch = options.onDamagedBatch ?? 'report';
    const reading = connection.openCluster();
    this.#view = new TopicView(options.topic, connection, reading);
    this.#fetcher = new LaneFetcher(this.#view, connection.openCluster());
    this.#appender = new KafkaAppender(options.topic, connection);
  }

  async identity(): Promise<StreamIdentity> {
    const { clusterId, topicId, partitions } = await this.#view.metadata();
    return { clusterId, topicId, partitions: partitions.length, mode: this.#mode };
  }

  async poll(partition: number, max: { records: number; bytes: number }): Promise<RecordRun | null> {
    const lane = await this.#placedLane(partition);
    try {
      return await this.#poll(lane, max);
    } catch (error) {
      // The brokers say no more than that they cannot: the log has forgotten the offset, or lost its tail.
      if ((error as { code?: unknown }).code === 'OFFSET_OUT_OF_RANGE') await this.#requireTail(lane);
      throw error;
    }
  }

  async #poll(lane: KafkaLane, max: { records: number; bytes: number }): Promise<RecordRun | null> {
    lane.askedMs = this.#clock.steadyMs();
    for (;;) {
      throwFailure(lane);
      const { position, positionEpoch } = lane;
      const run = lane.take(max);
      if (run !== null) {
        this.#fetcher.readAhead(lane);
        if (run.unreadable !== null) await this.#report(lane, run, position, positionEpoch);
        return run;
      }
      if (lane.isWaiting) {
        await lane.unpack();
        continue;
      }
      if (!lane.mayHaveMore) return null;
      const asked = lane.fetchOffset;
      await this.#fetcher.read(lane);
      if (lane.fetchOffset === asked && !lane.isBuffered) return null;
    }
  }

  isAtHand(partition: number): boolean {
    return this.#lanes.get(partition)?.isBuffered === true;
  }

  async seek(partition: number, offset: number, leaderEpoch = -1): Promise<void> {
    await this.#requireHeld(partition, offset, offset);
    const { name } = this.#lane(partition);
    if (leaderEpoch >= 0) {
      const end = await this.#view.epochEnd(partition, leaderEpoch);
      // An epoch that the log does not know, or that ends before us: what we read is gone.
      if (end.epoch !== leaderEpoch || end.endOffset < offset) throw truncatedLog(name, offset, end.endOffset);
    }
    this.#lane(partition).place(offset, leaderEpoch);
  }

  async *readBack(partition: number, from: number, to: number): AsyncIterable<RecordRun> {
    await this.#requireHeld(partition, from, to);
    const lane = this.#newLane(partition);
    lane.place(from);
    try {
      yield* this.#readTo(lane, to);
    } finally {
      lane.close();
    }
  }

  async *#readTo(lane: KafkaLane, to: number): AsyncIterable<RecordRun> {
    while (lane.position < to) {
      if (lane.isDoubtful) lane.failure = null;
      throwFailure(lane);
      const run = lane.take({ ...readBackRun, until: to });
      if (run === null && lane.isWaiting) await lane.unpack();
      else if (run === null) {
        const before = lane.fetchOffset;
        await this.#readAgain(lane);
        if (lane.isDoubtful) continue;
        if (lane.fetchOffset === before && !lane.isBuffered)
          throw new EngineError('SOURCE_UNAVAILABLE', `${lane.name}: an open transaction hides offset ${before}`);
      } else {
        this.#fetcher.readAhead(lane);
        if (run.unreadable !== null) await this.#dateReport(run);
        if (run.count > 0) yield run;
      }
    }
  }

  /** Nobody would come back to this very lane, so what is damaged is fetched again here. */
  async #readAgain(lane: KafkaLane): Promise<void> {
    try {
      await this.#fetcher.read(lane, readBackBytesMax);
    } catch (error) {
      if (!lane.isDoubtful) throw error;
    }
  }

  async bounds(partition: number): Promise<{ start: number; end: number }> {
    return await this.#view.bounds(partition);
  }

  async append(partition: number, key: Uint8Array | null, value: Uint8Array): Promise<number> {
    const offset = await this.#appender.append(partition, { key, value });
    this.#lanes.get(partition)?.noteAppended(offset);
    return offset;
  }

  async waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void> {
    const lanes = await Promise.all(partitions.map((partition) => this.#placedLane(partition)));
    for (const lane of lanes) lane.askedMs = this.#clock.steadyMs();
    await this.#fetcher.waitForNews(lanes, ms, signal ?? new AbortController().signal);
  }

  adviseCommitted(partition: number, nextOffset: number): void {
    this.onCommitted(partition, nextOffset);
  }

  /** The lanes that somebody reads, for whoever watches over them. */
  *lanes(): Iterable<WatchedLane> {
    for (const lane of this.#lanes.values()) if (lane.isPlaced) yield lane;
  }

  /** Where committed records end, as the log itself says. */
  async stableEnd(partition: number): Promise<number> {
    return await this.#view.stableEnd(partition);
  }

  /** Every lane tells this trouble with its next poll. */
  fail(error: unknown): void {
    for (const lane of this.#lanes.values()) lane.failure = error;
  }

  /** Forgets what was fetched of a lane and who leads it, and reads on from the same position. */
  reseek(partition: number): void {
    this.#view.markStale();
    const lane = this.#lane(partition);
    lane.place(lane.position, lane.positionEpoch);
  }

  async close(): Promise<void> {
    await this.#appender.close();
  }

  /** Hands a report out, or throws BATCH_DAMAGED; then the next poll fetches the batch again. */
  async #report(lane: KafkaLane, run: RecordRun, from: number, epoch: number): Promise<void> {
    const { unreadable } = run;
    assert(unreadable !== null, 'a run that reports says what');
    if (unreadable.reason !== 'damaged_batch' || this.#onDamagedBatch === 'report') return await this.#dateReport(run);
    lane.place(from, epoch);
    throw new EngineError('BATCH_DAMAGED', `${lane.name}: ${unreadable.detail}`);
  }

  /** A report whose own time cannot be believed is as old as what lies before it. */
  async #dateReport(run: RecordRun): Promise<void> {
    if (!isLogTime(run.logTimes[0])) run.logTimes[0] = await this.#timeBefore(run.partition, run.offsets[0]);
  }

  /** Append time of the nearest batch before `offset` that can be believed; 0 where the log holds none. */
  async #timeBefore(partition: number, offset: number): Promise<LogTimeMs> {
    const { start } = await this.#view.bounds(partition);
    for (let back = 1, at = offset; at > start; back *= 2) {
      at = Math.max(start, offset - back);
      const times = await this.#fetcher.timesAt(this.#newLane(partition), at, offset);
      if (times.length > 0) return times[times.length - 1];
    }
    return 0 as LogTimeMs;
  }

  /** A lane that nobody placed begins at the oldest record held. */
  async #placedLane(partition: number): Promise<KafkaLane> {
    const lane = this.#lane(partition);
    if (!lane.isPlaced) {
      const { start } = await this.#view.bounds(partition);
      if (!lane.isPlaced) lane.place(start);
    }
    return lane;
  }

  #lane(partition: number): KafkaLane {
    const lane = this.#lanes.get(partition) ?? this.#newLane(partition);
    this.#lanes.set(partition, lane);
    return lane;
  }

  #newLane(partition: number): KafkaLane {
    assert(partition >= 0, `partition ${partition} exists`);
    return new KafkaLane(this.topic, partition, this.#mode === 'live');
  }

  /** Throws LOG_TRUNCATED where the log still begins before what we read, so that retention took nothing. */
  async #requireTail(lane: KafkaLane): Promise<void> {
    const { start, end } = await this.#view.bounds(lane.partition);
    if (lane.fetchOffset >= start) throw truncatedLog(lane.name, lane.fetchOffset, Math.min(end, lane.fetchOffset));
  }

  async #requireHeld(partition: number, from: number, to: number): Promise<void> {
    const { start, end } = await this.#view.bounds(partition);
    if (to > end) throw truncatedLog(`${this.topic}:${partition}`, to, end);
    if (from >= start) return;
    throw new EngineError(
      'OFFSET_OUT_OF_RANGE',
      `${this.topic}:${partition} holds the offsets ${start} to ${end}, asked for ${from} to ${to}`,
    );
  }
}

/** Trouble met beside the poll is told once; the next poll tries again. */
function throwFailure(lane: KafkaLane): void {
  const { failure } = lane;
  if (failure === null) return;
  lane.failure = null;
  throw failure;
}
