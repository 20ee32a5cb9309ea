import { afterAll, beforeAll, expect, test } from 'vitest';
import { isWorthRetrying } from '../../../src/model/errors.ts';
import { tables } from '../../../src/rows/tables.ts';
import type { OutputChunk } from '../../../src/sinks/sink.ts';
import { deliverForEver, finalRows, openTestEngine, type TestEngine } from '../../embedded-clickhouse/embedded.ts';
import { type Fault, startFaultyProxy } from './faulty-proxy.ts';
import { sampleChunk } from './sample-rows.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
  const sink = engine.sinkAt();
  await sink.migrate();
  await sink.close();
});
afterAll(() => engine.close());

test('dropped calls, lost answers and busy gateways leave every row exactly once', async () => {
  const faults: Fault[] = ['none', 'drop_before', 'drop_after', 'busy', 'drop_after', 'busy', 'drop_before', 'none'];
  const proxy = await startFaultyProxy(engine.engine.url, [...faults, ...faults]);
  const sink = engine.sinkAt(proxy.url);
  let attempts = 0;
  for (let round = 0; round < 4; round++) {
    const chunks = tables.map((table) => sampleChunk(table, round * 40, round * 40 + 40, { seq: round }));
    attempts += await deliverForEver(sink, chunks);
  }
  expect(attempts).toBeGreaterThan(6);
  for (const { name } of tables) expect(await finalRows(engine, name)).toHaveLength(160);
  await sink.close();
  await proxy.close();
});

test('the engine killed during an insert comes back, and the round delivered again is exact', async () => {
  const [table] = tables;
  const sink = engine.sinkAt();
  const chunks = [sampleChunk(table, 1_000, 41_000), sampleChunk(table, 41_000, 81_000, { lane: 'b' })];
  const { pid } = engine.engine;
  const delivery = sink.deliver(chunks).then(
    () => 'delivered',
    (error: unknown) => (isWorthRetrying(error) ? 'again' : 'never'),
  );
  await new Promise((resolve) => setImmediate(resolve));
  process.kill(pid, 'SIGKILL');
  expect(await delivery).not.toBe('never');
  await deliverForEver(sink, chunks);
  expect(engine.engine.pid).not.toBe(pid);
  const { text } = await engine.ask(
    `SELECT count(), uniqExact(campaign_id) FROM ads.${table.name} FINAL WHERE toUInt32(substring(campaign_id, 3)) >= 1000`,
  );
  expect(text).toBe('80000\t80000\n');
  await sink.close();
});

test('an answer that waiting cannot change is a rejection', async () => {
  const sink = engine.sinkAt();
  const broken: OutputChunk = {
    lane: 'a',
    seq: 1,
    streams: [{ stream: 'late_events', rows: 1, bytes: new Uint8Array([3, 65]) }],
  };
  await expect(sink.deliver([broken])).rejects.toMatchObject({ code: 'SINK_REJECTED' });
  await sink.close();
});

test('nobody listening is worth another attempt', async () => {
  const sink = engine.sinkAt('http://127.0.0.1:1');
  await expect(sink.check()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
  await sink.close();
});

test('processor time of the child never runs backwards over a restart', async () => {
  const before = await engine.engine.cpuUsage();
  expect(before.user + before.system).toBeGreaterThan(0);
  const { pid } = engine.engine;
  process.kill(pid, 'SIGKILL');
  const sink = engine.sinkAt();
  await deliverForEver(sink, [sampleChunk(tables[1], 0, 1)]);
  const after = await engine.engine.cpuUsage();
  expect(after.user + after.system).toBeGreaterThanOrEqual(before.user + before.system);
  await sink.close();
});

test.each(tables.map((table) => [table.name, table] as const))(
  '%s: every value arrives as it was',
  async (_, table) => {
    const sink = engine.sinkAt();
    const id = 500_001;
    const chunk = sampleChunk(table, id, id + 1, { salt: 7 });
    await deliverForEver(sink, [chunk]);
    const response = await fetch(
      `${engine.engine.url}/?${new URLSearchParams({ query: `SELECT * FROM ads.${table.name} WHERE org_id = 'k-${id}' FORMAT RowBinary` })}`,
      { headers: { 'X-ClickHouse-Key': engine.engine.readToken } },
    );
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(chunk.streams[0].bytes));
    await sink.close();
  },
);
