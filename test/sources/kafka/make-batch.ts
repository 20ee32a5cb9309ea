import { crc32c } from '../../../src/sources/kafka/crc32c.ts';

export interface MadeRecord {
  /** Less the base offset of the batch. */
  readonly delta: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timeDelta?: number;
}

export interface MadeBatch {
  readonly baseOffset: number;
  /** Its last offset less its first; the last record's where it is not given. */
  readonly lastDelta?: number;
  readonly records: readonly MadeRecord[];
  readonly codec?: number;
  readonly pack?: (bytes: Buffer) => Uint8Array;
  /** What its head says, where that is not the truth. */
  readonly count?: number;
  readonly isControl?: boolean;
  readonly isTransactional?: boolean;
  readonly producerId?: number;
  readonly leaderEpoch?: number;
  /** Null: the producer's times hold. */
  readonly appendTime?: number | null;
  readonly baseTimestamp?: number;
}

/** A batch as a broker keeps it, built from the protocol's page alone. */
export function makeBatch(batch: MadeBatch): Buffer {
  const { baseOffset, records, codec = 0, appendTime = 1_700_000_000_000, baseTimestamp = 1_600_000_000_000 } = batch;
  const unpacked = Buffer.concat(records.map(writeRecord));
  const packed = batch.pack?.(unpacked) ?? unpacked;
  const raw = Buffer.alloc(61 + packed.length);
  raw.writeBigInt64BE(BigInt(baseOffset), 0);
  raw.writeInt32BE(raw.length - 12, 8);
  raw.writeInt32BE(batch.leaderEpoch ?? 0, 12);
  raw[16] = 2;
  const flags = (appendTime === null ? 0 : 8) | (batch.isTransactional ? 16 : 0) | (batch.isControl ? 32 : 0);
  raw.writeInt16BE(codec | flags, 21);
  raw.writeInt32BE(batch.lastDelta ?? Math.max(0, ...records.map(({ delta }) => delta)), 23);
  raw.writeBigInt64BE(BigInt(baseTimestamp), 27);
  raw.writeBigInt64BE(BigInt(appendTime ?? baseTimestamp), 35);
  raw.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43);
  raw.writeInt32BE(batch.count ?? records.length, 57);
  raw.set(packed, 61);
  raw.writeUInt32BE(crc32c(raw, 21, raw.length), 17);
  return raw;
}

export function writeRecord({ delta, key, value, timeDelta = 0 }: MadeRecord): Buffer {
  const body = Buffer.concat([
    Buffer.of(0),
    varint(timeDelta),
    varint(delta),
    varint(key?.length ?? -1),
    key ?? Buffer.alloc(0),
    varint(value?.length ?? -1),
    value ?? Buffer.alloc(0),
    varint(0),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** Zigzag, seven bits a byte. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value >= 0 ? BigInt(value) * 2n : -BigInt(value) * 2n - 1n;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
