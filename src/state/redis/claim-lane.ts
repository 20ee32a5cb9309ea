import { EngineError } from '../../model/errors.ts';
import type { LaneSnapshot } from '../state-store.ts';
import type { LaneKeys } from './lane-keys.ts';
import { type LaneRecord, laneFormat, readLaneRecord } from './lane-record.ts';
import { checkScript, claimScript, dropScript } from './lane-scripts.ts';
import { readLane } from './read-lane.ts';
import type { RedisCalls, ScriptReply } from './redis-calls.ts';
import type { SnapshotArchive } from './snapshot-archive.ts';
import { beginLane, type RestoreTarget, restoreLane } from './snapshot-restore.ts';

interface ClaimPorts {
  readonly calls: RedisCalls;
  readonly archive: SnapshotArchive;
  readonly hasHistory: (lane: string) => Promise<boolean>;
}

interface ClaimRequest {
  readonly keys: LaneKeys;
  readonly token: string;
  readonly generation: number;
}

/** Claim, mend, claim again: more turns than that mean that others claim the lane as well. */
const turnsMax = 3;

/**
 * Makes a lane ours and returns all it holds. What Redis lost is restored from the newest snapshot;
 * where there is none and somebody remembers a commit, it throws STATE_LOST rather than start empty.
 * Throws STATE_CORRUPT when the lane is damaged and no snapshot mends it, STATE_UNAVAILABLE when the
 * claim may be tried again.
 */
export async function claimLane(request: ClaimRequest, ports: ClaimPorts): Promise<LaneSnapshot> {
  const { keys, token, generation } = request;
  const { calls } = ports;
  for (let turn = 0; turn < turnsMax; turn++) {
    const [status, detail, fields, outbox] = parts(
      await calls.run(claimScript, [keys.meta, keys.deltas, keys.outbox], [token, generation, laneFormat]),
    );
    const word = String(status);
    if (word === 'FORMAT')
      throw new EngineError('STATE_FORMAT', `lane ${keys.lane} has format ${String(detail)}, we know ${laneFormat}`);
    if (word === 'NEWER')
      throw new EngineError(
        'GENERATION_MISMATCH',
        `lane ${keys.lane} in Redis is of generation ${String(detail)}, this process runs generation ${generation}; restart it`,
      );
    const record = word === 'MISSING' || word === 'BROKEN' ? null : tryReadRecord(keys.lane, fields);
    if (word === 'BROKEN' || typeof record === 'string') {
      await mendBroken(request, typeof record === 'string' ? record : String(detail), ports);
      continue;
    }
    if (word !== 'OK' || record === null) {
      await startLane(request, record, Number(detail) > 0, ports);
      continue;
    }
    const found = record.isRestoring ? null : await tryRead(request, record, parts(outbox).map(Number), ports);
    if (found !== null) return found;
    if (record.isRestoring) await mendLane(request, record, 'a restore of it was cut short', ports);
  }
  throw new EngineError('STATE_UNAVAILABLE', `lane ${keys.lane} is claimed by others at the same time`);
}

/** The record, or what is wrong with it. */
function tryReadRecord(lane: string, fields: ScriptReply): LaneRecord | string {
  try {
    return readLaneRecord(lane, fields);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'STATE_CORRUPT') return error.message;
    throw error;
  }
}

/** A lane that cannot even be looked at goes back to its newest snapshot; without one it stays as it is, for a person. */
async function mendBroken(request: ClaimRequest, why: string, { archive, calls }: ClaimPorts): Promise<void> {
  const { keys, token, generation } = request;
  await using snapshot = await archive.openNewest(keys.lane, generation);
  if (snapshot === null)
    throw new EngineError(
      'STATE_CORRUPT',
      `lane ${keys.lane} in Redis: ${why}; there is no snapshot of generation ${generation}`,
    );
  const dropped = String(await calls.run(dropScript, [keys.meta, keys.deltas, keys.outbox], [token]));
  if (dropped !== 'OK')
    throw new EngineError('STATE_UNAVAILABLE', `lane ${keys.lane} was claimed by somebody else meanwhile`);
  await restoreLane(calls, snapshot, { ...target(request, '', null), reason: `STATE_CORRUPT: ${why}` });
}

/** Null when the lane was damaged and has been restored: then it must be claimed again. */
async function tryRead(
  request: ClaimRequest,
  record: LaneRecord,
  outboxSeqs: readonly number[],
  ports: ClaimPorts,
): Promise<LaneSnapshot | null> {
  const { keys, token } = request;
  let found: LaneSnapshot | null = null;
  let damage: EngineError | null = null;
  try {
    found = await readLane(ports.calls, keys, record, outboxSeqs);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'STATE_CORRUPT') throw error;
    damage = error;
  }
  // Somebody may have claimed and committed while we read: then neither content nor damage is real.
  const still = String(await ports.calls.run(checkScript, [keys.meta], [token, record.seq]));
  if (still !== 'OK')
    throw new EngineError('STATE_UNAVAILABLE', `lane ${keys.lane} was claimed by somebody else while we read it`);
  if (damage === null) return found;
  if (await restoreFrom(request, token, record, `STATE_CORRUPT: ${damage.message}`, ports)) return null;
  throw new EngineError(
    'STATE_CORRUPT',
    `${damage.message}; there is no snapshot of generation ${request.generation}`,
    {
      cause: damage,
    },
  );
}

/** The lane is not there, or is of an earlier generation. */
async function startLane(
  request: ClaimRequest,
  old: LaneRecord | null,
  hasLeftovers: boolean,
  ports: ClaimPorts,
): Promise<void> {
  const { keys } = request;
  const expectedToken = old?.token ?? '';
  if (await restoreFrom(request, expectedToken, old, 'Redis does not hold the lane', ports)) return;
  if (old === null && hasLeftovers) throw lost(request, 'Redis holds blobs of it but not what they belong to');
  if (old === null && (await ports.hasHistory(keys.lane)))
    throw lost(request, 'Redis knows nothing of it, yet the log says that it committed before');
  await beginLane(ports.calls, target(request, expectedToken, old), '');
}

async function mendLane(request: ClaimRequest, old: LaneRecord, reason: string, ports: ClaimPorts): Promise<void> {
  if (!(await restoreFrom(request, request.token, old, reason, ports))) throw lost(request, reason);
}

async function restoreFrom(
  request: ClaimRequest,
  expectedToken: string,
  old: LaneRecord | null,
  reason: string,
  { archive, calls }: ClaimPorts,
): Promise<boolean> {
  await using snapshot = await archive.openNewest(request.keys.lane, request.generation);
  if (snapshot === null) return false;
  await restoreLane(calls, snapshot, { ...target(request, expectedToken, old), reason });
  return true;
}

function target(
  { keys, token, generation }: ClaimRequest,
  expectedToken: string,
  old: LaneRecord | null,
): Omit<RestoreTarget, 'reason'> {
  return { keys, token, generation, expectedToken, oldGroups: [...(old?.bases.keys() ?? [])] };
}

function lost({ keys, generation }: ClaimRequest, why: string): EngineError {
  const message = `lane ${keys.lane}: ${why}, and there is no whole snapshot of generation ${generation}; it does not start empty`;
  return new EngineError('STATE_LOST', message);
}

function parts(reply: ScriptReply | undefined): readonly ScriptReply[] {
  return Array.isArray(reply) ? reply : [];
}
