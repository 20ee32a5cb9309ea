import { crc32 } from 'node:zlib';
import { assert, EngineError } from '../model/errors.ts';
import type { StreamRows } from './lane-program.ts';

/**
 * An output chunk as it lies in the outbox of the state store, little-endian:
 *
 *     u32 crc32 of all that follows
 *     u16 format, u16 streams
 *     per stream: u16 name length, name (UTF-8), u16 shape, u32 rows, u32 bytes length, bytes
 *
 * Format 1, of version 0.1, has no shapes: all its rows are in shape 1.
 */
const outboxFormat = 2;
const headerBytes = 8;
const streamHeaderBytes = 12;

/** The chunk of one commit; null when no stream has a row. */
export function encodeChunk(outputs: readonly StreamRows[]): Uint8Array | null {
  const streams = outputs.filter(({ rows }) => rows > 0);
  if (streams.length === 0) return null;
  const names = streams.map(({ stream }) => Buffer.from(stream, 'utf8'));
  let length = headerBytes;
  for (let i = 0; i < streams.length; i++) length += streamHeaderBytes + names[i].length + streams[i].bytes.length;

  const chunk = Buffer.allocUnsafe(length);
  chunk.writeUInt16LE(outboxFormat, 4);
  chunk.writeUInt16LE(streams.length, 6);
  let at = headerBytes;
  for (let i = 0; i < streams.length; i++) {
    const { shape, rows, bytes } = streams[i];
    at = chunk.writeUInt16LE(names[i].length, at);
    at += names[i].copy(chunk, at);
    at = chunk.writeUInt16LE(shape, at);
    at = chunk.writeUInt32LE(rows, at);
    at = chunk.writeUInt32LE(bytes.length, at);
    chunk.set(bytes, at);
    at += bytes.length;
  }
  assert(at === length, 'a chunk fills its bytes');
  chunk.writeUInt32LE(crc32(chunk.subarray(4)), 0);
  return chunk;
}

/**
 * The streams of a chunk; their bytes are views into `chunk`. Throws STATE_CORRUPT when the bytes are
 * not those that were written, STATE_FORMAT when a newer paceline wrote them.
 */
export function decodeChunk(bytes: Uint8Array): StreamRows[] {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (chunk.length < headerBytes || crc32(chunk.subarray(4)) !== chunk.readUInt32LE(0)) {
    throw new EngineError('STATE_CORRUPT', `output chunk of ${chunk.length} bytes fails its checksum`);
  }
  const format = chunk.readUInt16LE(4);
  if (format > outboxFormat)
    throw new EngineError('STATE_FORMAT', `output chunk has format ${format}, we know ${outboxFormat}`);
  return streamsOf(chunk);
}

/** The streams of a chunk whose bytes are known to be right, as views into it. */
export function streamsOf(bytes: Uint8Array): StreamRows[] {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const streams: StreamRows[] = [];
  const hasShapes = chunk.readUInt16LE(4) > 1;
  const count = chunk.readUInt16LE(6);
  let at = headerBytes;
  for (let i = 0; i < count; i++) {
    const nameEnd = at + 2 + chunk.readUInt16LE(at);
    const stream = chunk.toString('utf8', at + 2, nameEnd);
    const shape = hasShapes ? chunk.readUInt16LE(nameEnd) : 1;
    const rowsAt = hasShapes ? nameEnd + 2 : nameEnd;
    const rows = chunk.readUInt32LE(rowsAt);
    const start = rowsAt + 8;
    at = start + chunk.readUInt32LE(rowsAt + 4);
    streams.push({ stream, shape, rows, bytes: chunk.subarray(start, at) });
  }
  assert(at === chunk.length, 'a chunk is whole');
  return streams;
}
