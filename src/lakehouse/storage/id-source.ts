import { randomBytes, randomUUID } from 'node:crypto';

/** Where names and ids of files and snapshots come from; seeded in tests. */
export interface IdSource {
  uuid(): string;
  /** Positive, 63 bits. */
  snapshotId(): bigint;
  /** 16 bytes that end each block of an Avro file. */
  sync(): Uint8Array;
}

export const randomIds: IdSource = {
  uuid: () => randomUUID(),
  snapshotId: () => (randomBytes(8).readBigUInt64BE() >> 1n) | 1n,
  sync: () => randomBytes(16),
};
