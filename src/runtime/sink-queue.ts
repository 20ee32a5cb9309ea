import { BackOff } from '../model/back-off.ts';
import { EngineError, isWorthRetrying } from '../model/errors.ts';
import { publishFact } from '../model/facts.ts';
import type { Clock } from '../model/time.ts';
import type { OutputChunk, Sink } from '../sinks/sink.ts';
import { Alarm } from './alarm.ts';

export interface DispatchSettings {
  /** Most of what one call of a sink carries. */
  readonly roundBytesMax: number;
  readonly roundChunksMax: number;
  /** Least time between the starts of two calls of a sink, so that small chunks travel together, ms. */
  readonly roundSpacingMs: number;
  /** The same for a sink that gathers, while all that waits is of lanes that are behind, ms. */
  readonly catchUpSpacingMs: number;
  /** Nothing is gathered beyond this much undelivered output of the engine, bytes. */
  readonly gatherBytesMax: number;
}

export const defaultDispatchSettings: DispatchSettings = {
  roundBytesMax: 16 * 1024 * 1024,
  roundChunksMax: 64,
  roundSpacingMs: 200,
  // Rows of a lane far behind are old already, and a table pays for each call more than for its rows.
  catchUpSpacingMs: 5_000,
  gatherBytesMax: 16 * 1024 * 1024,
};

/** A committed chunk on its way; shared by the queues of all sinks that take one of its streams. */
export interface Parcel {
  readonly chunk: OutputChunk;
  readonly bytes: number;
  /** The claim under which it was queued: its acknowledgement means nothing to a later claim. */
  readonly claim: object;
  readonly onAcknowledged: () => void;
  /** Its lane is behind: nobody waits for it. */
  readonly isOld: boolean;
  /** Sinks that have not taken it yet. */
  waitingFor: number;
  isDropped: boolean;
}

/** An empty queue sleeps until a chunk rings; the number only bounds one sleep. */
const idleMs = 60_000;

export interface SinkStatus {
  readonly name: string;
  readonly chunksQueued: number;
  readonly rowsDelivered: number;
  /** True when the last call went well, or none was made yet. */
  readonly isUp: boolean;
  readonly isRejected: boolean;
  readonly lastError: string | null;
}

/** The queue of one sink and the worker that empties it, oldest first, one call at a time. */
export class SinkQueue {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #settings: DispatchSettings;
  readonly #undelivered: () => number;
  readonly #onTaken: (parcel: Parcel) => void;
  readonly #onRejected: (sink: string, error: unknown) => void;
  readonly #streams: ReadonlySet<string>;
  readonly #alarm: Alarm;
  /** Rung to end a back-off; new chunks do not, or a dead sink would be hammered. */
  readonly #retryAlarm: Alarm;
  readonly #backOff = new BackOff();
  #parcels: Parcel[] = [];
  #lastStartMs = -Infinity;
  #rowsDelivered = 0;
  #lastError: string | null = null;
  #isStopped = false;
  #isHurried = false;
  isRejected = false;

  constructor(
    sink: Sink,
    clock: Clock,
    settings: DispatchSettings,
    undelivered: () => number,
    onTaken: (parcel: Parcel) => void,
    onRejected: (sink: string, error: unknown) => void,
  ) {
    this.#sink = sink;
    this.#clock = clock;
    this.#settings = settings;
    this.#undelivered = undelivered;
    this.#onTaken = onTaken;
    this.#onRejected = onRejected;
    this.#streams = new Set(sink.streams);
    this.#alarm = new Alarm(clock);
    this.#retryAlarm = new Alarm(clock);
  }

  get name(): string {
    return this.#sink.name;
  }

  takes(chunk: OutputChunk): boolean {
    return chunk.streams.some(({ stream }) => this.#streams.has(stream));
  }

  laneClaimed(lane: string): void {
    this.#sink.laneClaimed?.(lane);
  }

  push(parcel: Parcel): void {
    this.#parcels.push(parcel);
    this.#alarm.ring();
  }

  hurry(): void {
    this.#isHurried = true;
    this.#alarm.ring();
    this.#retryAlarm.ring();
  }

  stop(): void {
    this.#isStopped = true;
    this.#alarm.ring();
    this.#retryAlarm.ring();
  }

  start(): void {
    this.#work().catch((error: unknown) => this.#reject(error));
  }

  status(): SinkStatus {
    return {
      name: this.name,
      chunksQueued: this.#parcels.length,
      rowsDelivered: this.#rowsDelivered,
      isUp: this.#lastError === null,
      isRejected: this.isRejected,
      lastError: this.#lastError,
    };
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      this.#parcels = this.#parcels.filter((parcel) => !parcel.isDropped);
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        await this.#alarm.sleep(waitMs);
        continue;
      }
      const round = this.#nextRound();
      await this.#deliver(round);
      if (this.#isStopped) return;
      this.#parcels.splice(0, round.length);
      for (const parcel of round) this.#onTaken(parcel);
    }
  }

  /** How long until the next call may start; an idle sink gets its first chunk at once. */
  #waitMs(): number {
    if (this.#parcels.length === 0) return idleMs;
    const isFull = this.#parcels.length >= this.#settings.roundChunksMax;
    if (isFull || this.#isHurried) return 0;
    const spacingMs = this.#mayGather() ? this.#settings.catchUpSpacingMs : this.#settings.roundSpacingMs;
    return this.#lastStartMs + spacingMs - this.#clock.steadyMs();
  }

  /** Whether calls are dear, nobody waits for what is queued, and lanes are far from pausing for it. */
  #mayGather(): boolean {
    const hasRoom = this.#undelivered() < this.#settings.gatherBytesMax;
    return this.#sink.gathersOldRows === true && hasRoom && this.#parcels.every(({ isOld }) => isOld);
  }

  #nextRound(): Parcel[] {
    let bytes = 0;
    let count = 0;
    for (const parcel of this.#parcels) {
      bytes += parcel.bytes;
      if (count === this.#settings.roundChunksMax) break;
      if (count > 0 && bytes > this.#settings.roundBytesMax) break;
      count += 1;
    }
    return this.#parcels.slice(0, count);
  }

  /** Tries the same chunks until the sink has them; the order of a sink's chunks never changes. */
  async #deliver(round: readonly Parcel[]): Promise<void> {
    const chunks = round.map(({ chunk }) => ({
      ...chunk,
      streams: chunk.streams.filter(({ stream }) => this.#streams.has(stream)),
    }));
    while (!this.#isStopped) {
      const startMs = this.#clock.steadyMs();
      this.#lastStartMs = startMs;
      try {
        await this.#sink.deliver(chunks);
        this.#succeed(chunks, this.#clock.steadyMs() - startMs);
        return;
      } catch (error) {
        if (!isWorthRetrying(error)) throw error;
        const waitMs = this.#backOff.fail();
        this.#lastError = String(error);
        publishFact('sink.failed', { sink: this.name, attempt: this.#backOff.attempts, isFinal: false, error });
        await this.#retryAlarm.sleep(waitMs);
      }
    }
  }

  #succeed(chunks: readonly OutputChunk[], durationMs: number): void {
    this.#backOff.succeed();
    this.#lastError = null;
    const rows = new Map<string, number>();
    let bytes = 0;
    for (const chunk of chunks) {
      for (const stream of chunk.streams) {
        rows.set(stream.stream, (rows.get(stream.stream) ?? 0) + stream.rows);
        this.#rowsDelivered += stream.rows;
        bytes += stream.bytes.length;
      }
    }
    const streams = [...rows].map(([stream, count]) => ({ stream, rows: count }));
    publishFact('sink.delivered', { sink: this.name, chunks: chunks.length, bytes, durationMs, streams });
  }

  /** The sink refuses, or broke its contract: it stops, keeps what it has queued, and says so. */
  #reject(cause: unknown): void {
    const error =
      cause instanceof EngineError
        ? cause
        : new EngineError('SINK_REJECTED', `sink ${this.name} failed: ${String(cause)}`, { cause });
    this.isRejected = true;
    this.#isStopped = true;
    this.#lastError = String(error);
    publishFact('sink.failed', { sink: this.name, attempt: this.#backOff.attempts + 1, isFinal: true, error });
    this.#onRejected(this.name, error);
  }
}
