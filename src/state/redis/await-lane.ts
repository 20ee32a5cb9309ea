import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { unwrapBlob } from './blob-envelope.ts';
import { type LaneKeys, laneKeys } from './lane-keys.ts';
import { type LaneRecord, readLaneRecord } from './lane-record.ts';
import { readBlob } from './read-lane.ts';
import { RedisCalls, type ScriptReply } from './redis-calls.ts';
import { connectRedis, describeEndpoint } from './redis-client.ts';
import { defaultCommandTimeoutMs, type RedisEndpoint } from './redis-options.ts';

export interface LaneWait {
  readonly clock: Clock;
  readonly waitMs: number;
  /** Told what is waited for, when it becomes something else. */
  readonly onWaiting: (what: string) => void;
}

const lookMs = 500;

/**
 * Waits until a lane has applied the record of `offset`, and Redis holds nothing of it that was written before: no
 * delta, no base of what changed, no output that a sink still lacks. Takes nothing and changes nothing. Throws
 * STATE_UNAVAILABLE when it takes too long, naming what is missing.
 */
export async function awaitLane(
  endpoint: RedisEndpoint,
  { prefix, lane, offset }: { readonly prefix: string; readonly lane: string; readonly offset: number },
  { clock, waitMs, onWaiting }: LaneWait,
): Promise<{ readonly seq: number }> {
  const client = await connectRedis(endpoint, defaultCommandTimeoutMs);
  const calls = new RedisCalls(client, describeEndpoint(endpoint));
  const keys = laneKeys(prefix, lane);
  const deadline = clock.steadyMs() + waitMs;
  let passedAt: number | null = null;
  let told = '';
  try {
    for (;;) {
      const reply = await calls.guard(() => client.call('HGETALL', keys.meta));
      const record = readLaneRecord(lane, flat(reply));
      if (passedAt === null && record.nextOffset > offset)
        passedAt = (await isWrittenAnew(calls, keys, record, offset))
          ? record.oldestDelta - 1
          : await firstPast(calls, keys, record, offset);
      const outputs = (await calls.guard(() => client.hkeys(keys.outbox))).map(Number);
      const missing = whatIsMissing(record, outputs, { offset, passedAt });
      if (missing === null) return { seq: record.seq };
      if (missing !== told) onWaiting(missing);
      told = missing;
      if (clock.steadyMs() >= deadline)
        throw new EngineError(
          'STATE_UNAVAILABLE',
          `lane ${lane}: ${missing}; is an engine at work on it? What was done stays done: run it again`,
        );
      await clock.sleep(lookMs);
    }
  } finally {
    client.disconnect();
  }
}

/**
 * Whether no delta is left of a commit that passed the offset, as for a run that is carried on after the state was
 * written anew: the commit before the oldest of them was past it already. It wrote a base, which says how far it was.
 */
async function isWrittenAnew(
  calls: RedisCalls,
  keys: LaneKeys,
  { bases, oldestDelta, seq }: LaneRecord,
  offset: number,
): Promise<boolean> {
  if (oldestDelta > seq) return true;
  const [number] = [...bases].find(([, at]) => at === oldestDelta - 1) ?? [];
  const wrapped = number === undefined ? null : await readBlob(calls, keys, { kind: 'base', number });
  const base = wrapped === null ? null : unwrapBlob(wrapped);
  return base !== null && base.seq === oldestDelta - 1 && base.nextOffset > offset;
}

/** The first commit past an offset whose delta is still there; how far a commit got stands in the envelope of its delta. */
async function firstPast(calls: RedisCalls, keys: LaneKeys, record: LaneRecord, offset: number): Promise<number> {
  let [low, high] = [record.oldestDelta, record.seq];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const wrapped = await readBlob(calls, keys, { kind: 'delta', number: middle });
    // One that went since is older than what we look for, or will be looked for in vain.
    const nextOffset = wrapped === null ? 0 : (unwrapBlob(wrapped)?.nextOffset ?? 0);
    if (nextOffset > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function whatIsMissing(
  record: LaneRecord,
  outputs: readonly number[],
  { offset, passedAt }: { readonly offset: number; readonly passedAt: number | null },
): string | null {
  if (passedAt === null) return `its engine is at offset ${record.nextOffset} and has ${offset} to pass`;
  if (outputs.some((seq) => seq <= passedAt)) return 'rows wait for their sinks';
  // Deltas go when bases that are newer have taken their place; the owner is in a hurry with those.
  if (record.oldestDelta <= passedAt) return 'its state is being written anew';
  return null;
}

function flat(reply: unknown): ScriptReply {
  return (Array.isArray(reply) ? reply.map(String) : []) satisfies ScriptReply;
}
