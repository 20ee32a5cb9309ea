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

/** The records of a good batch at `good`, packed as `pack` will have it. */
function packedBy(codec: number, pack: (bytes: Buffer) => Uint8Array): Buffer {
  const records = Array.from({ length: good }, (_, delta) => ({ delta, key: null, value: Buffer.from(`v ${delta}`) }));
  return makeBatch({ baseOffset: good, records, codec, pack });
}

const halves = (bytes: Buffer) => [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];

/** A gzip whose head carries a name, a comment and an extra field, as files of the world do. */
function gzipWithHead(bytes: Buffer): Buffer {
  const plain = gzipSync(bytes);
  const head = Buffer.from(plain.subarray(0, 10));
  head[3] = 0x04 | 0x08 | 0x10;
  const extra = Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(65_535, 7)]);
  return Buffer.concat([head, extra, Buffer.from('name\0comment\0'), plain.subarray(10)]);
}

// Whatever is legal in a codec comes out, whoever packs like that.
test.each<[string, number, (bytes: Buffer) => Uint8Array]>([
  ['gzip of two members', 1, (bytes) => Buffer.concat(halves(bytes).map((half) => gzipSync(half)))],
  ['gzip with a member of nothing', 1, (bytes) => Buffer.concat([gzipSync(''), gzipSync(bytes), gzipSync('')])],
  ['gzip with name, comment and extra field', 1, gzipWithHead],
  ['gzip that is not packed at all', 1, (bytes) => gzipSync(bytes, { level: 0 })],
  ['zstd of two frames', 4, (bytes) => Buffer.concat(halves(bytes).map((half) => zstdCompressSync(half)))],
  [
    'zstd behind a frame to skip',
    4,
    (bytes) => Buffer.concat([Buffer.from('5a2a4d1804000000deadbeef', 'hex'), zstdCompressSync(bytes)]),
  ],
  ['lz4 of two frames', 3, (bytes) => Buffer.concat(halves(bytes).map((half) => compressFrameSync(half)))],
  ['snappy of one block without a frame', 2, (bytes) => compressSync(new Uint8Array(bytes))],
])('%s is read whole', async (_, codec, pack) => {
  const read = await readLog([batchAt(0, 0), packedBy(codec, pack), batchAt(2 * good, 0)], 3 * good);
  expect(read).toEqual({ offsets: [...Array(3 * good).keys()], codes: new Set(), reports: 0 });
});

function withField(change: (raw: Buffer) => void): Buffer {
  const raw = batchAt(good, 0);
  change(raw);
  return sign(raw);
}

/** One record of 'delta', 'key', 'value' and headers as the bytes say. */
function recordOf(...parts: readonly (number | Buffer)[]): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    ...parts.map((part) => (typeof part === 'number' ? varint(part) : part)),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

const oneRecord = (...parts: readonly (number | Buffer)[]): Buffer =>
  makeBatch({ baseOffset: good, lastDelta: good - 1, records: [], count: 1, codec: 0, pack: () => recordOf(...parts) });

// Damage of every other shape: nothing ends us, nothing is passed that nobody accounts for, and the neighbours are whole.
test.each<[string, Buffer]>([
  ['a checksum that is wrong', Buffer.from(batchAt(good, 1).fill(0, 17, 21))],
  ['a negative number of records', withField((raw) => raw.writeInt32BE(-1, 57))],
  ['two thousand million records', withField((raw) => raw.writeInt32BE(2 ** 31 - 1, 57))],
  ['fewer records than lie in it', withField((raw) => raw.writeInt32BE(3, 57))],
  ['a codec that nobody knows', withField((raw) => raw.writeInt16BE(7, 21))],
  ['another codec than it is packed with', withField((raw) => raw.writeInt16BE(4, 21))],
  ['times before all times', withField((raw) => raw.writeBigInt64BE(-(2n ** 63n), 27))],
  ['times after all times', withField((raw) => raw.writeBigInt64BE(2n ** 63n - 1n, 27))],
  ['a newest time of nothing', withField((raw) => raw.writeBigInt64BE(-1n, 35))],
  ['a transaction of nobody', withField((raw) => raw.writeInt16BE(0x10, 21))],
  ['a record whose offset goes back', oneRecord(0, -5, -1, 1, Buffer.from('v'), 0)],
  ['a record beyond the last offset', oneRecord(0, 1_000, -1, 1, Buffer.from('v'), 0)],
  ['a key that is longer than the record', oneRecord(0, 0, 1_000_000, 1, Buffer.from('v'), 0)],
  ['a key of negative length', oneRecord(0, 0, -7, 1, Buffer.from('v'), 0)],
  ['headers without number', oneRecord(0, 0, -1, 1, Buffer.from('v'), -3)],
  ['a thousand million headers', oneRecord(0, 0, -1, 1, Buffer.from('v'), 1_000_000_000)],
  ['a header whose key has no length', oneRecord(0, 0, -1, 1, Buffer.from('v'), 1, -1, -1)],
  [
    'a header that is longer than the record',
    oneRecord(0, 0, -1, 1, Buffer.from('v'), 1, 3, Buffer.from('abc'), 9_999),
  ],
  [
    'a lz4 of an old format',
    makeBatch({
      baseOffset: good,
      lastDelta: good - 1,
      records: [],
      count: good,
      codec: 3,
      pack: () => Buffer.from('02214c18ffffffff', 'hex'),
    }),
  ],
  ['a gzip with garbage behind it', packedBy(1, (bytes) => Buffer.concat([gzipSync(bytes), Buffer.alloc(64, 9)]))],
  [
    'a zstd that wants a dictionary',
    makeBatch({
      baseOffset: good,
      lastDelta: good - 1,
      records: [],
      count: good,
      codec: 4,
      pack: () => Buffer.from('28b52ffd0301001000', 'hex'),
    }),
  ],
])('%s', async (_, attack) => {
  const read = await readLog([batchAt(0, 0), attack, batchAt(2 * good, 0)], 3 * good);
  expect(read.offsets.filter((offset) => offset < good || offset >= 2 * good)).toHaveLength(2 * good);
  expect(new Set(read.offsets).size).toBe(read.offsets.length);
  expect(read.offsets.length + read.reports).toBeGreaterThan(2 * good);
});
