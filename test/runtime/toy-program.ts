import type { Decoder } from '../../src/decoders/decoder.ts';
import type { EventBatch } from '../../src/events/event-batch.ts';
import { kind } from '../../src/events/kinds.ts';
import type { RecordRun } from '../../src/events/record-run.ts';
import type { LaneHarvest, LaneProgram, StreamRows } from '../../src/runtime/lane-program.ts';
import type { LaneSnapshot } from '../../src/state/state-store.ts';
import type { LogRecord } from '../simulation/simulated-log.ts';
import type { Expectation, OutputRow, ProgramUnderTest } from '../topology/program-under-test.ts';

/**
 * Counters and sums by key, duplicates dropped, an alert whenever a sum passes a multiple of a hundred:
 * the smallest program with everything the protocol must carry. A record is four bytes: key, amount,
 * and an id whose repetition within the last 40 offsets is a duplicate. An empty value is a tick.
 */
const duplicateWindow = 40;
const alertStep = 100;
const groups = 3;

interface Counter {
  count: number;
  sum: number;
  version: number;
}

class ToyProgram implements LaneProgram {
  readonly namesKeptMax = Number.POSITIVE_INFINITY;
  readonly #partition: number;
  readonly #counters = new Map<number, Counter>();
  readonly #lastOffsetOfId = new Map<number, number>();
  readonly #dirty = new Set<number>();
  #alerts: string[] = [];
  #nextOffset = 0;
  clockMs = Number.NEGATIVE_INFINITY;
  readonly tally = { applied: 0, dead: 0, late: 0, dropped: 0, control: 0 };

  constructor(partition: number) {
    this.#partition = partition;
  }

  get isAlertPending(): boolean {
    return this.#alerts.length > 0;
  }
  get dirtyBytes(): number {
    return this.#dirty.size * 16;
  }

  apply(batch: EventBatch): void {
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offsets[row];
      this.clockMs = Math.max(this.clockMs, batch.logTimes[row]);
      this.#nextOffset = offset + 1;
      if (batch.kinds[row] === kind.tick) this.tally.control += 1;
      else if (this.#isDuplicate(batch.eventIds[4 * row], offset)) this.tally.dropped += 1;
      else this.#add(batch.code[row], batch.amount[row], offset);
    }
  }

  inPresentShape(stored: StreamRows): StreamRows {
    return stored;
  }

  tailStart(): number {
    return Math.max(0, this.#nextOffset - duplicateWindow);
  }

  rememberRefused(): void {}

  remember(batch: EventBatch): void {
    for (let row = 0; row < batch.count; row++) {
      if (batch.kinds[row] !== kind.tick) this.#isDuplicate(batch.eventIds[4 * row], batch.offsets[row]);
    }
  }

  harvest(seq: number): LaneHarvest {
    const head = { nextOffset: this.#nextOffset, clockMs: this.clockMs };
    const changed = [...this.#dirty].map((key) => [key, this.#counters.get(key)]);
    const delta = toBytes({ ...head, changed });
    const group = seq % groups;
    const base = toBytes({ seq, counters: [...this.#counters].filter(([key]) => key % groups === group) });
    const totals = [...this.#dirty].map((key) => {
      const { count, sum, version } = this.#counters.get(key) as Counter;
      return `${this.#partition}/${key}|${version}|${count}|${sum}\n`;
    });
    const outputs = [toStream('totals', totals), toStream('alerts', this.#alerts)];
    this.#dirty.clear();
    this.#alerts = [];
    return { delta, bases: [{ group, bytes: base }], oldestDeltaSeq: seq - groups + 1, outputs };
  }

  /** The group that a commit rewrites follows from its seq alone: every owner's bases are the same. */
  distrustBases(): void {}

  restore(snapshot: LaneSnapshot): void {
    const { counters, nextOffset, clockMs } = readSnapshot(snapshot);
    for (const [key, counter] of counters) this.#counters.set(key, counter);
    this.#nextOffset = nextOffset;
    this.clockMs = clockMs;
  }

  #isDuplicate(id: number, offset: number): boolean {
    const last = this.#lastOffsetOfId.get(id);
    this.#lastOffsetOfId.set(id, offset);
    return last !== undefined && offset - last <= duplicateWindow;
  }

  #add(key: number, amount: number, offset: number): void {
    const counter = this.#counters.get(key) ?? { count: 0, sum: 0, version: 0 };
    const alertsBefore = Math.floor(counter.sum / alertStep);
    counter.count += 1;
    counter.sum += amount;
    counter.version = offset;
    const alerts = Math.floor(counter.sum / alertStep);
    if (alerts > alertsBefore) this.#alerts.push(`${this.#partition}/${key}/${alerts}|${offset}|${counter.sum}\n`);
    this.#counters.set(key, counter);
    this.#dirty.add(key);
    this.tally.applied += 1;
  }
}

function readSnapshot(snapshot: LaneSnapshot): { counters: Map<number, Counter>; nextOffset: number; clockMs: number } {
  const counters = new Map<number, Counter>();
  const baseSeqs = new Map<number, number>();
  let nextOffset = 0;
  let clockMs = Number.NEGATIVE_INFINITY;
  for (const [group, bytes] of snapshot.bases) {
    const base = fromBytes(bytes) as { seq: number; counters: [number, Counter][] };
    baseSeqs.set(group, base.seq);
    for (const [key, counter] of base.counters) counters.set(key, counter);
  }
  for (const { seq, bytes } of snapshot.deltas) {
    const delta = fromBytes(bytes) as { nextOffset: number; clockMs: number | null; changed: [number, Counter][] };
    nextOffset = delta.nextOffset;
    clockMs = delta.clockMs ?? Number.NEGATIVE_INFINITY;
    for (const [key, counter] of delta.changed) {
      if (seq > (baseSeqs.get(key % groups) ?? 0)) counters.set(key, counter);
    }
  }
  return { counters, nextOffset, clockMs };
}

/** The oracle, written the slow and obvious way and sharing nothing with the program. */
function fold(records: readonly LogRecord[], partition: number): Expectation {
  const counters = new Map<number, Counter>();
  const rows = new Map<string, OutputRow>();
  let clockMs = Number.NEGATIVE_INFINITY;
  const values = records.map(({ value }) => value ?? new Uint8Array());
  records.forEach(({ logTimeMs }, offset) => {
    clockMs = Math.max(clockMs, logTimeMs);
    const value = values[offset];
    if (value.length === 0) return;
    const [key, amount, low, high] = value;
    const recent = values.slice(Math.max(0, offset - duplicateWindow), offset);
    if (recent.some((other) => other.length > 0 && other[2] === low && other[3] === high)) return;
    const before = counters.get(key) ?? { count: 0, sum: 0, version: 0 };
    const after = { count: before.count + 1, sum: before.sum + amount, version: offset };
    counters.set(key, after);
    const totalKey = `totals ${partition}/${key}`;
    rows.set(totalKey, { key: totalKey, version: offset, content: `${after.count}|${after.sum}` });
    for (let n = Math.floor(before.sum / alertStep) + 1; n <= Math.floor(after.sum / alertStep); n++) {
      const alertKey = `alerts ${partition}/${key}/${n}`;
      rows.set(alertKey, { key: alertKey, version: offset, content: `${after.sum}` });
    }
  });
  return { state: describe(counters, records.length, clockMs), rows };
}

function describe(counters: ReadonlyMap<number, Counter>, nextOffset: number, clockMs: number): string {
  const sorted = [...counters].sort(([a], [b]) => a - b).map(([key, c]) => [key, c.count, c.sum, c.version]);
  return JSON.stringify({ nextOffset, clockMs, sorted });
}

function makeDecoder(): Decoder {
  return {
    decode(run: RecordRun, batch: EventBatch): number {
      batch.reset(run.count);
      for (let row = 0; row < run.count; row++) {
        const start = run.valueStarts[row];
        batch.offsets[row] = run.offsets[row];
        batch.logTimes[row] = run.logTimes[row];
        batch.kinds[row] = run.valueEnds[row] === start ? kind.tick : kind.spend;
        batch.code[row] = run.bytes[start];
        batch.amount[row] = run.bytes[start + 1];
        batch.eventIds[4 * row] = run.bytes[start + 2] | (run.bytes[start + 3] << 8);
      }
      batch.nextOffset = run.nextOffset;
      return -1;
    },
    async learn(): Promise<void> {},
  };
}

export function makeToyProgram(): ProgramUnderTest {
  const recentIds: number[] = [];
  let lastId = 0;
  return {
    partitions: 2,
    sinks: [
      { name: 'tables', streams: ['totals', 'alerts'] },
      { name: 'alerts', streams: ['alerts'] },
    ],
    tickValue: new Uint8Array(),
    makeProgram: ({ partition }) => new ToyProgram(partition),
    makeDecoder,
    makeRecord(random) {
      const isDuplicate = recentIds.length > 0 && random.chance(0.2);
      lastId = (lastId + 1) % 65_536;
      const id = isDuplicate ? random.pick(recentIds) : lastId;
      recentIds.push(id);
      if (recentIds.length > 50) recentIds.shift();
      const key = random.between(0, 7);
      return { key: Uint8Array.of(key), value: Uint8Array.of(key, random.between(1, 60), id & 255, id >> 8) };
    },
    fold,
    describeSnapshot(snapshot) {
      const { counters, nextOffset, clockMs } = readSnapshot(snapshot);
      return describe(counters, nextOffset, clockMs);
    },
    readRows(stream, bytes) {
      const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1);
      return lines.map((line) => {
        const [key, version, ...content] = line.split('|');
        return { key: `${stream} ${key}`, version: Number(version), content: content.join('|') };
      });
    },
  };
}

function toStream(stream: string, lines: readonly string[]): StreamRows {
  return { stream, shape: 1, rows: lines.length, bytes: Buffer.from(lines.join(''), 'utf8') };
}

function toBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

function fromBytes(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}
