import type { RecordRun } from '../../events/record-run.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import { BatchQueue, type RunBounds } from './batch-queue.ts';
import { parseBatches, type RecordBatch } from './record-batch.ts';
import { type FetchedPartition, kafkaError } from './requests.ts';

/** Damage on the way heals when the batch is fetched again; after so many times it is the log's. */
const damageReadsMax = 3;

/** What is asked of the log for a lane, and how things stood then. */
export interface Question {
  readonly offset: number;
  readonly epoch: number;
  readonly appends: number;
}

/** What an answer meant for its lane. */
type Accepted = 'records' | 'nothing' | 'stale_answer' | 'stale_leader';

/**
 * One partition as we read it: our own position, what was fetched ahead of it, and how far the log is
 * known to reach. Answers to questions from before the last seek are recognised and dropped.
 */
export class KafkaLane {
  readonly partition: number;
  readonly name: string;
  readonly #topic: string;
  readonly #needsAppendTime: boolean;
  #queue: BatchQueue | null = null;
  /** Where the next fetch begins: past all that waits in the queue. */
  #fetchOffset = 0;
  /** Leaders that appended what lies before the position, and before the next fetch; -1 = not known. */
  #positionEpoch = -1;
  #lastEpoch = -1;
  /** Committed records end here, as last heard; Infinity = not asked since the last seek. */
  #stableEnd = Number.POSITIVE_INFINITY;
  /** Counts our own appends: an answer to a question from before one does not know where the log ends. */
  #appends = 0;
  /** Counts seeks, so that an answer knows whether it is still wanted. */
  #epoch = 0;
  failure: unknown = null;
  /** When somebody last asked for records, steady ms. */
  askedMs = Number.NEGATIVE_INFINITY;
  /** The next fetch begins where a batch does: one was fetched since the last seek. */
  #isAligned = false;
  /** The batch that was last found damaged, and how often. */
  #damaged = { offset: -1, reads: 0 };
  /** A fetch of this lane alone under way. */
  reading: Promise<void> | null = null;

  constructor(topic: string, partition: number, needsAppendTime: boolean) {
    this.#topic = topic;
    this.partition = partition;
    this.name = `${topic}:${partition}`;
    this.#needsAppendTime = needsAppendTime;
  }

  /** False until the first seek. */
  get isPlaced(): boolean {
    return this.#queue !== null;
  }

  get position(): number {
    return this.#queue?.position ?? 0;
  }

  get fetchOffset(): number {
    return this.#fetchOffset;
  }

  /** Epoch of the leader that appended the last batch fetched. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** Epoch of the leader that appended what lies before the position. */
  get positionEpoch(): number {
    return this.#positionEpoch;
  }

  get bufferedBytes(): number {
    return this.#queue?.bytes ?? 0;
  }

  get isBuffered(): boolean {
    return this.#queue !== null && !this.#queue.isEmpty;
  }

  /** True when the log may hold records that were not fetched yet. */
  get mayHaveMore(): boolean {
    return this.#fetchOffset < this.#stableEnd;
  }

  /** The next record comes only after `unpack`. */
  get isWaiting(): boolean {
    return this.#queue?.isWaiting === true;
  }

  async unpack(): Promise<void> {
    await this.#queue?.unpack();
  }

  /** `leaderEpoch`: of the record before `offset`, where it is known. */
  place(offset: number, leaderEpoch = -1): void {
    this.#epoch += 1;
    this.#positionEpoch = leaderEpoch;
    this.#lastEpoch = leaderEpoch;
    this.#queue?.close();
    this.#queue = new BatchQueue({ topic: this.#topic, partition: this.partition }, offset, this.#needsAppendTime);
    this.#fetchOffset = offset;
    this.#isAligned = false;
    this.#stableEnd = Number.POSITIVE_INFINITY;
    this.failure = null;
    // A fetch that hangs must not hold up the one from the new place.
    this.reading = null;
  }

  /** What was fetched last was damaged, and shall be fetched again before it is given up. */
  get isDoubtful(): boolean {
    return this.#damaged.offset === this.#fetchOffset && this.#damaged.reads < damageReadsMax;
  }

  /** Nobody reads on. */
  close(): void {
    this.#queue?.close();
  }

  /** Our own record is in the log. */
  noteAppended(offset: number): void {
    if (offset < this.#fetchOffset) return;
    this.#appends += 1;
    this.#stableEnd = Number.POSITIVE_INFINITY;
  }

  ask(): Question {
    return { offset: this.#fetchOffset, epoch: this.#epoch, appends: this.#appends };
  }

  take(bounds: RunBounds): RecordRun | null {
    const from = this.position;
    const run = this.#queue?.take(bounds) ?? null;
    if (run !== null && run.leaderEpoch >= 0) this.#positionEpoch = run.leaderEpoch;
    assert(run === null || run.count === 0 || run.offsets[0] >= from, `${this.name} reads on at its own position`);
    return run;
  }

  /** Takes the answer to a fetch of `asked` in. Throws what waiting does not heal. */
  accept(answer: FetchedPartition, asked: Question): Accepted {
    if (asked.epoch !== this.#epoch || asked.offset !== this.#fetchOffset || this.#queue === null)
      return 'stale_answer';
    if (answer.error !== kafkaError.none) return this.#refuse(answer.error);
    if (answer.diverging !== null) throw truncatedLog(this.name, this.#fetchOffset, answer.diverging.endOffset);
    const parsed = this.#fitting(parseBatches(answer.records, answer.aborted), answer.stableEnd);
    const batches = parsed.filter((batch) => batch.damage === null || this.#isLost(batch, answer.stableEnd));
    if (batches.length === 0 && parsed.length > 0) throw this.#readAgain(parsed[0]);
    this.#queue.push(batches);
    this.#isAligned ||= batches.length > 0;
    this.#fetchOffset = Math.max(this.#fetchOffset, batches.at(-1)?.nextOffset ?? 0);
    this.#lastEpoch = batches.findLast(({ damage }) => damage === null)?.leaderEpoch ?? this.#lastEpoch;
    if (asked.appends === this.#appends) this.#stableEnd = answer.stableEnd;
    publishFact('lane.end', { lane: this.name, partition: this.partition, endOffset: answer.stableEnd });
    return batches.length > 0 ? 'records' : 'nothing';
  }

  /**
   * The batches up to the first whose offsets cannot be: the checksum does not cover where a batch begins, and a
   * wrong place would hide its records or those behind it.
   */
  #fitting(parsed: readonly RecordBatch[], stableEnd: number): RecordBatch[] {
    let expected = this.#fetchOffset;
    let isAligned = this.#isAligned;
    const fitting: RecordBatch[] = [];
    for (const batch of parsed) {
      const isBehind = batch.nextOffset > expected && batch.nextOffset <= stableEnd;
      if (!isBehind || (isAligned && batch.baseOffset < expected))
        return [...fitting, { ...batch, damage: batch.damage ?? 'its offsets are not what the log holds there' }];
      fitting.push(batch);
      expected = batch.nextOffset;
      isAligned = true;
    }
    return fitting;
  }

  /**
   * Whether a damaged batch was read often enough to be given up. Throws BATCH_DAMAGED when it does not even
   * say where it ends, so that nobody can read on behind it.
   */
  #isLost({ baseOffset, nextOffset, damage }: RecordBatch, stableEnd: number): boolean {
    const isAgain = this.#damaged.offset === this.#fetchOffset;
    const reads = isAgain ? this.#damaged.reads + 1 : 1;
    this.#damaged = { offset: this.#fetchOffset, reads };
    if (reads < damageReadsMax) return false;
    // The checksum does not cover the offsets; they are believed where they fit what we asked for.
    const isPlaced = baseOffset <= this.#fetchOffset || this.#isAligned;
    if (isPlaced && nextOffset > this.#fetchOffset && nextOffset <= stableEnd) return true;
    throw new EngineError(
      'BATCH_DAMAGED',
      `${this.name}: what lies at offset ${this.#fetchOffset} cannot be read (${damage}) and does not say where it ends`,
    );
  }

  #readAgain({ baseOffset, damage }: RecordBatch): EngineError {
    return new EngineError(
      'SOURCE_UNAVAILABLE',
      `${this.name}: the batch at offset ${baseOffset} is damaged (${damage}); it is fetched again`,
    );
  }

  #refuse(error: number): Accepted {
    if (error === kafkaError.offsetOutOfRange)
      throw new EngineError(
        'OFFSET_OUT_OF_RANGE',
        `${this.name} no longer holds offset ${this.#fetchOffset}: its retention is shorter than our pause, or the topic was cut. Restore the records, or restart with --new-generation to begin at the oldest record held`,
      );
    if (error === kafkaError.topicAuthorizationFailed)
      throw new EngineError('SOURCE_REFUSED', `we may not read ${this.name}; grant READ on the topic`);
    return 'stale_leader';
  }
}

/** The log is not the one that was read: `endOffset` is where the two part, as far as the leader knows. */
export function truncatedLog(lane: string, offset: number, endOffset: number): EngineError {
  const parting = endOffset < 0 ? 'somewhere before it' : `from offset ${Math.min(endOffset, offset)} on`;
  return new EngineError(
    'LOG_TRUNCATED',
    `${lane} was read up to offset ${offset}, and the log has lost what it held ${parting}: other records take, or will take, those offsets (an unclean election, or a broker restored from an old copy). Either bring back a replica that still holds the lost records, and let it lead; or restart with --new-generation, which builds everything anew from what the log holds now`,
  );
}
