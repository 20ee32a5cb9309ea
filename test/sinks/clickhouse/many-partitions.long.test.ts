import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeRows, RowWriter } from '../../../src/rows/row-binary.ts';
import { campaignMetricsDaily, lateEvents, type RowOf } from '../../../src/rows/tables.ts';
import type { OutputChunk, Sink } from '../../../src/sinks/sink.ts';
import { openTestEngine, type TestEngine } from '../../embedded-clickhouse/embedded.ts';
import { sampleRow } from './sample-rows.ts';

let engine: TestEngine;
let sink: Sink;
beforeAll(async () => {
  engine = await openTestEngine();
  const migrated = engine.sinkAt();
  await migrated.migrate();
  sink = migrated;
});
afterAll(async () => {
  await sink.close();
  await engine.close();
});

async function count(what: string, table: string): Promise<string> {
  return (await engine.ask(`SELECT ${what} FROM ads.${table} FINAL`)).text.trim();
}

test('1,247 weeks of one campaign in one commit of a replayed log go in', async () => {
  const weeks = 1_247;
  const writer = new RowWriter(campaignMetricsDaily);
  const sample = sampleRow(campaignMetricsDaily, 1, 1n) as unknown as RowOf<typeof campaignMetricsDaily>;
  for (let week = 0; week < weeks; week++) writer.write({ ...sample, date: 10_000 + 7 * week });
  await sink.deliver([{ lane: 'a:0', seq: 1, streams: [{ stream: campaignMetricsDaily.name, ...writer.take() }] }]);
  expect(await count('count(), uniqExact(date)', campaignMetricsDaily.name)).toBe(`${weeks}\t${weeks}`);
});

test('a chunk of more partitions than one insert takes is split by time, and loses nothing', async () => {
  const months = 1_150;
  const writer = new RowWriter(lateEvents);
  const sample = sampleRow(lateEvents, 1, 1n) as unknown as RowOf<typeof lateEvents>;
  for (let i = 0; i < months; i++) {
    // Out of order, as lanes write them.
    const month = (i * 577) % months;
    writer.write({ ...sample, log_offset: month, log_time: Date.UTC(1970, month, 2) });
  }
  const { rows, bytes } = writer.take();
  const chunk: OutputChunk = {
    lane: 'a:0',
    seq: 1,
    streams: [{ stream: lateEvents.name, rows, bytes: bytes.slice() }],
  };
  await sink.deliver([chunk]);
  await sink.deliver([chunk]);
  expect(decodeRows(lateEvents, chunk.streams[0].bytes)).toHaveLength(months);
  expect(await count('count(), uniqExact(log_time)', lateEvents.name)).toBe(`${months}\t${months}`);
  expect(await count("max(log_time) < toDateTime64('2070-01-01', 3, 'UTC')", lateEvents.name)).toBe('1');
}, 60_000);
