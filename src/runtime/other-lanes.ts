import { EngineError, isWorthRetrying } from '../model/errors.ts';
import { laneName } from '../model/lane.ts';
import type { Clock } from '../model/time.ts';
import type { Source } from '../sources/source.ts';
import type { LaneStanding, LaneStore } from '../state/state-store.ts';
import type { Alarm } from './alarm.ts';
import { askBounds } from './ask-bounds.ts';

interface OtherLanesPorts {
  readonly source: Source;
  readonly store: LaneStore;
  readonly clock: Clock;
  /** Rung when the runner stops. */
  readonly retryAlarm: Alarm;
  readonly isEnded: () => boolean;
  /** How long nobody need move a lane that has not arrived before we give up. */
  readonly patienceMs: number;
}

/** A lane that another instance has, or nobody: what is known of it. */
interface Awaited {
  readonly end: number;
  standing: LaneStanding | null;
  /** The commit with which it reached its end; 0 = it has not. */
  arrivedSeq: number;
}

/** How often the store is asked how far the lanes of others are. */
const lookEveryMs = 500;

/**
 * Lanes of a run to the log's end that are not ours: others of the group have them, or a member that was
 * killed has them still, until the group misses it. The run is over when each is committed up to where the
 * log ended when the run began, and what it told the sinks has arrived.
 */
export class OtherLanes {
  readonly #ports: OtherLanesPorts;
  readonly #lanes: ReadonlyMap<number, Awaited>;
  readonly #done = new Set<number>();
  #looking: Promise<void> | null = null;
  #nextLookMs = Number.NEGATIVE_INFINITY;
  /** Since when nothing has moved. */
  #quietSinceMs: number;
  #seen = '';

  private constructor(ports: OtherLanesPorts, lanes: ReadonlyMap<number, Awaited>) {
    this.#ports = ports;
    this.#lanes = lanes;
    this.#quietSinceMs = ports.clock.steadyMs();
  }

  /** Notes where each partition ends now. */
  static async begin(partitions: number, ports: OtherLanesPorts): Promise<OtherLanes> {
    const lanes = new Map<number, Awaited>();
    for (let partition = 0; partition < partitions; partition++) {
      const { start, end } = await askBounds(partition, ports);
      // Of a log that holds nothing nobody commits anything.
      if (end > start) lanes.set(partition, { end, standing: null, arrivedSeq: 0 });
    }
    return new OtherLanes(ports, lanes);
  }

  /** Where the log of a partition ended at the beginning. */
  endOf(partition: number): number {
    return this.#lanes.get(partition)?.end ?? 0;
  }

  /** Something of ours moves: our patience with the others begins anew. */
  stir(): void {
    this.#quietSinceMs = this.#ports.clock.steadyMs();
  }

  /** Whether every lane that is not among `ours` has arrived, as far as is known. */
  areDone(ours: ReadonlySet<number>): boolean {
    return this.#left(ours).length === 0;
  }

  /** Looks beside the loop, at most once at a time; `wake` when it has seen something. */
  glance(ours: ReadonlySet<number>, wake: () => void, fail: (error: unknown) => void): void {
    if (this.#looking !== null || this.#ports.clock.steadyMs() < this.#nextLookMs) return;
    this.#looking = this.look(ours)
      .catch(fail)
      .finally(() => {
        this.#looking = null;
        wake();
      });
  }

  /**
   * Asks the store how far the others are. Throws RUN_INCOMPLETE when some have not arrived and nobody has
   * moved any of them for as long as our patience lasts.
   */
  async look(ours: ReadonlySet<number>): Promise<void> {
    const { clock, patienceMs } = this.#ports;
    const left = this.#left(ours);
    try {
      for (const partition of left) await this.#lookAt(partition);
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
      // A store that is away says nothing about the others.
      this.stir();
    }
    this.#nextLookMs = clock.steadyMs() + lookEveryMs;
    const seen = JSON.stringify([...ours, ...left.map((partition) => this.#lanes.get(partition)?.standing)]);
    if (seen !== this.#seen) this.stir();
    this.#seen = seen;
    const quietMs = clock.steadyMs() - this.#quietSinceMs;
    if (!this.areDone(ours) && quietMs >= patienceMs) throw this.#incomplete(this.#left(ours), quietMs);
  }

  /** Resolves when a look may find something new. */
  rest(): Promise<void> {
    return this.#ports.clock.sleep(lookEveryMs);
  }

  async #lookAt(partition: number): Promise<void> {
    const lane = this.#lanes.get(partition) as Awaited;
    lane.standing = await this.#ports.store.standing(this.#nameOf(partition));
    if (lane.standing === null || lane.standing.nextOffset < lane.end) return;
    const { seq, oldestOutput } = lane.standing;
    if (lane.arrivedSeq === 0) lane.arrivedSeq = seq;
    // What it says later is not part of this run.
    if (oldestOutput === null || oldestOutput > lane.arrivedSeq) this.#done.add(partition);
  }

  #left(ours: ReadonlySet<number>): number[] {
    return [...this.#lanes.keys()].filter((partition) => !ours.has(partition) && !this.#done.has(partition));
  }

  #nameOf(partition: number): string {
    return laneName({ topic: this.#ports.source.topic, partition });
  }

  #incomplete(left: readonly number[], quietMs: number): EngineError {
    const shown = left.slice(0, shownMax).map((partition) => {
      const { end, standing } = this.#lanes.get(partition) as Awaited;
      const at = standing?.nextOffset ?? 0;
      return `${this.#nameOf(partition)} (${at >= end ? 'not all of it delivered' : `${at} of ${end}`})`;
    });
    const more = left.length > shownMax ? ` and ${left.length - shownMax} more` : '';
    return new EngineError(
      'RUN_INCOMPLETE',
      `our own lanes are at their ends, but ${shown.join(', ')}${more} belong to another instance, and nobody has moved them for ${Math.round(quietMs / 1_000)} s`,
    );
  }
}

const shownMax = 5;
