import type { Decoder } from '../../../src/decoders/decoder.ts';
import { decodeRows } from '../../../src/rows/row-binary.ts';
import { alertEvents, deadLetters, type Table, tables } from '../../../src/rows/tables.ts';
import { decodeChunk } from '../../../src/runtime/outbox.ts';
import type { LaneCommit, LaneSnapshot } from '../../../src/state/state-store.ts';
import { compareTables } from '../../oracle/compare.ts';
import { decodeEither, releasedSchemas } from '../../oracle/decode-avro.ts';
import type { Decode } from '../../oracle/events.ts';
import { foldLane, mergeTables } from '../../oracle/fold.ts';
import { sortRows, type TableName, type TableRows } from '../../oracle/rows.ts';
import { type FoundRow, findRows } from '../row-slices.ts';
import type { SimulatedLog } from '../simulated-log.ts';
import type { SimulatedTopic } from '../simulated-topic.ts';
import type { SimulatedWarehouse } from '../simulated-warehouse.ts';
import { isBeyondProgram } from './bugs.ts';
import { describeState, LaneReference } from './reference.ts';
import { universeBounds } from './shares.ts';

/** Every promise that a universe watches; each can be switched off, to see that it is not idle. */
export const checks = {
  state: 'the state of every commit equals the fold of the prefix that it covers',
  bytes: 'the same key and version always carries the same bytes',
  committed: 'only committed rows become visible',
  tables: 'in the end every table equals the fold of the log',
  once: 'every alert and dead letter is in its topic once, in order',
  caught_up: 'soon after the faults all is committed and delivered',
  stopped: 'no fault makes an engine give up',
  refused: 'a topic that was made anew is refused',
  cut: 'a log that lost its tail halts its lane, unless what is left is all that was read',
} as const;
export type Check = keyof typeof checks;

export interface Violation {
  readonly check: Check;
  readonly atMs: number;
  readonly text: string;
}

export interface RefereeOptions {
  readonly log: SimulatedLog;
  readonly decoder: Decoder;
  readonly planKey: string | null;
  readonly nowMs: () => number;
  /** Checks that are not made. */
  readonly without: readonly Check[];
}

const generation = 1;
/** One commit in so many is restored whole; the others are judged by their delta. */
const restoreEvery = 8;
const decode = decodeEither(releasedSchemas());
const tablesByName = new Map(tables.map((table) => [table.name, table]));

/** Watches a universe from outside and writes down every promise that breaks. */
export class Referee {
  readonly violations: Violation[] = [];
  commits = 0;
  #mayDiffer = false;
  inserts = 0;
  /** The commit at which state first left the fold. */
  firstDivergence: string | null = null;
  readonly #options: RefereeOptions;
  readonly #references: readonly LaneReference[];
  readonly #committed = new Set<string>();
  readonly #bytes = new Map<string, string>();

  constructor(options: RefereeOptions) {
    const { log, decoder, planKey } = options;
    this.#options = options;
    this.#references = Array.from(
      { length: log.partitionCount },
      (_, partition) => new LaneReference(log, { partition, generation, planKey }, decoder),
    );
  }

  fail(check: Check, text: string): void {
    if (this.#options.without.includes(check) || this.violations.length >= 20) return;
    this.violations.push({ check, atMs: this.#options.nowMs(), text });
  }

  onCommit(lane: string, snapshot: LaneSnapshot, commit: LaneCommit, prevOffset: number): void {
    this.commits += 1;
    if (!this.#options.without.includes('state')) this.#judgeState(lane, snapshot, commit, prevOffset);
    this.noteRows(commit);
  }

  /**
   * A lane whose log was cut, and other records took the offsets up to `oldEnd`. What its commits up to there
   * hold may have been on its way; a later one must be the fold of the log as it is now.
   */
  onCommitAfterCut(lane: string, snapshot: LaneSnapshot, commit: LaneCommit, prevOffset: number, oldEnd: number): void {
    this.commits += 1;
    this.noteRows(commit);
    if (commit.nextOffset <= oldEnd) return;
    const { log, decoder, planKey } = this.#options;
    const partition = Number(lane.slice(lane.lastIndexOf(':') + 1));
    const reference = new LaneReference(log, { partition, generation, planKey }, decoder);
    reference.delta(prevOffset, commit.nextOffset, commit.seq);
    if (reference.state(commit.nextOffset) === describeState(snapshot)) return;
    this.fail('cut', `commit ${commit.seq} of ${lane} goes on from records that the log has lost`);
  }

  /** From now on versions may mean other records: the log of a lane was cut. */
  allowOtherBytes(): void {
    this.#mayDiffer = true;
  }

  /** These rows may become visible. */
  noteRows(commit: LaneCommit): void {
    if (commit.outbox === null) return;
    for (const { stream, bytes } of decodeChunk(commit.outbox)) {
      for (const row of findRows(tableNamed(stream), bytes)) this.#committed.add(`${stream} ${row.bytes}`);
    }
  }

  onInsert(table: string, rows: readonly FoundRow[]): void {
    this.inserts += 1;
    for (const row of rows) {
      if (!this.#committed.has(`${table} ${row.bytes}`))
        this.fail('committed', `${table} got a row that no commit has: ${show(table, row)}`);
      const identity = `${table} ${row.version} ${row.key}`;
      const known = this.#bytes.get(identity);
      if (known === undefined) this.#bytes.set(identity, row.bytes);
      else if (known !== row.bytes && !this.#mayDiffer)
        this.fail(
          'bytes',
          `two rows of one key and version: ${show(table, { ...row, bytes: known })} and ${show(table, row)}`,
        );
    }
  }

  /** Nothing lost, wrong or extra, once all is quiet; `ends` are the offsets that were committed. */
  judgeEnd(
    ends: readonly number[],
    warehouse: SimulatedWarehouse,
    alerts: SimulatedTopic,
    letters: SimulatedTopic,
  ): void {
    const { log } = this.#options;
    const lanes = ends.map((end, partition) => this.#fold(partition, end, log));
    const actual = Object.fromEntries(tables.map((table) => [table.name, finalRows(table, warehouse)]));
    const differences = compareTables(mergeTables(lanes), actual as unknown as TableRows, {
      anyDecoderReason: true,
      show: 5,
    });
    for (const difference of differences) this.fail('tables', difference);
    for (const [partition, lane] of lanes.entries()) {
      this.#judgeTopic('alert', lane.alert_events, alerts.partitions[partition], alertEvents);
      this.#judgeTopic('dead letter', lane.dead_letters, letters.partitions[partition], deadLetters);
    }
  }

  #judgeState(lane: string, snapshot: LaneSnapshot, commit: LaneCommit, prevOffset: number): void {
    const reference = this.#references[Number(lane.slice(lane.lastIndexOf(':') + 1))];
    const address = `commit ${commit.seq} of ${lane}, offsets ${prevOffset} to ${commit.nextOffset}`;
    const expected = reference.delta(prevOffset, commit.nextOffset, commit.seq);
    // Which campaign of a delta comes first depends on how records were batched; then the whole state decides.
    const isSame = Buffer.compare(expected, commit.delta) === 0;
    if (isSame && this.commits % restoreEvery > 0) return;
    const problem = reference.state(commit.nextOffset) === describeState(snapshot) ? null : 'its state is not the fold';
    if (problem === null) return;
    this.firstDivergence ??= address;
    this.fail('state', `${address}: ${problem}`);
  }

  #fold(partition: number, end: number, log: SimulatedLog): TableRows {
    const { topic } = log;
    const records = log
      .read(partition, 0, Number.POSITIVE_INFINITY, end)
      .map((record) => ({ topic, partition, ...record }));
    const damaged = new Set(records.filter((record) => record.damaged > 0).map(({ offset }) => offset));
    const read: Decode = (record) => {
      if (damaged.has(record.offset)) return { refused: 'damaged_batch', schemaId: -1 };
      return isBeyondProgram(record.value) ? { refused: 'internal_error', schemaId: -1 } : decode(record);
    };
    const { planKey } = this.#options;
    const options = { partitions: log.partitionCount, generation, planKey, decode: read, bounds: universeBounds };
    return foldLane(records, { topic, partition }, options);
  }

  #judgeTopic(what: string, expected: TableRows[TableName], values: readonly Uint8Array[], table: Table): void {
    const keyOf = (row: Readonly<Record<string, unknown>>) => table.key.map((name) => String(row[name])).join(' ');
    const left = new Set(expected.map(keyOf));
    let last = 0n;
    for (const value of values) {
      const row = JSON.parse(Buffer.from(value).toString('utf8')) as Record<string, unknown>;
      const key = keyOf(row);
      if (!left.delete(key)) this.fail('once', `${what} ${key} is in its topic twice, or should not be`);
      const version = BigInt(row.version as string);
      if (version < last) this.fail('once', `${what} ${key} comes after a later one`);
      last = version;
    }
    for (const key of left) this.fail('once', `${what} ${key} is not in its topic`);
  }
}

function tableNamed(name: string): Table {
  const table = tablesByName.get(name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

function finalRows(table: Table, warehouse: SimulatedWarehouse) {
  const raw = table === deadLetters ? ['key', 'raw'] : [];
  const bytes = [...warehouse.final(table.name).values()].map((row) => row.bytes).join('');
  return sortRows(table, decodeRows(table, Buffer.from(bytes, 'latin1'), raw));
}

function show(table: string, row: FoundRow): string {
  const [decoded] = decodeRows(tableNamed(table), Buffer.from(row.bytes, 'latin1'));
  return JSON.stringify(decoded, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
