import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { deadLetters, type Row, type Table, tables } from '../../src/rows/tables.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import { createRunner } from '../../src/runtime/runner.ts';
import { defaultRunnerSettings } from '../../src/runtime/runner-options.ts';
import type { OutputChunk, Sink } from '../../src/sinks/sink.ts';
import { openLogReader } from '../../src/sources/recorded/recorded-log.ts';
import { MemoryStateStore } from '../../src/state/memory-state-store.ts';
import { createCampaignLane } from '../../src/topology/campaign-topology.ts';
import { sortRows, type TableRows } from '../oracle/rows.ts';

/** Keeps what FINAL would show: by key, the row with the highest version. */
class FinalRows implements Sink {
  readonly name = 'final-rows';
  readonly streams = tables.map(({ name }) => name);
  readonly #rows = new Map<string, Map<string, Row>>(tables.map(({ name }) => [name, new Map()]));

  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    for (const chunk of chunks)
      for (const { stream, bytes } of chunk.streams) {
        const table = tables.find(({ name }) => name === stream);
        if (table !== undefined) this.#keep(table, bytes);
      }
  }

  async check(): Promise<void> {}
  async close(): Promise<void> {}

  tables(): TableRows {
    const sorted = tables.map((table) => [table.name, sortRows(table, [...this.#rowsOf(table).values()])]);
    return Object.fromEntries(sorted) as TableRows;
  }

  #keep(table: Table, bytes: Uint8Array): void {
    const rows = this.#rowsOf(table);
    for (const row of decodeRows(table, bytes, table === deadLetters ? ['key', 'raw'] : [])) {
      const key = table.key.map((column) => String(row[column])).join('|');
      const known = rows.get(key);
      if (known === undefined || (row.version as bigint) >= (known.version as bigint)) rows.set(key, row);
    }
  }

  #rowsOf({ name }: Table): Map<string, Row> {
    return this.#rows.get(name) as Map<string, Row>;
  }
}

/** Runs the log of a data directory through the real runner and operators, a batch of `sizes()` records at a time. */
export async function runInBatches(directory: string, sizes: () => number): Promise<TableRows> {
  const source = await openLogReader({ dir: join(directory, 'log'), topic: eventsTopic, clock: systemClock });
  const codec = makeEventCodec(source.encoding);
  const sink = new FinalRows();
  const runner = createRunner({
    source,
    assignment: allLanes(source.partitions),
    decoder: codec.makeDecoder(),
    store: new MemoryStateStore(),
    sinks: [sink],
    programFactory: createCampaignLane,
    clock: systemClock,
    entropy: { token: () => randomUUID() },
    yieldTurn: () => nextTurn(),
    settings: {
      ...defaultRunnerSettings,
      generation: 1,
      tickValue: new Uint8Array(),
      get pollRecordsMax() {
        return sizes();
      },
    },
    onError: (error) => {
      throw error;
    },
  });
  try {
    await runner.untilEnd();
  } finally {
    await source.close();
  }
  return sink.tables();
}
