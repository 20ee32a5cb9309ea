import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { partitionOfKey } from '../../src/model/hash.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import { demoWorld } from '../../src/simulator/demo-world.ts';
import { producePaced } from '../../src/simulator/paced-producer.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import { produceFile } from '../../src/simulator/produce-file.ts';
import type { EventEncoder } from '../../src/simulator/produce-records.ts';
import { writeSimulation } from '../../src/simulator/write-simulation.ts';
import { openLogReader, openRecordedLog, type RecordedLog } from '../../src/sources/recorded/recorded-log.ts';

/** Time passes only in sleeps. */
class SleepingClock implements Clock {
  now = 1_000_000;
  wallMs(): WallTimeMs {
    return this.now as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  async sleep(ms: number): Promise<void> {
    this.now += ms;
  }
}

/** Readable stand-in for the real encoders: these tests are about what is written where and when. */
const encoder: EventEncoder = {
  encode: (type, value) =>
    Buffer.from(
      JSON.stringify({ type, ...value }, (_, each) =>
        each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each,
      ),
    ),
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-simulator-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface ReadRecord {
  readonly logTime: number;
  readonly key: string | null;
  readonly value: string;
}

async function readLog(log: RecordedLog, partition: number): Promise<ReadRecord[]> {
  const { start, end } = await log.bounds(partition);
  const records: ReadRecord[] = [];
  for await (const run of log.readBack(partition, start, end)) {
    for (let i = 0; i < run.count; i++) {
      const text = (from: number, to: number) => Buffer.from(run.bytes.subarray(from, to)).toString('utf8');
      const key = run.keyStarts[i] < 0 ? null : text(run.keyStarts[i], run.keyEnds[i]);
      records.push({ logTime: run.logTimes[i], key, value: text(run.valueStarts[i], run.valueEnds[i]) });
    }
  }
  return records;
}

function digest(directory: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  // The stream's own identity is new for every log; its records are not.
  for (const file of files
    .filter(({ name }) => name !== 'stream.json')
    .sort((a, b) => (a.parentPath + a.name < b.parentPath + b.name ? -1 : 1))) {
    hash.update(file.name).update(readFileSync(join(file.parentPath, file.name)));
  }
  return hash.digest('hex');
}

const simulation = { seed: 3, days: 1, campaigns: 12, partitions: 4, impressionsPerDay: 2_000 };

test('a simulated log lies in the partitions of its keys, in order of log time, with its truth beside it', async () => {
  const clock = new SleepingClock();
  const plans = (world: Parameters<typeof plansOfWorld>[0]) => plansOfWorld(world, { rules: [] });
  const shares: number[] = [];
  const options = { ...simulation, dir, plans, encoding: 'avro', encoder, clock } as const;
  const result = await writeSimulation({ ...options, onProgress: (_, share) => shares.push(share) });
  expect(shares.at(-1)).toBe(1);
  const log = await openLogReader({ dir: result.logDir, topic: eventsTopic, clock });
  let records = 0;
  let strays = 0;
  for (let partition = 0; partition < 4; partition++) {
    const read = await readLog(log, partition);
    records += read.length;
    expect(read.findIndex((record, i) => i > 0 && record.logTime < read[i - 1].logTime)).toBe(-1);
    for (const { key } of read) {
      if (key === null) continue;
      if (partitionOfKey(Buffer.from(key), 0, key.length, 4) !== partition) strays += 1;
    }
  }
  await log.close();
  const truth = JSON.parse(readFileSync(result.truthPath, 'utf8'));
  expect(records).toBe(result.records);
  expect(truth.records).toBe(records);
  expect(truth.options.seed).toBe(3);
  const wrong = truth.world.faults.filter((fault: { kind: string }) => fault.kind === 'wrong_partition').length;
  expect(strays).toBe(wrong);
});

test('the same options write the same bytes', async () => {
  const clock = new SleepingClock();
  const plans = (world: Parameters<typeof plansOfWorld>[0]) => plansOfWorld(world, { rules: [] });
  const write = (name: string) =>
    writeSimulation({ ...simulation, dir: join(dir, name), plans, encoding: 'json', encoder, clock });
  const [a, b] = [await write('a'), await write('b')];
  expect(digest(a.logDir)).toBe(digest(b.logDir));
  expect(readFileSync(a.truthPath, 'utf8')).toBe(readFileSync(b.truthPath, 'utf8'));
});

test('a paced world goes on with the clock, at its speed, and stops when it is told to', async () => {
  const clock = new SleepingClock();
  const log = await openRecordedLog({
    dir,
    topic: eventsTopic,
    partitions: 4,
    mode: 'replayed',
    encoding: 'binary',
    clock,
  });
  const world = demoWorld(1, 4);
  const stop = new AbortController();
  const startedAt = clock.now;
  const progress = await producePaced({
    world,
    plans: plansOfWorld(world, { rules: [] }),
    log,
    encoder,
    speed: 7_200,
    clock,
    signal: stop.signal,
    onProgress: () => {
      if (clock.now - startedAt >= 1_000) stop.abort();
    },
  });
  // 100 ms are produced at once, then 1 s passes: 1.1 s at two hours a second.
  expect(progress.simulatedMs - world.startMs).toBe(1_100 * 7_200);
  const read = (await Promise.all([0, 1, 2, 3].map((partition) => readLog(log, partition)))).flat();
  await log.close();
  expect(read).toHaveLength(progress.records);
  expect(Math.max(...read.map((record) => record.logTime))).toBeLessThanOrEqual(progress.simulatedMs);
  expect(Math.max(...read.map((record) => record.logTime))).toBeGreaterThan(progress.simulatedMs - 60_000 - 1);
  expect(read.filter((record) => record.value.startsWith('{"type":"impression"')).length).toBeGreaterThan(1_000);
});

test('a machine that slept does not produce the hours it missed', async () => {
  const clock = new SleepingClock();
  const log = await openRecordedLog({
    dir,
    topic: eventsTopic,
    partitions: 4,
    mode: 'replayed',
    encoding: 'binary',
    clock,
  });
  const world = demoWorld(1, 4);
  const stop = new AbortController();
  let batches = 0;
  const progress = await producePaced({
    world,
    plans: [],
    log,
    encoder,
    speed: 60,
    clock,
    signal: stop.signal,
    onProgress: () => {
      batches += 1;
      clock.now += 3_600_000;
      if (batches === 2) stop.abort();
    },
  });
  await log.close();
  expect(progress.simulatedMs - world.startMs).toBe((100 + 1_000) * 60);
});

test('a file of JSON lines becomes records in the partitions of their keys', async () => {
  const clock = new SleepingClock();
  const log = await openRecordedLog({
    dir: join(dir, 'log'),
    topic: eventsTopic,
    partitions: 4,
    mode: 'replayed',
    encoding: 'jsonl',
    clock,
  });
  const path = join(dir, 'events.jsonl');
  writeFileSync(
    path,
    [
      '{"key": "acme", "log_time": 1772841600000, "value": {"type": "click", "org_id": "acme"}}',
      '',
      '{"key": null, "partition": 2, "log_time": "2026-03-07T00:01:00Z", "value": {"type": "tick"}}',
    ].join('\n'),
  );
  expect(await produceFile(path, log)).toBe(2);
  const partition = partitionOfKey(Buffer.from('acme'), 0, 4, 4);
  expect(await readLog(log, partition)).toContainEqual({
    logTime: 1_772_841_600_000,
    key: 'acme',
    value: '{"type": "click", "org_id": "acme"}',
  });
  expect((await readLog(log, 2)).at(-1)).toEqual({ logTime: 1_772_841_660_000, key: null, value: '{"type": "tick"}' });
  await log.close();
});

test('a value goes into the log exactly as it is written', async () => {
  const clock = new SleepingClock();
  const log = await openRecordedLog({
    dir: join(dir, 'log'),
    topic: eventsTopic,
    partitions: 1,
    mode: 'replayed',
    encoding: 'binary',
    clock,
  });
  const value =
    '{ "amount_micros":1.0, "big": 12345678901234567890, "text": "a \\"}, b\\\\", "list": [ {"value": 2} ] }';
  const path = join(dir, 'events.jsonl');
  writeFileSync(
    path,
    `{"value": ${value} , "key": "acme", "log_time": 5}\n{"log_time":6,"key":"value","value":${value}}`,
  );
  expect(await produceFile(path, log)).toBe(2);
  expect((await readLog(log, 0)).map((record) => record.value)).toEqual([value, value]);
  await log.close();
});

test('a file as other machines write it: a mark at its beginning, CRLF, no end, signs that end lines elsewhere', async () => {
  const log = await openRecordedLog({
    dir: join(dir, 'log'),
    topic: eventsTopic,
    partitions: 1,
    mode: 'replayed',
    encoding: 'jsonl',
    clock: new SleepingClock(),
  });
  const path = join(dir, 'events.jsonl');
  const value = (name: string) => `{"type":"click","name":"${name}"}`;
  const line = (name: string) => `{"key":"acme","log_time":1,"value":${value(name)}}`;
  writeFileSync(path, `\ufeff${line('a\u2028b')}\r\n\r\n${line('é')}\n${line('c')}`);
  expect(await produceFile(path, log)).toBe(3);
  const values = (await readLog(log, 0)).map((record) => record.value);
  expect(values).toEqual([value('a\u2028b'), value('é'), value('c')]);
  writeFileSync(path, Buffer.from(`${line('good')}\n${line('Müller')}\n`, 'latin1'));
  await expect(produceFile(path, log)).rejects.toThrow('events.jsonl:2: a line is text in UTF-8');
  await expect(produceFile('/dev/zero', log)).rejects.toThrow(
    '/dev/zero:1: a line is text in UTF-8, of 64 MiB at most',
  );
  await log.close();
});

test.each([
  ['{"key": "acme", "value": {}', 'events.jsonl:2:28: this is no JSON'],
  ['[1]', 'a line is one JSON object'],
  ['{"key": 5, "log_time": 1, "value": {}}', '"key" is the org_id'],
  ['{"key": "acme", "log_time": 1}', '"value" is the event'],
  ['{"key": "acme", "value": {}}', '"log_time" is missing'],
  ['{"key": "acme", "log_time": "soon", "value": {}}', '"log_time" is whole epoch milliseconds'],
  ['{"key": null, "log_time": 1, "value": {}}', 'names its "partition"'],
  ['{"key": null, "partition": 9, "log_time": 1, "value": {}}', 'the log has 4'],
  ['{"key": "acme", "logtime": 1, "value": {}}', 'unknown member "logtime"'],
])('a line that is no record is refused with its place: %s', async (line, message) => {
  const clock = new SleepingClock();
  const log = await openRecordedLog({
    dir: join(dir, 'log'),
    topic: eventsTopic,
    partitions: 4,
    mode: 'replayed',
    encoding: 'jsonl',
    clock,
  });
  const path = join(dir, 'events.jsonl');
  writeFileSync(path, `{"key": "acme", "log_time": 1, "value": {"type": "click"}}\n${line}\n`);
  await expect(produceFile(path, log)).rejects.toThrow(message);
  await expect(produceFile(path, log)).rejects.toThrow(/events\.jsonl:2:/);
  // The good line before it is in the log, each time the file was tried.
  expect(await readLog(log, partitionOfKey(Buffer.from('acme'), 0, 4, 4))).toHaveLength(2);
  await log.close();
});

test('a file that is not there is a clear error', async () => {
  const clock = new SleepingClock();
  const log = await openRecordedLog({
    dir: join(dir, 'log'),
    topic: eventsTopic,
    partitions: 4,
    mode: 'replayed',
    encoding: 'jsonl',
    clock,
  });
  await expect(produceFile(join(dir, 'absent.jsonl'), log)).rejects.toThrow(`there is no ${join(dir, 'absent.jsonl')}`);
  await log.close();
});
