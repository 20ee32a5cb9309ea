import { rm } from 'node:fs/promises';
import { EngineError } from '../../model/errors.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import type { WallTimeMs } from '../../model/time.ts';
import { unwrapBlob } from './blob-envelope.ts';
import type { LaneKeys } from './lane-keys.ts';
import { type BlobName, blobsOf, type LaneRecord, readLaneRecord } from './lane-record.ts';
import { lookScript } from './lane-scripts.ts';
import { readBlob } from './read-lane.ts';
import type { RedisCalls, ScriptReply } from './redis-calls.ts';
import { onDisk, type SnapshotArchive } from './snapshot-archive.ts';
import { type SnapshotHeader, SnapshotWriter, snapshotFormat } from './snapshot-file.ts';

interface LaneToKeep {
  readonly keys: LaneKeys;
  /** Only what stands under our own claim is kept. */
  readonly token: string;
  readonly generation: number;
  readonly identity: StreamIdentity | null;
  readonly takenAtMs: WallTimeMs;
}

const readWidth = 4;
/** A pass copies what was rewritten during the one before, so each is shorter; a lane that outruns so many is told. */
const passesMax = 20;

/**
 * Copies a lane into a file while its owner goes on committing: look what there must be, copy what we
 * do not have yet, and once more for what was rewritten meanwhile. Every blob names its commit, so what
 * we hold is exactly what one look asked for. Null when there is nothing of ours to copy.
 */
export async function takeSnapshot(
  lane: LaneToKeep,
  calls: RedisCalls,
  archive: SnapshotArchive,
): Promise<{ record: LaneRecord; bytes: number } | null> {
  const { keys, token, takenAtMs, generation, identity } = lane;
  const first = await lookAt(calls, keys);
  if (!isOurs(first.record, token)) return null;
  const path = await archive.draftPath(keys.lane, token);
  const header: SnapshotHeader = { format: snapshotFormat, lane: keys.lane, generation, identity, takenAtMs };
  return await onDisk(path, async () => {
    const writer = await SnapshotWriter.create(path, header);
    try {
      const settled = await copyUntilWhole(lane, calls, writer);
      if (settled === null) return null;
      await writer.finish(settled.record, settled.outboxSeqs);
      await archive.publish(keys.lane, path, { record: settled.record, header });
      return { record: settled.record, bytes: writer.bytes };
    } finally {
      await writer.close();
      // It has its own name by now, or is of no use.
      await rm(path, { force: true });
    }
  });
}

interface Look {
  readonly record: LaneRecord;
  readonly outboxSeqs: readonly number[];
}

async function copyUntilWhole(
  { keys, token }: LaneToKeep,
  calls: RedisCalls,
  to: SnapshotWriter,
): Promise<Look | null> {
  const held = new Map<string, number>();
  let look = await lookAt(calls, keys);
  for (let pass = 0; pass < passesMax; pass++) {
    const { record, outboxSeqs } = look;
    const isMissing = (name: BlobName) => held.get(nameKey(name)) !== seqOf(name, record);
    const isCopied = await copy(blobsOf(record, outboxSeqs).filter(isMissing), keys, calls, to, held);
    const gaps = blobsOf(record, outboxSeqs).filter(isMissing);
    const next = await lookAt(calls, keys);
    if (!isOurs(next.record, token)) return null;
    // Output that went was acknowledged, if the lane stands as it should; the copy does without it too.
    const isSound = next.record.seq >= record.seq && next.outboxSeqs.length === next.record.outputs;
    if (isSound && gaps.every(({ kind }) => kind === 'outbox')) {
      const left = outboxSeqs.filter((number) => !isMissing({ kind: 'outbox', number }));
      return { record: { ...record, outputs: left.length }, outboxSeqs: left };
    }
    if (!isCopied && next.record.seq === record.seq)
      throw new EngineError(
        'STATE_CORRUPT',
        `lane ${keys.lane} in Redis is not whole: ${gaps.length > 0 ? nameKey(gaps[0]) : 'its outbox'} is missing or of another commit`,
      );
    look = next;
  }
  throw new EngineError('STATE_UNAVAILABLE', `lane ${keys.lane} changes faster than it can be copied`);
}

/** True when something new was copied. */
async function copy(
  missing: readonly BlobName[],
  keys: LaneKeys,
  calls: RedisCalls,
  to: SnapshotWriter,
  held: Map<string, number>,
): Promise<boolean> {
  let isCopied = false;
  for (let i = 0; i < missing.length; i += readWidth) {
    const names = missing.slice(i, i + readWidth);
    const blobs = await Promise.all(names.map((name) => readBlob(calls, keys, name)));
    for (const [j, wrapped] of blobs.entries()) {
      // Dropped since we looked; the next look no longer asks for it.
      if (wrapped === null) continue;
      const envelope = unwrapBlob(wrapped);
      if (envelope === null)
        throw new EngineError('STATE_CORRUPT', `lane ${keys.lane}: ${nameKey(names[j])} is damaged in Redis`);
      if (held.get(nameKey(names[j])) === envelope.seq) continue;
      await to.blob(names[j], wrapped);
      held.set(nameKey(names[j]), envelope.seq);
      isCopied = true;
    }
  }
  return isCopied;
}

function nameKey({ kind, number }: BlobName): string {
  return `${kind} ${number}`;
}

function seqOf({ kind, number }: BlobName, record: LaneRecord): number | undefined {
  return kind === 'base' ? record.bases.get(number) : number;
}

function isOurs(record: LaneRecord, token: string): boolean {
  return record.token === token && record.seq > 0 && !record.isRestoring;
}

async function lookAt(calls: RedisCalls, keys: LaneKeys): Promise<Look> {
  const reply = (await calls.run(lookScript, [keys.meta, keys.outbox], [])) as [ScriptReply, readonly ScriptReply[]];
  return { record: readLaneRecord(keys.lane, reply[0]), outboxSeqs: reply[1].map(Number) };
}
