import { BackOff } from '../model/back-off.ts';
import { assert, isWorthRetrying } from '../model/errors.ts';
import { publishFact } from '../model/facts.ts';
import type { Clock } from '../model/time.ts';
import type { CommitOutcome, LaneCommit, LaneStore } from '../state/state-store.ts';
import type { Alarm } from './alarm.ts';
import type { Dispatch } from './dispatch.ts';
import type { StreamRows } from './lane-program.ts';
import type { LaneSession } from './lane-session.ts';
import { encodeChunk, streamsOf } from './outbox.ts';

export interface CheckpointPorts {
  readonly store: LaneStore;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  /** Ends the wait between two attempts when the runner stops. */
  readonly retryAlarm: Alarm;
  readonly isStopped: () => boolean;
  /** The lane must claim again. */
  readonly onLost: (session: LaneSession) => void;
  /** The program threw when its changes were taken: nothing of the session may be used any more. */
  readonly onStumbled: (session: LaneSession, error: unknown) => void;
  /** Output of a commit reached every sink. */
  readonly onAcknowledged: () => void;
}

interface Draft {
  readonly session: LaneSession;
  readonly commit: LaneCommit;
  readonly outputs: readonly StreamRows[];
  readonly bytes: number;
  /** The lane was behind when the changes were taken. */
  readonly isOld: boolean;
}

/**
 * Commits a round of lanes: what they applied becomes true, then visible. The order is the protocol;
 * `openLane` is its mirror.
 *
 * 1. Take the changes out of memory.
 * 2. Write them to the store, the same bytes until it says what became of them.
 * 3. A lane that lost its place drops its memory and claims again.
 * 4. The others' commits are the truth now.
 * 5. Only then does output leave.
 *
 * A crash before 2 is applied: the next owner replays from the last commit. After it: the next owner
 * finds the output in the outbox and delivers it (again).
 */
export async function commitRound(sessions: readonly LaneSession[], ports: CheckpointPorts): Promise<void> {
  const startMs = ports.clock.steadyMs();
  // 1. Take the changes out of memory. From here on a lane applies into its next commit.
  const drafts = sessions.flatMap((session) => draftOf(session, startMs, ports));
  if (drafts.length === 0) return;

  // 2. Write them to the store.
  const sent = await sendUntilKnown(drafts, ports);
  if (sent === null) return;

  for (let i = 0; i < drafts.length; i++) {
    const { session, commit, outputs, bytes, isOld } = drafts[i];
    const outcome = sent.outcomes[i];
    session.isStoreBusy = false;
    // A lane that was let go meanwhile: the outbox keeps its chunks, this one after those before it.
    if (session.isLost) continue;
    // 3. A lane that lost its place drops its memory and claims again.
    if (outcome === 'FENCED' || outcome === 'GAP') {
      loseLane(session, outcome, 'commit', ports);
      continue;
    }
    // 4. The commit is the truth now. DUP = it was so already: ours, whose answer was lost, or one of another
    // owner up to the same offset, which says the same of the state but may carry other bases.
    if (outcome === 'DUP') session.program.distrustBases();
    session.seq = commit.seq;
    session.committedOffset = commit.nextOffset;
    session.dropped(commit.acknowledged);
    const { name: lane, partition } = session;
    const streams = outputs.map(({ stream, rows }) => ({ stream, rows }));
    const { seq, nextOffset } = commit;
    publishFact('lane.committed', { lane, partition, seq, nextOffset, result: outcome, bytes, streams });
    // 5. Only now does output leave.
    emit(session, { seq, streams: outputs, isOld }, ports);
  }
  publishFact('round.committed', {
    lanes: drafts.length,
    bytes: drafts.reduce((sum, { bytes }) => sum + bytes, 0),
    durationMs: ports.clock.steadyMs() - startMs,
    attempts: sent.attempts,
  });
}

/** Queues a committed chunk; its acknowledgement counts for this claim alone. */
export function emit(
  session: LaneSession,
  { seq, streams, isOld }: { seq: number; streams: readonly StreamRows[]; isOld: boolean },
  ports: CheckpointPorts,
): void {
  if (streams.length === 0) return;
  const onAcknowledged = (): void => {
    session.acknowledge(seq);
    ports.onAcknowledged();
  };
  ports.dispatch.enqueue({ lane: session.name, seq, streams }, { claim: session, isOld, onAcknowledged });
}

/**
 * An idle lane's upkeep: drops acknowledged output, else asks whether the lane is still ours. Without
 * it an idle owner that was fenced would never notice, and its outbox would stay for ever.
 */
export async function keepUp(session: LaneSession, ports: CheckpointPorts): Promise<void> {
  assert(!session.isStoreBusy, 'one call to the store at a time for a lane');
  session.isStoreBusy = true;
  const acknowledged = session.toDrop;
  const call = session.acknowledged.size > 0 ? 'trim' : 'check';
  try {
    const outcome =
      call === 'trim'
        ? await ports.store.trim(session.name, session.token, acknowledged)
        : await ports.store.check(session.name, session.token, session.seq);
    if (outcome === 'FENCED' || outcome === 'GAP') {
      loseLane(session, outcome, call, ports);
      return;
    }
    if (call === 'trim') session.dropped(acknowledged);
  } catch (error) {
    if (!isWorthRetrying(error)) throw error;
    publishFact('state.failed', { call, attempt: 1, error });
  } finally {
    session.isStoreBusy = false;
    session.lastCheckMs = ports.clock.steadyMs();
  }
}

/** None of a lane whose program throws: it is opened anew. */
function draftOf(session: LaneSession, nowMs: number, ports: CheckpointPorts): Draft[] {
  try {
    return [draftCommit(session, nowMs)];
  } catch (error) {
    session.isStoreBusy = false;
    ports.onStumbled(session, error);
    return [];
  }
}

function draftCommit(session: LaneSession, nowMs: number): Draft {
  assert(!session.isStoreBusy && !session.isLost, 'one commit in flight for a lane, and only of a live claim');
  session.isStoreBusy = true;
  session.lastCommitMs = nowMs;
  session.lastCheckMs = nowMs;
  const seq = session.seq + 1;
  const { delta, bases, oldestDeltaSeq, outputs: harvested, filed } = session.program.harvest(seq);
  const outbox = encodeChunk(harvested);
  // What leaves is what the outbox holds, byte for byte: the program's own memory is used again.
  const outputs = outbox === null ? [] : streamsOf(outbox);
  const commit: LaneCommit = {
    lane: session.name,
    token: session.token,
    prevSeq: session.seq,
    seq,
    nextOffset: session.nextOffset,
    ...(session.leaderEpoch === undefined ? {} : { leaderEpoch: session.leaderEpoch }),
    prevOffset: session.committedOffset,
    delta,
    bases,
    oldestDeltaSeq,
    outbox,
    ...(filed === undefined ? {} : { filed }),
    acknowledged: session.toDrop,
  };
  const bytes = delta.length + (outbox?.length ?? 0) + bases.reduce((sum, base) => sum + base.bytes.length, 0);
  return { session, commit, outputs, bytes, isOld: session.isBehind };
}

/** Null when the runner stopped meanwhile: then the next owner finds out what became of the round. */
async function sendUntilKnown(
  drafts: readonly Draft[],
  ports: CheckpointPorts,
): Promise<{ outcomes: CommitOutcome[]; attempts: number } | null> {
  const round = drafts.map(({ commit }) => commit);
  const backOff = new BackOff(50, 2_000);
  for (;;) {
    try {
      const outcomes = await ports.store.commit(round);
      assert(outcomes.length === round.length, 'the store answers for every lane of a round');
      return ports.isStopped() ? null : { outcomes, attempts: backOff.attempts + 1 };
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
      const waitMs = backOff.fail();
      publishFact('state.failed', { call: 'commit', attempt: backOff.attempts, error });
      await ports.retryAlarm.sleep(waitMs);
      if (ports.isStopped()) return null;
    }
  }
}

function loseLane(
  session: LaneSession,
  outcome: 'FENCED' | 'GAP',
  call: 'commit' | 'check' | 'trim',
  ports: CheckpointPorts,
): void {
  session.isLost = true;
  ports.dispatch.drop(session);
  publishFact('lane.dropped', { lane: session.name, partition: session.partition, outcome, while: call });
  ports.onLost(session);
}
