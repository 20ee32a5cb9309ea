import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { pieceBytes } from './bounds.ts';
import { DamagedBytes } from './damaged-bytes.ts';

/** https://datatracker.ietf.org/doc/html/rfc8878#name-zstandard-frames */
const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const dictionaryIdBytes = [0, 1, 2, 4] as const;
const contentSizeBytes = [0, 2, 4, 8] as const;
const blockType = { raw: 0, repeated: 1, packed: 2 } as const;

/** Unpacked at once; null when it becomes more than `bytesMax`. */
export function unpackZstd(packed: Buffer, bytesMax: number): Uint8Array | null {
  const parts: Buffer[] = [];
  let left = bytesMax;
  for (const frame of zstdFrames(packed)) {
    const part = zstdDecompressSync(frame, { maxOutputLength: Math.max(1, left) });
    left -= part.length;
    if (left < 0) return null;
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

export async function* zstdPieces(packed: Buffer): AsyncGenerator<Uint8Array> {
  for (const frame of zstdFrames(packed)) {
    const stream = createZstdDecompress({ chunkSize: pieceBytes });
    stream.end(frame);
    yield* stream as AsyncIterable<Buffer>;
  }
}

/** The frames one after the other; Node's zlib reads the first alone and says nothing of the others. */
function zstdFrames(packed: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  let at = 0;
  try {
    while (at < packed.length) {
      const magic = packed.readUInt32LE(at);
      if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
        at += 8 + packed.readUInt32LE(at + 4);
        continue;
      }
      if (magic !== frameMagic) throw new DamagedBytes(`byte ${at} does not begin a frame of zstd`);
      const end = frameEnd(packed, at);
      frames.push(packed.subarray(at, end));
      at = end;
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DamagedBytes('a frame of zstd is cut off', { cause });
  }
  if (at > packed.length) throw new DamagedBytes('a frame of zstd is cut off');
  return frames;
}

/** Walks from block to block; unpacks nothing. */
function frameEnd(packed: Buffer, start: number): number {
  const descriptor = packed.readUInt8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  const contentBytes = sizeCode === 0 && isSingleSegment ? 1 : contentSizeBytes[sizeCode];
  let at = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes[descriptor & 3] + contentBytes;
  for (let isLast = false; !isLast; ) {
    const header = packed.readUIntLE(at, 3);
    isLast = (header & 1) !== 0;
    const size = header >>> 3;
    at += 3 + (((header >>> 1) & 3) === blockType.repeated ? 1 : size);
  }
  return (descriptor & 4) !== 0 ? at + 4 : at;
}
