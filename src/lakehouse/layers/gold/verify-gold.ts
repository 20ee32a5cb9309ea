import { EngineError } from '../../../model/errors.ts';
import type { TableState } from '../../catalog/catalog.ts';
import { quoted } from '../../engine/sql-places.ts';
import { readParquetColumns } from '../../format/parquet-reader.ts';
import type { Field } from '../../format/schema.ts';
import { currentSchema } from '../../format/table-metadata.ts';
import { filesOfPartitions } from '../../operations/overwrite-partitions.ts';
import type { FileIO } from '../../storage/file-io.ts';
import { type HotTables, isOfMonth } from './build-gold.ts';
import { type GoldTable, monthText } from './gold-tables.ts';
import { digestOf, digestSql } from './row-digest.ts';

/** What two readers found the same in a month of a table. */
export interface Verified {
  readonly rows: number;
  readonly organizations: number;
  /** Sum of each money column, micros. */
  readonly money: Readonly<Record<string, string>>;
  /** Exclusive or of the digests of all rows, hex: it does not depend on their order. */
  readonly hash: string;
}

interface Totals {
  rows: number;
  readonly money: Map<string, bigint>;
  hash: bigint;
}

const rowsAtOnce = 50_000;

/**
 * Reads back from the store what was written there, by another reader than wrote it, and compares it with what
 * ClickHouse has: each of its rows must be there, and count, sums of money and an order-free hash must agree. Throws
 * COPY_DIFFERS.
 */
export async function verifyMonth(
  table: GoldTable,
  month: number,
  { hot, name, io, state }: { hot: HotTables; name: string; io: FileIO; state: TableState },
): Promise<Verified> {
  const moneyColumns = table.columns.filter((column) => column.name.endsWith('_micros')).map((column) => column.name);
  const total: Totals = { rows: 0, money: new Map(moneyColumns.map((column) => [column, 0n])), hash: 0n };
  const digest = digestSql(table.columns);
  const sums = moneyColumns.map((column) => `toString(sum(toInt128(ifNull(${column}, 0)))) AS total_${column}`);
  const hash = `toString(groupBitXor(reinterpretAsUInt64(${digest}))) AS total_hash`;
  const found = await hot.query(
    `SELECT org_id, ${['toString(count()) AS total_rows', hash, ...sums].join(', ')} FROM ${name} FINAL
     WHERE ${isOfMonth(table, month)} GROUP BY org_id`,
  );
  for (const one of found) {
    const org = String(one.org_id);
    const digests = await hot.query(
      `SELECT hex(${digest}) AS digest FROM ${name} FINAL WHERE org_id = ${quoted(org)} AND ${isOfMonth(table, month)}`,
    );
    const wanted = new Set(digests.map((found) => String(found.digest).toLowerCase()));
    const own = await readBack(table, month, org, { io, state, wanted, moneyColumns });
    const differs = (what: string, gold: unknown, clickhouse: unknown): EngineError => {
      const where = `${table.name}, ${monthText(month)}, ${org}`;
      return new EngineError('COPY_DIFFERS', `${where}: ${what} is ${gold} in gold and ${clickhouse} in ClickHouse`);
    };
    if (String(own.rows) !== String(one.total_rows)) throw differs('the number of rows', own.rows, one.total_rows);
    for (const [column, sum] of own.money) {
      const theirs = one[`total_${column}`];
      if (String(sum) !== String(theirs)) throw differs(`the sum of ${column}`, sum, theirs);
      total.money.set(column, (total.money.get(column) ?? 0n) + sum);
    }
    if (String(own.hash) !== String(one.total_hash)) throw differs('the hash of the rows', own.hash, one.total_hash);
    total.rows += own.rows;
    total.hash ^= own.hash;
  }
  return {
    rows: total.rows,
    organizations: found.length,
    money: Object.fromEntries([...total.money].map(([column, sum]) => [column, String(sum)])),
    hash: total.hash.toString(16).padStart(16, '0'),
  };
}

/** Those rows of a month of an organization that ClickHouse has too; gold may have more, from before. */
async function readBack(
  { columns }: GoldTable,
  month: number,
  org: string,
  from: { io: FileIO; state: TableState; wanted: Set<string>; moneyColumns: readonly string[] },
): Promise<Totals> {
  const { io, state, wanted, moneyColumns } = from;
  const { fields } = currentSchema(state.metadata);
  const read = columns.map(({ name }) => fields.find((field) => field.name === name) as Field);
  const totals: Totals = { rows: 0, money: new Map(moneyColumns.map((column) => [column, 0n])), hash: 0n };
  const files = await filesOfPartitions({ io }, state, ([own, at]) => own === org && at === month);
  for (const file of files) {
    const bytes = await io.read(file.path);
    for (let at = 0; at < file.recordCount; at += rowsAtOnce) {
      const cells = await readParquetColumns(bytes, read, { from: at, to: at + rowsAtOnce });
      const values = read.map(({ id }) => cells.get(id) ?? []);
      for (let row = 0; row < values[0].length; row++) {
        const digest = digestOf(
          columns,
          values.map((column) => column[row]),
        );
        // Each once: a row that the store has twice must not stand for one that it lacks.
        if (!wanted.delete(digest.toString('hex'))) continue;
        totals.rows += 1;
        totals.hash ^= digest.readBigUInt64LE();
        for (const name of moneyColumns) {
          const value = values[columns.findIndex((column) => column.name === name)][row];
          if (value !== null) totals.money.set(name, (totals.money.get(name) ?? 0n) + BigInt(value as bigint | number));
        }
      }
    }
  }
  return totals;
}
