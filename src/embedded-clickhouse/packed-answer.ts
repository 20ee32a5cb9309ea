import { setImmediate as nextTurn } from 'node:timers/promises';
import { compress } from 'lz4-napi';
import { cityHash128 } from './city-hash.ts';

/** As ClickHouse cuts them (`max_compress_block_size`). */
const blockBytesMax = 1024 * 1024;
const lz4Method = 0x82;
const headBytes = 9;

/**
 * The answer in ClickHouse's own blocks, for callers who say `compress=1`, as its JDBC driver does: a
 * CityHash128 of what follows, then the method, the packed size with this head of nine bytes, the size
 * unpacked, and the bytes as one block of LZ4.
 */
export async function packAnswer(bytes: Uint8Array): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += blockBytesMax) {
    const raw = bytes.subarray(at, at + blockBytesMax);
    // The library puts the size unpacked before the block, as we do: its four bytes are the end of our head.
    const packed = await compress(raw);
    const block = Buffer.allocUnsafe(headBytes - 4 + packed.length);
    block[0] = lz4Method;
    block.writeUInt32LE(block.length, 1);
    packed.copy(block, headBytes - 4);
    parts.push(cityHash128(block), block);
    // A large answer keeps nobody else waiting.
    await nextTurn();
  }
  return Buffer.concat(parts);
}
