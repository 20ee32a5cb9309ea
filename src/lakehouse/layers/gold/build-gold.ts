import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../../model/errors.ts';
import type { CatalogTable, TableState } from '../../catalog/catalog.ts';
import type { SqlEngine } from '../../engine/sql-engine.ts';
import { identifier, quoted } from '../../engine/sql-places.ts';
import { adoptParquet } from '../../format/adopt-parquet.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import type { PartitionValue } from '../../format/schema.ts';
import { currentSchema, currentSnapshot } from '../../format/table-metadata.ts';
import { filesOfPartitions, type Overwritten, overwritePartitions } from '../../operations/overwrite-partitions.ts';
import { loadTable, type ProducerOptions } from '../../operations/snapshot-producer.ts';
import { storeFile } from '../../operations/store-file.ts';
import { goldMonthsSpec, type MonthMark, writeGoldMonths } from './gold-months.ts';
import { firstDayOf, type GoldColumn, type GoldTable, goldSpec, monthText } from './gold-tables.ts';

/** ClickHouse's tables, as gold reads them. */
export interface HotTables {
  /** Rows of a reading query. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The answer of a reading query as a Parquet file. */
  download(sql: string, path: string): Promise<void>;
  /** What a table is called in a query. */
  nameOf(table: string): string;
}

export interface GoldOptions extends Omit<ProducerOptions, 'catalog'> {
  readonly engine: SqlEngine;
  readonly encoder: DataFileEncoder;
  /** A folder of this machine for what is between. */
  readonly folder: string;
  readonly hot: HotTables;
  readonly months: CatalogTable;
  /** What ClickHouse's engine reads a table of the lake by. */
  sqlOf(state: TableState): string;
}

/** Months of organizations of one table that are written together. */
export interface GoldSlice {
  readonly table: GoldTable;
  readonly month: number;
  readonly orgs: readonly ({ readonly org: string } & MonthMark)[];
  /** Rows of this day and later are not closed. */
  readonly before: string;
}

/**
 * Writes one slice: what ClickHouse has, over what gold has, the higher version of each row. So a month that
 * ClickHouse has no longer takes in what still changes in it.
 */
export async function buildGoldSlice(
  slice: GoldSlice,
  { catalog, state, months }: { catalog: CatalogTable; state: TableState; months: TableState },
  options: GoldOptions,
): Promise<{ outcome: Overwritten; rows: number }> {
  const { engine, folder, hot, io, ids, encoder, nowMs, sqlOf } = options;
  const { table, month } = slice;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'out'), { recursive: true });
  const orgs = slice.orgs.map(({ org }) => org);
  const wanted = new Set(orgs);
  const includes = ([org, at]: readonly PartitionValue[]): boolean => at === month && wanted.has(String(org));
  const seen = await filesOfPartitions(options, state, includes);
  const seenMonths = ([org, name, at]: readonly PartitionValue[]): boolean =>
    at === month && name === table.name && wanted.has(String(org));
  const marks = await filesOfPartitions(options, months, seenMonths);
  const downloaded = join(folder, 'hot.parquet');
  await hot.download(hotStatement(slice, hot.nameOf(table.name)), downloaded);
  const hasPast = seen.length > 0 && currentSnapshot(state.metadata) !== null;
  const past = hasPast ? sqlOf(await loadTable(catalog)) : null;
  await engine.run(mergeStatement(slice, downloaded, past, join(folder, 'out')));
  const schema = currentSchema(state.metadata);
  const added: DataFile[] = [];
  const rows = new Map<string, number>();
  for (const name of readdirSync(join(folder, 'out')).sort()) {
    const org = orgs[Number(name.slice(0, name.indexOf('.'))) - 1];
    assert(org !== undefined, 'an output file is of an organization of the slice');
    const adopted = adoptParquet(await readFile(join(folder, 'out', name)), schema.fields);
    const place = `org_id=${encodeURIComponent(org)}/${table.partitionBy}_month=${monthText(month)}`;
    const path = `${state.metadata.location}/data/${place}/${ids.uuid()}.parquet`;
    added.push(await storeFile(io, { path, partition: [org, month] }, adopted));
    rows.set(org, adopted.recordCount);
  }
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  const summary = {
    'paceline.table': `gold.${table.name}`,
    'paceline.month': monthText(month),
    'paceline.organizations': orgs.join(' '),
    'paceline.closed-before': slice.before,
  };
  const outcome = await overwritePartitions(
    { ...options, catalog },
    { spec: goldSpec(table, schema), includes, added, summary, seen: pathsOf(seen), since: state },
  );
  if (outcome !== 'written') return { outcome, rows: 0 };
  const noted = slice.orgs.map((one) => {
    return { ...one, table: table.name, month, goldRows: rows.get(one.org) ?? 0, writtenAtMs: nowMs() };
  });
  const { location } = months.metadata;
  const noting = await overwritePartitions(
    { ...options, catalog: options.months },
    {
      spec: goldMonthsSpec,
      includes: seenMonths,
      added: await writeGoldMonths(noted, { io, ids, encoder, location }),
      summary,
      seen: pathsOf(marks),
      since: months,
    },
  );
  return { outcome: noting, rows: total };
}

function pathsOf(files: readonly DataFile[]): Set<string> {
  return new Set(files.map(({ path }) => path));
}

/** Each month of each organization in a table, of rows before a day. */
export function marksStatement(table: GoldTable, name: string, before: string): string {
  const at = identifier(table.partitionBy);
  return `SELECT org_id, toInt32((toYear(${at}) - 1970) * 12 + toMonth(${at}) - 1) AS month, toString(count()) AS rows,
      toString(reinterpretAsInt64(sum(version))) AS versions
    FROM ${name} FINAL WHERE ${at} < ${dayOf(table, before)} GROUP BY org_id, month`;
}

/** The rows of a month. */
export function isOfMonth(table: GoldTable, month: number): string {
  const at = identifier(table.partitionBy);
  return `${at} >= ${dayOf(table, firstDayOf(month))} AND ${at} < ${dayOf(table, firstDayOf(month + 1))}`;
}

/** A day, as what the table is partitioned by is compared with. */
export function dayOf({ columns, partitionBy }: GoldTable, day: string): string {
  const isDate = columns.find(({ name }) => name === partitionBy)?.type === 'date';
  return isDate ? `toDate32(${quoted(day)})` : `toDateTime64(${quoted(`${day} 00:00:00`)}, 6, 'UTC')`;
}

function hotStatement(slice: GoldSlice, name: string): string {
  const { table, month, orgs, before } = slice;
  const at = identifier(table.partitionBy);
  const columns = table.columns.map((column) => identifier(column.name)).join(', ');
  return `SELECT ${columns} FROM ${name} FINAL WHERE org_id IN (${orgs.map(({ org }) => quoted(org)).join(', ')})
    AND ${isOfMonth(table, month)} AND ${at} < ${dayOf(table, before)} FORMAT Parquet`;
}

function mergeStatement({ table, month, orgs }: GoldSlice, hot: string, past: string | null, out: string): string {
  const names = orgs.map(({ org }) => quoted(org)).join(', ');
  const columns = table.columns.map(asStored).join(', ');
  const fromPast =
    past === null
      ? ''
      : `UNION ALL SELECT ${columns} FROM ${past} WHERE org_id IN (${names})
          AND ${isOfMonth(table, month)}`;
  const key = table.key.map(identifier).join(', ');
  return `INSERT INTO FUNCTION file(${quoted(join(out, '{_partition_id}.parquet'))}, Parquet)
    PARTITION BY indexOf([${names}], org_id)
    SELECT * FROM (
      SELECT * FROM (SELECT ${columns} FROM file(${quoted(hot)}, Parquet) ${fromPast})
      ORDER BY version DESC LIMIT 1 BY ${key})
    ORDER BY ${key}
    SETTINGS output_format_parquet_compression_method = 'zstd', max_partitions_per_insert_block = 0`;
}

/** Of one type, whichever of the two it is read from. Files from before a column read as null there. */
function asStored({ name, type, isRequired, fallback }: GoldColumn): string {
  const read = identifier(name);
  const value = fallback === null ? read : `ifNull(${read}, ${fallback})`;
  const target = typesOf[type] ?? type.replace('decimal', 'Decimal');
  return `CAST(${value}, ${quoted(isRequired ? target : `Nullable(${target})`)}) AS ${read}`;
}

const typesOf: Readonly<Record<string, string>> = {
  string: 'String',
  binary: 'String',
  int: 'Int32',
  long: 'Int64',
  date: 'Date32',
  timestamptz: "DateTime64(6, 'UTC')",
};
