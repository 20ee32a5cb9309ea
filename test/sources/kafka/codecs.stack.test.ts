import { zstdCompressSync } from 'node:zlib';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { beforeAll, expect, test } from 'vitest';
import { KafkaBench, readTo } from './kafka-bench.ts';

/** snappy-java's framing, in blocks of 32 KiB, as Java producers write it. */
function xerial(bytes: Buffer<ArrayBuffer>): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (let at = 0; at < bytes.length; at += 32_768) {
    const block = compressSync(new Uint8Array(bytes.subarray(at, at + 32_768)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

type Pack = (bytes: Buffer<ArrayBuffer>) => Buffer;
const packs: readonly { title: string; type: CompressionTypes; pack: Pack | null }[] = [
  { title: 'none', type: CompressionTypes.None, pack: null },
  { title: 'gzip', type: CompressionTypes.GZIP, pack: null },
  { title: 'snappy, one raw block', type: CompressionTypes.Snappy, pack: (bytes) => compressSync(bytes) },
  { title: 'snappy, framed', type: CompressionTypes.Snappy, pack: xerial },
  { title: 'lz4', type: CompressionTypes.LZ4, pack: (bytes) => compressFrameSync(bytes) },
  { title: 'zstd', type: CompressionTypes.ZSTD, pack: (bytes) => zstdCompressSync(bytes) },
];
let pack: Pack = (bytes) => bytes;

beforeAll(() => {
  const codec = () => ({
    compress: async (encoder: { buffer: Buffer<ArrayBuffer> }) => pack(encoder.buffer),
    decompress: async () => Promise.reject(new Error('only we read here')),
  });
  for (const type of [CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD] as const)
    CompressionCodecs[type] = codec;
});

test.each(packs)('batches packed with $title come back byte for byte', async (packing) => {
  await using bench = await KafkaBench.open();
  if (packing.pack !== null) pack = packing.pack;
  const producer = bench.connection.client.producer();
  await producer.connect();
  bench.onDispose(() => producer.disconnect());
  const values = Array.from({ length: 3_000 }, (_, i) => `${i} `.repeat(1 + (i % 40)));
  for (let from = 0; from < values.length; from += 1_000)
    await producer.send({
      topic: bench.topic,
      compression: packing.type,
      messages: values.slice(from, from + 1_000).map((value, i) => ({
        key: i % 7 === 0 ? null : `org_${i}`,
        value,
        headers: { trace: `${i}` },
      })),
    });
  const source = bench.source();
  const seen = await readTo(source, 0, values.length, { records: 701, bytes: 60_000 });
  expect(seen.map(({ value }) => value)).toEqual(values);
  expect(seen.map(({ offset }) => offset)).toEqual(values.map((_, i) => i));
  expect(seen.map(({ key }) => key)).toEqual(values.map((_, i) => ((i % 1_000) % 7 === 0 ? null : `org_${i % 1_000}`)));
  await source.seek(0, 1_500);
  expect((await readTo(source, 0, values.length)).map(({ offset }) => offset)[0]).toBe(1_500);
});
