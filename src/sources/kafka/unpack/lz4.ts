import { decompressFrameSync } from 'lz4-napi';
import { historyBytes } from './bounds.ts';
import { DamagedBytes } from './damaged-bytes.ts';

/** https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md */
const frameMagic = 0x184d2204;
const skippableMagic = 0x184d2a50;
const flag = { independent: 0x20, blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 };
const isStored = 0x80000000;
/** A sequence of the format says at most 255 bytes a byte. */
const growthMax = 255;

interface Block {
  readonly from: number;
  readonly to: number;
  readonly isStored: boolean;
}

interface Frame {
  readonly from: number;
  readonly to: number;
  readonly blockBytesMax: number;
  readonly isLinked: boolean;
  readonly blocks: readonly Block[];
}

/** Unpacked at once; null when it may become more than `bytesMax`. */
export function unpackLz4(packed: Buffer, bytesMax: number): Uint8Array | null {
  const frames = lz4Frames(packed);
  let bound = 0;
  for (const { blocks, blockBytesMax } of frames)
    for (const { from, to } of blocks) bound += Math.min(blockBytesMax, (to - from) * growthMax);
  if (bound > bytesMax) return null;
  const parts = frames.map(({ from, to }) => decompressFrameSync(packed.subarray(from, to)));
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

/** Block by block. The checksums of the format are not looked at: that of the whole batch was right. */
export function* lz4Pieces(packed: Buffer): Generator<Uint8Array> {
  for (const { blocks, blockBytesMax, isLinked } of lz4Frames(packed)) {
    const out = new Uint8Array(historyBytes + blockBytesMax);
    let start = 0;
    let end = 0;
    for (const block of blocks) {
      const kept = isLinked ? Math.min(end, historyBytes) : 0;
      out.copyWithin(0, end - kept, end);
      start = kept;
      end = unpackBlock(packed, block, out, start, start + blockBytesMax);
      yield out.subarray(start, end);
    }
  }
}

function lz4Frames(packed: Buffer): Frame[] {
  const frames: Frame[] = [];
  try {
    for (let at = 0; at < packed.length; ) {
      const magic = packed.readUInt32LE(at);
      if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
        at += 8 + packed.readUInt32LE(at + 4);
        continue;
      }
      if (magic !== frameMagic) throw new DamagedBytes(`byte ${at} does not begin a frame of lz4`);
      const frame = walkFrame(packed, at);
      if (frame.to > packed.length) throw new DamagedBytes('a frame of lz4 is cut off');
      frames.push(frame);
      at = frame.to;
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DamagedBytes('a frame of lz4 is cut off', { cause });
  }
  return frames;
}

/** Walks from block to block; unpacks nothing. */
function walkFrame(packed: Buffer, from: number): Frame {
  const flags = packed.readUInt8(from + 4);
  const sizeCode = (packed.readUInt8(from + 5) >> 4) & 7;
  if (flags >> 6 !== 1 || sizeCode < 4) throw new DamagedBytes('the head of a frame of lz4 makes no sense');
  if ((flags & flag.dictionary) !== 0) throw new DamagedBytes('a frame of lz4 wants a dictionary');
  const blockBytesMax = 1 << (2 * sizeCode + 8);
  const blocks: Block[] = [];
  let at = from + 7 + ((flags & flag.contentSize) !== 0 ? 8 : 0);
  for (;;) {
    const word = packed.readUInt32LE(at);
    at += 4;
    if (word === 0) break;
    const length = (word & ~isStored) >>> 0;
    if (length > blockBytesMax + historyBytes) throw new DamagedBytes('a block of lz4 is longer than its frame allows');
    blocks.push({ from: at, to: at + length, isStored: word >= isStored });
    at += length + ((flags & flag.blockChecksum) !== 0 ? 4 : 0);
  }
  const to = at + ((flags & flag.contentChecksum) !== 0 ? 4 : 0);
  return { from, to, blockBytesMax, isLinked: (flags & flag.independent) === 0, blocks };
}

/** Unpacks a block behind what `out` already holds; returns where it ends, at most at `limit`. */
function unpackBlock(packed: Buffer, block: Block, out: Uint8Array, start: number, limit: number): number {
  const { from, to } = block;
  if (block.isStored) {
    if (start + to - from > limit) throw tooLong();
    out.set(packed.subarray(from, to), start);
    return start + to - from;
  }
  let at = from;
  let end = start;
  const longer = (length: number): number => {
    if (length < 15) return length;
    let byte = 255;
    while (byte === 255 && at < to) {
      byte = packed[at++];
      length += byte;
    }
    return length;
  };
  while (at < to) {
    const token = packed[at++];
    const literals = longer(token >> 4);
    if (at + literals > to || end + literals > limit) throw tooLong();
    out.set(packed.subarray(at, at + literals), end);
    at += literals;
    end += literals;
    // The last sequence of a block has literals alone.
    if (at >= to) break;
    const back = packed[at] | (packed[at + 1] << 8);
    at += 2;
    const length = longer(token & 15) + 4;
    if (at > to || back === 0 || back > end || end + length > limit) throw tooLong();
    copyBack(out, end, back, length);
    end += length;
  }
  return end;
}

function tooLong(): DamagedBytes {
  return new DamagedBytes('a block of lz4 leads out of itself');
}

/** Copies from `back` bytes before `at`; what is copied may be what was just written. */
export function copyBack(out: Uint8Array, at: number, back: number, length: number): void {
  if (back >= length) out.copyWithin(at, at - back, at - back + length);
  else for (let i = at; i < at + length; i++) out[i] = out[i - back];
}
