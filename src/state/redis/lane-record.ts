import { assert, EngineError } from '../../model/errors.ts';
import type { BlobKind } from './blob-envelope.ts';
import type { ScriptReply } from './redis-calls.ts';

/** Raised when keys or the meaning of their fields change; an older paceline refuses a newer one. */
export const laneFormat = 1;

/** A lane's meta hash: what was committed last, and which blobs there must be. */
export interface LaneRecord {
  readonly token: string;
  readonly generation: number;
  /** 0 = nothing was committed yet. */
  readonly seq: number;
  readonly nextOffset: number;
  /** Epoch of the leader that appended the record before `nextOffset`; absent where it is not known. */
  readonly leaderEpoch?: number;
  /** Deltas are held from here to `seq`. */
  readonly oldestDelta: number;
  /** Number of output chunks held. */
  readonly outputs: number;
  /** A snapshot was being installed when somebody stopped. */
  readonly isRestoring: boolean;
  /** Group → seq of the commit that wrote its base. */
  readonly bases: ReadonlyMap<number, number>;
}

export interface BlobName {
  readonly kind: BlobKind;
  /** Group of a base, seq of a delta or of an output chunk. */
  readonly number: number;
}

/** Deltas that a lane can hold: far more than commits between two bases, and few enough to name. */
const deltasMax = 1_000_000;

/** Reads the flat reply of HGETALL. Throws STATE_CORRUPT for what no commit of ours wrote. */
export function readLaneRecord(lane: string, reply: ScriptReply): LaneRecord {
  assert(Array.isArray(reply), 'HGETALL answers with a list');
  const texts = reply.map(String);
  const fields = new Map<string, string>();
  for (let i = 0; i < texts.length; i += 2) fields.set(texts[i], texts[i + 1]);
  const corrupt = (what: string) => new EngineError('STATE_CORRUPT', `lane ${lane} in Redis is not whole: ${what}`);
  const whole = (name: string, text: string) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      throw corrupt(`${name} is "${text.slice(0, 40)}", no count of ours`);
    return value;
  };
  const count = (name: string) => whole(name, fields.get(name) ?? '0');
  const bases = new Map<number, number>();
  for (const [name, seq] of fields) if (name.startsWith('b:')) bases.set(whole(name, name.slice(2)), whole(name, seq));
  const [newest, oldest] = [count('seq'), count('dlo')];
  if (newest - oldest > deltasMax) throw corrupt(`it names ${newest - oldest} deltas`);
  return {
    token: fields.get('tok') ?? '',
    generation: count('gen'),
    seq: count('seq'),
    nextOffset: count('off'),
    ...readEpoch(fields.get('ep'), fields.get('off')),
    oldestDelta: count('dlo'),
    outputs: count('out'),
    isRestoring: fields.get('phase') === 'restoring',
    bases,
  };
}

/** `ep` counts for the offset that it names alone: a release before commits without it. */
function readEpoch(text = '', offset = ''): { leaderEpoch?: number } {
  const [epoch, at] = text.split('@');
  return at === offset && epoch !== '' ? { leaderEpoch: Number(epoch) } : {};
}

/** What `ep` says of a commit; '' = nothing. */
export function writeEpoch({ nextOffset, leaderEpoch }: { nextOffset: number; leaderEpoch?: number }): string {
  return leaderEpoch === undefined ? '' : `${leaderEpoch}@${nextOffset}`;
}

/** The blobs that there must be, given the record and the seqs that the outbox has. */
export function blobsOf(record: LaneRecord, outboxSeqs: readonly number[]): BlobName[] {
  const names: BlobName[] = [...record.bases.keys()].sort((a, b) => a - b).map((number) => ({ kind: 'base', number }));
  for (let number = record.oldestDelta; number <= record.seq; number++) names.push({ kind: 'delta', number });
  for (const number of [...outboxSeqs].sort((a, b) => a - b)) names.push({ kind: 'outbox', number });
  return names;
}

/** The fields that `finishScript` sets. */
export function writeLaneRecord(record: LaneRecord): (string | number)[] {
  const { seq, nextOffset, oldestDelta, outputs, bases } = record;
  const fields = [...bases].flatMap(([group, at]) => [`b:${group}`, at]);
  return [...fields, 'dlo', oldestDelta, 'out', outputs, 'ep', writeEpoch(record), 'off', nextOffset, 'seq', seq];
}
