import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { expect, test } from 'vitest';
import type { RecordRun } from '../../../src/events/record-run.ts';
import { KafkaLane } from '../../../src/sources/kafka/kafka-lane.ts';
import { heldRecordBytesMax } from '../../../src/sources/kafka/open-batch.ts';
import { lz4Pieces } from '../../../src/sources/kafka/unpack/lz4.ts';
import { type MadeBatch, type MadeRecord, makeBatch, varint, writeRecord } from './make-batch.ts';

const bounds = { records: 1_000, bytes: 4 * 1024 * 1024 };
const stableEnd = 1_000_000;

/** A lane that was sent these batches in one answer, from offset 0 on. */
function laneOf(batches: readonly (Buffer | MadeBatch)[], isLive = true): KafkaLane {
  const lane = new KafkaLane('t', 0, isLive);
  lane.place(0);
  const records = Buffer.concat(batches.map((batch) => (Buffer.isBuffer(batch) ? batch : makeBatch(batch))));
  send(lane, records);
  return lane;
}

function send(lane: KafkaLane, records: Buffer, aborted: { producerId: number; firstOffset: number }[] = []): void {
  lane.accept({ partition: 0, error: 0, stableEnd, aborted, records, diverging: null }, lane.ask());
}

interface Seen {
  readonly offsets: number[];
  readonly values: string[];
  readonly reports: string[];
  control: number;
  gaps: number;
  nextOffset: number;
  /** The most bytes that a run pointed into. */
  heldMax: number;
}

/** Reads all there is; each run must account for every offset that it passes. */
async function readAll(lane: KafkaLane, each = bounds, keep = true): Promise<Seen> {
  const seen: Seen = { offsets: [], values: [], reports: [], control: 0, gaps: 0, nextOffset: 0, heldMax: 0 };
  for (;;) {
    const from = lane.position;
    const run = lane.take(each);
    if (run === null && !lane.isWaiting) return seen;
    if (run === null) await lane.unpack();
    else note(seen, from, run, keep);
  }
}

function note(seen: Seen, from: number, run: RecordRun, keep: boolean): void {
  const lost = run.unreadable === null ? 0 : run.unreadable.offsets - 1;
  expect(run.nextOffset - from).toBe(run.count + run.control + run.gaps + lost);
  seen.control += run.control;
  seen.gaps += run.gaps;
  seen.nextOffset = run.nextOffset;
  seen.heldMax = Math.max(seen.heldMax, run.bytes.buffer.byteLength);
  if (run.unreadable !== null)
    seen.reports.push(`${run.unreadable.reason} ${run.offsets[0]}+${run.unreadable.offsets}`);
  else if (keep) {
    seen.offsets.push(...run.offsets);
    for (let row = 0; row < run.count; row++)
      seen.values.push(Buffer.from(run.bytes.subarray(run.valueStarts[row], run.valueEnds[row])).toString('latin1'));
  } else seen.offsets.push(run.count);
}

function records(count: number, textOf: (i: number) => string = (i) => `value ${i}`): MadeRecord[] {
  return Array.from({ length: count }, (_, delta) => ({ delta, key: null, value: Buffer.from(textOf(delta)) }));
}

/** snappy-java's framing in blocks of 32 KiB. */
function xerial(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (let at = 0; at < bytes.length; at += 32_768) {
    const block = compressSync(new Uint8Array(bytes.subarray(at, at + 32_768)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

function halves(pack: (bytes: Buffer) => Uint8Array): (bytes: Buffer) => Uint8Array {
  return (bytes) => {
    const middle = bytes.length >> 1;
    return Buffer.concat([pack(bytes.subarray(0, middle)), pack(bytes.subarray(middle))]);
  };
}

const gzip = (bytes: Uint8Array) => gzipSync(bytes, { level: 1 });
const snappy = (bytes: Buffer) => compressSync(new Uint8Array(bytes));
const lz4 = (bytes: Buffer) => compressFrameSync(Buffer.from(bytes));
const zstd = (bytes: Uint8Array) => zstdCompressSync(bytes);
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

const packings: readonly { title: string; codec: number; pack?: (bytes: Buffer) => Uint8Array }[] = [
  { title: 'nothing', codec: 0 },
  { title: 'gzip', codec: 1, pack: gzip },
  { title: 'gzip of two members', codec: 1, pack: halves(gzip) },
  { title: 'one raw block of snappy', codec: 2, pack: snappy },
  { title: 'framed snappy', codec: 2, pack: xerial },
  { title: 'two streams of framed snappy', codec: 2, pack: halves(xerial) },
  { title: 'lz4', codec: 3, pack: lz4 },
  { title: 'lz4 of two frames', codec: 3, pack: halves(lz4) },
  { title: 'zstd', codec: 4, pack: zstd },
  { title: 'zstd of two frames', codec: 4, pack: halves(zstd) },
  { title: 'zstd with a frame to skip', codec: 4, pack: (bytes) => Buffer.concat([skippable, halves(zstd)(bytes)]) },
];

test.each(packings)('a small batch packed with $title comes back', async ({ codec, pack }) => {
  const made = records(2_000, (i) => `${i} `.repeat(1 + (i % 40)));
  const lane = laneOf([{ baseOffset: 0, records: made, codec, ...(pack === undefined ? {} : { pack }) }]);
  const seen = await readAll(lane);
  expect(seen.values).toEqual(made.map(({ value }) => value?.toString()));
  expect(seen).toMatchObject({ reports: [], nextOffset: 2_000, gaps: 0, control: 0 });
});

// 40 MB of text that packs well and differs everywhere: far more than is unpacked at once.
const largeText = (i: number) => `${i}:${'abcdefghij'.repeat(1_000)}:${i * 7}`;
test.each(packings.filter(({ codec }) => codec !== 0))(
  'a large batch packed with $title is read a piece at a time',
  async ({ codec, pack = zstd }) => {
    const lane = laneOf([{ baseOffset: 0, records: records(4_000, largeText), codec, pack }]);
    const seen = await readAll(lane);
    expect(seen).toMatchObject({ reports: [], nextOffset: 4_000, gaps: 0 });
    expect(seen.values.findIndex((value, i) => value !== largeText(i))).toBe(-1);
    expect(seen.heldMax).toBeLessThan(8 * 1024 * 1024);
  },
);

test('a block of lz4 may point into the one before it', () => {
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0]);
  const stored = Buffer.concat([Buffer.from([8, 0, 0, 0x80]), Buffer.from('abcdefgh')]);
  // No literals, eight bytes from eight back; then two literals.
  const sequence = Buffer.from([0x04, 8, 0, 0x20, 0x79, 0x7a]);
  const linked = Buffer.concat([Buffer.from([sequence.length, 0, 0, 0]), sequence]);
  const frame = Buffer.concat([head, stored, linked, Buffer.alloc(4)]);
  const pieces = [...lz4Pieces(frame)].map((piece) => Buffer.from(piece).toString());
  expect(Buffer.from(pieces.join('')).toString()).toBe('abcdefghabcdefghyz');
  const wild = Buffer.concat([head, Buffer.from([6, 0, 0, 0, 0x04, 9, 0, 0x20, 0x79, 0x7a]), Buffer.alloc(4)]);
  expect(() => [...lz4Pieces(wild)]).toThrow('leads out of itself');
});

test('400 MiB of records in 100 KB of zstd are worked through in pieces that stay small', async () => {
  const record = writeRecord({ delta: 0, key: null, value: Buffer.alloc(1_000_000, 'x') });
  const frame = (from: number) => {
    const parts = [...Array(20).keys()].map((i) =>
      Buffer.concat([record.subarray(0, 5), varint(from + i).subarray(0, 1), record.subarray(6)]),
    );
    return zstdCompressSync(Buffer.concat(parts));
  };
  // Offsets below 64 take one byte, so the same record serves with another byte in its place.
  const pack = () => Buffer.concat(Array.from({ length: 3 }, (_, i) => frame(20 * i)));
  const batches = [...Array(7).keys()].map((i) => ({
    baseOffset: 60 * i,
    lastDelta: 59,
    records: [],
    count: 60,
    codec: 4,
    pack,
  }));
  const seen = await readAll(laneOf(batches), bounds, false);
  expect(seen).toMatchObject({ reports: [], nextOffset: 420, gaps: 0 });
  expect(seen.offsets.reduce((sum, count) => sum + count, 0)).toBe(420);
  expect(seen.heldMax).toBeLessThan(8 * 1024 * 1024);
});

test('an empty control batch of a compacted topic is legal, and ends its transaction', async () => {
  const lane = new KafkaLane('t', 0, true);
  lane.place(0);
  const transactional = { isTransactional: true, producerId: 7 };
  const batches = [
    { baseOffset: 0, records: records(2), ...transactional },
    { baseOffset: 2, records: [], isControl: true, ...transactional },
    { baseOffset: 3, records: records(2), ...transactional },
    { baseOffset: 5, lastDelta: 3, records: [] },
    { baseOffset: 12, records: records(1) },
  ];
  send(lane, Buffer.concat(batches.map(makeBatch)), [{ producerId: 7, firstOffset: 0 }]);
  const seen = await readAll(lane);
  expect(seen.offsets).toEqual([3, 4, 12]);
  expect(seen).toMatchObject({ control: 3, gaps: 7, nextOffset: 13 });
});

test('holes that compaction left inside a batch are gaps', async () => {
  const made = [2, 5, 6].map((delta) => ({ delta, key: null, value: Buffer.from(`${delta}`) }));
  const seen = await readAll(laneOf([{ baseOffset: 0, lastDelta: 9, records: made }]), { records: 2, bytes: 1_000 });
  expect(seen.offsets).toEqual([2, 5, 6]);
  expect(seen).toMatchObject({ gaps: 7, nextOffset: 10 });
});

const garbage = () => Buffer.from('this is not what the codec says');
const half = (pack: (bytes: Buffer) => Uint8Array) => (bytes: Buffer) => {
  const packed = pack(bytes);
  return packed.subarray(0, packed.length >> 1);
};
/** A block of snappy, or a frame of lz4, that says it becomes gigabytes. */
const boast = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), garbage()]);

const damages: readonly { title: string; batch: Partial<MadeBatch>; report?: string; read?: number }[] = [
  ...[1, 2, 3, 4].map((codec) => ({ title: `garbage for codec ${codec}`, batch: { codec, pack: garbage } })),
  { title: 'a codec that does not exist', batch: { codec: 6, pack: garbage } },
  { title: 'half of a gzip', batch: { codec: 1, pack: half(gzip) } },
  { title: 'half of a framed snappy', batch: { codec: 2, pack: half(xerial) } },
  { title: 'half of an lz4', batch: { codec: 3, pack: half(lz4) } },
  { title: 'half of a zstd', batch: { codec: 4, pack: half(zstd) } },
  { title: 'a snappy that boasts', batch: { codec: 2, pack: () => boast } },
  { title: 'fewer records than it says', batch: { count: 60 }, report: 'damaged_batch 50+50', read: 50 },
  { title: 'more records than it says', batch: { count: 40 }, report: 'damaged_batch 40+60', read: 40 },
  { title: 'a negative number of records', batch: { count: -3 } },
  {
    title: 'records out of order',
    batch: { records: [0, 3, 2].map((delta) => ({ delta, key: null, value: null })) },
    report: 'damaged_batch 4+96',
    read: 2,
  },
  {
    title: 'a record past the batch',
    batch: { records: [0, 100].map((delta) => ({ delta, key: null, value: null })) },
    report: 'damaged_batch 1+99',
    read: 1,
  },
];

test.each(damages)('$title: one report for the batch, and reading goes on behind it', async (damage) => {
  const { batch, report = 'damaged_batch 0+100', read = 0 } = damage;
  const broken = makeBatch({ baseOffset: 0, lastDelta: 99, records: records(50), ...batch });
  const lane = laneOf([broken, { baseOffset: 100, records: records(3) }]);
  const seen = await readAll(lane);
  expect(seen.reports).toEqual([report]);
  expect(seen.offsets.filter((offset) => offset < 100)).toHaveLength(read);
  expect(seen.offsets.slice(-3)).toEqual([100, 101, 102]);
  expect(seen.nextOffset).toBe(103);
});

test('a large batch that is cut off gives its records up to there, and the rest is reported', async () => {
  const batch = { baseOffset: 0, records: records(4_000, largeText), codec: 1, pack: half(gzip) };
  const seen = await readAll(laneOf([batch, { baseOffset: 4_000, records: records(1) }]));
  expect(seen.reports).toHaveLength(1);
  expect(seen.offsets.length).toBeGreaterThan(1_000);
  expect(seen.offsets.at(-1)).toBe(4_000);
});

test('a record of a large batch that is too long to hold is reported alone', async () => {
  const made = records(40, (i) => (i === 20 ? 'x'.repeat(heldRecordBytesMax) : `value ${i}`));
  const seen = await readAll(laneOf([{ baseOffset: 0, records: made, codec: 4, pack: zstd }]));
  expect(seen.reports).toEqual(['too_large 20+1']);
  expect(seen.offsets).toEqual([...Array(40).keys()].filter((offset) => offset !== 20));
});

test.each([-1, 5_000_000_000_000, -(2 ** 50)])('a producer that stamps a record with %d is told so', async (time) => {
  const made = records(3).map((record) => ({ ...record, timeDelta: record.delta === 1 ? time : 1_600_000_000_000 }));
  const seen = await readAll(laneOf([{ baseOffset: 0, records: made, appendTime: null, baseTimestamp: 0 }], false));
  expect(seen.reports).toEqual(['bad_time 1+1']);
  expect(seen.offsets).toEqual([0, 2]);
});

test('a checksum that does not fit is fetched three times, and then reported', async () => {
  const broken = makeBatch({ baseOffset: 2, records: records(4) });
  broken[broken.length - 1] ^= 1;
  const answer = Buffer.concat([makeBatch({ baseOffset: 0, records: records(2) }), broken]);
  const lane = laneOf([answer]);
  expect((await readAll(lane)).offsets).toEqual([0, 1]);
  for (let tries = 0; tries < 2; tries++)
    expect(() => send(lane, broken)).toThrow(expect.objectContaining({ code: 'SOURCE_UNAVAILABLE' }));
  send(lane, Buffer.concat([broken, makeBatch({ baseOffset: 6, records: records(1) })]));
  expect(await readAll(lane)).toMatchObject({ reports: ['damaged_batch 2+4'], nextOffset: 6 });
  send(lane, makeBatch({ baseOffset: 6, records: records(1) }));
  expect((await readAll(lane)).offsets).toEqual([6]);
});

test.each([
  { title: 'a length of nothing', spoil: (raw: Buffer) => raw.writeInt32BE(-12, 8), code: null },
  { title: 'a length beyond the answer', spoil: (raw: Buffer) => raw.writeInt32BE(2 ** 30, 8), code: null },
  { title: 'offsets beyond the log', spoil: (raw: Buffer) => raw.writeInt32BE(2 ** 30, 23), code: 'BATCH_DAMAGED' },
  { title: 'offsets before the batch', spoil: (raw: Buffer) => raw.writeInt32BE(-5, 23), code: 'BATCH_DAMAGED' },
])('a head with $title never ends the process and never skips', async ({ spoil, code }) => {
  const broken = makeBatch({ baseOffset: 0, records: records(4) });
  spoil(broken);
  const lane = new KafkaLane('t', 0, true);
  lane.place(0);
  for (let tries = 0; tries < 2; tries++)
    expect(() => send(lane, broken)).toThrow(expect.objectContaining({ code: 'SOURCE_UNAVAILABLE' }));
  if (code !== null) expect(() => send(lane, broken)).toThrow(expect.objectContaining({ code }));
  else {
    send(lane, broken);
    expect((await readAll(lane)).reports).toEqual(['damaged_batch 0+4']);
  }
});
