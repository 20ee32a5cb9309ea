import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync } from 'lz4-napi';
import { uncompressSync } from 'snappy';
import { EngineError } from '../../model/errors.ts';

/** The most that one record batch may become when unpacked; brokers cap what goes in, not what comes out. */
const unpackedBytesMax = 256 * 1024 * 1024;

/** snappy-java's framing: a magic of 8 bytes, two versions of 4, then blocks behind their length. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

/** Unpacks the records of a batch; `codec` is the low three bits of its attributes. Throws SOURCE_UNAVAILABLE for garbage. */
export function decompress(codec: number, packed: Buffer): Uint8Array {
  try {
    switch (codec) {
      case 0:
        return packed;
      case 1:
        return gunzipSync(packed, { maxOutputLength: unpackedBytesMax });
      case 2:
        return unpackSnappy(packed);
      case 3:
        return decompressFrameSync(packed);
      case 4:
        return zstdDecompressSync(packed, { maxOutputLength: unpackedBytesMax });
    }
  } catch (cause) {
    throw new EngineError('SOURCE_UNAVAILABLE', `a record batch does not unpack with codec ${codec}`, { cause });
  }
  throw new EngineError('SOURCE_UNAVAILABLE', `a record batch names codec ${codec}, which Kafka does not define`);
}

function unpackSnappy(packed: Buffer): Uint8Array {
  if (!packed.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyBlock(packed);
  const blocks: Uint8Array[] = [];
  for (let at = xerialHeaderBytes; at < packed.length; ) {
    const length = packed.readInt32BE(at);
    blocks.push(snappyBlock(packed.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function snappyBlock(block: Buffer): Uint8Array {
  return uncompressSync(block, { asBuffer: true }) as Buffer;
}
