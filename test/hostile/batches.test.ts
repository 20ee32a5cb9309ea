import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { expect, test } from 'vitest';
import { EngineError } from '../../src/model/errors.ts';
import { crc32c } from '../../src/sources/kafka/crc32c.ts';
import { KafkaLane } from '../../src/sources/kafka/kafka-lane.ts';
import { makeBatch, varint } from '../sources/kafka/make-batch.ts';

// Whoever may write to the topic may write any bytes into a batch, and its checksum with them. Nothing of
// that ends the process, hides a neighbour's records, or passes an offset that nobody accounts for.
const good = 20;
const packs: readonly ((bytes: Buffer) => Uint8Array)[] = [
  (bytes) => bytes,
  (bytes) => gzipSync(bytes),
  (bytes) => compressSync(new Uint8Array(bytes)),
  (bytes) => compressFrameSync(bytes),
  (bytes) => zstdCompressSync(bytes),
];

function batchAt(baseOffset: number, codec: number, count = good): Buffer {
  const records = Array.from({ length: count }, (_, delta) => ({
    delta,
    key: Buffer.from(`key ${delta}`),
    value: Buffer.from(`value ${baseOffset + delta} `.repeat(1 + (delta % 5))),
  }));
  return makeBatch({ baseOffset, records, codec, pack: packs[codec] });
}

function sign(raw: Buffer): Buffer {
  raw.writeUInt32BE(crc32c(raw, 21, raw.length), 17);
  return raw;
}

interface Read {
  readonly offsets: number[];
  readonly codes: Set<string>;
  readonly reports: number;
}

/** Reads what a broker would answer to each fetch, until the end or until the lane gives up. */
async function readLog(batches: readonly Buffer[], end: number): Promise<Read> {
  const lane = new KafkaLane('t', 0, false);
  lane.place(0);
  const offsets: number[] = [];
  const codes = new Set<string>();
  let reports = 0;
  for (let turns = 0; lane.position < end && turns < 500; turns++) {
    const from = lane.position;
    try {
      const run = lane.take({ records: 7, bytes: 500 });
      if (run === null && lane.isWaiting) await lane.unpack();
      else if (run === null) answer(lane, batches, end);
      else {
        const lost = run.unreadable === null ? 0 : run.unreadable.offsets - 1;
        expect(run.nextOffset - from).toBe(run.count + run.control + run.gaps + lost);
        if (run.unreadable !== null) reports += 1;
        offsets.push(...run.offsets);
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      codes.add(error.code);
      if (error.code !== 'SOURCE_UNAVAILABLE') break;
    }
  }
  return { offsets, codes, reports };
}

/** The broker finds a batch by its own index, whatever the head of the batch says. */
function answer(lane: KafkaLane, batches: readonly Buffer[], end: number): void {
  const rest = batches.slice(Math.floor(lane.fetchOffset / good));
  const asked = { partition: 0, error: 0, stableEnd: end, aborted: [], diverging: null };
  lane.accept({ ...asked, records: Buffer.concat(rest) }, lane.ask());
}

test('any bytes in place of the packed records are read, or reported, and the neighbours are whole', async () => {
  const spoil = fc.record({
    codec: fc.integer({ min: 0, max: 4 }),
    at: fc.nat(400),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
    cut: fc.option(fc.nat(60), { nil: null }),
  });
  await fc.assert(
    fc.asyncProperty(spoil, async ({ codec, at, bytes, cut }) => {
      const raw = batchAt(good, codec);
      raw.set(bytes.subarray(0, Math.max(0, raw.length - 61 - at)), Math.min(raw.length, 61 + at));
      const kept = cut === null ? raw : raw.subarray(0, Math.max(61, raw.length - cut));
      kept.writeInt32BE(kept.length - 12, 8);
      const read = await readLog([batchAt(0, 4), sign(kept), batchAt(2 * good, codec)], 3 * good);
      const around = read.offsets.filter((offset) => offset < good || offset >= 2 * good);
      expect(around).toHaveLength(2 * good);
      expect(new Set(read.offsets).size).toBe(read.offsets.length);
    }),
    { numRuns: 800, seed: 20_261_130 },
  );
});

test('any lie in the head of a batch is reported or halts the lane, and never hides the batch before it', async () => {
  const lie = fc.record({
    codec: fc.integer({ min: 0, max: 4 }),
    place: fc.constantFrom(0, 4, 8, 12, 16, 21, 23, 27, 35, 43, 51, 53, 57),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    isSigned: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(lie, async ({ codec, place, bytes, isSigned }) => {
      const raw = batchAt(good, codec);
      raw.set(bytes.subarray(0, 61 - place), place);
      if (isSigned) sign(raw);
      const read = await readLog([batchAt(0, codec), raw, batchAt(2 * good, codec)], 3 * good);
      expect(read.offsets.slice(0, good)).toEqual([...Array(good).keys()]);
      expect(new Set(read.offsets).size).toBe(read.offsets.length);
      for (const code of read.codes) expect(['SOURCE_UNAVAILABLE', 'BATCH_DAMAGED']).toContain(code);
    }),
    { numRuns: 800, seed: 20_261_130 },
  );
});

const attacks: readonly { title: string; packed: Uint8Array; codec: number }[] = [
  { title: 'four megabytes of lz4 that become gigabytes', codec: 3, packed: lz4Bomb() },
  { title: 'a snappy block that claims four gigabytes', codec: 2, packed: Buffer.from('fffffffff0010061', 'hex') },
  { title: 'a snappy copy from before the beginning', codec: 2, packed: Buffer.from([40, 0x01, 0xff, 0xff]) },
  {
    title: 'a zstd frame that wants a window of gigabytes',
    codec: 4,
    packed: Buffer.from('28b52ffd00f8010000', 'hex'),
  },
  { title: 'a zstd frame without an end', codec: 4, packed: Buffer.from('28b52ffd0058000000', 'hex') },
  { title: 'nothing but frames to skip', codec: 4, packed: Buffer.from('502a4d1800000000'.repeat(1_000), 'hex') },
  { title: 'a gzip of zeros', codec: 1, packed: gzipSync(Buffer.alloc(300_000_000)) },
  { title: 'a zstd of zeros', codec: 4, packed: zstdCompressSync(Buffer.alloc(300_000_000)) },
  { title: 'a record that is longer than all memory', codec: 0, packed: varint(2 ** 40) },
  { title: 'a record of negative length', codec: 0, packed: varint(-9) },
  { title: 'lengths without an end', codec: 0, packed: Buffer.alloc(200, 0xff) },
  { title: 'nothing at all', codec: 4, packed: new Uint8Array(0) },
];

test.each(attacks)('$title: one report, little memory, and reading goes on', async ({ packed, codec }) => {
  const attack = makeBatch({
    baseOffset: good,
    lastDelta: good - 1,
    records: [],
    count: good,
    codec,
    pack: () => packed,
  });
  const before = process.memoryUsage().rss;
  const read = await readLog([batchAt(0, 0), attack, batchAt(2 * good, 0)], 3 * good);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  expect(read.reports).toBeGreaterThanOrEqual(1);
  expect(read.offsets.filter((offset) => offset < good || offset >= 2 * good)).toHaveLength(2 * good);
});

/** Blocks that repeat one byte as often as the format lets them. */
function lz4Bomb(): Buffer {
  const block = Buffer.concat([Buffer.from([0x1f, 0x00, 0x01, 0x00]), Buffer.alloc(16_000, 255), Buffer.from([0, 0])]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(block.length);
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  return Buffer.concat([head, ...Array.from({ length: 250 }, () => Buffer.concat([length, block])), Buffer.alloc(4)]);
}
