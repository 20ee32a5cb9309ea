import type { RecordRun } from '../../src/events/record-run.ts';
import type { LogTimeMs, TimeColumn } from '../../src/model/time.ts';

/** One record as a source would read it. */
export interface RunRecord {
  readonly offset: number;
  readonly logTimeMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** Records of one lane as a source hands them over. */
export function recordRun(records: readonly RunRecord[], partition = 0): RecordRun {
  const parts: Uint8Array[] = [];
  let length = 0;
  const place = (bytes: Uint8Array | null): [number, number] => {
    if (bytes === null) return [-1, -1];
    parts.push(bytes);
    length += bytes.length;
    return [length - bytes.length, length];
  };
  const places = records.map(({ key, value }) => [...place(key), ...place(value)]);
  const column = (index: number) => Int32Array.from(places, (each) => each[index]);
  return {
    topic: 'ads.events.v1',
    partition,
    count: records.length,
    bytes: viewOf(parts, length),
    offsets: Float64Array.from(records, ({ offset }) => offset),
    logTimes: Float64Array.from(records, ({ logTimeMs }) => logTimeMs) as TimeColumn<LogTimeMs>,
    keyStarts: column(0),
    keyEnds: column(1),
    valueStarts: column(2),
    valueEnds: column(3),
    nextOffset: (records.at(-1)?.offset ?? -1) + 1,
    control: 0,
    gaps: 0,
    unreadable: null,
    leaderEpoch: -1,
  };
}

/** The parts as a view that ends where its memory ends, so that whoever reads beyond it is found out. */
function viewOf(parts: readonly Uint8Array[], length: number): Uint8Array {
  const before = 3;
  const bytes = new Uint8Array(new ArrayBuffer(before + length), before, length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
