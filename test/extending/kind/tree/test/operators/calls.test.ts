import { expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { EventBatch, flag } from '../../src/events/event-batch.ts';
import { kind } from '../../src/events/kinds.ts';
import { hourMs, type LogTimeMs, type TimeColumn } from '../../src/model/time.ts';
import type { TestRecord } from './batch-builder.ts';
import { randomRecords, randomSource } from './random-world.ts';
import { printTables, runLane, whole } from './run-lane.ts';

const day = Date.UTC(2026, 0, 10);
const call = { kind: 'call', org: 'acme', campaign: 'c-1', source: 's' } as const;

test('a call is counted as a click, once', () => {
  const records: TestRecord[] = [1, 2, 3, 3].map((eventId, row) => ({
    ...{ ...call, eventId, offset: row, logTime: day + row * hourMs, eventTime: day },
    ...(eventId === 2 ? { flags: flag.invalid } : {}),
  }));
  records[3] = { ...records[3], logTime: records[2].logTime };
  const { campaign_metrics_daily } = runLane(records, whole);
  const [row] = [...campaign_metrics_daily.values()];
  expect([row.clicks, row.invalid_clicks].map(Number)).toEqual([2, 1]);
});

test('tables with calls, too, are a function of the log, whatever the batches and crashes', () => {
  const records = randomRecords(4, 1_500).map((record) =>
    record.kind === 'click' ? { ...record, kind: 'call' as const } : record,
  );
  const random = randomSource(4);
  const crashing = { batch: () => 1 + Math.floor(random() * 90), commits: () => random() < 0.4, crashes: () => true };
  expect(printTables(runLane(records, crashing))).toBe(printTables(runLane(records, whole)));
});

test('what a producer writes by its schema is read', () => {
  const { encoder, makeDecoder } = makeEventCodec('binary');
  const fields = { org_id: 'acme', campaign_id: 'c-1', event_time: day, source: 's', ivt: 'GIVT' };
  const bytes = encoder.encode('call', { event_id: new Uint8Array(16).fill(1), ...fields });
  const batch = new EventBatch(1);
  const decoder = makeDecoder();
  const run = {
    ...{
      topic: 't',
      partition: 0,
      count: 1,
      bytes,
      nextOffset: 1,
      control: 0,
      gaps: 0,
      unreadable: null,
      leaderEpoch: -1,
    },
    ...{
      offsets: Float64Array.of(0),
      logTimes: Float64Array.of(day) as TimeColumn<LogTimeMs>,
      keyStarts: Int32Array.of(-1),
      keyEnds: Int32Array.of(-1),
    },
    ...{ valueStarts: Int32Array.of(0), valueEnds: Int32Array.of(bytes.length) },
  };
  return decoder.learn(decoder.decode(run, batch)).then(() => {
    expect(decoder.decode(run, batch)).toBe(-1);
    expect([batch.kinds[0], batch.eventTimes[0], batch.flags[0] & flag.invalid]).toEqual([
      kind.call,
      day,
      flag.invalid,
    ]);
  });
});
