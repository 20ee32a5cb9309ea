import { assert } from './errors.ts';

/** A lane is one partition of one topic: its own offsets, clock, windows and state. */
export interface Lane {
  readonly topic: string;
  readonly partition: number;
}

export function laneName(lane: Lane): string {
  return `${lane.topic}:${lane.partition}`;
}

/** The partition that a lane's name ends with. */
export function partitionOfLane(lane: string): number {
  const partition = Number(lane.slice(lane.lastIndexOf(':') + 1));
  assert(Number.isInteger(partition) && partition >= 0, `lane ${lane} ends with its partition`);
  return partition;
}

/**
 * Identity of a stream (DESIGN: stream generation). Stored with the state and in every version;
 * a mismatch refuses to start.
 */
export interface StreamIdentity {
  readonly clusterId: string;
  readonly topicId: string;
  readonly partitions: number;
  /** `replayed`: log times are the original ones; `live`: the log stamps them. */
  readonly mode: 'live' | 'replayed';
  /** Public key that signed plans of the stream begin with; absent = none is named, and plans need no signature. */
  readonly planKey?: string;
}

/** What of it is stored: whatever else a source says stays out. */
export function storedIdentity({ clusterId, topicId, partitions, mode, planKey }: StreamIdentity): StreamIdentity {
  return { clusterId, topicId, partitions, mode, ...(planKey === undefined ? {} : { planKey }) };
}

/**
 * version = generation << 48 | offset: generation in 1..32767, offset below 2^48. The offset is that
 * of the record which last changed the row.
 */
export function versionOf(generation: number, offset: number): bigint {
  return (BigInt(generation) << 48n) | BigInt(offset);
}
