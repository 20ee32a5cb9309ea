import type { RecordRun } from '../events/record-run.ts';
import type { LaneMeta } from '../state/state-store.ts';
import type { LaneProgram } from './lane-program.ts';
import { OffsetBalance } from './offset-balance.ts';

/** All we know of a lane under one claim. A lost claim takes its session with it, memory and all. */
export class LaneSession {
  readonly partition: number;
  readonly name: string;
  readonly token: string;
  readonly program: LaneProgram;
  /** Seq of the last commit that the store is known to hold. */
  seq: number;
  /** First offset not yet applied. */
  nextOffset: number;
  /** Epoch of the leader that appended the record before `nextOffset`; absent where it is not known. */
  leaderEpoch: number | undefined;
  /** First offset not yet covered by a commit. */
  committedOffset: number;
  /** Seqs that every sink has; the next commit or trim drops their chunks. */
  readonly acknowledged = new Set<number>();
  /** The last of those that the store has dropped. */
  #dropped: readonly number[] = [];
  /** A call to the store is under way: no other may start. */
  isStoreBusy = false;
  /** The claim is lost; nothing of this session may be used any more. */
  isLost = false;
  /** A run whose writer schema is being learned; it must be applied before the next poll. */
  pendingRun: RecordRun | null = null;
  isLearning = false;
  /** More than a whole poll waits in the log, or the run is to its end: nobody waits for what is committed now. */
  isBehind = false;
  /** What becomes of the offsets that it passes. */
  readonly balance: OffsetBalance;
  lastCommitMs: number;
  lastCheckMs: number;

  constructor(
    lane: { partition: number; name: string },
    token: string,
    program: LaneProgram,
    meta: LaneMeta,
    nowMs: number,
  ) {
    this.partition = lane.partition;
    this.name = lane.name;
    this.token = token;
    this.program = program;
    this.seq = meta.seq;
    this.nextOffset = meta.nextOffset;
    this.leaderEpoch = meta.leaderEpoch;
    this.committedOffset = meta.nextOffset;
    this.balance = new OffsetBalance(program.tally);
    this.lastCommitMs = nowMs;
    this.lastCheckMs = nowMs;
  }

  get isDirty(): boolean {
    return this.nextOffset > this.committedOffset;
  }

  /**
   * Seqs whose chunks the store is to drop. It is told of the last ones again: a fail-over of the store may
   * have lost that they were dropped, and nobody else would notice before the next claim.
   */
  get toDrop(): number[] {
    return [...this.#dropped, ...this.acknowledged];
  }

  /** The store has dropped them. */
  dropped(seqs: readonly number[]): void {
    for (const seq of seqs) this.acknowledged.delete(seq);
    this.#dropped = seqs.slice(-toldAgainMax);
  }

  /** The chunk of `seq` has reached every sink. */
  acknowledge(seq: number): void {
    this.acknowledged.add(seq);
  }
}

/** Half a minute of commits; a fail-over loses the last seconds. */
const toldAgainMax = 64;
