import { tables as allTables, type ColumnValue, type Row } from '../../src/rows/tables.ts';
import type { TableName, TableRows } from '../oracle/rows.ts';
import { instantOf, moneyOf } from './words.ts';

/** Rows of a table that hold some values, and how many there must be (null = at least one). */
export interface Expectation {
  readonly line: string;
  readonly table: TableName;
  readonly count: number | null;
  readonly values: Readonly<Record<string, string | null>>;
}

const tableWords: Readonly<Record<string, TableName>> = {
  daily: 'campaign_metrics_daily',
  snapshot: 'pacing_snapshots',
  evaluation: 'rule_evaluations',
  alert: 'alert_events',
  dead: 'dead_letters',
  late: 'late_events',
  unplanned: 'unplanned_spend',
  revenue: 'other_revenue',
  conversion: 'conversions_daily',
  order: 'order_snapshots',
};

const aliases: Readonly<Record<string, string>> = {
  org: 'org_id',
  campaign: 'campaign_id',
  flight: 'flight_id',
  order: 'order_id',
  group: 'group_id',
  rule: 'rule_id',
  from: 'from_state',
  to: 'to_state',
  at: 'evaluated_at',
  spend: 'spend_micros',
  expected: 'expected_micros',
  budget: 'budget_micros',
};

export function parseExpectation(
  plain: readonly string[],
  named: Readonly<Record<string, string>>,
  line: string,
): Expectation {
  const first = plain[0];
  const count = first === 'no' ? 0 : /^\d+$/.test(first) ? Number(first) : null;
  const word = (count === null ? first : plain[1]).replace(/s$/, '');
  const table = tableWords[word];
  if (table === undefined) throw new Error(`"${word}" is no table`);
  const values: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(named)) {
    const column = aliases[name] ?? name;
    values[column] = readValue(table, column, value);
  }
  return { line, table, count, values };
}

/** The value as the column holds it, printed; so that numbers of any type compare. */
function readValue(table: TableName, column: string, word: string): string | null {
  const type = allTables.find((each) => each.name === table)?.columns.find((each) => each.name === column)?.type;
  if (type === undefined) throw new Error(`${table} has no column ${column}`);
  if (word === 'null') return null;
  if (type.includes('DateTime64')) return String(instantOf(word));
  if (type === 'Date32') return String(instantOf(`${word}T00:00:00Z`) / 86_400_000);
  if (/_micros|_micros_per_day|^conversions_/.test(column)) return String(moneyOf(word));
  return word;
}

/** Nothing, or one sentence that says what is there instead. */
export function unmet(expectation: Expectation, tables: Pick<TableRows, TableName>): string[] {
  const rows = tables[expectation.table];
  const found = rows.filter((row) => holds(row, expectation.values)).length;
  if (expectation.count === null ? found > 0 : found === expectation.count) return [];
  const shown = rows.slice(0, 20).map((row) => print(row, Object.keys(expectation.values)));
  return [`${expectation.line}: found ${found} of ${rows.length} rows:\n  ${shown.join('\n  ')}`];
}

function holds(row: Row, values: Expectation['values']): boolean {
  return Object.entries(values).every(([column, value]) => textOf(row[column]) === value);
}

function textOf(value: ColumnValue): string | null {
  if (value === null) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}

function print(row: Row, columns: readonly string[]): string {
  const named = allTables.flatMap((table) => table.columns).filter(({ type }) => type.includes('DateTime64'));
  const isInstant = (column: string) => named.some(({ name }) => name === column);
  const all = ['as_of', 'evaluated_at', 'status', ...columns].filter((column) => column in row);
  return [...new Set(all)]
    .map((column) => {
      const value = row[column];
      return `${column}=${value !== null && isInstant(column) ? new Date(Number(value)).toISOString() : textOf(value)}`;
    })
    .join(' ');
}
