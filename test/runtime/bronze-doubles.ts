import type { Decoder } from '../../src/decoders/decoder.ts';
import type { FiledRun } from '../../src/events/filed-run.ts';
import { kind } from '../../src/events/kinds.ts';
import type { RecordRun } from '../../src/events/record-run.ts';
import { EngineError } from '../../src/model/errors.ts';
import type { EventTimeMs, LogTimeMs, TimeColumn } from '../../src/model/time.ts';
import type { RecordTable } from '../../src/runtime/table-store.ts';
import type { Source } from '../../src/sources/source.ts';

/** A log in memory: one byte of value a record, its low bits choosing what the decoder makes of it. */
export class MemoryLog implements Source {
  readonly topic = 'ads.events.v1';
  readonly lengths: number[];
  readonly positions: number[];

  constructor(lengths: readonly number[]) {
    this.lengths = [...lengths];
    this.positions = lengths.map(() => 0);
  }

  async identity() {
    return { clusterId: 'c', topicId: 't', partitions: this.lengths.length, mode: 'live' as const };
  }

  async poll(partition: number, max: { records: number }): Promise<RecordRun | null> {
    const from = this.positions[partition];
    const count = Math.min(max.records, 7, this.lengths[partition] - from);
    if (count === 0) return null;
    this.positions[partition] = from + count;
    const row = Array.from({ length: count }, (_, i) => i);
    return {
      topic: this.topic,
      partition,
      count,
      bytes: Uint8Array.from(row, (i) => from + i),
      offsets: Float64Array.from(row, (i) => from + i),
      logTimes: Float64Array.from(row, (i) => 1_000 + from + i) as TimeColumn<LogTimeMs>,
      keyStarts: new Int32Array(count).fill(-1),
      keyEnds: new Int32Array(count).fill(-1),
      valueStarts: Int32Array.from(row),
      valueEnds: Int32Array.from(row, (i) => i + 1),
      nextOffset: from + count,
      control: 0,
      gaps: 0,
      unreadable: null,
      leaderEpoch: -1,
    };
  }

  async seek(partition: number, offset: number) {
    this.positions[partition] = offset;
  }

  readBack(): AsyncIterable<RecordRun> {
    throw new Error('bronze never reads back');
  }

  async bounds(partition: number) {
    return { start: 0, end: this.lengths[partition] };
  }

  append(): Promise<number> {
    throw new Error('bronze never appends');
  }

  async waitForRecords(_partitions: readonly number[], _ms: number) {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async close() {}
}

/** Every fifth offset is rejected, every seventh a tick, 12 has another's key and 13 is far ahead; schema 9 must be learned once before anything. */
export function makeDecoder(troubles = 0): Decoder {
  let isLearned = false;
  return {
    decode(run, batch) {
      if (!isLearned) return 9;
      batch.reset(run.count);
      for (let row = 0; row < run.count; row++) {
        const offset = run.offsets[row];
        batch.kinds[row] = offset % 5 === 0 ? kind.rejected : offset % 7 === 0 ? kind.tick : kind.spend;
        batch.orgs[row] = batch.dictionaries.orgs.internText('acme');
        const isForeign = offset % 11 === 1 && offset > 1;
        batch.keyOrgs[row] = isForeign ? batch.dictionaries.orgs.internText('other') : batch.orgs[row];
        batch.eventTimes[row] = (offset === 13 ? 1_000_000 : 500) as EventTimeMs;
        batch.schemaIds[row] = 9;
      }
      return -1;
    },
    async learn() {
      if (troubles-- > 0) throw new EngineError('REGISTRY_UNAVAILABLE', 'no answer');
      isLearned = true;
    },
  };
}

export interface StoredRow {
  readonly partition: number;
  readonly offset: number;
  readonly org: string;
  readonly time: number;
  readonly kind: string;
}

/** Keeps committed rows; `troubles` says what the next commits do instead of going well. */
export class MemoryStore implements RecordTable {
  readonly rows: StoredRow[] = [];
  readonly commits: number[] = [];
  readonly troubles: ('unavailable' | 'fenced')[] = [];
  #waiting: StoredRow[] = [];
  #ends = new Map<number, number>();
  readonly #stored = new Map<number, number>();

  async open() {
    this.#waiting = [];
    this.#ends = new Map();
    return this.#stored;
  }

  positions() {
    return this.#stored;
  }

  leaderEpochOf(): number | undefined {
    return undefined;
  }

  own() {}

  add(rows: FiledRun) {
    for (let i = 0; i < rows.count; i++) {
      const { partition } = rows;
      const [offset, org, time] = [rows.offsets[i], rows.orgs[i], rows.eventTimes[i]];
      this.#waiting.push({ partition, offset, org, time, kind: rows.kinds[i] });
    }
    this.#ends.set(rows.partition, rows.nextOffset);
  }

  async commit() {
    if (this.#ends.size === 0) return 'nothing' as const;
    const trouble = this.troubles.shift();
    if (trouble === 'unavailable') throw new EngineError('SINK_UNAVAILABLE', 'disk is away');
    if (trouble !== 'fenced') {
      this.rows.push(...this.#waiting);
      for (const [partition, end] of this.#ends) this.#stored.set(partition, end);
      this.commits.push(this.#waiting.length);
    }
    this.#waiting = [];
    this.#ends = new Map();
    return trouble === 'fenced' ? ('fenced' as const) : ('committed' as const);
  }
}
