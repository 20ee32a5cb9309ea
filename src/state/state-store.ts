import type { FiledRun } from '../events/filed-run.ts';
import type { StreamIdentity } from '../model/lane.ts';

/** Durable state of one lane as a claim returns it. Blobs are opaque to the store. */
export interface LaneSnapshot {
  /** Null before the first commit ever: start from the log's start, never from its end. */
  readonly meta: LaneMeta | null;
  /** Newest base blob of each key group, by group number. */
  readonly bases: ReadonlyMap<number, Uint8Array>;
  /** Deltas in order of seq, none newer than `meta.seq`. */
  readonly deltas: readonly { seq: number; bytes: Uint8Array }[];
  /** Output chunks not yet acknowledged by every sink, in order of seq. */
  readonly outbox: readonly { seq: number; bytes: Uint8Array }[];
}

export interface LaneMeta {
  readonly seq: number;
  /** First offset not yet applied. */
  readonly nextOffset: number;
  /** Epoch of the leader that appended the record before it; absent where it is not known. */
  readonly leaderEpoch?: number;
}

/** How far a lane is, whoever owns it. */
export interface LaneStanding {
  readonly seq: number;
  /** First offset not yet applied. */
  readonly nextOffset: number;
  /** The oldest commit whose output not every sink has acknowledged; null when there is none. */
  readonly oldestOutput: number | null;
}

/** One lane's share of a commit round; applied whole or not at all. */
export interface LaneCommit {
  readonly lane: string;
  /** From `claim`; random per claim, so an old owner can never pass for the new one. */
  readonly token: string;
  /** Compare-and-set: the seq this commit builds on. 0 = before the first. */
  readonly prevSeq: number;
  /** prevSeq + 1. */
  readonly seq: number;
  readonly nextOffset: number;
  readonly leaderEpoch?: number;
  /**
   * `nextOffset` of the commit this one builds on, when there is one: the second half of the
   * compare-and-set. A store behind a network checks it too (and `nextOffset` before it says DUP): a
   * lost tail together with a claim that arrives twice can put our token over another owner's commit.
   */
  readonly prevOffset?: number;
  readonly delta: Uint8Array;
  /** Rewritten bases; each holds its group's state at `seq`. */
  readonly bases: readonly { group: number; bytes: Uint8Array }[];
  /** Deltas below this seq are covered by bases and are dropped. */
  readonly oldestDeltaSeq: number;
  /** Output of this commit; null when it has none. */
  readonly outbox: Uint8Array | null;
  /** Raw records for a store that keeps them itself, as a table does; every other is given none. */
  readonly filed?: readonly FiledRun[];
  /** Seqs whose output every sink has acknowledged; their chunks are dropped, where they are still there. */
  readonly acknowledged: readonly number[];
}

/**
 * OK = applied now. DUP = it was applied before: this very commit, whose answer was lost, or, after a
 * claim that came late, another owner's up to the same offset, with the same state but other bases.
 * FENCED = the lane has another owner. GAP = the stored seq is not `prevSeq`: the store lost its tail,
 * or this is a delayed duplicate. After FENCED or GAP the owner drops its memory and claims again.
 */
export type CommitOutcome = 'OK' | 'DUP' | 'FENCED' | 'GAP';

/** Where lanes are kept between two owners: the part of a state store that the runner knows. */
export interface LaneStore {
  /** Makes `token` the owner of the lane and returns all it holds. */
  claim(lane: string, token: string): Promise<LaneSnapshot>;
  /** All lanes of a round; each succeeds or fails by itself. Throws STATE_UNAVAILABLE = unknown outcome. */
  commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]>;
  /** For an idle owner: is it still the owner at this seq? */
  check(lane: string, token: string, seq: number): Promise<CommitOutcome>;
  /** Drops acknowledged output of an idle lane without a commit. */
  trim(lane: string, token: string, acknowledged: readonly number[]): Promise<CommitOutcome>;
  /** How far a lane is; no claim, its owner goes on. Null when it never committed, as far as this store knows. */
  standing(lane: string): Promise<LaneStanding | null>;
  /** These partitions, and no others, are ours from now on; for a store in which progress of others shows. */
  assigned?(partitions: readonly number[]): void;
  /**
   * False while a store that lost everything could not bring the lane back, and has not tried for long:
   * then nobody else may remember the lane either, or its loss in its first seconds, which a replay from
   * the log's start mends, would pass for the loss of a history. Absent = always true.
   */
  isRecoverable?(lane: string): boolean;
}

/**
 * The durable truth: {delta, next offset, seq, owner token, outbox} of a lane change together.
 * Exam: test/exams/state-store-exam.ts.
 */
export interface StateStore extends LaneStore {
  /** The generation number this store holds for the stream, or null when it holds none. */
  readGeneration(topic: string): Promise<{ generation: number; identity: StreamIdentity } | null>;
  /** A higher number than before starts the topic's lanes anew: what they held belongs to another history. */
  writeGeneration(topic: string, generation: number, identity: StreamIdentity): Promise<void>;
  close(): Promise<void>;
}
