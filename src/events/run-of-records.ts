import type { LogTimeMs, TimeColumn } from '../model/time.ts';
import type { RecordRun } from './record-run.ts';

/** One record of a lane, by itself. */
export interface LaneRecord {
  readonly offset: number;
  /** Ms. */
  readonly logTime: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** Records of one lane as a source hands them over; for few of them, each a copy. */
export function runOfRecords(topic: string, partition: number, records: readonly LaneRecord[]): RecordRun {
  const length = records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0);
  const bytes = new Uint8Array(length);
  let end = 0;
  const place = (part: Uint8Array | null): readonly [start: number, end: number] => {
    if (part === null) return [-1, -1];
    bytes.set(part, end);
    end += part.length;
    return [end - part.length, end];
  };
  const keys = [];
  const values = [];
  for (const { key, value } of records) {
    keys.push(place(key));
    values.push(place(value));
  }
  return {
    topic,
    partition,
    count: records.length,
    bytes,
    offsets: Float64Array.from(records, ({ offset }) => offset),
    logTimes: Float64Array.from(records, ({ logTime }) => logTime) as TimeColumn<LogTimeMs>,
    keyStarts: Int32Array.from(keys, ([start]) => start),
    keyEnds: Int32Array.from(keys, ([, keyEnd]) => keyEnd),
    valueStarts: Int32Array.from(values, ([start]) => start),
    valueEnds: Int32Array.from(values, ([, valueEnd]) => valueEnd),
    nextOffset: (records.at(-1)?.offset ?? -1) + 1,
    control: 0,
    gaps: 0,
    unreadable: null,
    leaderEpoch: -1,
  };
}

/** The records of a run, its bytes shared. */
export function recordsOfRun(run: RecordRun): LaneRecord[] {
  const part = (start: number, end: number) => (start < 0 ? null : run.bytes.subarray(start, end));
  return Array.from({ length: run.count }, (_, at) => ({
    offset: run.offsets[at],
    logTime: run.logTimes[at],
    key: part(run.keyStarts[at], run.keyEnds[at]),
    value: part(run.valueStarts[at], run.valueEnds[at]),
  }));
}
