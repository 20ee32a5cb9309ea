import type { Row } from '../../src/rows/tables.ts';
import { type TableName, type TableRows, tableNamed } from './rows.ts';

export interface CompareOptions {
  /** Columns that are not compared, as `table.column`. `dead_letters.detail` never is: it is prose. */
  readonly ignore?: readonly string[];
  /** True: two dead letters of a decoder agree whatever reason each gives; address and bytes still count. */
  readonly anyDecoderReason?: boolean;
  /** Differences listed at most; the count in the last line is exact. */
  readonly show?: number;
}

/** One row that differs: the wrong ones once per column. */
export interface Difference {
  readonly table: TableName;
  readonly what: 'lost' | 'wrong' | 'extra';
  /** The row's key, as text. */
  readonly key: string;
  readonly text: string;
}

/** Sentences that say where two sets of tables differ; none when they are the same. */
export function compareTables(
  expected: Partial<TableRows>,
  actual: Partial<TableRows>,
  options: CompareOptions = {},
): string[] {
  const problems = diffTables(expected, actual, options).map(({ text }) => text);
  const show = options.show ?? 50;
  if (problems.length <= show) return problems;
  return [...problems.slice(0, show), `… and ${problems.length - show} more differences`];
}

/** Everything in which two sets of tables differ, for the tables that `expected` names. */
export function diffTables(
  expected: Partial<TableRows>,
  actual: Partial<TableRows>,
  options: CompareOptions = {},
): Difference[] {
  const ignored = new Set(['dead_letters.detail', ...(options.ignore ?? [])]);
  return (Object.keys(expected) as TableName[]).flatMap((name) =>
    diffTable(name, expected[name] ?? [], actual[name] ?? [], { ignored, ...options }),
  );
}

function diffTable(
  name: TableName,
  expected: readonly Row[],
  actual: readonly Row[],
  { ignored, anyDecoderReason = false }: CompareOptions & { readonly ignored: ReadonlySet<string> },
): Difference[] {
  const table = tableNamed(name);
  const keyOf = (row: Row) => table.key.map((column) => String(row[column])).join(' ');
  const differences: Difference[] = [];
  const note = (what: Difference['what'], key: string, text: string) =>
    differences.push({ table: name, what, key, text: `${name} [${key}] ${text}` });
  const rest = new Map<string, Row>();
  for (const row of actual) {
    if (rest.has(keyOf(row))) note('extra', keyOf(row), 'is there twice');
    rest.set(keyOf(row), row);
  }
  for (const row of expected) {
    const key = keyOf(row);
    const other = rest.get(key);
    rest.delete(key);
    if (other === undefined) {
      note('lost', key, `is missing: ${printRow(row)}`);
      continue;
    }
    for (const { name: column } of table.columns) {
      if (ignored.has(`${name}.${column}`) || sameValue(row[column], other[column])) continue;
      if (anyDecoderReason && column === 'reason' && isOfDecoder(row) && isOfDecoder(other)) continue;
      note('wrong', key, `${column}: expected ${print(row[column])}, got ${print(other[column])}`);
    }
  }
  for (const [key, row] of rest) note('extra', key, `should not be there: ${printRow(row)}`);
  return differences;
}

const decoderReasons: ReadonlySet<string> = new Set([
  'empty_value',
  'too_large',
  'damaged_batch',
  'bad_framing',
  'unknown_schema',
  'schema_mismatch',
  'truncated',
  'trailing_bytes',
  'bad_json',
  'bad_field',
  'bad_id',
  'bad_time',
  'money_out_of_range',
  'not_ours',
]);

function isOfDecoder(row: Row): boolean {
  return decoderReasons.has(String(row.reason));
}

function sameValue(a: Row[string], b: Row[string]): boolean {
  return comparable(a, b) === comparable(b, a);
}

/** Numbers by value whatever their type; bytes as text where the other side read them as text. */
function comparable(value: Row[string], other: Row[string]): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString(typeof other === 'string' ? 'utf8' : 'hex');
  return String(value);
}

function print(value: Row[string]): string {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value.subarray(0, 64)).toString('hex')}`;
  return value === null ? 'null' : typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function printRow(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => `${name}=${print(value)}`)
    .join(' ');
}
