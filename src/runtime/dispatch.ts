import type { Clock } from '../model/time.ts';
import type { OutputChunk, Sink } from '../sinks/sink.ts';
import { type DispatchSettings, type Parcel, SinkQueue, type SinkStatus } from './sink-queue.ts';

/**
 * Carries committed chunks to the sinks. Each sink has its own queue and its own worker, so a slow or
 * dead one delays nobody else; a chunk is acknowledged when every sink that takes one of its streams
 * has it. Nothing is dropped under pressure: the runner stops reading at a bound of `undeliveredBytes`.
 */
export class Dispatch {
  readonly #queues: readonly SinkQueue[];
  readonly #parcels = new Set<Parcel>();
  #undeliveredBytes = 0;

  constructor(
    sinks: readonly Sink[],
    clock: Clock,
    settings: DispatchSettings,
    onRejected: (sink: string, error: unknown) => void,
  ) {
    this.#queues = sinks.map(
      (sink) =>
        new SinkQueue(
          sink,
          clock,
          settings,
          () => this.#undeliveredBytes,
          (parcel) => this.#take(parcel),
          onRejected,
        ),
    );
  }

  get undeliveredBytes(): number {
    return this.#undeliveredBytes;
  }

  get isEmpty(): boolean {
    return this.#parcels.size === 0;
  }

  get rejected(): readonly string[] {
    return this.#queues.filter((queue) => queue.isRejected).map((queue) => queue.name);
  }

  status(): SinkStatus[] {
    return this.#queues.map((queue) => queue.status());
  }

  start(): void {
    for (const queue of this.#queues) queue.start();
  }

  /** Stops after the calls under way; what is queued stays in the outbox of the store. */
  stop(): void {
    for (const queue of this.#queues) queue.stop();
  }

  /** From now on nothing waits for company. */
  hurry(): void {
    for (const queue of this.#queues) queue.hurry();
  }

  /** Before the first chunk of a new claim is queued. */
  laneClaimed(lane: string): void {
    for (const queue of this.#queues) queue.laneClaimed(lane);
  }

  enqueue(chunk: OutputChunk, about: Pick<Parcel, 'claim' | 'isOld' | 'onAcknowledged'>): void {
    const bytes = chunk.streams.reduce((sum, stream) => sum + stream.bytes.length, 0);
    const takers = this.#queues.filter((queue) => queue.takes(chunk));
    if (takers.length === 0) {
      about.onAcknowledged();
      return;
    }
    const parcel = { chunk, bytes, ...about, waitingFor: takers.length, isDropped: false };
    this.#parcels.add(parcel);
    this.#undeliveredBytes += bytes;
    for (const queue of takers) queue.push(parcel);
  }

  /** Forgets what a lost claim had queued: the next claim finds in the outbox whatever is still due. */
  drop(claim: object): void {
    for (const parcel of this.#parcels) {
      if (parcel.claim !== claim) continue;
      parcel.isDropped = true;
      this.#remove(parcel);
    }
  }

  #take(parcel: Parcel): void {
    parcel.waitingFor -= 1;
    if (parcel.waitingFor > 0 || parcel.isDropped) return;
    this.#remove(parcel);
    parcel.onAcknowledged();
  }

  #remove(parcel: Parcel): void {
    if (this.#parcels.delete(parcel)) this.#undeliveredBytes -= parcel.bytes;
  }
}
