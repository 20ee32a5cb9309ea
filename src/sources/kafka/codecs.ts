import { createGunzip, gunzipSync } from 'node:zlib';
import { pieceBytes, wholeBytesMax } from './unpack/bounds.ts';
import { DamagedBytes } from './unpack/damaged-bytes.ts';
import { lz4Pieces, unpackLz4 } from './unpack/lz4.ts';
import { snappyPieces, unpackSnappy } from './unpack/snappy.ts';
import { unpackZstd, zstdPieces } from './unpack/zstd.ts';

/** The low three bits of a batch's attributes. */
const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/**
 * The records of a batch, unpacked at once; null when they are too many for that and `unpackPieces` must
 * be asked. Throws DamagedBytes.
 */
export function unpackWhole(codec: number, packed: Buffer): Uint8Array | null {
  try {
    switch (codec) {
      case 0:
        return packed;
      case 1:
        return gunzipSync(packed, { maxOutputLength: wholeBytesMax });
      case 2:
        return unpackSnappy(packed, wholeBytesMax);
      case 3:
        return unpackLz4(packed, wholeBytesMax);
      case 4:
        return unpackZstd(packed, wholeBytesMax);
    }
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw damaged(codec, cause);
  }
  throw new DamagedBytes(`codec ${codec} is none that Kafka defines`);
}

/**
 * The same in pieces of a bounded size, however much it becomes; each is good until the next is asked for.
 * Throws DamagedBytes where the bytes stop making sense.
 */
export async function* unpackPieces(codec: number, packed: Buffer): AsyncGenerator<Uint8Array> {
  try {
    yield* piecesOf(codec, packed);
  } catch (cause) {
    throw damaged(codec, cause);
  }
}

function piecesOf(codec: number, packed: Buffer): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (codec === 1) return gzipPieces(packed);
  if (codec === 2) return snappyPieces(packed);
  return codec === 3 ? lz4Pieces(packed) : zstdPieces(packed);
}

async function* gzipPieces(packed: Buffer): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize: pieceBytes });
  stream.end(packed);
  yield* stream as AsyncIterable<Buffer>;
}

/** A codec's trouble is the bytes', unless it is a bug of ours. */
function damaged(codec: number, cause: unknown): unknown {
  if (cause instanceof TypeError || cause instanceof ReferenceError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DamagedBytes(`its ${codecNames[codec]} does not unpack (${reason})`, { cause });
}
