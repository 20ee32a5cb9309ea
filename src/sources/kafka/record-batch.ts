import { crc32c } from './crc32c.ts';
import type { AbortedTransaction } from './requests.ts';

/** A record batch of the log, still packed (https://kafka.apache.org/documentation/#recordbatch). */
export interface RecordBatch {
  readonly baseOffset: number;
  /** Past its last record, whatever compaction has taken out of it. */
  readonly nextOffset: number;
  /** Epoch of the leader that appended it. */
  readonly leaderEpoch: number;
  readonly codec: number;
  readonly count: number;
  readonly baseTimestamp: number;
  /** When the broker appended it, ms; null = its producers stamped the records. */
  readonly appendTime: number | null;
  /** Head and packed records, as fetched. */
  readonly raw: Buffer;
  /** A marker, or of an aborted transaction: only its offsets count. */
  readonly isDropped: boolean;
  /** Why none of it can be believed but its offsets; null = its checksum is right. */
  readonly damage: string | null;
}

export const headerBytes = 61;
const lengthEnd = 12;
const crcStart = 21;
const magicNow = 2;
const attribute = { codec: 0x07, appendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/**
 * The whole batches of a fetch answer, those of aborted transactions marked as dropped. The broker
 * names every aborted transaction that touches the answer, also one that began before it, so an
 * answer can be judged alone. The last batch may be cut off; it comes again with the next answer. A
 * damaged batch is the last: what it would have said of transactions is not known, so what follows must
 * come with an answer of its own.
 */
export function parseBatches(records: Buffer, aborted: readonly AbortedTransaction[]): RecordBatch[] {
  const starting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<number>();
  const batches: RecordBatch[] = [];
  let started = 0;
  for (let at = 0; at + headerBytes <= records.length; ) {
    const end = at + lengthEnd + records.readInt32BE(at + 8);
    // The first of an answer always comes whole.
    if (end > records.length && batches.length > 0) break;
    const raw = records.subarray(at, Math.max(end, at + headerBytes));
    const baseOffset = Number(raw.readBigInt64BE(0));
    const lastOffset = baseOffset + raw.readInt32BE(23);
    const isWhole = end >= at + headerBytes && end <= records.length;
    const damage = isWhole ? damageOf(raw) : 'its length makes no sense';
    for (; started < starting.length && starting[started].firstOffset <= lastOffset; started++)
      aborting.add(starting[started].producerId);
    batches.push(readBatch(raw, baseOffset, lastOffset, aborting, damage));
    if (damage !== null) break;
    at = end;
  }
  return batches;
}

function damageOf(raw: Buffer): string | null {
  const magic = raw[16];
  if (magic < magicNow) return `its message format ${magic} is older than Kafka 0.11`;
  if (magic > magicNow) return `its format ${magic} is none that Kafka defines`;
  return crc32c(raw, crcStart, raw.length) === raw.readUInt32BE(17) ? null : 'its checksum does not fit';
}

function readBatch(
  raw: Buffer,
  baseOffset: number,
  lastOffset: number,
  aborting: Set<number>,
  damage: string | null,
): RecordBatch {
  const attributes = raw.readInt16BE(21);
  const producerId = Number(raw.readBigInt64BE(43));
  const count = raw.readInt32BE(57);
  const isControl = (attributes & attribute.control) !== 0;
  const isAborted = (attributes & attribute.transactional) !== 0 && aborting.has(producerId);
  // Past its first offset, the next marker of a producer ends its aborted transaction. What the marker says is
  // not asked: compaction leaves the batch without its record.
  if (damage === null && isControl) aborting.delete(producerId);
  return {
    baseOffset,
    // Of another format nobody knows where it says this.
    nextOffset: raw[16] === magicNow ? lastOffset + 1 : -1,
    leaderEpoch: raw.readInt32BE(12),
    codec: attributes & attribute.codec,
    count,
    baseTimestamp: Number(raw.readBigInt64BE(27)),
    appendTime: (attributes & attribute.appendTime) === 0 ? null : Number(raw.readBigInt64BE(35)),
    raw,
    isDropped: damage === null && (isControl || isAborted),
    damage,
  };
}
