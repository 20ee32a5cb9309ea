import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avsc, { type Schema } from 'avsc';
import { openLayerTools } from '../../../src/adapters/lake/layer-tools.ts';
import { openLake } from '../../../src/adapters/lake/open-lake.ts';
import { writeSimulatedLog } from '../../../src/adapters/log/simulated-log.ts';
import { type Config, loadConfig } from '../../../src/adapters/settings.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { openRecordedLog } from '../../../src/sources/recorded/recorded-log.ts';
import { StoredLog } from '../../chaos/read-log.ts';
import { decodeEither, releasedSchemas } from '../../oracle/decode-avro.ts';
import type { LogRecord } from '../../oracle/events.ts';
import { fileBronze } from './file-bronze.ts';
import { byOrganization, type Tally, TallyMaker } from './tally.ts';

const topic = 'ads.events.v1';
const dayMs = 86_400_000;
const awaitedMs = 15 * 60_000;
const aheadMs = 120_000;

/** Which table each kind lies in, as docs/lakehouse.md says it. */
const tableOf: Readonly<Record<string, string>> = {
  impression: 'impressions',
  click: 'clicks',
  video_progress: 'video_progress',
  conversion: 'conversions',
  spend: 'spend',
  performance_report: 'performance_reports',
  spend_adjustment: 'spend_adjustments',
  metric_correction: 'metric_corrections',
  auction_stats: 'auction_stats',
  budget_changed: 'control',
  flight_changed: 'control',
  status_changed: 'control',
  creative_status: 'control',
  source_heartbeat: 'control',
};
export const silverTableNames = [...new Set(Object.values(tableOf))];

export type SilverRow = Readonly<Record<string, unknown>>;
export type SilverRows = ReadonlyMap<string, readonly SilverRow[]>;

export interface AddedRecord {
  readonly partition: number;
  readonly logTimeMs: number;
  readonly key: string | null;
  readonly value: Uint8Array;
}

/** A data directory with the log of a simulated world, its bronze and its silver. */
export class SilverWorld implements Disposable {
  readonly directory: string;
  readonly config: Config;

  private constructor(directory: string, settings: Record<string, unknown>) {
    this.directory = directory;
    const shippedConfigDirectory = join(import.meta.dirname, '../../../config');
    const overrides = { ...settings, data_directory: this.directory };
    this.config = loadConfig([], { shippedConfigDirectory, overrides }).config;
  }

  /** `settings`: where the lake lies; else in the data directory. */
  static async make(
    options: { seed: number; days: number; encoding: 'binary' | 'jsonl' },
    settings: Record<string, unknown> = {},
  ): Promise<SilverWorld> {
    const world = new SilverWorld(mkdtempSync(join(tmpdir(), 'paceline-silver-')), settings);
    const { plans } = world.config;
    const size = { campaigns: 12, partitions: 2 };
    await writeSimulatedLog({ dir: world.directory, ...size, ...options, plans, clock: systemClock });
    await world.fileBronze();
    return world;
  }

  /** What somebody else made of a directory with a log. */
  static over(directory: string): SilverWorld {
    return new SilverWorld(directory, {});
  }

  /** Bronze up to the end of the log. */
  async fileBronze(): Promise<void> {
    await fileBronze(this.config);
  }

  /** The log goes on: records with log times of their own, behind all there are. */
  async append(records: readonly AddedRecord[]): Promise<void> {
    const log = await openRecordedLog({
      dir: join(this.directory, 'log'),
      topic,
      partitions: 2,
      mode: 'replayed',
      encoding: 'binary',
      clock: systemClock,
    });
    for (const { partition, logTimeMs, key, value } of records)
      log.add(partition, logTimeMs, key === null ? null : Buffer.from(key), value);
    await log.flush();
    await log.close();
    await this.fileBronze();
  }

  async *records(): AsyncGenerator<LogRecord> {
    await using log = await StoredLog.open(join(this.directory, 'log'), topic);
    for (let partition = 0; partition < log.partitions; partition++) yield* log.records(partition);
  }

  /** The instant through which the log is closed. */
  async closedThrough(): Promise<number> {
    const clocks = new Map<number, number>();
    for await (const { partition, logTimeMs } of this.records())
      clocks.set(partition, Math.max(clocks.get(partition) ?? logTimeMs, logTimeMs));
    return Math.min(...clocks.values()) - awaitedMs;
  }

  /** What silver must hold: the log, record by record, each event once, by an Avro reader that is not ours. */
  async expected(): Promise<SilverRows> {
    const tables = new Map<string, SilverRow[]>(silverTableNames.map((name) => [name, []]));
    for await (const { table, row } of this.#firsts()) tables.get(table)?.push(row);
    return new Map([...tables].map(([name, rows]) => [name, sorted(rows)]));
  }

  /** The same in numbers, of a world that is too large to be held. */
  async expectedTally(): Promise<Tally> {
    const tally = new TallyMaker();
    for await (const { table, row } of this.#firsts()) tally.add(table, row);
    return tally.done();
  }

  /** Each event of a closed day where the log has it first. */
  async *#firsts(): AsyncGenerator<{ table: string; row: SilverRow }> {
    const decode = decodeEither(releasedSchemas());
    const closed = await this.closedThrough();
    const seen = new Map(silverTableNames.map((name) => [name, new Set<string>()]));
    for await (const record of this.records()) {
      const event = decode(record);
      if ('refused' in event || !(event.kind in tableOf)) continue;
      const isTrusted = Buffer.from(record.key ?? '').toString() === event.org;
      if (!isTrusted || event.eventTime > record.logTimeMs + aheadMs) continue;
      const dayEnd = (Math.floor(event.eventTime / dayMs) + 1) * dayMs;
      const table = tableOf[event.kind];
      const known = seen.get(table);
      const key = `${event.org}/${event.eventId}`;
      // Once it is known it is a repeat, also where the first lies in a day that is not closed.
      if (known === undefined || known.has(key)) continue;
      known.add(key);
      if (dayEnd <= closed) yield { table, row: rowOf(event.kind, event.schemaId, record) };
    }
  }

  /** What silver holds, read back by ClickHouse. */
  async actual(): Promise<SilverRows> {
    const tables = new Map<string, SilverRow[]>(silverTableNames.map((name) => [name, []]));
    for await (const { table, rows } of this.#read()) tables.get(table)?.push(...rows.map(plain));
    return new Map([...tables].map(([name, rows]) => [name, sorted(rows)]));
  }

  async actualTally(): Promise<Tally> {
    const tally = new TallyMaker();
    for await (const { table, rows } of this.#read()) for (const row of rows) tally.add(table, plain(row));
    return tally.done();
  }

  async *#read(): AsyncGenerator<{ table: string; rows: readonly SilverRow[] }> {
    await using tools = await openLayerTools(this.config);
    const lake = await openLake(this.config);
    try {
      for (const table of silverTableNames) {
        const state = await lake.catalog.table({ namespace: 'silver', table }).load();
        if (state === null || currentSnapshot(state.metadata) === null) continue;
        for await (const rows of byOrganization(tools.sqlOf(state), (sql) => tools.engine.run(sql)))
          yield { table, rows };
      }
    } finally {
      await lake.close();
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const avroFolder = join(import.meta.dirname, '../../../schemas/avro');
const readers = new Map<string, avsc.Type>();
const resolvers = new Map<number, { resolver: object; reader: avsc.Type }>();

export function typeOf(file: string): avsc.Type {
  return avsc.Type.forSchema(JSON.parse(readFileSync(join(avroFolder, file), 'utf8')) as Schema);
}

/** All fields of today's schema, as Avro's own rules resolve what was written. */
function fieldsOf(kind: string, schemaId: number, value: Uint8Array): Record<string, unknown> {
  const reader = readers.get(kind) ?? typeOf(`${kind}.avsc`);
  readers.set(kind, reader);
  if (schemaId < 0) {
    const raw = JSON.parse(Buffer.from(value).toString('utf8')) as Record<string, unknown>;
    const { fields } = reader as unknown as { fields: { name: string; defaultValue(): unknown }[] };
    return Object.fromEntries(fields.map((field) => [field.name, raw[field.name] ?? field.defaultValue() ?? null]));
  }
  let known = resolvers.get(schemaId);
  if (known === undefined) {
    const ids = JSON.parse(readFileSync(join(avroFolder, 'ids.json'), 'utf8')) as Record<string, string>;
    const resolver = reader.createResolver(typeOf(`released/${ids[schemaId]}.avsc`));
    known = { resolver, reader };
    resolvers.set(schemaId, known);
  }
  return known.reader.fromBuffer(Buffer.from(value).subarray(5), known.resolver as avsc.Resolver) as Record<
    string,
    unknown
  >;
}

function rowOf(kind: string, schemaId: number, record: LogRecord): SilverRow {
  const fields = Object.entries(fieldsOf(kind, schemaId, record.value ?? new Uint8Array()));
  const row: Record<string, unknown> = {
    ...(tableOf[kind] === 'control' ? { kind } : {}),
    log_time: record.logTimeMs,
    topic: record.topic,
    partition: record.partition,
    log_offset: record.offset,
    schema_id: schemaId < 0 ? null : schemaId,
  };
  for (const [name, value] of fields) row[name] = name === 'event_id' ? hexOf(value) : value;
  return withoutNulls(row);
}

function hexOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value).replaceAll('-', '');
}

/** As ClickHouse says it, in the form of `rowOf`. */
function plain(row: SilverRow): SilverRow {
  const values = Object.entries(row).map(([name, value]): [string, unknown] => {
    if (name === 'event_id') return [name, hexOf(value)];
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/.test(value))
      return [name, Date.parse(`${value.replace(' ', 'T')}Z`)];
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value))
      return [name, Date.parse(`${value}T00:00:00Z`) / dayMs];
    return [name, value];
  });
  return withoutNulls(Object.fromEntries(values));
}

/** A map without entries is none: a column of one cannot be null in ClickHouse. */
function withoutNulls(row: SilverRow): SilverRow {
  const isThere = (value: unknown) =>
    value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0);
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => isThere(value))
      .map(([name, value]) => [name, typeof value === 'object' ? { ...value } : value]),
  );
}

function sorted(rows: readonly SilverRow[]): SilverRow[] {
  return rows.toSorted(
    (a, b) => Number(a.partition) - Number(b.partition) || Number(a.log_offset) - Number(b.log_offset),
  );
}
