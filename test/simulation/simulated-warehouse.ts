import type { Readable } from 'node:stream';
import { ClickHouseError } from '@clickhouse/client';
import type { Table } from '../../src/rows/tables.ts';
import type { ClickHousePort } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { type FoundRow, findRows } from './row-slices.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/**
 * ReplacingMergeTree as the server keeps it: every insert is a part, and parts are merged at any time,
 * which keeps of each key the row with the highest version, of equal ones the newest.
 */
export class SimulatedWarehouse {
  isDown = false;
  /** Answers 252 (too many parts) before it stores anything. */
  isBusy = false;
  /** The next insert stores only its first half, then fails. */
  isCut = false;
  readonly #parts = new Map<string, FoundRow[][]>();
  readonly #onInsert: (table: string, rows: readonly FoundRow[]) => void;

  constructor(onInsert: (table: string, rows: readonly FoundRow[]) => void) {
    this.#onInsert = onInsert;
  }

  insert(table: Table, bytes: Uint8Array): void {
    if (this.isDown) throw new Error('socket hang up');
    if (this.isBusy) throw new ClickHouseError({ message: 'Too many parts', code: '252', type: 'TOO_MANY_PARTS' });
    const rows = findRows(table, bytes);
    const stored = this.isCut ? rows.slice(0, rows.length >> 1) : rows;
    this.#onInsert(table.name, stored);
    this.#partsOf(table.name).push([...stored]);
    if (!this.isCut) return;
    this.isCut = false;
    throw new ClickHouseError({ message: 'cancelled after a part', code: '159', type: 'TIMEOUT_EXCEEDED' });
  }

  /** Merges all parts of a table into one. */
  merge(table: string): void {
    const merged = [...this.final(table).values()];
    this.#parts.set(table, [merged]);
  }

  /** What SELECT … FINAL shows, by key. */
  final(table: string): Map<string, FoundRow> {
    const held = new Map<string, FoundRow>();
    for (const part of this.#partsOf(table)) {
      for (const row of part) {
        const known = held.get(row.key);
        if (known === undefined || row.version >= known.version) held.set(row.key, row);
      }
    }
    return held;
  }

  #partsOf(table: string): FoundRow[][] {
    let parts = this.#parts.get(table);
    if (parts === undefined) {
      parts = [];
      this.#parts.set(table, parts);
    }
    return parts;
  }
}

/** A process's client of the warehouse: what the real sink calls. */
export function connectWarehouse(
  warehouse: SimulatedWarehouse,
  process: SimulatedProcess,
  tables: readonly Table[],
): ClickHousePort {
  return {
    async exec({ query, values }) {
      const name = /^INSERT INTO ads\.(\w+) /.exec(query)?.[1];
      const table = tables.find((each) => each.name === name);
      if (table === undefined || values === undefined) throw new Error(`simulated: not an insert: ${query}`);
      const bytes = Buffer.concat(await process.scheduler.hold((values as Readable).toArray()));
      await process.call(
        () => warehouse.insert(table, bytes),
        () => new Error('simulated: socket timeout'),
      );
      return { stream: { resume: () => {} } };
    },
    async query() {
      throw new Error('simulated: nothing here asks the warehouse');
    },
    async close() {},
  };
}
