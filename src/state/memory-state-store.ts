import type { StreamIdentity } from '../model/lane.ts';
import { judgeCheck, judgeCommit } from './commit-rules.ts';
import type { CommitOutcome, LaneCommit, LaneMeta, LaneSnapshot, LaneStanding, StateStore } from './state-store.ts';

interface HeldLane {
  token: string | null;
  meta: LaneMeta | null;
  readonly bases: Map<number, Uint8Array>;
  readonly deltas: Map<number, Uint8Array>;
  readonly outbox: Map<number, Uint8Array>;
}

/** The twin of the embedded store for simulations: the same answers, nothing durable. */
export class MemoryStateStore implements StateStore {
  readonly #lanes = new Map<string, HeldLane>();
  readonly #generations = new Map<string, { generation: number; identity: StreamIdentity }>();

  async readGeneration(topic: string): Promise<{ generation: number; identity: StreamIdentity } | null> {
    return this.#generations.get(topic) ?? null;
  }

  async writeGeneration(topic: string, generation: number, identity: StreamIdentity): Promise<void> {
    const isNew = generation > (this.#generations.get(topic)?.generation ?? generation);
    this.#generations.set(topic, { generation, identity: { ...identity } });
    for (const lane of this.#lanes.keys()) if (isNew && lane.startsWith(`${topic}:`)) this.#lanes.delete(lane);
  }

  async claim(lane: string, token: string): Promise<LaneSnapshot> {
    const held = this.#lane(lane);
    held.token = token;
    return {
      meta: held.meta,
      bases: new Map([...held.bases].sort(([a], [b]) => a - b).map(([group, bytes]) => [group, bytes.slice()])),
      deltas: listed(held.deltas),
      outbox: listed(held.outbox),
    };
  }

  async commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]> {
    return round.map((commit) => {
      const held = this.#lane(commit.lane);
      const { seq, nextOffset } = held.meta ?? { seq: 0, nextOffset: 0 };
      const outcome = judgeCommit({ token: held.token, seq, nextOffset }, commit);
      if (outcome === 'OK') apply(held, commit);
      return outcome;
    });
  }

  async check(lane: string, token: string, seq: number): Promise<CommitOutcome> {
    const held = this.#lane(lane);
    return judgeCheck({ token: held.token, seq: held.meta?.seq ?? 0 }, token, seq);
  }

  async trim(lane: string, token: string, acknowledged: readonly number[]): Promise<CommitOutcome> {
    const held = this.#lane(lane);
    if (held.token !== token) return 'FENCED';
    for (const seq of acknowledged) held.outbox.delete(seq);
    return 'OK';
  }

  async standing(lane: string): Promise<LaneStanding | null> {
    const { meta, outbox } = this.#lane(lane);
    if (meta === null) return null;
    return { seq: meta.seq, nextOffset: meta.nextOffset, oldestOutput: listed(outbox)[0]?.seq ?? null };
  }

  /** What is held survives, as it would on a disk. */
  async close(): Promise<void> {}

  #lane(lane: string): HeldLane {
    let held = this.#lanes.get(lane);
    if (held === undefined) {
      held = { token: null, meta: null, bases: new Map(), deltas: new Map(), outbox: new Map() };
      this.#lanes.set(lane, held);
    }
    return held;
  }
}

function apply(held: HeldLane, commit: LaneCommit): void {
  const { seq, nextOffset, leaderEpoch } = commit;
  held.meta = { seq, nextOffset, ...(leaderEpoch === undefined ? {} : { leaderEpoch }) };
  held.deltas.set(commit.seq, commit.delta.slice());
  for (const seq of held.deltas.keys()) if (seq < commit.oldestDeltaSeq) held.deltas.delete(seq);
  for (const { group, bytes } of commit.bases) held.bases.set(group, bytes.slice());
  for (const seq of commit.acknowledged) held.outbox.delete(seq);
  if (commit.outbox !== null) held.outbox.set(commit.seq, commit.outbox.slice());
}

function listed(blobs: ReadonlyMap<number, Uint8Array>): { seq: number; bytes: Uint8Array }[] {
  return [...blobs].sort(([a], [b]) => a - b).map(([seq, bytes]) => ({ seq, bytes: bytes.slice() }));
}
