import { EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import type { LaneKeys } from './lane-keys.ts';
import { blobsOf, laneFormat, writeLaneRecord } from './lane-record.ts';
import { beginScript, finishScript, putScript } from './lane-scripts.ts';
import { checkBlob } from './read-lane.ts';
import { forEachOf, type RedisCalls, type ScriptReply } from './redis-calls.ts';
import type { OpenSnapshot } from './snapshot-archive.ts';
import { readSnapshotBlob } from './snapshot-file.ts';

const putWidth = 4;

export interface RestoreTarget {
  readonly keys: LaneKeys;
  /** Who owns the lane until now; '' = nobody. If somebody came in between, the restore is fenced. */
  readonly expectedToken: string;
  readonly token: string;
  readonly generation: number;
  /** Groups whose base may lie there still. */
  readonly oldGroups: readonly number[];
  /** Why; for the operator. */
  readonly reason: string;
}

/**
 * Empties the lane and makes it ours at the start of a generation: nothing committed yet. Throws
 * STATE_UNAVAILABLE when somebody else was faster.
 */
export async function beginLane(
  calls: RedisCalls,
  target: Omit<RestoreTarget, 'reason'>,
  phase: '' | 'restoring',
): Promise<void> {
  const { keys, expectedToken, token, generation, oldGroups } = target;
  const names = [keys.meta, keys.deltas, keys.outbox, ...oldGroups.map(keys.base)];
  requireOurs(keys, await calls.run(beginScript, names, [expectedToken, token, generation, laneFormat, phase]));
}

/**
 * Puts a snapshot where the lane was, blob by blob under our token. Until the end is written the lane
 * is `restoring`: whoever claims it then starts the restore again.
 */
export async function restoreLane(calls: RedisCalls, snapshot: OpenSnapshot, target: RestoreTarget): Promise<void> {
  const { keys, token, reason } = target;
  const { record, header, outboxSeqs } = snapshot.index;
  await beginLane(calls, target, 'restoring');
  await forEachOf(blobsOf(record, outboxSeqs), putWidth, async (name) => {
    const wrapped = await readSnapshotBlob(snapshot.file, snapshot.index, name);
    checkBlob(keys.lane, record, name, wrapped);
    const { kind, number } = name;
    const place = { base: keys.base(number), delta: keys.deltas, outbox: keys.outbox }[kind];
    const field = kind === 'base' ? '' : String(number);
    requireOurs(keys, await calls.run(putScript, [keys.meta, place], [token, field, wrapped]));
  });
  requireOurs(keys, await calls.run(finishScript, [keys.meta], [token, ...writeLaneRecord(record)]));
  const { seq, nextOffset } = record;
  publishFact('state.restored', {
    lane: keys.lane,
    seq,
    nextOffset,
    reason,
    path: snapshot.path,
    takenAtMs: header.takenAtMs,
  });
}

function requireOurs(keys: LaneKeys, reply: ScriptReply): void {
  if (String(reply) === 'OK') return;
  throw new EngineError('STATE_UNAVAILABLE', `lane ${keys.lane} was claimed by somebody else meanwhile`);
}
