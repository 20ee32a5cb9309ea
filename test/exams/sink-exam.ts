import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Table } from '../../src/rows/tables.ts';
import { tables } from '../../src/rows/tables.ts';
import type { OutputChunk, Sink } from '../../src/sinks/sink.ts';
import { sampleChunk } from '../sinks/clickhouse/sample-rows.ts';

/** What an exam needs of a place where rows are kept: the sink, and eyes and hands of its own. */
export interface SinkUnderExam {
  readonly sink: Sink;
  /** Rows of the table as a reader sees them (each key once), as sorted lines of text. */
  readRows(table: string): Promise<string[]>;
  /** Puts the table into a shape that our rows do not fit. */
  breakShape(table: string): Promise<void>;
  close(): Promise<void>;
}

/** What every sink with keyed tables must keep (src/sinks/sink.ts), whatever stands behind it. */
export function sinkExam(open: () => Promise<SinkUnderExam>): void {
  let exam: SinkUnderExam;
  beforeAll(async () => {
    exam = await open();
  });
  afterAll(() => exam.close());

  test('a fresh sink is in the right shape', () => exam.sink.check());

  test.each(tables.map((table) => [table.name, table] as const))(
    '%s: rows arrive as they were',
    async (name, table) => {
      await exam.sink.deliver([sampleChunk(table, 0, 50), sampleChunk(table, 50, 80, { lane: 'b' })]);
      expect(await exam.readRows(name)).toHaveLength(80);
    },
  );

  test.each(tables.map((table) => [table.name, table] as const))(
    '%s: repeats and re-cuts collapse',
    async (_, table) => {
      await exam.sink.deliver([sampleChunk(table, 0, 100)]);
      const once = await exam.readRows(table.name);
      await exam.sink.deliver([sampleChunk(table, 0, 100)]);
      await exam.sink.deliver([sampleChunk(table, 0, 7), sampleChunk(table, 7, 100, { seq: 2 })]);
      await exam.sink.deliver([sampleChunk(table, 60, 100), sampleChunk(table, 30, 90, { seq: 2 })]);
      expect(await exam.readRows(table.name)).toEqual(once);
    },
  );

  test('the higher version wins, in whichever order they come', async () => {
    const [table] = tables;
    const newer = sampleChunk(table, 200, 210, { version: 9n, salt: 5 });
    const older = sampleChunk(table, 200, 210, { version: 8n });
    await exam.sink.deliver([newer]);
    const before = await exam.readRows(table.name);
    await exam.sink.deliver([older]);
    expect(await exam.readRows(table.name)).toEqual(before);
    await exam.sink.deliver([sampleChunk(table, 200, 210, { version: 10n })]);
    expect(await exam.readRows(table.name)).not.toEqual(before);
  });

  test('an empty round and a round of others is no work', async () => {
    await exam.sink.deliver([]);
    await exam.sink.deliver([emptyChunk(tables[0])]);
  });

  test('check tells a table whose columns are not ours', async () => {
    await exam.breakShape('late_events');
    await expect(exam.sink.check()).rejects.toMatchObject({ code: 'SINK_REJECTED' });
  });
}

function emptyChunk(table: Table): OutputChunk {
  return { lane: 'a', seq: 3, streams: [{ stream: table.name, rows: 0, bytes: new Uint8Array(0) }] };
}
