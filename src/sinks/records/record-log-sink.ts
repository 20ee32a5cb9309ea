import { assert, EngineError } from '../../model/errors.ts';
import { partitionOfLane } from '../../model/lane.ts';
import { decodeRows } from '../../rows/row-binary.ts';
import type { ColumnValue, Row, Table } from '../../rows/tables.ts';
import type { OutputChunk, Sink } from '../sink.ts';

/** One topic of an append-only log, as this sink needs it. */
export interface RecordLog {
  /** Appends in order; resolves when all are durable. A crash leaves a prefix of them. */
  append(partition: number, records: readonly { key: Uint8Array; value: Uint8Array }[]): Promise<void>;
  /** Value of the newest record of the partition; null when there is none. */
  lastValue(partition: number): Promise<Uint8Array | null>;
}

/**
 * Which row a record carries: its lane, its version, and its place among the rows of that version. It
 * says nothing of commits: after the store lost its tail, the same rows come again cut otherwise.
 */
interface Place {
  readonly lane: string;
  readonly version: bigint;
  readonly index: number;
}

export interface RecordLogSinkOptions {
  readonly name: string;
  readonly table: Table;
  readonly log: RecordLog;
  /** String columns that hold bytes; as JSON they travel as base64. */
  readonly rawColumns?: readonly string[];
  /** Makes a record of the table's Avro schema out of a row and its `delivery`; absent = records are JSON. */
  readonly encodeAvro?: ((fields: Readonly<Record<string, unknown>>) => Uint8Array) | undefined;
}

/**
 * Rows of one table as records of a topic, JSON or Avro, keyed by organization, each row once: a
 * record says which row it carries, so after a crash the newest record tells where to go on. Lane
 * `topic:p` writes partition p alone, and its rows come in the order of their versions. While a lane
 * moves between two engines, a row may come twice, told by its lane, version and index.
 */
export class RecordLogSink implements Sink {
  readonly name: string;
  readonly streams: readonly string[];
  readonly #options: RecordLogSinkOptions;
  /** How often each partition's lane was claimed: what a delivery of an earlier claim learned is not news. */
  readonly #claims = new Map<number, number>();
  /** By partition; absent = must be read from the log. */
  readonly #newest = new Map<number, Place | null>();

  constructor(options: RecordLogSinkOptions) {
    this.name = options.name;
    this.streams = [options.table.name];
    this.#options = options;
  }

  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    for (const chunk of [...chunks].sort((a, b) => a.seq - b.seq)) await this.#deliverChunk(chunk);
  }

  laneClaimed(lane: string): void {
    const partition = partitionOfLane(lane);
    this.#claims.set(partition, this.#claimsOf(partition) + 1);
    this.#newest.delete(partition);
  }

  #claimsOf(partition: number): number {
    return this.#claims.get(partition) ?? 0;
  }

  async check(): Promise<void> {
    await this.#attempt(0, async () => {
      await this.#options.log.lastValue(0);
    });
  }

  /** The log belongs to whoever opened it. */
  async close(): Promise<void> {}

  async #deliverChunk(chunk: OutputChunk): Promise<void> {
    const partition = partitionOfLane(chunk.lane);
    const rows = chunk.streams
      .filter(({ stream }) => stream === this.#options.table.name)
      .flatMap(({ bytes }) => this.#decode(bytes));
    await this.#attempt(partition, async () => {
      const claims = this.#claimsOf(partition);
      const newest = await this.#newestOf(partition);
      assert(
        newest === null || newest.lane === chunk.lane,
        `partition ${partition} of ${this.name} belongs to one lane`,
      );
      const fresh = placeRows(chunk.lane, rows).filter(({ place }) => newest === null || isAfter(place, newest));
      const records = fresh.map(({ row, place }) => this.#encode(row, place));
      if (records.length > 0) await this.#options.log.append(partition, records);
      if (claims === this.#claimsOf(partition)) this.#newest.set(partition, fresh.at(-1)?.place ?? newest);
    });
  }

  /** After trouble we no longer know what the log holds, so the next attempt reads it again. */
  async #attempt(partition: number, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (cause) {
      this.#newest.delete(partition);
      if (cause instanceof EngineError && cause.retry === 'never') throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError('SINK_UNAVAILABLE', `${this.name}: ${message}`, { cause });
    }
  }

  async #newestOf(partition: number): Promise<Place | null> {
    const known = this.#newest.get(partition);
    if (known !== undefined) return known;
    const value = await this.#options.log.lastValue(partition);
    return value === null ? null : placeOf(value, this.name);
  }

  #decode(bytes: Uint8Array): Row[] {
    return decodeRows(this.#options.table, bytes, this.#options.rawColumns);
  }

  #encode(row: Row, place: Place): { key: Uint8Array; value: Uint8Array } {
    const { encodeAvro, table } = this.#options;
    const key = Buffer.from(String(row.org_id));
    if (encodeAvro !== undefined) return { key, value: encodeAvro({ ...row, delivery: deliveryText(place) }) };
    const fields = table.columns.map(({ name }) => [name, jsonValue(name, row[name])]);
    const { lane, index } = place;
    return { key, value: Buffer.from(JSON.stringify({ ...Object.fromEntries(fields), delivery: { lane, index } })) };
  }
}

/** A commit holds all rows of a version or none, so the place of a row is the same in every chunk. */
function placeRows(lane: string, rows: readonly Row[]): { row: Row; place: Place }[] {
  let last: Place | null = null;
  return rows.map((row) => {
    const version = row.version as bigint;
    const place: Place = { lane, version, index: last?.version === version ? last.index + 1 : 0 };
    last = place;
    return { row, place };
  });
}

function isAfter(a: Place, b: Place): boolean {
  return a.version > b.version || (a.version === b.version && a.index > b.index);
}

/** What the newest record says, whichever way it was written. */
function placeOf(value: Uint8Array, sink: string): Place {
  const place = value[0] === magicByte ? placeInAvro(value) : placeInJson(value);
  if (place !== null) return place;
  throw new EngineError('SINK_REJECTED', `${sink}: the newest record of its topic was not written by this engine`);
}

function placeInJson(value: Uint8Array): Place | null {
  let said: { version?: string; delivery?: { lane: string; index: number } } | null;
  try {
    said = JSON.parse(Buffer.from(value).toString('utf8')) as typeof said;
  } catch {
    return null; // SyntaxError is the answer: somebody else wrote it.
  }
  const { version, delivery } = said ?? {};
  return delivery === undefined || version === undefined ? null : { ...delivery, version: BigInt(version) };
}

function deliveryText({ lane, version, index }: Place): string {
  return `${lane} ${version} ${index}`;
}

/** Confluent framing: a zero byte and the id of the schema in four. */
const magicByte = 0;
const framingBytes = 5;
const deliveryPattern = /^(\S+) (\d+) (\d+)$/;

/** In the schema of every result `delivery` is the first field, so that it is found whichever version wrote it. */
function placeInAvro(value: Uint8Array): Place | null {
  let [length, at] = [0, framingBytes];
  for (let shift = 0; at < value.length && shift < 28; shift += 7) {
    const byte = value[at++];
    length |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  const text = Buffer.from(value.subarray(at, at + (length >> 1))).toString('utf8');
  const [, lane, version, index] = deliveryPattern.exec(text) ?? [];
  return lane === undefined ? null : { lane, version: BigInt(version), index: Number(index) };
}

/** Bytes as base64; versions as text, since they exceed 2^53; other integers as numbers. */
function jsonValue(name: string, value: ColumnValue): string | number | null {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'bigint') return value;
  const isSafe = value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
  return name === 'version' || !isSafe ? value.toString() : Number(value);
}
