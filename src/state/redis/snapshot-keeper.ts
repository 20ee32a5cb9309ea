import { EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import type { Clock } from '../../model/time.ts';
import { laneKeys } from './lane-keys.ts';
import type { RedisCalls } from './redis-calls.ts';
import type { SnapshotArchive } from './snapshot-archive.ts';
import { takeSnapshot } from './snapshot-take.ts';

export interface OwnedLane {
  readonly token: string;
  readonly generation: number;
  readonly identity: StreamIdentity | null;
}

export interface SnapshotKeeperOptions {
  readonly calls: RedisCalls;
  readonly archive: SnapshotArchive;
  readonly clock: Clock;
  readonly keyPrefix: string;
  readonly intervalMs: number;
  /** What this process owns at the moment. */
  readonly owned: () => ReadonlyMap<string, OwnedLane>;
  /** A bug of ours: it must not stay unseen in a loop that nobody waits for. */
  readonly fail: (error: unknown) => void;
}

/** How often we look which lanes are due. */
const turnMs = 1_000;

/**
 * Copies each owned lane to the archive once in an interval, one after the other. A lane's first
 * snapshot is taken as soon as it has committed: until then a Redis that loses everything cannot be
 * told from one that never held it.
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #stop = new AbortController();
  /** Token → wall time of the last attempt. A new claim begins anew. */
  #lastMs = new Map<string, number>();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /** Takes the snapshots that are due. */
  async turn(): Promise<void> {
    const { clock, intervalMs, owned } = this.#options;
    const lanes = [...owned()];
    const lastMs = new Map<string, number>();
    for (const [lane, held] of lanes) {
      const nowMs = clock.wallMs();
      const last = this.#lastMs.get(held.token);
      const isDue = last === undefined || nowMs - last >= intervalMs;
      if (isDue && !this.#stop.signal.aborted && (await this.#take(lane, held, nowMs))) lastMs.set(held.token, nowMs);
      else if (last !== undefined) lastMs.set(held.token, last);
    }
    this.#lastMs = lastMs;
  }

  async #run(): Promise<void> {
    const { clock, fail } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await clock.sleep(turnMs, signal);
        await this.turn();
      } catch (error) {
        if (signal.aborted) return;
        fail(error);
        return;
      }
    }
  }

  /** True when the lane need not be looked at before its interval is over. */
  async #take(lane: string, held: OwnedLane, nowMs: number): Promise<boolean> {
    const { calls, archive, clock, keyPrefix } = this.#options;
    const keys = laneKeys(keyPrefix, lane);
    try {
      const taken = await takeSnapshot({ ...held, keys, takenAtMs: nowMs }, calls, archive);
      if (taken === null) return false;
      const { seq, nextOffset } = taken.record;
      const durationMs = clock.wallMs() - nowMs;
      publishFact('snapshot.written', { lane, seq, nextOffset, bytes: taken.bytes, durationMs });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      publishFact('snapshot.failed', { lane, error });
    }
    return true;
  }
}
