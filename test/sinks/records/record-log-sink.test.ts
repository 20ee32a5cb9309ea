import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowWriter } from '../../../src/rows/row-binary.ts';
import { deadLetters } from '../../../src/rows/tables.ts';
import { type RecordLog, RecordLogSink } from '../../../src/sinks/records/record-log-sink.ts';
import type { OutputChunk } from '../../../src/sinks/sink.ts';

/** A log that can crash: it keeps `survivors` records of an append and then throws. */
class FakeLog implements RecordLog {
  readonly partitions = new Map<number, Uint8Array[]>();
  survivors: number | null = null;

  async append(partition: number, records: readonly { key: Uint8Array; value: Uint8Array }[]): Promise<void> {
    const kept = this.survivors === null ? records : records.slice(0, this.survivors);
    this.partitions.set(partition, [...this.values(partition), ...kept.map(({ value }) => value)]);
    if (this.survivors === null) return;
    this.survivors = null;
    throw new Error('crashed');
  }
  async lastValue(partition: number): Promise<Uint8Array | null> {
    return this.values(partition).at(-1) ?? null;
  }
  values(partition: number): Uint8Array[] {
    return this.partitions.get(partition) ?? [];
  }
  rows(partition: number): Record<string, unknown>[] {
    return this.values(partition).map((value) => JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>);
  }
}

function chunk(partition: number, seq: number, offsets: readonly number[]): OutputChunk {
  const writer = new RowWriter(deadLetters);
  for (const offset of offsets)
    writer.write({
      org_id: 'o1',
      topic: 't',
      partition,
      log_offset: offset,
      log_time: 1_700_000_000_000,
      reason: 'truncated',
      detail: 'ends inside campaign_id',
      schema_id: 3,
      key: 'o1',
      raw: new Uint8Array([0xff, 0x00, 0xc3]),
      raw_length: 3,
      raw_sha256: 'ab',
      version: (1n << 48n) | BigInt(offset),
    });
  return { lane: `t:${partition}`, seq, streams: [{ stream: 'dead_letters', ...writer.take() }] };
}

function open(log: RecordLog): RecordLogSink {
  return new RecordLogSink({ name: 'dead-letter-records', table: deadLetters, log, rawColumns: ['key', 'raw'] });
}

test('a row becomes a JSON record with its bytes intact', async () => {
  const log = new FakeLog();
  await open(log).deliver([chunk(2, 7, [41])]);
  expect(log.rows(2)).toEqual([
    {
      org_id: 'o1',
      topic: 't',
      partition: 2,
      log_offset: 41,
      log_time: 1_700_000_000_000,
      reason: 'truncated',
      detail: 'ends inside campaign_id',
      schema_id: 3,
      key: Buffer.from('o1').toString('base64'),
      raw: '/wDD',
      raw_length: 3,
      raw_sha256: 'ab',
      version: '281474976710697',
      delivery: { lane: 't:2', index: 0 },
    },
  ]);
});

test('each row is there exactly once, in order, whatever crashes and repeats', async () => {
  const crashes = fc.array(fc.option(fc.nat(4)), { maxLength: 12 });
  const sizes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(sizes, crashes, fc.boolean(), async (rowsPerChunk, plannedCrashes, isRestarted) => {
      const log = new FakeLog();
      let next = 0;
      const chunks = rowsPerChunk.map((count, index) =>
        chunk(
          0,
          index + 1,
          Array.from({ length: count }, () => next++),
        ),
      );
      let sink = open(log);
      for (let at = 0; at < chunks.length; ) {
        log.survivors = plannedCrashes.pop() ?? null;
        try {
          // A repeat may start at an older chunk: everything not acknowledged comes again.
          await sink.deliver(chunks.slice(Math.max(0, at - 2), at + 1));
          at += 1;
        } catch {
          if (isRestarted) sink = open(log);
        }
      }
      expect(log.rows(0).map((row) => row.log_offset)).toEqual(Array.from({ length: next }, (_, offset) => offset));
    }),
    { numRuns: 300, seed: 20_261_124 },
  );
});

test('rows that come again in other commits are known by what they are', async () => {
  const log = new FakeLog();
  await open(log).deliver([chunk(0, 6, [1]), chunk(0, 7, [2, 2, 3])]);
  // The store lost both commits, and the next owner cut them otherwise; seq 7 means other rows now.
  await open(log).deliver([chunk(0, 6, [1, 2, 2, 3]), chunk(0, 7, [4])]);
  expect(log.rows(0).map((row) => row.log_offset)).toEqual([1, 2, 2, 3, 4]);
});

test('trouble of the log is worth a retry; a foreign record is not overwritten', async () => {
  const log = new FakeLog();
  log.survivors = 0;
  await expect(open(log).deliver([chunk(0, 1, [1])])).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
  for (const foreign of ['{"x":1}', 'null', 'hello', '\0\0\0\0\x10\x08abcd', '\0']) {
    log.partitions.set(0, [Buffer.from(foreign)]);
    await expect(open(log).deliver([chunk(0, 1, [1])])).rejects.toMatchObject({ code: 'SINK_REJECTED' });
  }
});

test('a lane that comes back is looked at anew: another engine may have gone on meanwhile', async () => {
  const log = new FakeLog();
  const [first, second] = [open(log), open(log)];
  await first.deliver([chunk(0, 1, [10])]);
  second.laneClaimed('t:0');
  await second.deliver([chunk(0, 2, [11, 12])]);
  first.laneClaimed('t:0');
  await first.deliver([chunk(0, 2, [11, 12]), chunk(0, 3, [13])]);
  expect(log.rows(0).map(({ log_offset }) => log_offset)).toEqual([10, 11, 12, 13]);
});

test('a delivery that a claim overtakes teaches the sink nothing', async () => {
  const log = new FakeLog();
  const [first, second] = [open(log), open(log)];
  const gate = Promise.withResolvers<void>();
  const read = log.lastValue.bind(log);
  log.lastValue = async (partition) => {
    const value = await read(partition);
    await gate.promise;
    return value;
  };
  const overtaken = first.deliver([chunk(0, 1, [])]);
  first.laneClaimed('t:0');
  gate.resolve();
  await overtaken;
  await second.deliver([chunk(0, 1, [10])]);
  await first.deliver([chunk(0, 1, [10])]);
  expect(log.rows(0).map(({ log_offset }) => log_offset)).toEqual([10]);
});
