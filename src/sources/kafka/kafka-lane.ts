import type { RecordRun } from '../../events/record-run.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import { BatchQueue, type RunBounds } from './batch-queue.ts';
import { parseBatches } from './record-batch.ts';
import { type FetchedPartition, kafkaError } from './requests.ts';

/** What is asked of the log for a lane, and how things stood then. */
export interface Question {
  readonly offset: number;
  readonly epoch: number;
  readonly appends: number;
}

/** What an answer meant for its lane. */
export type Accepted = 'records' | 'nothing' | 'stale_answer' | 'stale_leader';

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
  /** Committed records end here, as last heard; Infinity = not asked since the last seek. */
  #stableEnd = Number.POSITIVE_INFINITY;
  /** Counts our own appends: an answer to a question from before one does not know where the log ends. */
  #appends = 0;
  /** Counts seeks, so that an answer knows whether it is still wanted. */
  #epoch = 0;
  failure: unknown = null;
  /** When somebody last asked for records, steady ms. */
  askedMs = Number.NEGATIVE_INFINITY;
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

  place(offset: number): void {
    this.#epoch += 1;
    this.#queue = new BatchQueue({ topic: this.#topic, partition: this.partition }, offset, this.#needsAppendTime);
    this.#fetchOffset = offset;
    this.#stableEnd = Number.POSITIVE_INFINITY;
    this.failure = null;
    // A fetch that hangs must not hold up the one from the new place.
    this.reading = null;
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
    assert(run === null || run.count === 0 || run.offsets[0] >= from, `${this.name} reads on at its own position`);
    return run;
  }

  /** Takes the answer to a fetch of `asked` in. Throws what waiting does not heal. */
  accept(answer: FetchedPartition, asked: Question): Accepted {
    if (asked.epoch !== this.#epoch || asked.offset !== this.#fetchOffset || this.#queue === null)
      return 'stale_answer';
    if (answer.error !== kafkaError.none) return this.#refuse(answer.error);
    const batches = parseBatches(answer.records, answer.aborted, this.name);
    this.#queue.push(batches);
    this.#fetchOffset = Math.max(this.#fetchOffset, batches.at(-1)?.nextOffset ?? 0);
    if (asked.appends === this.#appends) this.#stableEnd = answer.stableEnd;
    publishFact('lane.end', { lane: this.name, partition: this.partition, endOffset: answer.stableEnd });
    return batches.length > 0 ? 'records' : 'nothing';
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
