import type { LaneCommit, LaneSnapshot, StateStore } from '../../src/state/state-store.ts';

export const blob = (text: string) => new Uint8Array(Buffer.from(text));

export function commitOf(lane: string, token: string, seq: number, more: Partial<LaneCommit> = {}): LaneCommit {
  return {
    lane,
    token,
    prevSeq: seq - 1,
    seq,
    nextOffset: seq * 10,
    delta: blob(`${lane} delta ${seq}`),
    bases: [],
    oldestDeltaSeq: 0,
    outbox: null,
    acknowledged: [],
    ...more,
  };
}

/** Plain values, so that two snapshots can be compared whole. */
export function plain(snapshot: LaneSnapshot) {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  return {
    meta: snapshot.meta,
    bases: [...snapshot.bases].map(([group, bytes]) => [group, text(bytes)]),
    deltas: snapshot.deltas.map(({ seq, bytes }) => [seq, text(bytes)]),
    outbox: snapshot.outbox.map(({ seq, bytes }) => [seq, text(bytes)]),
  };
}

/** Claims the lane and commits so many times, with bases, output and what a real owner writes. */
export async function fillLane(store: StateStore, lane: string, token: string, commits: number): Promise<void> {
  const { meta } = await store.claim(lane, token);
  const from = (meta?.seq ?? 0) + 1;
  for (let seq = from; seq < from + commits; seq++) {
    const outcome = await store.commit([
      commitOf(lane, token, seq, {
        bases: [{ group: seq % 3, bytes: blob(`base at ${seq}`) }],
        oldestDeltaSeq: seq - 3,
        outbox: blob(`rows ${seq}`),
        acknowledged: [seq - 2],
        prevOffset: (seq - 1) * 10,
      }),
    ]);
    if (outcome[0] !== 'OK') throw new Error(`commit ${seq} of ${lane} came to ${outcome[0]}`);
  }
}
