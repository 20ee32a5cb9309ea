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

interface SnapshotKeeperOptions {
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
/** A snapshot that failed is tried again after this long: Redis may be back by then. */
const retryMs = 5_000;
/** Long enough for a Redis that is restarted; who gets no snapshot for longer must be told when Redis loses the lane. */
const patienceMs = 60_000;

/** What came of a claim's snapshots so far. */
interface Tries {
  readonly firstMs: number;
  readonly dueMs: number;
  readonly isKept: boolean;
}

/**
 * Copies each owned lane to the archive once in an interval, one after the other. A lane's first
 * snapshot is taken as soon as it has committed: until then a Redis that loses everything cannot be
 * told from one that never held it.
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #stop = new AbortController();
  /** By token: a new claim begins anew. */
  #tries = new Map<string, Tries>();
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

  /** A snapshot of this claim can bring the lane back, or would not come about although we tried for long. */
  isSettled(token: string): boolean {
    const tries = this.#tries.get(token);
    if (tries === undefined) return false;
    return tries.isKept || this.#options.clock.steadyMs() - tries.firstMs >= patienceMs;
  }

  /** Takes the snapshots that are due. */
  async turn(): Promise<void> {
    const { clock, owned } = this.#options;
    const lanes = [...owned()];
    const tokens = new Set(lanes.map(([, { token }]) => token));
    for (const token of this.#tries.keys()) if (!tokens.has(token)) this.#tries.delete(token);
    for (const [lane, held] of lanes) {
      const nowMs = clock.steadyMs();
      const isDue = nowMs >= (this.#tries.get(held.token)?.dueMs ?? Number.NEGATIVE_INFINITY);
      if (isDue && !this.#stop.signal.aborted) await this.#take(lane, held, nowMs);
    }
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

  async #take(lane: string, held: OwnedLane, nowMs: number): Promise<void> {
    const { calls, archive, clock, keyPrefix, intervalMs } = this.#options;
    const keys = laneKeys(keyPrefix, lane);
    const { firstMs = nowMs, isKept = false } = this.#tries.get(held.token) ?? {};
    try {
      const taken = await takeSnapshot({ ...held, keys, takenAtMs: clock.wallMs() }, calls, archive);
      // Nothing is committed yet: looked at again with the next turn.
      if (taken === null) return;
      this.#tries.set(held.token, { firstMs, dueMs: nowMs + intervalMs, isKept: true });
      const { seq, nextOffset } = taken.record;
      const durationMs = clock.steadyMs() - nowMs;
      publishFact('snapshot.written', { lane, seq, nextOffset, bytes: taken.bytes, durationMs });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.#tries.set(held.token, { firstMs, dueMs: nowMs + Math.min(intervalMs, retryMs), isKept });
      publishFact('snapshot.failed', { lane, error });
    }
  }
}
