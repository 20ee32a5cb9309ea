import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { inPresentShape } from '../../src/rows/shapes.ts';
import { type Row, tables } from '../../src/rows/tables.ts';
import type { StreamRows } from '../../src/runtime/lane-program.ts';
import { decodeChunk } from '../../src/runtime/outbox.ts';
import { EmbeddedStateStore } from '../../src/state/sqlite/embedded-state-store.ts';
import type { LaneSnapshot } from '../../src/state/state-store.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { type RunRecord, recordRun } from '../decoders/record-run.ts';
import { printed } from '../operators/run-lane.ts';

const folder = join(import.meta.dirname, '../fixtures/state');
const formats = readdirSync(folder).filter((name) => name.startsWith('format-'));

function readLog(format: string): RunRecord[] {
  const lines = readFileSync(join(folder, format, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line, offset) => {
    const { log_time, key, value } = JSON.parse(line) as { log_time: number; key: string | null; value: string };
    return { offset, logTimeMs: log_time, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) };
  });
}

/** What the store of that format holds of its lane, read from a copy: opening a store may write to it. */
async function readState(format: string): Promise<LaneSnapshot> {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-format-'));
  try {
    copyFileSync(join(folder, format, 'state.sqlite'), join(directory, 'state.sqlite'));
    const store = new EmbeddedStateStore(join(directory, 'state.sqlite'));
    const snapshot = await store.claim('ads.events.v1:0', 'reader');
    await store.close();
    return snapshot;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Applies the records from `from` on, after reading back the tail before it; returns the lane's output. */
function play(program: CampaignLane, records: readonly RunRecord[], from: number): readonly StreamRows[] {
  const decoder = createDecoder(new EmbeddedRegistry());
  const batch = new EventBatch(64);
  if (from > 0) {
    decoder.decode(recordRun(records.slice(program.tailStart(), from)), batch);
    program.remember(batch);
  }
  const run = recordRun(records.slice(from));
  decoder.decode(run, batch);
  program.apply(batch, run);
  return program.harvest(1_000_000).outputs;
}

function rowsByKey(outputs: readonly StreamRows[]): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { stream, shape, rows: count, bytes } of outputs) {
    const table = tables.find(({ name }) => name === stream)!;
    for (const row of decodeRows(table, inPresentShape({ stream, shape, rows: count, bytes }).bytes)) {
      const key = [stream, ...table.key.map((column) => String(row[column]))].join('|');
      const known = rows.get(key);
      if (known === undefined || (known.version as bigint) <= (row.version as bigint)) rows.set(key, row);
    }
  }
  return rows;
}

const lane = { partition: 0, partitions: 1, generation: 1 };
const offsetOf = (row: Row) => Number((row.version as bigint) & ((1n << 48n) - 1n));

test.each(formats)('an engine goes on from state of %s as if it had never stopped', async (format) => {
  const records = readLog(format);
  const expected = rowsByKey(play(new CampaignLane(lane), records, 0));
  const snapshot = await readState(format);
  const { nextOffset } = snapshot.meta!;
  const program = new CampaignLane(lane);
  program.restore(snapshot);
  const rows = rowsByKey(play(program, records, nextOffset));
  // In state of the first two, reports are points: at a past as_of the rate is another than where they are spread.
  const isOfPoints = format === 'format-1' || format === 'format-2';
  const comparable = (row: Row | undefined) =>
    row === undefined || !isOfPoints ? row : { ...row, unseen_micros: 0n, money_at_risk_micros: 0n };
  for (const [key, row] of rows)
    expect(printed(comparable(row) as Row), key).toBe(printed(comparable(expected.get(key))));
  const later = [...expected].filter(([, row]) => offsetOf(row) >= nextOffset).map(([key]) => key);
  expect([...rows.keys()].toSorted()).toEqual(later.toSorted());
  expect(later.length).toBeGreaterThan(100);
});

test.each(formats)('the state of %s is written in the format that it stands for', async (format) => {
  const { bases, deltas } = await readState(format);
  const blobs = [...bases.values(), ...deltas.map(({ bytes }) => bytes)];
  expect(new Set(blobs.map((bytes) => bytes[0]))).toEqual(new Set([Number(format.split('-')[1])]));
});

const isJudgement = (key: string) => /^(pacing_snapshots|rule_evaluations|alert_events)/.test(key);

test.each(formats)('output that waits in the outbox of %s is still read', async (format) => {
  const expected = rowsByKey(play(new CampaignLane(lane), readLog(format), 0));
  const { outbox, meta } = await readState(format);
  const rows = rowsByKey(outbox.flatMap(({ bytes }) => decodeChunk(bytes)));
  expect(rows.size).toBeGreaterThan(5);
  for (const [key, row] of rows) {
    const final = expected.get(key);
    // A day may have changed since, and this release judges otherwise: it spreads reports that were points before.
    expect(final, key).toBeDefined();
    if (offsetOf(final!) >= meta!.nextOffset || isJudgement(key)) continue;
    expect(printed(row), key).toBe(printed(final));
  }
});
