import { EngineError } from '../../model/errors.ts';
import { crc32c } from './crc32c.ts';
import type { AbortedTransaction } from './requests.ts';

/** A record batch of the log, still packed (https://kafka.apache.org/documentation/#recordbatch). */
export interface RecordBatch {
  readonly baseOffset: number;
  /** Past its last record, whatever compaction has taken out of it. */
  readonly nextOffset: number;
  readonly codec: number;
  readonly count: number;
  readonly baseTimestamp: number;
  /** When the broker appended it, ms; null = its producers stamped the records. */
  readonly appendTime: number | null;
  readonly packed: Buffer;
  /** A marker, or of an aborted transaction: only its offsets count. */
  readonly isDropped: boolean;
}

const headerBytes = 61;
const lengthEnd = 12;
const crcStart = 21;
const attribute = { codec: 0x07, appendTime: 0x08, transactional: 0x10, control: 0x20 } as const;
/** Type of an abort marker: the second int16 of its key. */
const abortMarker = 0;

/**
 * The whole batches of a fetch answer, those of aborted transactions marked as dropped. The broker
 * names every aborted transaction that touches the answer, also one that began before it, so an
 * answer can be judged alone. The last batch may be cut off; it comes again with the next answer.
 */
export function parseBatches(records: Buffer, aborted: readonly AbortedTransaction[], lane: string): RecordBatch[] {
  const starting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<number>();
  const batches: RecordBatch[] = [];
  let started = 0;
  for (let at = 0; at + headerBytes <= records.length; ) {
    const end = at + lengthEnd + records.readInt32BE(at + 8);
    if (end > records.length) break;
    const raw = records.subarray(at, end);
    const baseOffset = Number(raw.readBigInt64BE(0));
    checkBatch(raw, baseOffset, lane);
    const lastOffset = baseOffset + raw.readInt32BE(23);
    for (; started < starting.length && starting[started].firstOffset <= lastOffset; started++)
      aborting.add(starting[started].producerId);
    batches.push(readBatch(raw, baseOffset, lastOffset, aborting));
    at = end;
  }
  return batches;
}

function checkBatch(raw: Buffer, baseOffset: number, lane: string): void {
  const magic = raw[16];
  if (magic !== 2)
    throw new EngineError(
      'SOURCE_REFUSED',
      `${lane} at offset ${baseOffset} has message format ${magic}, older than Kafka 0.11`,
    );
  if (crc32c(raw, crcStart, raw.length) === raw.readUInt32BE(17)) return;
  // Damage on the way heals when it is fetched again; damage on the broker's disk keeps the lane waiting.
  throw new EngineError(
    'SOURCE_UNAVAILABLE',
    `${lane}: the checksum of the batch at offset ${baseOffset} does not fit`,
  );
}

function readBatch(raw: Buffer, baseOffset: number, lastOffset: number, aborting: Set<number>): RecordBatch {
  const attributes = raw.readInt16BE(21);
  const producerId = Number(raw.readBigInt64BE(43));
  const isControl = (attributes & attribute.control) !== 0;
  const isAborted = (attributes & attribute.transactional) !== 0 && aborting.has(producerId);
  if (isControl && isAbortMarker(raw)) aborting.delete(producerId);
  return {
    baseOffset,
    nextOffset: lastOffset + 1,
    codec: attributes & attribute.codec,
    count: raw.readInt32BE(57),
    baseTimestamp: Number(raw.readBigInt64BE(27)),
    appendTime: (attributes & attribute.appendTime) === 0 ? null : Number(raw.readBigInt64BE(35)),
    packed: raw.subarray(headerBytes),
    isDropped: isControl || isAborted,
  };
}

/** Control batches hold one small unpacked record: length, attributes, two deltas, key length, key. */
function isAbortMarker(raw: Buffer): boolean {
  let at = headerBytes;
  const skipVarint = () => {
    while (raw[at] >= 0x80) at += 1;
    at += 1;
  };
  skipVarint();
  at += 1;
  for (let field = 0; field < 3; field++) skipVarint();
  return raw.readInt16BE(at + 2) === abortMarker;
}
