import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dayText } from '../../../model/day-text.ts';
import { assert, EngineError } from '../../../model/errors.ts';
import type { CatalogTable, TableState } from '../../catalog/catalog.ts';
import type { SqlEngine } from '../../engine/sql-engine.ts';
import { adoptParquet } from '../../format/adopt-parquet.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import { readParquetColumns } from '../../format/parquet-reader.ts';
import type { PartitionValue, Schema } from '../../format/schema.ts';
import { currentSchema, currentSnapshot } from '../../format/table-metadata.ts';
import { filesOfPartitions, type Overwritten, overwritePartitions } from '../../operations/overwrite-partitions.ts';
import { loadTable, type ProducerOptions } from '../../operations/snapshot-producer.ts';
import { storeFile } from '../../operations/store-file.ts';
import type { SilverCell } from './plan-silver.ts';
import { dayKey, partitionFolder, silverDaysSpec, writeSilverDays } from './silver-days.ts';
import { type EventKind, type SilverTable, silverTables } from './silver-kinds.ts';
import { silverColumns, silverSpec } from './silver-schema.ts';
import {
  type Encoding,
  elsewhereStatement,
  framesStatement,
  kindsStatement,
  outputStatement,
  outrunStatement,
  proofStatement,
  repeatsStatement,
  type SliceCells,
  sliceStatement,
  typedStatement,
  valuesStatement,
} from './silver-statements.ts';

/** Values of one kind, as the engine's own decoders read them. */
interface EventValues {
  /** Whether a writer's schema is one that we released, word for word: ClickHouse reads those by itself. */
  isReleased(kind: string, schemaId: number): Promise<boolean>;
  /** The fields of a value, for all others; null when it cannot be read. Instants as ms, days as days, ids as hex. */
  decode(kind: string, value: Uint8Array): Promise<Readonly<Record<string, unknown>> | null>;
  /** Where ClickHouse finds released schemas by their ids. */
  readonly registryUrl: string;
}

export interface SilverOptions extends Omit<ProducerOptions, 'catalog'> {
  readonly engine: SqlEngine;
  /** A folder of this machine for what is between bronze and silver. */
  readonly folder: string;
  readonly kinds: readonly EventKind[];
  readonly values: EventValues;
  readonly encoder: DataFileEncoder;
  /** The tables of silver by name, `days` among them: made, evolved, and as they were before `bronze` was loaded. */
  readonly tables: ReadonlyMap<string, SilverTableState>;
  /** What ClickHouse reads a table by. */
  sqlOf(state: TableState): string;
  readonly bronze: TableState;
  /** Rows that are sorted at once. */
  readonly rowsMax: number;
}

/** A table of silver as it was when the run looked. */
export interface SilverTableState {
  readonly catalog: CatalogTable;
  readonly state: TableState;
}

interface SliceReport {
  /** `overtaken`: somebody else wrote one of its days meanwhile; the next run looks again. */
  readonly outcome: Overwritten;
  readonly events: number;
  readonly rows: number;
  /** Days that repeat events which the log has earlier in this one: they are due again. */
  readonly outrun: number;
}

/** Name of the table that says what is written. */
export const silverDaysTable = 'days';
const decodedAtOnce = 50_000;
const dayMs = 86_400_000;

/** Writes one slice: every table of silver, then the days table, which makes it so. */
export async function buildSlice(slice: readonly SilverCell[], options: SilverOptions): Promise<SliceReport> {
  rmSync(options.folder, { recursive: true, force: true });
  mkdirSync(options.folder, { recursive: true });
  return await new SliceBuilder(slice, options).build();
}

class SliceBuilder {
  readonly #slice: readonly SilverCell[];
  readonly #options: SilverOptions;
  readonly #cells: SliceCells;
  readonly #keys: ReadonlySet<string>;
  readonly #raw: string;
  /** By the place of a cell in the slice. */
  readonly #events = new Map<number, number>();
  readonly #rows = new Map<number, number>();
  /** By `dayKey`. */
  readonly #outrun = new Set<string>();

  constructor(slice: readonly SilverCell[], options: SilverOptions) {
    this.#slice = slice;
    this.#options = options;
    const days = slice.map(({ day }) => day);
    this.#cells = {
      names: slice.map(({ org, day }) => `${org}/${dayText(day)}`),
      orgs: [...new Set(slice.map(({ org }) => org))],
      from: dayText(Math.min(...days)),
      to: dayText(Math.max(...days) + 1),
    };
    this.#keys = new Set(slice.map(({ org, day }) => dayKey(org, day)));
    this.#raw = join(options.folder, 'slice.parquet');
  }

  async build(): Promise<SliceReport> {
    const { engine, sqlOf, bronze, kinds } = this.#options;
    await engine.run(sliceStatement(sqlOf(bronze), this.#cells, this.#raw));
    const encodings = await this.#encodings();
    let outcome: Overwritten = 'written';
    for (const table of silverTables(kinds)) {
      const own = encodings.filter(({ kind }) => table.kinds.includes(kind));
      if (outcome === 'written') outcome = await this.#buildTable(table, own);
    }
    if (outcome === 'written') outcome = await this.#noteDays();
    const total = (of: ReadonlyMap<number, number>) => [...of.values()].reduce((sum, count) => sum + count, 0);
    return { outcome, events: total(this.#events), rows: total(this.#rows), outrun: this.#outrun.size };
  }

  /** How the slice's records are written, by kind. */
  async #encodings(): Promise<(Encoding & { readonly records: number })[]> {
    const { engine, kinds, values } = this.#options;
    const found = await engine.run(kindsStatement(this.#raw));
    const encodings: (Encoding & { readonly records: number })[] = [];
    for (const kind of kinds) {
      const own = found
        .filter((row) => row.kind === kind.kind)
        .map(({ schema_id: id, records }) => ({ id: id as number | null, records: Number(records) }));
      const released: typeof own = [];
      for (const one of own) if (one.id !== null && (await values.isReleased(kind.kind, one.id))) released.push(one);
      const schemaIds = released.flatMap(({ id }) => id ?? []);
      const sum = (of: typeof own) => of.reduce((total, { records }) => total + records, 0);
      const frames = sum(released);
      const lines = sum(own) - frames;
      if (frames > 0) encodings.push({ kind, form: 'frames', schemaIds, records: frames });
      if (lines > 0) encodings.push({ kind, form: 'lines', schemaIds, records: lines });
    }
    return encodings;
  }

  async #buildTable(
    table: SilverTable,
    encodings: readonly (Encoding & { readonly records: number })[],
  ): Promise<Overwritten> {
    const { engine, folder, rowsMax } = this.#options;
    const { catalog, state } = this.#table(table.name);
    const includes = this.#includes;
    // Whoever changed these partitions since the run looked may have read a newer bronze than we.
    const seen = await filesOfPartitions(this.#options, state, includes);
    if (encodings.length === 0 && seen.length === 0) return 'written';
    const added: DataFile[] = [];
    const work = join(folder, table.name);
    mkdirSync(work, { recursive: true });
    for (const [at, encoding] of encodings.entries()) {
      const typed = join(work, `typed-${at}.parquet`);
      await this.#type(table, encoding, work, typed);
      await this.#prove(table, encoding, typed);
    }
    if (encodings.length > 0) {
      const typed = join(work, 'typed-*.parquet');
      const repeats = join(work, 'repeats.parquet');
      const elsewhere = await this.#lookElsewhere(table, await loadTable(catalog), { typed, work });
      await engine.run(repeatsStatement(typed, elsewhere, repeats));
      const records = encodings.reduce((sum, one) => sum + one.records, 0);
      const parts = Math.ceil(records / rowsMax);
      const have = new Set(silverColumns(table).map(({ name }) => name));
      const schema = currentSchema(state.metadata);
      for (let part = 0; part < parts; part++) {
        const out = join(work, `out-${part}`);
        mkdirSync(out);
        const to = (partition: string) => join(out, `${partition}.parquet`);
        await engine.run(outputStatement(typed, repeats, { cells: this.#cells, schema, part, parts }, have, to));
        added.push(...(await this.#store(out, state, schema)));
      }
    }
    rmSync(work, { recursive: true, force: true });
    return await overwritePartitions(
      { ...this.#options, catalog },
      {
        spec: silverSpec(currentSchema(state.metadata)),
        includes,
        added,
        summary: this.#summary(table.name),
        seen: new Set(seen.map(({ path }) => path)),
        since: state,
      },
    );
  }

  /** Records of one encoding to columns. */
  async #type(table: SilverTable, encoding: Encoding & { readonly records: number }, work: string, typed: string) {
    const { engine, values } = this.#options;
    const raw = join(work, encoding.form === 'frames' ? 'values.bin' : 'values.ndjson');
    if (encoding.form === 'frames') await engine.run(framesStatement(this.#raw, encoding, raw));
    else await this.#writeLines(encoding, work, raw);
    await engine.run(typedStatement(this.#raw, raw, table, encoding, typed, values.registryUrl));
    rmSync(raw);
  }

  async #writeLines(encoding: Encoding & { readonly records: number }, work: string, to: string): Promise<void> {
    const { engine, values } = this.#options;
    const some = join(work, 'values.parquet');
    const lines = openSync(to, 'w');
    try {
      for (let from = 0; from < encoding.records; from += decodedAtOnce) {
        await engine.run(valuesStatement(this.#raw, encoding, from, decodedAtOnce, some));
        const read = await readParquetColumns(await readFile(some), [
          { id: 1, name: 'value', required: true, type: 'binary' },
        ]);
        const text: string[] = [];
        for (const value of read.get(1) ?? []) {
          const fields = await values.decode(encoding.kind.kind, value as Uint8Array);
          if (fields === null)
            throw new EngineError('SINK_REJECTED', `bronze has a ${encoding.kind.kind} that cannot be read any more`);
          text.push(JSON.stringify(fields));
        }
        writeSync(lines, `${text.join('\n')}\n`);
      }
    } finally {
      closeSync(lines);
    }
  }

  /** Every row lies where bronze filed it, and none is missing: values and places fit each other. */
  async #prove({ name }: SilverTable, { kind, records }: Encoding & { readonly records: number }, typed: string) {
    let read = 0;
    let misplaced = 0;
    for (const row of await this.#options.engine.run(proofStatement(typed))) {
      const cell = this.#cells.names.indexOf(String(row.cell));
      this.#events.set(cell, (this.#events.get(cell) ?? 0) + Number(row.records));
      read += Number(row.records);
      misplaced += Number(row.misplaced);
    }
    if (read === records && misplaced === 0) return;
    throw new EngineError(
      'SINK_REJECTED',
      `silver.${name}: of ${records} ${kind.kind} records ${read} were read, ${misplaced} of them not as bronze filed them`,
    );
  }

  /** Files of one output folder: named, with ids, in the table's place. */
  async #store(out: string, { metadata }: TableState, schema: Schema): Promise<DataFile[]> {
    const { io, ids } = this.#options;
    const files: DataFile[] = [];
    for (const name of readdirSync(out).sort()) {
      const cell = Number(name.slice(0, name.indexOf('.'))) - 1;
      assert(this.#slice[cell] !== undefined, 'an output file is of a day of the slice');
      const { org, day } = this.#slice[cell];
      const adopted = adoptParquet(await readFile(join(out, name)), schema.fields);
      const path = `${metadata.location}/data/${partitionFolder(org, 'event_time_day', day)}/${ids.uuid()}.parquet`;
      files.push(await storeFile(io, { path, partition: [org, day] }, adopted));
      this.#rows.set(cell, (this.#rows.get(cell) ?? 0) + adopted.recordCount);
    }
    return files;
  }

  async #noteDays(): Promise<Overwritten> {
    const { bronze, nowMs, encoder } = this.#options;
    const { catalog, state } = this.#table(silverDaysTable);
    const isOutrun = ([org, day]: readonly PartitionValue[]) => this.#outrun.has(dayKey(String(org), Number(day)));
    const seen = [
      ...(await filesOfPartitions(this.#options, state, this.#includes)),
      ...(await filesOfPartitions(this.#options, await loadTable(catalog), isOutrun)),
    ];
    const days = this.#slice.map(({ org, day, records }, cell) => ({
      org,
      day,
      bronzeRecords: records,
      bronzeSnapshot: currentSnapshot(bronze.metadata)?.['snapshot-id'] ?? 0n,
      events: this.#events.get(cell) ?? 0,
      rows: this.#rows.get(cell) ?? 0,
      builtAtMs: nowMs(),
    }));
    const { io, ids } = this.#options;
    const added = await writeSilverDays(days, { io, ids, encoder, location: state.metadata.location });
    return await overwritePartitions(
      { ...this.#options, catalog },
      {
        spec: silverDaysSpec,
        // What is no longer noted is due again.
        includes: (partition) => this.#includes(partition) || isOutrun(partition),
        added,
        summary: this.#summary(silverDaysTable),
        seen: new Set(seen.map(({ path }) => path)),
        since: state,
      },
    );
  }

  #table(name: string): SilverTableState {
    const table = this.#options.tables.get(name);
    assert(table !== undefined, 'the tables of silver are there');
    return table;
  }

  #includes = ([org, day]: readonly PartitionValue[]): boolean => this.#keys.has(dayKey(String(org), Number(day)));

  /** Events of the slice that other days have: a file of them, null where there can be none. Earlier ones are due again. */
  async #lookElsewhere(
    { repeatedWithinDays }: SilverTable,
    state: TableState,
    { typed, work }: { readonly typed: string; readonly work: string },
  ): Promise<string | null> {
    const { engine, sqlOf } = this.#options;
    const days = this.#slice.map(({ day }) => day);
    const [from, to] = [Math.min(...days) - repeatedWithinDays, Math.max(...days) + repeatedWithinDays + 1];
    const orgs = new Set(this.#cells.orgs);
    const isNear = ([org, day]: readonly PartitionValue[]): boolean =>
      orgs.has(String(org)) && Number(day) >= from && Number(day) < to && !this.#includes([org, day]);
    if ((await filesOfPartitions(this.#options, state, isNear)).length === 0) return null;
    const others = { table: sqlOf(state), cells: this.#cells, from: dayText(from), to: dayText(to) };
    const elsewhere = join(work, 'elsewhere.parquet');
    await engine.run(elsewhereStatement(typed, others, elsewhere));
    for (const { org, day } of await engine.run(outrunStatement(typed, elsewhere)))
      this.#outrun.add(dayKey(String(org), Date.parse(`${String(day)}T00:00:00Z`) / dayMs));
    return elsewhere;
  }

  #summary(table: string): Record<string, string> {
    const input = currentSnapshot(this.#options.bronze.metadata)?.['snapshot-id'];
    return {
      'paceline.table': `silver.${table}`,
      'paceline.days': this.#cells.names.join(' '),
      'paceline.input-snapshot': String(input),
    };
  }
}
