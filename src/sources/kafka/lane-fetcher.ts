import { setTimeout as sleep } from 'node:timers/promises';
import { isLogTime } from '../../events/record-run.ts';
import { EngineError } from '../../model/errors.ts';
import type { LogTimeMs } from '../../model/time.ts';
import { sourceError } from './kafka-errors.ts';
import type { KafkaLane, Question } from './kafka-lane.ts';
import type { WireBroker, WireCluster } from './kafkajs-internals.ts';
import { parseBatches } from './record-batch.ts';
import { askRecords, type FetchedPartition, type FetchTarget } from './requests.ts';
import type { TopicView } from './topic-view.ts';

/** What one fetch may bring of a lane; the first batch always comes whole. */
const laneBytesMax = 1024 * 1024;
const answerBytesMax = 16 * 1024 * 1024;
/** How long a broker holds a question for news. */
const newsWaitMs = 500;
/** Questions for news are at least this far apart, so that a busy log answers with batches, not with single records. */
const newsSpacingMs = 20;
/** A lane with less than this in its queue is fetched ahead. */
const fetchAheadBytes = laneBytesMax / 2;

/** A question for news of all idle lanes that one broker leads. */
interface News {
  readonly lanes: ReadonlySet<KafkaLane>;
  readonly answered: Promise<void>;
}

/**
 * Fetches records of lanes that are asked for, and of no others: a lane that nobody polls costs
 * nothing and buffers nothing, which is all the back-pressure there is. Reading what the log is known to
 * hold and waiting for news use connections of their own, so that neither holds the other up.
 */
export class LaneFetcher {
  readonly #view: TopicView;
  readonly #newsCluster: WireCluster;
  readonly #news = new Map<number, News>();
  readonly #newsAskedMs = new Map<number, number>();

  constructor(view: TopicView, newsCluster: WireCluster) {
    this.#view = view;
    this.#newsCluster = newsCluster;
  }

  /** Fetches once from where the lane stands; a fetch already under way is joined. */
  async read(lane: KafkaLane, bytesMax = laneBytesMax): Promise<void> {
    if (lane.reading === null) {
      const reading = this.#read(lane, bytesMax).finally(() => {
        if (lane.reading === reading) lane.reading = null;
      });
      lane.reading = reading;
    }
    await lane.reading;
  }

  /** Begins to fetch what comes next, when the queue runs low; trouble is told by the lane's next poll. */
  readAhead(lane: KafkaLane): void {
    if (lane.reading !== null || !lane.mayHaveMore || lane.bufferedBytes >= fetchAheadBytes) return;
    this.read(lane).catch((error: unknown) => {
      lane.failure = error;
    });
  }

  /** Newest times of the batches of one fetch at `from` that end before `to` and can be believed, in order. */
  async timesAt(lane: KafkaLane, from: number, to: number): Promise<LogTimeMs[]> {
    lane.place(from);
    const broker = await this.#view.broker(await this.#view.leaderOf(lane.partition));
    const [answer] = await this.#ask(broker, [lane], 0, laneBytesMax);
    return answer === undefined ? [] : newestTimes(answer, to);
  }

  /** Resolves when some lane may have records, or as many ms are over, or `signal` says so. */
  async waitForNews(lanes: readonly KafkaLane[], ms: number, signal: AbortSignal): Promise<void> {
    const deadlineMs = Date.now() + ms;
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted && !lanes.some(hasNews)) {
        const leftMs = deadlineMs - Date.now();
        if (leftMs <= 0) return;
        const answers = await this.#askForNews(lanes);
        const timer = new AbortController();
        const timeout = sleep(leftMs, undefined, { signal: timer.signal }).catch(() => undefined);
        await Promise.race([...answers, aborted.promise, timeout]).finally(() => timer.abort());
      }
    } finally {
      // A signal may outlive many waits.
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #read(lane: KafkaLane, bytesMax: number): Promise<void> {
    const view = this.#view;
    const asked = lane.ask();
    const broker = await view.broker(await view.leaderOf(lane.partition));
    const [answer] = await this.#ask(broker, [lane], 0, bytesMax);
    if (answer !== undefined) this.#accept(lane, answer, asked);
  }

  async #askForNews(lanes: readonly KafkaLane[]): Promise<Promise<void>[]> {
    const byLeader = new Map<number, KafkaLane[]>();
    for (const lane of lanes) {
      const leader = await this.#view.leaderOf(lane.partition);
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), lane]);
    }
    return [...byLeader].map(([leader, led]) => {
      const news = this.#news.get(leader) ?? this.#startNews(leader, led);
      return news.answered;
    });
  }

  #startNews(leader: number, lanes: readonly KafkaLane[]): News {
    const answered = this.#askNews(leader, lanes).finally(() => this.#news.delete(leader));
    // Whoever waits for it hears of its trouble; when nobody does any more, the next question meets the same.
    answered.catch(() => undefined);
    const news = { lanes: new Set(lanes), answered };
    this.#news.set(leader, news);
    return news;
  }

  async #askNews(leader: number, lanes: readonly KafkaLane[]): Promise<void> {
    const restMs = (this.#newsAskedMs.get(leader) ?? 0) + newsSpacingMs - Date.now();
    if (restMs > 0) await sleep(restMs);
    const broker = await this.#view.broker(leader, this.#newsCluster);
    const asked = new Map(lanes.map((lane) => [lane.partition, { lane, asked: lane.ask() }]));
    this.#newsAskedMs.set(leader, Date.now());
    const answers = await this.#ask(broker, lanes, newsWaitMs, laneBytesMax);
    for (const answer of answers) {
      const question = asked.get(answer.partition);
      if (question === undefined) continue;
      try {
        this.#accept(question.lane, answer, question.asked);
      } catch (error) {
        question.lane.failure = error;
      }
    }
  }

  async #ask(
    broker: WireBroker,
    lanes: readonly KafkaLane[],
    waitMs: number,
    bytesMax: number,
  ): Promise<readonly FetchedPartition[]> {
    const { topicId } = await this.#view.metadata();
    const targets: FetchTarget[] = [];
    for (const { partition, fetchOffset, lastEpoch } of lanes) {
      const leaderEpoch = await this.#view.leaderEpochOf(partition);
      targets.push({ partition, offset: fetchOffset, bytesMax, leaderEpoch, lastEpoch });
    }
    try {
      return await askRecords(broker, { topicId, targets, waitMs, bytesMax: Math.max(answerBytesMax, bytesMax) });
    } catch (error) {
      this.#view.markStale();
      throw sourceError(error, `reading ${this.#view.topic} from broker ${broker.nodeId}`);
    }
  }

  #accept(lane: KafkaLane, answer: FetchedPartition, asked: Question): void {
    if (lane.accept(answer, asked) !== 'stale_leader') return;
    this.#view.markStale();
    throw new EngineError('SOURCE_UNAVAILABLE', `the leader of ${lane.name} has changed (error ${answer.error})`);
  }
}

function newestTimes({ records, aborted }: FetchedPartition, to: number): LogTimeMs[] {
  return parseBatches(records, aborted)
    .filter(({ damage, baseOffset, nextOffset }) => damage === null && baseOffset < nextOffset && nextOffset <= to)
    .map(({ raw }) => Number(raw.readBigInt64BE(35)))
    .filter(isLogTime);
}

function hasNews(lane: KafkaLane): boolean {
  return lane.isBuffered || lane.failure !== null || lane.mayHaveMore;
}
