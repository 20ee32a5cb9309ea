import { isWorthRetrying } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import type { Clock } from '../../model/time.ts';

export interface WatchedLane {
  readonly partition: number;
  readonly name: string;
  readonly position: number;
  /** When somebody last asked for its records, steady ms. */
  readonly askedMs: number;
}

interface StallWatchdogPorts {
  readonly clock: Clock;
  lanes(): Iterable<WatchedLane>;
  /** Where committed records of a partition end, asked of the log and not taken from what was fetched. */
  stableEnd(partition: number): Promise<number>;
  /** Forgets what was fetched and reads on from the same position. */
  reseek(partition: number): void;
  /** Takes a new seat in the group. */
  rejoin(): void;
}

/** A lane that is asked for at least this often is one that wants records. */
const askedWithinMs = 3_000;
/** A position may stand still this long with records before it. */
export const stallMs = 15_000;

interface Sighting {
  position: number;
  sinceMs: number;
  /** What was already tried for this stall. */
  tried: number;
}

/**
 * Looks for lanes that are asked for, have records before them and yet stand still: first they are
 * read anew from the same position, then the seat in the group is taken anew. Each step is told with
 * its evidence. A lane that nobody polls, or that has read all, is no stall.
 */
export class StallWatchdog {
  readonly #ports: StallWatchdogPorts;
  readonly #sightings = new Map<number, Sighting>();

  constructor(ports: StallWatchdogPorts) {
    this.#ports = ports;
  }

  /** Looks every second until `signal` ends it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      try {
        await this.#ports.clock.sleep(1_000, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  async look(): Promise<void> {
    const nowMs = this.#ports.clock.steadyMs();
    for (const lane of this.#ports.lanes()) {
      const sighting = this.#sightings.get(lane.partition);
      const isAsked = nowMs - lane.askedMs <= askedWithinMs;
      if (sighting === undefined || sighting.position !== lane.position || !isAsked) {
        this.#sightings.set(lane.partition, { position: lane.position, sinceMs: nowMs, tried: 0 });
      } else if (nowMs - sighting.sinceMs >= stallMs) await this.#judge(lane, sighting, nowMs);
    }
  }

  async #judge(lane: WatchedLane, sighting: Sighting, nowMs: number): Promise<void> {
    const end = await this.#stableEnd(lane.partition);
    // Without an answer nothing is known; and whoever has read all may rest.
    if (end === null || end <= lane.position) {
      this.#sightings.delete(lane.partition);
      return;
    }
    const action = sighting.tried === 0 ? 'reseek' : 'rejoin';
    const frozenMs = nowMs - sighting.sinceMs;
    publishFact('source.stalled', {
      lane: lane.name,
      partition: lane.partition,
      position: lane.position,
      end,
      frozenMs,
      action,
    });
    sighting.tried += 1;
    sighting.sinceMs = nowMs;
    if (action === 'reseek') this.#ports.reseek(lane.partition);
    else this.#ports.rejoin();
  }

  async #stableEnd(partition: number): Promise<number | null> {
    try {
      return await this.#ports.stableEnd(partition);
    } catch (error) {
      if (isWorthRetrying(error)) return null;
      throw error;
    }
  }
}
