import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, crc32, zstdCompress, zstdDecompress } from 'node:zlib';
import { EngineError } from '../../model/errors.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import type { BlobKind } from './blob-envelope.ts';
import { type BlobName, blobsOf, type LaneRecord } from './lane-record.ts';

/**
 * A snapshot of one lane, written and read a blob at a time. The file: a magic, then records
 * {length, crc32, type, number, zstd bytes}. The first says what it is, then come blobs as they lie in
 * Redis (the last of a name counts), and the end says what they amount to. Without an end it is none.
 */
export interface SnapshotHeader {
  readonly format: number;
  readonly lane: string;
  readonly generation: number;
  /** Null where the stream's identity was never written (tests, tools). */
  readonly identity: StreamIdentity | null;
  readonly takenAtMs: number;
}

export interface SnapshotIndex {
  readonly header: SnapshotHeader;
  readonly record: LaneRecord;
  readonly outboxSeqs: readonly number[];
  readonly places: ReadonlyMap<string, Place>;
}

interface Place {
  readonly position: number;
  readonly length: number;
}

type RecordType = 'header' | 'end' | BlobKind;

export const snapshotFormat = 1;
const magic = Buffer.from('PACELNS1');
const recordHeaderBytes = 17;
const types: readonly RecordType[] = ['header', 'end', 'base', 'delta', 'outbox'];
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const fast = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Appends records to a new file. */
export class SnapshotWriter {
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string, header: SnapshotHeader): Promise<SnapshotWriter> {
    const writer = new SnapshotWriter(await open(path, 'w'));
    await writer.#write(magic);
    await writer.#append('header', 0, Buffer.from(JSON.stringify(header)));
    return writer;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async blob({ kind, number }: BlobName, wrapped: Buffer): Promise<void> {
    await this.#append(kind, number, wrapped);
  }

  /** From here on the file is a snapshot, and on the disk. */
  async finish(record: LaneRecord, outboxSeqs: readonly number[]): Promise<void> {
    const end = { ...record, token: '', bases: [...record.bases], outboxSeqs };
    await this.#append('end', 0, Buffer.from(JSON.stringify(end)));
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(type: RecordType, number: number, plain: Buffer): Promise<void> {
    const packed = await compress(plain, fast);
    const header = Buffer.alloc(recordHeaderBytes);
    header.writeUInt32LE(packed.length, 0);
    header[8] = types.indexOf(type);
    header.writeDoubleLE(number, 9);
    header.writeUInt32LE(crc32(packed, crc32(header.subarray(8))), 4);
    await this.#write(Buffer.concat([header, packed]));
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#file.writeFile(bytes);
    this.#bytes += bytes.length;
  }
}

/** Reads a whole snapshot and remembers where its blobs are. Throws STATE_CORRUPT. */
export async function indexSnapshot(file: FileHandle, path: string): Promise<SnapshotIndex> {
  const { size } = await file.stat();
  if (size < magic.length || !(await readAt(file, 0, magic.length)).equals(magic))
    throw corrupt(path, 'it is not a snapshot of this format');
  const places = new Map<string, Place>();
  let header: SnapshotHeader | null = null;
  for (let at = magic.length; at < size; ) {
    const head = at + recordHeaderBytes <= size ? await readAt(file, at, recordHeaderBytes) : null;
    const length = head?.readUInt32LE(0) ?? 0;
    const position = at + recordHeaderBytes;
    if (head === null || position + length > size) throw corrupt(path, `it ends within a record at byte ${at}`);
    const packed = await readAt(file, position, length);
    if (crc32(packed, crc32(head.subarray(8))) !== head.readUInt32LE(4))
      throw corrupt(path, `the record at byte ${at} does not match its checksum`);
    const type = types[head[8]];
    if (type === 'header') header = JSON.parse(String(await decompress(packed))) as SnapshotHeader;
    else if (type === 'end') return finishIndex(path, header, JSON.parse(String(await decompress(packed))), places);
    else places.set(placeKey({ kind: type, number: head.readDoubleLE(9) }), { position, length });
    at = position + length;
  }
  throw corrupt(path, 'its end is missing');
}

interface SnapshotEnd extends Omit<LaneRecord, 'bases'> {
  readonly bases: readonly (readonly [number, number])[];
  readonly outboxSeqs: readonly number[];
}

function finishIndex(
  path: string,
  header: SnapshotHeader | null,
  { outboxSeqs, bases, ...rest }: SnapshotEnd,
  places: ReadonlyMap<string, Place>,
): SnapshotIndex {
  if (header === null) throw corrupt(path, 'it does not say what it is');
  const record: LaneRecord = { ...rest, bases: new Map(bases) };
  const missing = blobsOf(record, outboxSeqs).find((name) => !places.has(placeKey(name)));
  if (missing) throw corrupt(path, `${missing.kind} ${missing.number} is missing`);
  return { header, record, outboxSeqs, places };
}

/** One blob, as it lay in Redis. */
export async function readSnapshotBlob(file: FileHandle, index: SnapshotIndex, name: BlobName): Promise<Buffer> {
  const { position, length } = index.places.get(placeKey(name)) as Place;
  return await decompress(await readAt(file, position, length));
}

function placeKey({ kind, number }: BlobName): string {
  return `${kind} ${number}`;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function corrupt(path: string, what: string): EngineError {
  return new EngineError('STATE_CORRUPT', `snapshot ${path} is damaged: ${what}`);
}
