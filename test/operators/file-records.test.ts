import { expect, test } from 'vitest';
import { EventBatch } from '../../src/events/event-batch.ts';
import { kind } from '../../src/events/kinds.ts';
import type { RecordRun } from '../../src/events/record-run.ts';
import type { LogTimeMs, TimeColumn } from '../../src/model/time.ts';
import { fileRecords } from '../../src/operators/file-records.ts';

test('what is filed keeps its bytes, though the source reads over its buffer', () => {
  const text = Buffer.from('--k1v1k2v2--');
  const run: RecordRun = {
    ...{ topic: 'ads', partition: 3, count: 2, nextOffset: 9, control: 0, gaps: 0, unreadable: null, leaderEpoch: -1 },
    bytes: text,
    offsets: Float64Array.of(7, 8),
    logTimes: Float64Array.of(100, 101) as TimeColumn<LogTimeMs>,
    keyStarts: Int32Array.of(2, -1),
    keyEnds: Int32Array.of(4, -1),
    valueStarts: Int32Array.of(4, 8),
    valueEnds: Int32Array.of(6, 10),
  };
  const batch = new EventBatch(2);
  batch.reset(2);
  batch.kinds.fill(kind.tick);
  const filed = fileRecords(run, batch);
  text.fill(0);
  const read = (starts: Int32Array, ends: Int32Array, row: number) =>
    starts[row] < 0 ? null : Buffer.from(filed.bytes.subarray(starts[row], ends[row])).toString();
  expect([0, 1].map((row) => read(filed.keyStarts, filed.keyEnds, row))).toEqual(['k1', null]);
  expect([0, 1].map((row) => read(filed.valueStarts, filed.valueEnds, row))).toEqual(['v1', 'v2']);
  expect(filed.bytes.length).toBe(8);
  expect(filed.orgs).toEqual(['_system', '_system']);
  expect([...filed.eventTimes]).toEqual([100, 101]);
});
