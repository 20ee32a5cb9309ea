import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { murmur2 } from '../../../src/model/hash.ts';
import type { Clock, WallTimeMs } from '../../../src/model/time.ts';
import type { LogEncoding } from '../../../src/sources/recorded/log-encoding.ts';
import { openLogReader, openRecordedLog, type RecordedLog } from '../../../src/sources/recorded/recorded-log.ts';
import { pollAll, sourceExam } from '../../exams/source-exam.ts';
import { collectFacts } from '../../model/collect-facts.ts';

const directories: string[] = [];
afterEach(() => {
  for (const dir of directories.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function newDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-log-'));
  directories.push(dir);
  return dir;
}

/** Time that stands still until asked; sleeping lasts until it is aborted, or is one turn long. */
class StillClock implements Clock {
  now = 1_772_323_200_000;
  wallMs(): WallTimeMs {
    return this.now as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms < 1_000) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal?.aborted) reject(signal.reason);
    });
  }
}

const clock = new StillClock();
const topic = 'ads.events.v1';

function open(
  dir: string,
  encoding: LogEncoding,
  more: { segmentBytes?: number; mode?: 'live' | 'replayed'; onDamagedBatch?: 'report' | 'stop' } = {},
) {
  return openRecordedLog({ dir, topic, partitions: 2, mode: 'live', encoding, clock, ...more });
}

const suffix = { binary: '.seg', jsonl: '.jsonl' } as const;
const segment = (dir: string, encoding: LogEncoding, base = 0) =>
  join(dir, topic, '0', String(base).padStart(20, '0') + suffix[encoding]);
const max = { records: 100, bytes: 1_000_000 };
const bytes = (text: string) => Buffer.from(text);
const values = async (log: RecordedLog, lane = 0) => (await pollAll(log, lane)).map(({ value }) => value);

describe.each(['binary', 'jsonl'] as const)('%s', (encoding) => {
  for (const segmentBytes of [64 * 1024 * 1024, 100])
    sourceExam(`the recorded log (${encoding}, segments of ${segmentBytes} bytes)`, async () => {
      const dir = mkdtempSync(join(tmpdir(), 'paceline-log-'));
      const bench = {
        source: await open(dir, encoding, { segmentBytes }),
        reopen: async () => {
          await bench.source.close();
          bench.source = await open(dir, encoding, { segmentBytes });
        },
        dispose: async () => {
          await bench.source.close();
          rmSync(dir, { recursive: true });
        },
      };
      return bench;
    });

  test('a crash at any byte of the last record loses that record alone', async () => {
    const dir = newDirectory();
    const log = await open(dir, encoding);
    for (const value of ['{"n":0}', '{"n":1}']) await log.append(0, bytes('org_a'), bytes(value));
    const before = readFileSync(segment(dir, encoding)).length;
    await log.append(0, bytes('org_a'), bytes('{"n":2}'));
    await log.close();
    const whole = readFileSync(segment(dir, encoding));
    for (let cut = before; cut < whole.length - 1; cut++) {
      writeFileSync(segment(dir, encoding), whole.subarray(0, cut));
      using torn = collectFacts('log.torn');
      const again = await open(dir, encoding);
      expect(readFileSync(segment(dir, encoding)).length).toBe(before);
      // What is cut off is told, and kept; an end between two records is no torn one.
      expect(torn.facts).toEqual(
        cut === before ? [] : [{ topic, partition: 0, offset: 2, bytes: cut - before, kept: expect.any(String) }],
      );
      for (const { kept } of torn.facts) expect(readFileSync(kept)).toEqual(whole.subarray(before, cut));
      expect(await again.append(0, null, bytes('{"n":3}')), `cut at ${cut}`).toBe(2);
      expect(await values(again), `cut at ${cut}`).toEqual(['{"n":0}', '{"n":1}', '{"n":3}']);
      await again.close();
    }
  });

  test('a reader beside the writer sees what is appended, over segment ends', async () => {
    const dir = newDirectory();
    const log = await open(dir, encoding, { segmentBytes: 120 });
    const reader = await openLogReader({ dir, topic, clock });
    const seen: (string | null)[] = [];
    for (let i = 0; i < 40; i++) {
      const waiting = reader.waitForRecords([0], 900);
      await log.append(0, null, bytes(`{"n":${i}}`));
      await waiting;
      seen.push(...(await values(reader)));
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => `{"n":${i}}`));
    expect(readdirSync(join(dir, topic, '0')).length).toBeGreaterThan(5);
    expect(await reader.bounds(0)).toEqual({ start: 0, end: 40 });
    await reader.seek(0, 33);
    expect(await values(reader)).toHaveLength(7);
    await reader.close();
    await log.close();
  });

  test('a replayed log keeps the times and the gaps it is given', async () => {
    const dir = newDirectory();
    const log = await open(dir, encoding, { mode: 'replayed' });
    log.add(1, 1_000, bytes('a"\\é'), bytes('{"n":12345678901234567890,"x":1.0}'), 5);
    log.add(1, 2_500, bytes('b'), null, 9);
    await log.flush();
    expect(await pollAll(log, 1)).toEqual([
      {
        offset: 5,
        logTime: 1_000,
        key: bytes('a"\\é').toString('latin1'),
        value: '{"n":12345678901234567890,"x":1.0}',
      },
      { offset: 9, logTime: 2_500, key: 'b', value: null },
    ]);
    await log.seek(1, 6);
    expect((await pollAll(log, 1)).map(({ offset }) => offset)).toEqual([9]);
    await log.close();
    expect(await (await open(dir, encoding)).identity()).toMatchObject({ mode: 'replayed', partitions: 2 });
  });
});

/** Three frames of one record each. */
async function threeFrames(): Promise<{ dir: string; path: string; whole: Buffer; frame: number }> {
  const dir = newDirectory();
  const log = await open(dir, 'binary');
  for (let i = 0; i < 3; i++) await log.append(0, null, bytes(`value ${i}`));
  await log.close();
  const path = segment(dir, 'binary');
  const whole = readFileSync(path);
  return { dir, path, whole, frame: whole.length / 3 };
}

test('damage before the end is named by file and byte, not cut off, and stops who reads it', async () => {
  const { dir, path, whole, frame } = await threeFrames();
  for (let at = frame; at < 2 * frame; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] ^= 0x40;
    writeFileSync(path, damaged);
    const log = await open(dir, 'binary');
    expect((await log.poll(0, max))?.nextOffset, `byte ${at}`).toBe(1);
    for (let n = 0; n < 2; n++)
      await expect(log.poll(0, max), `byte ${at}`).rejects.toMatchObject({
        code: 'LOG_CORRUPT',
        message: expect.stringContaining(`${path} is damaged at byte ${frame}`),
      });
    expect(await log.bounds(0)).toEqual({ start: 0, end: 3 });
    await log.close();
    expect(readFileSync(path)).toEqual(damaged);
  }
});

test('what is damaged is reported once, with its offsets, and all else is read, at whatever byte and by whomever', async () => {
  const { dir, path, whole, frame } = await threeFrames();
  for (let at = frame; at < 2 * frame; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] ^= 0x40;
    writeFileSync(path, damaged);
    const log = await open(dir, 'binary', { onDamagedBatch: 'report' });
    const reader = await openLogReader({ dir, topic, clock, onDamagedBatch: 'report' });
    for (const each of [log, reader]) {
      const seen: unknown[] = [];
      for (let run = await each.poll(0, max); run !== null; run = await each.poll(0, max))
        seen.push([[...run.offsets], run.nextOffset, run.gaps, run.unreadable]);
      const detail = `offset 1 cannot be read: ${frame} bytes of 00000000000000000000.seg are damaged`;
      expect(seen, `byte ${at}`).toEqual([
        [[0], 1, 0, null],
        [[1], 2, 0, { reason: 'damaged_batch', detail, offsets: 1 }],
        [[2], 3, 0, null],
      ]);
      // From behind the damage, and back over it.
      await each.seek(0, 2);
      expect((await pollAll(each, 0)).map(({ offset }) => offset)).toEqual([2]);
      const back = [];
      for await (const run of each.readBack(0, 0, 3)) back.push(run.unreadable?.offsets ?? [...run.offsets]);
      expect(back).toEqual([[0], 1, [2]]);
    }
    // It is still written at its end.
    expect(await log.append(0, null, bytes('more'))).toBe(3);
    await reader.close();
    await log.close();
    expect(readFileSync(path).subarray(0, whole.length)).toEqual(damaged);
    truncateSync(path, whole.length);
  }
});

test('damage that reaches the end of a segment is reported up to the next one; a torn end is cut off', async () => {
  const dir = newDirectory();
  const log = await open(dir, 'binary', { segmentBytes: 100 });
  for (let i = 0; i < 8; i++) await log.append(0, null, bytes(`value ${i}`));
  await log.close();
  const paths = readdirSync(join(dir, topic, '0')).sort();
  const second = join(dir, topic, '0', paths[1]);
  const from = Number.parseInt(paths[1], 10);
  const to = Number.parseInt(paths[2], 10);
  writeFileSync(second, Buffer.alloc(readFileSync(second).length, 7));
  appendFileSync(join(dir, topic, '0', paths.at(-1) as string), 'torn');
  const again = await open(dir, 'binary', { segmentBytes: 100, onDamagedBatch: 'report' });
  const reports = [];
  let passed = 0;
  for (let run = await again.poll(0, max); run !== null; run = await again.poll(0, max)) {
    if (run.unreadable !== null) reports.push([run.offsets[0], run.unreadable.offsets]);
    passed += run.gaps + (run.unreadable?.offsets ?? run.count);
    expect(run.nextOffset).toBe(passed);
  }
  expect(reports).toEqual([[from, to - from]]);
  expect(passed).toBe(8);
  expect(await again.append(0, null, bytes('more'))).toBe(8);
  await again.close();
});

/** A log of five records of which the last is lost at `offset` by damage, and a state that has read all of them. */
async function damagedEnd(damage: (bytes: Buffer, last: number) => void): Promise<{ dir: string; path: string }> {
  const dir = newDirectory();
  const log = await open(dir, 'binary');
  let last = 0;
  for (let n = 0; n < 5; n++) {
    last = n === 0 ? 0 : readFileSync(segment(dir, 'binary')).length;
    await log.append(0, null, bytes(`value ${n}`));
  }
  await log.close();
  const path = segment(dir, 'binary');
  const written = readFileSync(path);
  damage(written, last);
  writeFileSync(path, written);
  return { dir, path };
}

test('an end that was acknowledged and is lost stops who has read it, whatever is appended in its place', async () => {
  const { dir } = await damagedEnd((written) => {
    written[written.length - 1] ^= 0xff;
  });
  const log = await open(dir, 'binary');
  expect(await log.bounds(0)).toEqual({ start: 0, end: 4 });
  await expect(log.seek(0, 5)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  await log.append(0, null, bytes('another'));
  await log.append(0, null, bytes('and more'));
  await log.close();
  for (let n = 0; n < 2; n++) {
    const again = await open(dir, 'binary');
    await expect(again.seek(0, 5)).rejects.toMatchObject({
      code: 'LOG_TRUNCATED',
      message: expect.stringContaining('was cut since offset 5 was read'),
    });
    // Who stood before the cut goes on, and keeps the epoch from then on.
    await again.seek(0, 4);
    const run = await again.poll(0, max);
    expect([run?.nextOffset, run?.leaderEpoch]).toEqual([6, 1]);
    await again.seek(0, 6, 1);
    await expect(again.seek(0, 6)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
    await again.close();
  }
});

test('a log that comes back shorter stops who has read more, also when it is as long again', async () => {
  const { dir, path } = await damagedEnd(() => {});
  const whole = readFileSync(path);
  truncateSync(path, (whole.length / 5) * 3);
  const shorter = await open(dir, 'binary');
  await expect(shorter.seek(0, 5)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  await shorter.close();
  // Until something is appended it can be mended.
  writeFileSync(path, whole);
  const mended = await open(dir, 'binary');
  await mended.seek(0, 5);
  await mended.close();
  truncateSync(path, (whole.length / 5) * 3);
  const again = await open(dir, 'binary');
  await expect(again.seek(0, 5)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  for (const value of ['a', 'b', 'c']) await again.append(0, null, bytes(value));
  await expect(again.seek(0, 5)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' });
  await again.close();
});

test('a file of cuts that is none is said, not passed over', async () => {
  const { dir } = await damagedEnd(() => {});
  writeFileSync(join(dir, topic, '0', 'cuts.json'), '{"format":2}');
  await expect(open(dir, 'binary')).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    message: expect.stringMatching(/cuts\.json does not say where the log was cut: format 2 is not 1/),
  });
});

test('a log written by hand is read; its bad lines are records too', async () => {
  const dir = newDirectory();
  mkdirSync(join(dir, topic, '0'), { recursive: true });
  const lines = [
    '{"log_time":"2026-03-01T00:00:00.000Z","key":"org_a","value":{"type":"click", "n": [1, "}"]}}',
    'not json',
    '',
    '{ "key": null, "value": {"a":"\\u00e9"}, "log_time": 1772323201000, "offset": 7 }',
    '{"log_time":"yesterday","key":"org_a","value":{}}',
    '{"log_time":1772323202000,"key":"org\\u005fb","value":{}}',
  ];
  writeFileSync(segment(dir, 'jsonl'), lines.join('\r\n'));
  const log = await open(dir, 'jsonl');
  expect(await pollAll(log, 0)).toEqual([
    { offset: 0, logTime: 1_772_323_200_000, key: 'org_a', value: '{"type":"click", "n": [1, "}"]}' },
    { offset: 1, logTime: 1_772_323_200_000, key: null, value: 'not json\r' },
    { offset: 7, logTime: 1_772_323_201_000, key: null, value: '{"a":"\\u00e9"}' },
    { offset: 8, logTime: 1_772_323_201_000, key: null, value: `${lines[4]}\r` },
    { offset: 9, logTime: 1_772_323_202_000, key: 'org_b', value: '{}' },
  ]);
  await log.close();
});

test('of a member that is there twice the last one counts, base64 before text, and a line without a value is bad', async () => {
  const dir = newDirectory();
  mkdirSync(join(dir, topic, '0'), { recursive: true });
  const lines = [
    '{"log_time":1772323200000,"log_time":1772323201000,"key":"a","key":"org_a","value":{"n":1},"value":{"n":2}}',
    '{"log_time":1772323201000,"key":"org_a","value":{"n":3},"value":null}',
    '{"log_time":1772323201000,"key":"a","key_base64":"b3JnX2I=","value_base64":"e30=","value":{"n":4}}',
    '{"log_time":1772323201000,"key":"org_a"}',
    '',
  ];
  writeFileSync(segment(dir, 'jsonl'), lines.join('\n'));
  const log = await open(dir, 'jsonl');
  expect(await pollAll(log, 0)).toEqual([
    { offset: 0, logTime: 1_772_323_201_000, key: 'org_a', value: '{"n":2}' },
    { offset: 1, logTime: 1_772_323_201_000, key: 'org_a', value: null },
    { offset: 2, logTime: 1_772_323_201_000, key: 'org_b', value: '{}' },
    { offset: 3, logTime: 1_772_323_201_000, key: null, value: lines[3] },
  ]);
  await log.close();
});

test.each(['1772323202000.5', '1e99', '-1', '"+275760-09-14T00:00:00Z"', 'null', '[]', '{}', '1e400'])(
  'a line whose log_time is %s is a record of its own, as old as the one before it',
  async (logTime) => {
    const dir = newDirectory();
    mkdirSync(join(dir, topic, '0'), { recursive: true });
    const bad = `{"log_time":${logTime},"key":"org_a","value":{"type":"tick"}}`;
    const far = '{"log_time":1772323202000,"offset":1e15,"key":"org_a","value":{"type":"tick"}}';
    const good = '{"log_time":1772323202000,"key":"org_a","value":{"type":"tick"}}';
    writeFileSync(segment(dir, 'jsonl'), [good, bad, far, good, ''].join('\n'));
    const log = await open(dir, 'jsonl');
    const value = '{"type":"tick"}';
    expect(await pollAll(log, 0)).toEqual([
      { offset: 0, logTime: 1_772_323_202_000, key: 'org_a', value },
      { offset: 1, logTime: 1_772_323_202_000, key: null, value: bad },
      { offset: 2, logTime: 1_772_323_202_000, key: null, value: far },
      { offset: 3, logTime: 1_772_323_202_000, key: 'org_a', value },
    ]);
    await log.close();
  },
);

test('another partition count is refused, a missing log too', async () => {
  const dir = newDirectory();
  await (await open(dir, 'binary')).close();
  const asked = { dir, topic, partitions: 3, mode: 'live', encoding: 'binary', clock } as const;
  await expect(openRecordedLog(asked)).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
  await expect(openLogReader({ dir, topic: 'other', clock })).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  truncateSync(join(dir, topic, 'stream.json'), 5);
  await expect(open(dir, 'binary')).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
});

test('live log times follow the clock and never run backwards, also after a restart', async () => {
  const dir = newDirectory();
  const log = await open(dir, 'binary');
  await log.append(0, null, bytes('a'));
  clock.now -= 60_000;
  await log.append(0, null, bytes('b'));
  await log.close();
  const again = await open(dir, 'binary');
  await again.append(0, null, bytes('c'));
  clock.now += 60_000;
  expect((await pollAll(again, 0)).map(({ logTime }) => logTime)).toEqual([clock.now, clock.now, clock.now]);
  await again.close();
});

test('a torn end of zeros is cut off', async () => {
  const dir = newDirectory();
  const log = await open(dir, 'binary');
  await log.append(0, null, bytes('a'));
  await log.close();
  appendFileSync(segment(dir, 'binary'), Buffer.alloc(5_000));
  const again = await open(dir, 'binary');
  expect(await again.append(0, null, bytes('b'))).toBe(1);
  expect(await values(again)).toEqual(['a', 'b']);
  await again.close();
});

test.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('murmur2 of %j is what Kafka computes', (text, hash) => {
  expect(murmur2(bytes(text), 0, text.length)).toBe(hash);
});
