import { quoted } from '../../lakehouse/engine/sql-places.ts';
import type { GoldColumn, GoldTable } from '../../lakehouse/layers/gold/gold-tables.ts';
import { type Column, type ColumnType, type Table, tables } from '../../rows/tables.ts';
import { storedType } from '../../sinks/clickhouse/ddl.ts';

/** Columns that hold any bytes. */
export const rawColumns: Readonly<Record<string, readonly string[]>> = { dead_letters: ['key', 'raw'] };

/** A table of ClickHouse as Iceberg has it: no types without a sign, instants in micros. */
function goldTable(table: Table): GoldTable {
  const columns = table.columns.map((column): GoldColumn => {
    const { name, type, doc } = column;
    const isNullable = type.startsWith('Nullable(');
    const isRaw = rawColumns[table.name]?.includes(name) ?? false;
    return {
      ...{ name, doc, isRequired: !isNullable, hotType: storedType(column), fallback: fallbackOf(column) },
      type: isRaw ? 'binary' : icebergTypes[type],
    };
  });
  return { name: table.name, columns, key: table.key, partitionBy: table.partitionBy };
}

const icebergTypes = {
  String: 'string',
  'LowCardinality(String)': 'string',
  UInt8: 'int',
  UInt16: 'int',
  UInt32: 'long',
  UInt64: 'long',
  Int32: 'int',
  Int64: 'long',
  Date32: 'date',
  'DateTime64(3)': 'timestamptz',
  'Decimal(18,6)': 'decimal(18, 6)',
  'Nullable(Int32)': 'int',
  'Nullable(Int64)': 'long',
  'Nullable(DateTime64(3))': 'timestamptz',
} as const satisfies Readonly<Record<ColumnType, GoldColumn['type']>>;

/** What a column of a later release has in older rows, as ClickHouse reads it. */
function fallbackOf({ type, since, fallback }: Column): string | null {
  if (since === 1 || fallback === null) return null;
  if (typeof fallback === 'string' || fallback instanceof Uint8Array) return quoted(Buffer.from(fallback).toString());
  if (type === 'Decimal(18,6)') return `toDecimal128(${fallback}, 6) / 1000000`;
  if (type.includes('DateTime64')) return `fromUnixTimestamp64Milli(toInt64(${fallback}), 'UTC')`;
  return type === 'Date32' ? `CAST(toInt32(${fallback}), 'Date32')` : String(fallback);
}

export const goldTables = tables.map(goldTable);
