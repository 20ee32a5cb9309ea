import { assert } from '../model/errors.ts';
import type { CommitOutcome, LaneCommit } from './state-store.ts';

/** What a store holds about a lane's owner; null token = never claimed, seq 0 = never committed. */
export interface LaneOwner {
  readonly token: string | null;
  readonly seq: number;
  /** `nextOffset` of that commit; 0 before the first. */
  readonly nextOffset: number;
}

/** What a commit on top of `held` comes to; the same rule in every store. Nothing is written unless OK. */
export function judgeCommit(held: LaneOwner, commit: LaneCommit): CommitOutcome {
  assert(commit.seq === commit.prevSeq + 1 && commit.prevSeq >= 0, 'a commit builds on the seq before it');
  if (held.token !== commit.token) return 'FENCED';
  // A seq alone may be another owner's (see `LaneCommit.prevOffset`).
  if (held.seq === commit.seq && held.nextOffset === commit.nextOffset) return 'DUP';
  if (held.seq !== commit.prevSeq) return 'GAP';
  const isOnTop = held.seq === 0 || commit.prevOffset === undefined || held.nextOffset === commit.prevOffset;
  return isOnTop ? 'OK' : 'GAP';
}

/** Whether `token` still owns the lane at this seq. */
export function judgeCheck(held: Pick<LaneOwner, 'token' | 'seq'>, token: string, seq: number): CommitOutcome {
  if (held.token !== token) return 'FENCED';
  return held.seq === seq ? 'OK' : 'GAP';
}
