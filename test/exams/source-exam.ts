import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordRun } from '../../src/events/record-run.ts';
import type { Source } from '../../src/sources/source.ts';

/** A source under examination: what a producer of it does, and closing and opening it again. */
export interface SourceBench {
  source: Source;
  /** Closes the source and opens it again over the same records. */
  reopen(): Promise<void>;
  dispose(): Promise<void>;
}

export interface PlainRecord {
  readonly offset: number;
  readonly logTime: number;
  readonly key: string | null;
  readonly value: string | null;
}

const plenty = { records: 1_000, bytes: 1_000_000 };

export function plainRecords(run: RecordRun): PlainRecord[] {
  const text = (start: number, end: number) =>
    start < 0 ? null : Buffer.from(run.bytes.subarray(start, end)).toString('latin1');
  return Array.from({ length: run.count }, (_, i) => ({
    offset: run.offsets[i],
    logTime: run.logTimes[i],
    key: text(run.keyStarts[i], run.keyEnds[i]),
    value: text(run.valueStarts[i], run.valueEnds[i]),
  }));
}

export async function pollAll(source: Source, partition: number, max = plenty): Promise<PlainRecord[]> {
  const all: PlainRecord[] = [];
  for (;;) {
    const run = await source.poll(partition, max);
    if (run === null) return all;
    expect(Buffer.isBuffer(run.bytes), 'bytes.slice copies').toBe(false);
    expect(run.count).toBeGreaterThan(0);
    expect(run.nextOffset).toBeGreaterThan(run.offsets[run.count - 1]);
    all.push(...plainRecords(run));
  }
}

async function readAllBack(source: Source, partition: number, from: number, to: number): Promise<PlainRecord[]> {
  const all: PlainRecord[] = [];
  for await (const run of source.readBack(partition, from, to)) all.push(...plainRecords(run));
  return all;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');
const withoutTime = (records: readonly PlainRecord[]) =>
  records.map(({ offset, key, value }) => ({ offset, key, value }));

/** What every source promises. `open` gives an empty topic of two partitions. */
export function sourceExam(name: string, open: () => Promise<SourceBench>): void {
  describe(`${name} as a source`, () => {
    const withBench = (title: string, run: (bench: SourceBench) => Promise<void>) =>
      test(title, async () => {
        const bench = await open();
        try {
          await run(bench);
        } finally {
          await bench.dispose();
        }
      });

    withBench('an empty lane has nothing and begins at 0', async ({ source }) => {
      expect(await source.poll(0, plenty)).toBeNull();
      expect(await source.bounds(0)).toEqual({ start: 0, end: 0 });
      expect((await source.identity()).partitions).toBe(2);
    });

    withBench('keys may be null, log times never run backwards', async ({ source }) => {
      await source.append(0, null, bytes(''));
      await source.append(0, bytes('org_a'), bytes('{"a":1}'));
      const records = await pollAll(source, 0);
      expect(records.map(({ key }) => key)).toEqual([null, 'org_a']);
      expect(records[1].logTime).toBeGreaterThanOrEqual(records[0].logTime);
      expect(await source.poll(1, plenty)).toBeNull();
    });

    withBench('a record larger than the bound comes alone', async ({ source }) => {
      await source.append(0, null, bytes('small'));
      await source.append(0, null, bytes('x'.repeat(3_000_000)));
      await source.append(0, null, bytes('small'));
      const sizes: number[][] = [];
      for (let run = await source.poll(0, { records: 9, bytes: 100 }); run; ) {
        sizes.push(plainRecords(run).map(({ value }) => value?.length ?? 0));
        run = await source.poll(0, { records: 9, bytes: 100 });
      }
      expect(sizes).toEqual([[5], [3_000_000], [5]]);
    });

    withBench('reading back leaves the position alone', async ({ source }) => {
      for (let i = 0; i < 9; i++) await source.append(0, null, bytes(`${i}`));
      const first = await source.poll(0, { records: 2, bytes: 1_000 });
      const next = first?.nextOffset ?? 0;
      expect(next).toBeGreaterThan(0);
      expect((await readAllBack(source, 0, 4, 7)).map(({ value }) => value)).toEqual(['4', '5', '6']);
      expect((await pollAll(source, 0)).map(({ offset }) => offset)).toEqual(
        Array.from({ length: 9 - next }, (_, i) => next + i),
      );
    });

    withBench('an offset that is not held is refused', async ({ source }) => {
      await source.append(0, null, bytes('a'));
      await expect(source.seek(0, 2)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
      await source.seek(0, 1);
      expect(await source.poll(0, plenty)).toBeNull();
    });

    withBench('waiting ends when a record arrives', async ({ source }) => {
      await source.poll(1, plenty);
      const waiting = source.waitForRecords([1], 3_600_000);
      await source.append(1, null, bytes('a'));
      await waiting;
      expect(await source.poll(1, plenty)).not.toBeNull();
      const stop = new AbortController();
      const second = source.waitForRecords([1], 3_600_000, stop.signal);
      stop.abort();
      await second;
    });

    test('any appends, polls, seeks and reopenings agree with an array', { timeout: 60_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          const bench = await open();
          try {
            await agree(bench, steps);
          } finally {
            await bench.dispose();
          }
        }),
        { numRuns: 40, seed: 20_260_301 },
      );
    });
  });
}

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.json().map((text) => Buffer.from(text, 'utf8')),
  fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }).map((value) => Buffer.from(JSON.stringify(value), 'utf8')),
);
const partition = fc.constantFrom(0, 1);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      partition,
      records: fc.array(fc.tuple(fc.option(anyBytes), anyBytes), { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('poll' as const),
      partition,
      records: fc.integer({ min: 1, max: 5 }),
      bytes: fc.integer({ min: 1, max: 200 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('seek' as const),
      partition,
      to: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

async function agree(bench: SourceBench, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]) {
  const model: { key: string | null; value: string }[][] = [[], []];
  const position = [0, 0];
  const expected = (lane: number, from: number, to: number) =>
    model[lane].slice(from, to).map((record, i) => ({ offset: from + i, ...record }));
  for (const now of steps) {
    if (now.kind === 'append') {
      const from = model[now.partition].length;
      const offsets = await Promise.all(now.records.map(([k, v]) => bench.source.append(now.partition, k, v)));
      expect(offsets).toEqual(now.records.map((_, i) => from + i));
      for (const [k, v] of now.records)
        model[now.partition].push({
          key: k === null ? null : Buffer.from(k).toString('latin1'),
          value: Buffer.from(v).toString('latin1'),
        });
    } else if (now.kind === 'poll') {
      const run = await bench.source.poll(now.partition, now);
      const from = position[now.partition];
      if (run === null) expect(from).toBe(model[now.partition].length);
      else {
        expect(run.count).toBeLessThanOrEqual(now.records);
        expect(withoutTime(plainRecords(run))).toEqual(expected(now.partition, from, from + run.count));
        position[now.partition] = run.nextOffset;
      }
    } else if (now.kind === 'seek') {
      position[now.partition] = Math.floor(now.to * model[now.partition].length);
      await bench.source.seek(now.partition, position[now.partition]);
    } else {
      await bench.reopen();
      position.fill(0);
    }
  }
  for (const lane of [0, 1]) {
    const end = model[lane].length;
    expect(await bench.source.bounds(lane)).toEqual({ start: 0, end });
    expect(withoutTime(await pollAll(bench.source, lane))).toEqual(expected(lane, position[lane], end));
    expect(withoutTime(await readAllBack(bench.source, lane, 0, end))).toEqual(expected(lane, 0, end));
  }
}
