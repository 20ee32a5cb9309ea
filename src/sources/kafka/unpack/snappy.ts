import { uncompressSync } from 'snappy';
import { historyBytes, pieceBytes, wholeBytesMax } from './bounds.ts';
import { DamagedBytes } from './damaged-bytes.ts';
import { copyBack } from './lz4.ts';

/** snappy-java's framing: a magic of 8 bytes, two versions of 4, then blocks behind their length. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

/** Unpacked at once; null when it says that it becomes more than `bytesMax`. */
export function unpackSnappy(packed: Buffer, bytesMax: number): Uint8Array | null {
  const blocks = snappyBlocks(packed);
  let bytes = 0;
  for (const block of blocks) bytes += statedLength(block).length;
  if (bytes > bytesMax) return null;
  const parts = blocks.map(unpackBlock);
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

export function* snappyPieces(packed: Buffer): Generator<Uint8Array> {
  for (const block of snappyBlocks(packed)) {
    if (statedLength(block).length <= wholeBytesMax) yield unpackBlock(block);
    else yield* blockPieces(block);
  }
}

/** One raw block, or those of snappy-java's framing; a stream that was appended to another has a head of its own. */
function snappyBlocks(packed: Buffer): Buffer[] {
  if (!isXerial(packed, 0)) return [packed];
  const blocks: Buffer[] = [];
  for (let at = 0; at < packed.length; ) {
    if (isXerial(packed, at)) {
      at += xerialHeaderBytes;
      continue;
    }
    const end = at + 4 + (at + 4 <= packed.length ? packed.readUInt32BE(at) : packed.length);
    if (end > packed.length) throw new DamagedBytes('a block of snappy is cut off');
    blocks.push(packed.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

function isXerial(packed: Buffer, at: number): boolean {
  return packed.subarray(at, at + xerialMagic.length).equals(xerialMagic);
}

/** What a block says that it becomes, and where its content begins. */
function statedLength(block: Buffer): { readonly length: number; readonly at: number } {
  let length = 0;
  for (let at = 0; at < 5 && at < block.length; at++) {
    length += (block[at] & 0x7f) * 2 ** (7 * at);
    if (block[at] < 0x80 && length < 2 ** 32) return { length, at: at + 1 };
  }
  throw new DamagedBytes('a block of snappy does not say its length');
}

function unpackBlock(block: Buffer): Buffer {
  return uncompressSync(block, { asBuffer: true }) as Buffer;
}

/** A block too large to be held, by the format itself (https://github.com/google/snappy/blob/main/format_description.txt). */
function* blockPieces(block: Buffer): Generator<Uint8Array> {
  const stated = statedLength(block);
  const out = new Uint8Array(historyBytes + pieceBytes);
  let { at } = stated;
  let start = 0;
  let end = 0;
  let made = 0;
  while (at < block.length) {
    const tag = block[at++];
    const isLiteral = (tag & 3) === 0;
    const extra = isLiteral ? Math.max(0, (tag >> 2) - 59) : [0, 1, 2, 4][tag & 3];
    if (at + extra > block.length) throw leadsOut();
    const number = extra === 0 ? 0 : block.readUIntLE(at, extra);
    at += extra;
    const length = lengthOf(tag, number, extra);
    const back = (tag & 3) === 1 ? ((tag >> 5) << 8) | number : number;
    if (isLiteral ? at + length > block.length : back === 0 || back > Math.min(end, historyBytes)) throw leadsOut();
    made += length;
    if (made > stated.length) throw leadsOut();
    for (let left = length; left > 0; ) {
      if (end === out.length) {
        yield out.subarray(start, end);
        out.copyWithin(0, end - historyBytes, end);
        start = historyBytes;
        end = historyBytes;
      }
      const part = Math.min(left, out.length - end);
      if (isLiteral) out.set(block.subarray(at, at + part), end);
      else copyBack(out, end, back, part);
      if (isLiteral) at += part;
      end += part;
      left -= part;
    }
  }
  if (made !== stated.length) throw leadsOut();
  yield out.subarray(start, end);
}

function lengthOf(tag: number, number: number, extra: number): number {
  if ((tag & 3) === 0) return (extra === 0 ? tag >> 2 : number) + 1;
  return (tag & 3) === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
}

function leadsOut(): DamagedBytes {
  return new DamagedBytes('a block of snappy leads out of itself');
}
