import { EngineError } from '../../model/errors.ts';
import type { LaneMeta, LaneSnapshot } from '../state-store.ts';
import { type Envelope, unwrapBlob } from './blob-envelope.ts';
import type { LaneKeys } from './lane-keys.ts';
import { type BlobName, blobsOf, type LaneRecord } from './lane-record.ts';
import { forEachOf, type RedisCalls } from './redis-calls.ts';

/** Blobs under way at a time: enough to keep the line busy, few enough that each comes within its timeout. */
const readWidth = 8;

/** One blob as it lies in Redis; null when it is not there. */
export async function readBlob(calls: RedisCalls, keys: LaneKeys, name: BlobName): Promise<Buffer | null> {
  const { client } = calls;
  if (name.kind === 'base') return await calls.guard(() => client.getBuffer(keys.base(name.number)));
  const hash = name.kind === 'delta' ? keys.deltas : keys.outbox;
  return await calls.guard(() => client.hgetBuffer(hash, String(name.number)));
}

/** All that a lane holds, every blob checked. Throws STATE_CORRUPT naming the first that is wrong. */
export async function readLane(
  calls: RedisCalls,
  keys: LaneKeys,
  record: LaneRecord,
  outboxSeqs: readonly number[],
): Promise<LaneSnapshot> {
  if (outboxSeqs.length !== record.outputs)
    throw corrupt(keys.lane, `the outbox holds ${outboxSeqs.length} chunks of ${record.outputs}`);
  const names = blobsOf(record, outboxSeqs);
  const found = new Map<BlobName, Envelope>();
  await forEachOf(names, readWidth, async (name) => {
    const wrapped = await readBlob(calls, keys, name);
    found.set(name, checkBlob(keys.lane, record, name, wrapped));
  });
  const envelopes = names.map((name) => ({ ...name, envelope: found.get(name) as Envelope }));
  const listed = (kind: BlobName['kind']) =>
    envelopes
      .filter((each) => each.kind === kind)
      .map(({ number, envelope }) => ({ seq: number, bytes: envelope.bytes }));
  checkOffsets(
    keys.lane,
    record,
    envelopes.filter(({ kind }) => kind === 'delta').map(({ envelope }) => envelope.nextOffset),
  );
  return {
    meta: record.seq === 0 ? null : metaOf(record),
    bases: new Map(listed('base').map(({ seq: group, bytes }) => [group, bytes])),
    deltas: listed('delta'),
    outbox: listed('outbox'),
  };
}

function metaOf({ seq, nextOffset, leaderEpoch }: LaneRecord): LaneMeta {
  return { seq, nextOffset, ...(leaderEpoch === undefined ? {} : { leaderEpoch }) };
}

/** The blob itself, if it is the one that the record speaks of. */
export function checkBlob(lane: string, record: LaneRecord, name: BlobName, wrapped: Buffer | null): Envelope {
  const { kind, number } = name;
  if (wrapped === null) throw corrupt(lane, `${kind} ${number} is missing`);
  const envelope = unwrapBlob(wrapped);
  if (envelope === null) throw corrupt(lane, `${kind} ${number} does not match its checksum`);
  const { seq, link } = envelope;
  const expected = kind === 'base' ? record.bases.get(number) : number;
  const isLinked = kind === 'base' ? link === number : kind === 'outbox' || link === number - 1;
  if (envelope.kind !== kind || seq !== expected || !isLinked || seq > record.seq)
    throw corrupt(lane, `${kind} ${number} is of commit ${seq}, not of ${String(expected)}`);
  return envelope;
}

/** Offsets of the deltas in order: they never go back, and end where the record does. */
function checkOffsets(lane: string, record: LaneRecord, offsets: readonly number[]): void {
  const steps = [...offsets, record.nextOffset];
  const isForward = steps.every((offset, i) => i === 0 || offset >= steps[i - 1]);
  const isClosed = offsets.length === 0 || offsets[offsets.length - 1] === record.nextOffset;
  if (!isForward || !isClosed)
    throw corrupt(lane, `the chain of deltas ends at offset ${String(offsets.at(-1))}, not at ${record.nextOffset}`);
}

function corrupt(lane: string, what: string): EngineError {
  return new EngineError('STATE_CORRUPT', `lane ${lane} in Redis is not whole: ${what}`);
}
