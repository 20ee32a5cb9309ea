import { join } from 'node:path';
import type { Logger } from '../../control/logs/logger.ts';
import type { Decoder } from '../../decoders/decoder.ts';
import { EventObjects } from '../../decoders/event-objects.ts';
import { EmbeddedRegistry } from '../../decoders/event-schemas.ts';
import { recordsOfRun } from '../../events/run-of-records.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { partitionOfKey } from '../../model/hash.ts';
import type { Clock } from '../../model/time.ts';
import type { EventLog, Place, ReadValue, StoredRecord } from '../../serving/ports.ts';
import { sha256 } from '../../serving/queries/replays/letters.ts';
import { readStreamFile } from '../../sources/recorded/segment-files.ts';
import type { Source } from '../../sources/source.ts';
import type { ReadLog } from '../log/engine-log.ts';
import { type EventCodec, makeEventCodec } from '../log/event-codec.ts';
import { logPlaceOf } from '../log/log-place.ts';
import { openRegistry } from '../log/schema-registry.ts';
import type { Config } from '../settings.ts';
import { BronzeRecords } from './bronze-record.ts';
import { readValues } from './read-values.ts';

interface EventLogContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Appends to the log in the data directory, where this very process is its writer. */
  readonly writer: Pick<Source, 'append'> | null;
}

interface Opened {
  readonly log: ReadLog;
  readonly partitions: number;
  readonly mode: 'live' | 'replayed';
  readonly decoder: Decoder;
  readonly objects: EventObjects;
}

/**
 * The log of the configuration, by addresses. It is opened for reading with the first call, beside whatever engine
 * reads it, and has connections and files of its own.
 */
export class AddressedLog implements EventLog, AsyncDisposable {
  readonly topic: string;
  readonly #config: Config;
  readonly #context: EventLogContext;
  readonly #bronze: BronzeRecords;
  #opened: Promise<Opened> | null = null;
  #withoutLog: Pick<Opened, 'decoder' | 'objects'> | null = null;

  constructor(config: Config, context: EventLogContext) {
    this.topic = config.log.topic;
    this.#config = config;
    this.#context = context;
    this.#bronze = new BronzeRecords(config);
  }

  async record(place: Place): Promise<StoredRecord | null> {
    const { topic } = this;
    const inLog = this.#isHere() ? await this.#inLog(place) : null;
    if (inLog !== null) return { ...inLog, topic, heldBy: 'log' };
    const inBronze = await this.#bronze.find(place);
    if (inBronze === null) return null;
    const { offset, logTime, key, value } = inBronze;
    return { topic, partition: place.partition, offset, logTimeMs: logTime, key, value, heldBy: 'bronze' };
  }

  async read(values: Parameters<EventLog['read']>[0]): Promise<ReadValue[]> {
    const { decoder, objects } = this.#isHere() ? await this.#open() : this.#alone();
    return await readValues(values, { decoder, objects, topic: this.topic, nowMs: this.#context.clock.wallMs() });
  }

  async placeOf(orgId: string): Promise<Place> {
    if (!this.#isHere())
      throw new EngineError('REPLAY_REFUSED', `this server has no log of ${this.topic}; ask one beside the engine`);
    const { log, partitions, mode } = await this.#open();
    if (mode === 'replayed')
      throw new EngineError(
        'REPLAY_REFUSED',
        `${this.topic} is a replayed stream: its records have the log times of another, and nothing is added to it`,
      );
    const key = Buffer.from(orgId);
    const partition = partitionOfKey(key, 0, key.length, partitions);
    return { partition, offset: (await log.source.bounds(partition)).end };
  }

  async append(orgId: string, values: readonly Uint8Array[]): Promise<number[]> {
    const { partition, offset } = await this.placeOf(orgId);
    const key = Buffer.from(orgId);
    const { source } = (await this.#open()).log;
    const writer = this.#context.writer ?? (logPlaceOf(this.#config).isShared ? source : null);
    if (writer !== null) {
      const offsets: number[] = [];
      // One after another: in the order in which they came, and each durable before the next.
      for (const value of values) offsets.push(await writer.append(partition, key, value));
      return offsets;
    }
    await this.#produce(partition, key, values);
    return await this.#offsetsOf({ partition, offset }, orgId, values);
  }

  async find({ partition, offset }: Place, orgId: string, untilMs: number): Promise<Map<string, number[]>> {
    const { source } = (await this.#open()).log;
    const { start, end } = await source.bounds(partition);
    const found = new Map<string, number[]>();
    const key = Buffer.from(orgId);
    const from = Math.max(offset, start);
    if (from >= end) return found;
    for await (const run of source.readBack(partition, from, end)) {
      for (const record of recordsOfRun(run)) {
        if (record.logTime > untilMs) return found;
        if (record.key === null || record.value === null || !key.equals(record.key)) continue;
        const hash = sha256(record.value);
        found.set(hash, [...(found.get(hash) ?? []), record.offset]);
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => null);
    await opened?.log.close();
  }

  async #inLog({ partition, offset }: Place): Promise<Omit<StoredRecord, 'topic' | 'heldBy'> | null> {
    const { log, partitions } = await this.#open();
    if (partition >= partitions) return null;
    const { start, end } = await log.source.bounds(partition);
    if (offset < start || offset >= end) return null;
    for await (const run of log.source.readBack(partition, offset, offset + 1)) {
      const found = recordsOfRun(run).find((record) => record.offset === offset);
      if (found === undefined || run.unreadable !== null) continue;
      const { key, value, logTime } = found;
      // A run is valid until the next one.
      const copy = (bytes: Uint8Array | null) => (bytes === null ? null : Uint8Array.from(bytes));
      return { partition, offset, logTimeMs: logTime, key: copy(key), value: copy(value) };
    }
    return null;
  }

  /** Through the engine that runs on the data directory, else by taking the directory for this moment. */
  async #produce(partition: number, key: Uint8Array, values: readonly Uint8Array[]): Promise<void> {
    const { clock } = this.#context;
    const { target, close } = await logPlaceOf(this.#config).openForProducer(this.#context);
    try {
      for (const value of values) target.add(partition, clock.wallMs(), key, value);
      await target.flush();
    } finally {
      await close();
    }
  }

  async #offsetsOf(from: Place, orgId: string, values: readonly Uint8Array[]): Promise<number[]> {
    const found = await this.find(from, orgId, Number.POSITIVE_INFINITY);
    return values.map((value) => {
      const offset = found.get(sha256(value))?.shift();
      assert(offset !== undefined, 'a record that was appended is in the log');
      return offset;
    });
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#openNow();
    // What failed is opened again by the next call.
    this.#opened.catch(() => {
      this.#opened = null;
    });
    return this.#opened;
  }

  /** A server of its own may stand beside no data directory that holds a log. */
  #isHere(): boolean {
    if (this.#opened !== null) return true;
    const { data_directory: directory } = this.#config;
    return logPlaceOf(this.#config).isShared || readStreamFile(join(directory, 'log'), this.topic) !== null;
  }

  /** Reads letters where there is no log to say how it is written. */
  #alone(): Pick<Opened, 'decoder' | 'objects'> {
    this.#withoutLog ??= this.#readers(makeEventCodec('binary'));
    return this.#withoutLog;
  }

  #readers(codec: Pick<EventCodec, 'makeDecoder'>): Pick<Opened, 'decoder' | 'objects'> {
    const registry = openRegistry(this.#config, this.#context.clock) ?? new EmbeddedRegistry();
    return { decoder: codec.makeDecoder(), objects: new EventObjects(registry) };
  }

  async #openNow(): Promise<Opened> {
    const log = await logPlaceOf(this.#config).openForReading(this.#context);
    const { partitions, mode } = await log.source.identity();
    return { log, partitions, mode, ...this.#readers(log.codec) };
  }
}
