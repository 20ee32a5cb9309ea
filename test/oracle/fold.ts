import type { Row } from '../../src/model/tables.ts';
import type { LogRecord } from './events.ts';
import { LaneOracle, type OracleOptions } from './lane-oracle.ts';
import { emptyRows, sortRows, type TableName, type TableRows, tableNamed } from './rows.ts';

/** Folds a log of one or many lanes; records of a lane come in the order of their offsets. */
export function foldLog(records: Iterable<LogRecord>, options: OracleOptions): TableRows {
  const lanes = new Map<string, LaneOracle>();
  for (const record of records) {
    const name = `${record.topic}:${record.partition}`;
    let lane = lanes.get(name);
    if (lane === undefined) {
      lane = new LaneOracle(record, options);
      lanes.set(name, lane);
    }
    lane.apply(record);
  }
  return mergeTables([...lanes.values()].map((lane) => lane.tables()));
}

/** For folding lane by lane, so that only one lane's state is in memory at a time. */
export function foldLane(
  records: Iterable<LogRecord>,
  lane: { topic: string; partition: number },
  options: OracleOptions,
): TableRows {
  const oracle = new LaneOracle(lane, options);
  for (const record of records) oracle.apply(record);
  return oracle.tables();
}

export function mergeTables(parts: readonly TableRows[]): TableRows {
  const all = emptyRows();
  for (const name of Object.keys(all) as TableName[])
    all[name] = sortRows(
      tableNamed(name),
      parts.flatMap((part) => part[name]),
    );
  return all;
}

export interface CompareOptions {
  /** Columns that are not compared, as `table.column`. `dead_letters.detail` never is: it is prose. */
  readonly ignore?: readonly string[];
  /** True: two dead letters of a decoder agree whatever reason each gives; address and bytes still count. */
  readonly anyDecoderReason?: boolean;
  /** Differences listed at most; the count in the last line is exact. */
  readonly show?: number;
}

/** Sentences that say where two sets of tables differ; none when they are the same. */
export function compareTables(
  expected: Partial<TableRows>,
  actual: Partial<TableRows>,
  options: CompareOptions = {},
): string[] {
  const ignored = new Set(['dead_letters.detail', ...(options.ignore ?? [])]);
  const problems: string[] = [];
  for (const name of Object.keys(expected) as TableName[])
    problems.push(...compareTable(name, expected[name] ?? [], actual[name] ?? [], { ignored, ...options }));
  const show = options.show ?? 50;
  if (problems.length <= show) return problems;
  return [...problems.slice(0, show), `… and ${problems.length - show} more differences`];
}

function compareTable(
  name: TableName,
  expected: readonly Row[],
  actual: readonly Row[],
  { ignored, anyDecoderReason = false }: CompareOptions & { readonly ignored: ReadonlySet<string> },
): string[] {
  const table = tableNamed(name);
  const keyOf = (row: Row) => table.key.map((column) => String(row[column])).join(' ');
  const problems: string[] = [];
  const rest = new Map<string, Row>();
  for (const row of actual) {
    if (rest.has(keyOf(row))) problems.push(`${name} [${keyOf(row)}] is there twice`);
    rest.set(keyOf(row), row);
  }
  for (const row of expected) {
    const key = keyOf(row);
    const other = rest.get(key);
    rest.delete(key);
    if (other === undefined) {
      problems.push(`${name} [${key}] is missing: ${printRow(row)}`);
      continue;
    }
    for (const { name: column } of table.columns) {
      if (ignored.has(`${name}.${column}`) || sameValue(row[column], other[column])) continue;
      if (anyDecoderReason && column === 'reason' && isOfDecoder(row) && isOfDecoder(other)) continue;
      problems.push(`${name} [${key}] ${column}: expected ${print(row[column])}, got ${print(other[column])}`);
    }
  }
  for (const [key, row] of rest) problems.push(`${name} [${key}] should not be there: ${printRow(row)}`);
  return problems;
}

const decoderReasons: ReadonlySet<string> = new Set([
  'empty_value',
  'too_large',
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
  'header_mismatch',
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
