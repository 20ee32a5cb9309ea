import { crc32 } from 'node:zlib';

/** What stands around a blob in Redis and in a snapshot, so that a wrong one is noticed. */
export interface Envelope {
  readonly kind: BlobKind;
  /** Seq of the commit that wrote it. */
  readonly seq: number;
  /** Base: its group. Delta: the seq it builds on. Output: 0. */
  readonly link: number;
  /** `nextOffset` of that commit. */
  readonly nextOffset: number;
  readonly bytes: Uint8Array;
}

export type BlobKind = 'base' | 'delta' | 'outbox';

const kinds: readonly BlobKind[] = ['base', 'delta', 'outbox'];
const envelopeFormat = 1;
const headerBytes = 32;

/** Layout: 'P', format, kind, 0, crc32 of all the rest, seq, link, nextOffset (doubles), then the blob. */
export function wrapBlob({ kind, seq, link, nextOffset, bytes }: Envelope): Buffer {
  const wrapped = Buffer.allocUnsafe(headerBytes + bytes.length);
  wrapped.set([0x50, envelopeFormat, kinds.indexOf(kind), 0]);
  wrapped.writeDoubleLE(seq, 8);
  wrapped.writeDoubleLE(link, 16);
  wrapped.writeDoubleLE(nextOffset, 24);
  wrapped.set(bytes, headerBytes);
  wrapped.writeUInt32LE(checksum(wrapped), 4);
  return wrapped;
}

/** Null when it is none, or damaged. */
export function unwrapBlob(wrapped: Buffer): Envelope | null {
  if (wrapped.length < headerBytes || wrapped[0] !== 0x50 || wrapped[1] !== envelopeFormat) return null;
  const kind = kinds[wrapped[2]];
  if (kind === undefined || wrapped.readUInt32LE(4) !== checksum(wrapped)) return null;
  return {
    kind,
    seq: wrapped.readDoubleLE(8),
    link: wrapped.readDoubleLE(16),
    nextOffset: wrapped.readDoubleLE(24),
    bytes: wrapped.subarray(headerBytes),
  };
}

function checksum(wrapped: Buffer): number {
  return crc32(wrapped.subarray(8), crc32(wrapped.subarray(0, 4)));
}
