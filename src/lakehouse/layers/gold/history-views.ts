import { dayText } from '../../../model/day-text.ts';
import { dayMs } from '../../../model/time.ts';
import { identifier, quoted } from '../../engine/sql-places.ts';
import { dayOf, isOfMonth } from './build-gold.ts';
import { firstDayOf, type GoldColumn, type GoldTable } from './gold-tables.ts';
import type { Week } from './weeks.ts';

/** Where the rows of a table are, hot and in gold. */
export interface HistoryPlaces {
  /** The table itself, as it is called in a query. */
  readonly hot: string;
  /** Its rows are each in their last version already, as in a file that was made of it. */
  readonly isFinal?: boolean;
  /** Months that are on their way out, each in a table beside it. */
  readonly leaving: readonly { readonly month: number; readonly name: string }[];
  /** What reads the table of gold; null where nothing has left yet. */
  readonly gold: GoldPlace | null;
}

/** A table of gold, and how far it counts. */
export interface GoldPlace {
  readonly sql: string;
  /** Columns that the table of gold has by now. */
  readonly columns: ReadonlySet<string>;
  /** The newest month that left, since 1970: of later ones ClickHouse has every row. */
  readonly newestMonth: number;
}

/**
 * Every row of a table, of all times, each once, in its last version. Receipts draw the border: of months after the
 * newest that left, the table itself has every row and gold is not looked at. Before the border a row counts from
 * where it is newest: the table, where a restatement of a month that left comes to; then what is on its way out; then
 * gold. Conditions on org_id reach all of them, so that files of other organizations are not opened.
 */
export function historySelect(table: GoldTable, { hot, isFinal = false, leaving, gold }: HistoryPlaces): string {
  const columns = table.columns.map(({ name }) => identifier(name)).join(', ');
  const key = `(${table.key.map(identifier).join(', ')})`;
  const parts = [`SELECT ${columns} FROM ${hot}${isFinal ? '' : ' FINAL'}`];
  for (const [at, { month, name }] of leaving.entries()) {
    // One month may be in two of them, where a run was killed and what came late left behind it.
    const newer = [hot, ...leaving.slice(0, at).map((one) => one.name)];
    const isOlder = newer.map((one) => `${key} NOT IN (SELECT ${key} FROM ${one} WHERE ${isOfMonth(table, month)})`);
    parts.push(`SELECT ${columns} FROM ${name} FINAL WHERE ${isOlder.join(' AND ')}`);
  }
  if (gold !== null) {
    const isBefore = `${identifier(table.partitionBy)} < ${dayOf(table, firstDayOf(gold.newestMonth + 1))}`;
    const isOlder = [hot, ...leaving.map(({ name }) => name)].map(
      (one) => `${key} NOT IN (SELECT ${key} FROM ${one} WHERE ${isBefore})`,
    );
    const inGold = goldSelect(table, gold, `${goldAlias}.${isBefore}`);
    parts.push(`SELECT ${columns} FROM (${inGold}) WHERE ${isOlder.join(' AND ')}`);
  }
  return parts.join('\nUNION ALL\n');
}

/** The table of gold in `goldSelect`: a plain name there is the value of the type that ClickHouse has, not the column. */
export const goldAlias = 'gold';

/** Rows of gold, of the types that ClickHouse has. Conditions on columns, by `goldAlias`, leave files out unread. */
export function goldSelect(table: GoldTable, { sql, columns }: Omit<GoldPlace, 'newestMonth'>, where: string): string {
  return `SELECT ${table.columns.map((column) => asHot(column, columns)).join(', ')} FROM ${sql} AS ${goldAlias} WHERE ${where}`;
}

/** Rows of a week; `alias` is how the query calls the table, where that must be said. */
export function isOfWeek(table: GoldTable, { startMs, endMs }: Week, alias: string | null = null): string {
  const at = `${alias === null ? '' : `${alias}.`}${identifier(table.partitionBy)}`;
  return `${at} >= ${dayOf(table, dayText(startMs / dayMs))} AND ${at} < ${dayOf(table, dayText(endMs / dayMs))}`;
}

/** Of the type that ClickHouse has; plain text and dates are of one type already, and stay open to pruning. */
function asHot({ name, hotType, type, fallback }: GoldColumn, known: ReadonlySet<string>): string {
  const read = identifier(name);
  if (!known.has(name)) return `CAST(${fallback ?? 'NULL'}, ${quoted(hotType)}) AS ${read}`;
  const value = fallback === null ? read : `ifNull(${read}, ${fallback})`;
  if (type === 'string' || type === 'binary' || type === 'date')
    return fallback === null ? read : `${value} AS ${read}`;
  return `CAST(${value}, ${quoted(hotType)}) AS ${read}`;
}
