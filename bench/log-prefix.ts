import { systemClock } from '../src/control/system-clock.ts';
import type { RecordRun } from '../src/events/record-run.ts';
import { eventsTopic } from '../src/model/ids.ts';
import type { LogTimeMs, TimeColumn } from '../src/model/time.ts';
import { openLogReader, type RecordedLog } from '../src/sources/recorded/recorded-log.ts';
import type { Source } from '../src/sources/source.ts';

export interface LogPrefix {
  readonly source: RecordedLog;
  /** Where each partition's share of the prefix ends. */
  readonly ends: readonly number[];
  readonly records: number;
}

/** The first `share` of every partition of the log. */
export async function openPrefix(dir: string, share: number): Promise<LogPrefix> {
  const source = await openLogReader({ dir, topic: eventsTopic, clock: systemClock });
  const ends: number[] = [];
  for (let partition = 0; partition < source.partitions; partition++) {
    ends.push(Math.ceil((await source.bounds(partition)).end * share));
  }
  return { source, ends, records: ends.reduce((sum, end) => sum + end, 0) };
}

/** The stretch from `starts` to `ends` as a source of its own, for parts that read all they are given. */
export function stretchOf(source: RecordedLog, starts: readonly number[], ends: readonly number[]): Source {
  const positions = [...starts];
  return {
    topic: source.topic,
    identity: () => source.identity(),
    async poll(partition, max) {
      const left = ends[partition] - positions[partition];
      if (left <= 0) return null;
      const run = await source.poll(partition, { ...max, records: Math.min(max.records, left) });
      if (run !== null) positions[partition] = run.nextOffset;
      return run;
    },
    async seek(partition, offset) {
      await source.seek(partition, offset);
      positions[partition] = offset;
    },
    readBack: (partition, from, to) => source.readBack(partition, from, to),
    bounds: async (partition) => ({ start: starts[partition], end: ends[partition] }),
    append: (partition, key, value) => source.append(partition, key, value),
    waitForRecords: (partitions, ms, signal) => source.waitForRecords(partitions, ms, signal),
    close: () => source.close(),
  };
}

/** Every `step`-th run of the log, each of its own memory: a sample that has the whole log's mixture. */
export async function sampleRuns(source: RecordedLog, step: number): Promise<RecordRun[]> {
  const runs: RecordRun[] = [];
  let seen = 0;
  for (let partition = 0; partition < source.partitions; partition++) {
    const { start, end } = await source.bounds(partition);
    for await (const run of source.readBack(partition, start, end)) if (seen++ % step === 0) runs.push(copyRun(run));
  }
  return runs;
}

function copyRun(run: RecordRun): RecordRun {
  const from = Math.min(...[run.keyStarts, run.valueStarts].map((starts) => starts.find((start) => start >= 0) ?? 0));
  const to = run.valueEnds.reduce((last, end) => Math.max(last, end), 0);
  const shifted = (places: Int32Array): Int32Array => places.map((place) => (place < 0 ? place : place - from));
  return {
    ...run,
    bytes: Buffer.from(run.bytes.subarray(from, to)),
    offsets: run.offsets.slice(),
    logTimes: run.logTimes.slice() as TimeColumn<LogTimeMs>,
    keyStarts: shifted(run.keyStarts),
    keyEnds: shifted(run.keyEnds),
    valueStarts: shifted(run.valueStarts),
    valueEnds: shifted(run.valueEnds),
  };
}
