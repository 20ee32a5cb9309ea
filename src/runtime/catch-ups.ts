import type { Source } from '../sources/source.ts';
import type { Alarm } from './alarm.ts';
import { askBounds } from './ask-bounds.ts';
import type { LaneRunner } from './lane-runner.ts';

interface CatchUp {
  /** Where the log of each lane ended when somebody asked. */
  readonly ends: ReadonlyMap<number, number>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Who waits until what the log held when they asked is committed and delivered. */
export class CatchUps {
  readonly #source: Source;
  /** Rung when the runner stops. */
  readonly #retryAlarm: Alarm;
  /** Lets the loop look at once. */
  readonly #wake: () => void;
  readonly #isAssigned = Promise.withResolvers<void>();
  #lanes: () => readonly LaneRunner[] = () => [];
  #waiting: CatchUp[] = [];
  #ending: { readonly error: unknown } | null = null;

  constructor(source: Source, retryAlarm: Alarm, wake: () => void) {
    this.#source = source;
    this.#retryAlarm = retryAlarm;
    this.#wake = wake;
    // Whoever waits is told; nobody need.
    this.#isAssigned.promise.catch(() => undefined);
  }

  /** The first assignment is there; `lanes` are ours whenever it is called. */
  assigned(lanes: () => readonly LaneRunner[]): void {
    this.#lanes = lanes;
    this.#isAssigned.resolve();
  }

  async add(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => resolve(), { once: true });
    if (signal?.aborted) return;
    this.#begin(resolve, reject).catch(reject);
    await promise;
  }

  async #begin(resolve: () => void, reject: (error: unknown) => void): Promise<void> {
    await this.#isAssigned.promise;
    const ends = new Map<number, number>();
    const question = { source: this.#source, retryAlarm: this.#retryAlarm, isEnded: () => this.#ending !== null };
    for (const { partition } of this.#lanes()) ends.set(partition, (await askBounds(partition, question)).end);
    if (this.#ending !== null) throw this.#ending.error;
    this.#waiting.push({ ends, resolve, reject });
    this.#wake();
  }

  /** Somebody waits for nothing but commits. */
  get isHurried(): boolean {
    return this.#waiting.some((each) => this.#isReached(each, ({ session }) => session?.nextOffset ?? -1));
  }

  /** To be called whenever a commit or a delivery may have ended. */
  answer(isDelivered: boolean): void {
    if (this.#waiting.length === 0 || !isDelivered) return;
    const halted = this.#lanes().find(({ haltedBy }) => haltedBy !== null);
    this.#waiting = this.#waiting.filter((each) => {
      if (!this.#isReached(each, ({ session }) => session?.committedOffset ?? -1)) {
        // Nobody waits for a person.
        if (halted !== undefined) each.reject(halted.haltedBy);
        return halted === undefined;
      }
      each.resolve();
      return false;
    });
  }

  /** The runner ends, by an error or because it was told to. */
  giveUp(failure: unknown): void {
    if (this.#ending !== null) return;
    const error = failure ?? new Error('the runner was stopped');
    this.#ending = { error };
    this.#isAssigned.reject(error);
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }

  /** A lane that moved to another instance since is that one's to bring to its end. */
  #isReached({ ends }: CatchUp, offsetOf: (lane: LaneRunner) => number): boolean {
    return this.#lanes().every((lane) => offsetOf(lane) >= (ends.get(lane.partition) ?? -1));
  }
}
