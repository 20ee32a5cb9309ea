import { assert } from '../../model/errors.ts';

/** Names of a lane's keys. The braces put all of them into one slot, so that one script may change them together. */
export interface LaneKeys {
  readonly lane: string;
  /** Hash: owner, seq, offset, and what else there must be (`LaneRecord`). */
  readonly meta: string;
  /** Hash: seq → delta. */
  readonly deltas: string;
  /** Hash: seq → output chunk. */
  readonly outbox: string;
  /** A base of its own key each: the large ones of a lane. */
  readonly base: (group: number) => string;
}

const lanePattern = /^([A-Za-z0-9._-]{1,249}):(\d{1,6})$/;

export function laneKeys(prefix: string, lane: string): LaneKeys {
  splitLane(lane);
  const stem = `${prefix}{${lane}}`;
  return {
    lane,
    meta: `${stem}:m`,
    deltas: `${stem}:d`,
    outbox: `${stem}:o`,
    base: (group) => `${stem}:b:${group}`,
  };
}

export function generationKey(prefix: string, topic: string): string {
  return `${prefix}generation:{${topic}}`;
}

/** A lane's parts, safe to become parts of a path. */
export function splitLane(lane: string): { topic: string; partition: string } {
  const [, topic, partition] = lanePattern.exec(lane) ?? [];
  assert(topic !== undefined && !/^\.+$/.test(topic), 'a lane is named topic:partition');
  return { topic, partition };
}
