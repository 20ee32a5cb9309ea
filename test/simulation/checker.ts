import type { OutputChunk } from '../../src/sinks/sink.ts';
import type { LaneCommit, LaneSnapshot } from '../../src/state/state-store.ts';
import { decodeChunk } from '../../src/topology/outbox.ts';
import type { Expectation, OutputRow, ProgramUnderTest } from './program-under-test.ts';
import type { SimulatedLog } from './simulated-log.ts';

/** Watches a world from outside and writes down every promise that breaks. */
export class Checker {
  readonly violations: string[] = [];
  commits = 0;
  deliveries = 0;
  readonly #program: ProgramUnderTest;
  readonly #log: SimulatedLog;
  readonly #committedRows = new Set<string>();
  readonly #contents = new Map<string, string>();
  readonly #tables = new Map<string, Map<string, OutputRow>>();

  constructor(program: ProgramUnderTest, log: SimulatedLog) {
    this.#program = program;
    this.#log = log;
  }

  /** The state of every commit equals the fold of the prefix that it claims to cover. */
  onCommit(lane: string, snapshot: LaneSnapshot, commit: LaneCommit): void {
    this.commits += 1;
    const partition = partitionOf(lane);
    const expected = this.#fold(partition, commit.nextOffset).state;
    const actual = this.#program.describeSnapshot(snapshot, partition);
    if (actual !== expected) this.#violate(`commit ${commit.seq} of ${lane}: state ${actual}, expected ${expected}`);
    if (commit.outbox === null) return;
    for (const { stream, bytes } of decodeChunk(commit.outbox)) {
      for (const row of this.#program.readRows(stream, bytes, partition)) this.#committedRows.add(textOf(row));
    }
  }

  /** Only committed rows become visible, and equal key and version mean equal bytes. */
  onDelivery(sink: string, chunk: OutputChunk): void {
    this.deliveries += 1;
    const table = this.#tables.get(sink) ?? new Map<string, OutputRow>();
    this.#tables.set(sink, table);
    for (const { stream, bytes } of chunk.streams) {
      for (const row of this.#program.readRows(stream, bytes, partitionOf(chunk.lane))) {
        if (!this.#committedRows.has(textOf(row)))
          this.#violate(`${sink} got a row that no commit has: ${textOf(row)}`);
        const identity = `${row.key}@${row.version}`;
        const known = this.#contents.get(identity) ?? row.content;
        this.#contents.set(identity, known);
        if (known !== row.content) this.#violate(`${identity} is both ${known} and ${row.content}`);
        const held = table.get(row.key);
        if (held === undefined || row.version >= held.version) table.set(row.key, row);
      }
    }
  }

  /** Nothing lost, wrong or extra, in any sink, once all is quiet. */
  compareTables(lengths: readonly number[]): void {
    for (const { name, streams } of this.#program.sinks) {
      const expected = new Map<string, OutputRow>();
      for (let partition = 0; partition < lengths.length; partition++) {
        for (const [key, row] of this.#fold(partition, lengths[partition]).rows) {
          if (streams.includes(key.slice(0, key.indexOf(' ')))) expected.set(key, row);
        }
      }
      const actual = this.#tables.get(name) ?? new Map<string, OutputRow>();
      for (const [key, row] of expected) {
        const held = actual.get(key);
        if (held === undefined) this.#violate(`${name} lost ${textOf(row)}`);
        else if (textOf(held) !== textOf(row)) this.#violate(`${name} has ${textOf(held)}, expected ${textOf(row)}`);
      }
      for (const [key, row] of actual) if (!expected.has(key)) this.#violate(`${name} has extra ${textOf(row)}`);
    }
  }

  fail(message: string): void {
    this.#violate(message);
  }

  #fold(partition: number, length: number): Expectation {
    return this.#program.fold(this.#log.partitions[partition].slice(0, length), partition);
  }

  #violate(message: string): void {
    if (this.violations.length < 20) this.violations.push(message);
  }
}

function textOf(row: OutputRow): string {
  return `${row.key}@${row.version}=${row.content}`;
}

function partitionOf(lane: string): number {
  return Number(lane.slice(lane.lastIndexOf(':') + 1));
}
