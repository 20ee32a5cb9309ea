import type { PartitionSpec, Schema } from '../../format/schema.ts';
import { columnId, type TableColumn } from '../../operations/table-columns.ts';

/** A column of both: what ClickHouse stores it as, and what rows from before it have there. */
export interface GoldColumn extends TableColumn {
  readonly hotType: string;
  /** In ClickHouse's words; null = nothing is known then, or the column is as old as its table. */
  readonly fallback: string | null;
}

/** A table of ClickHouse and the table of gold that is its history. */
export interface GoldTable {
  readonly name: string;
  readonly columns: readonly GoldColumn[];
  /** What tells a row; of several with the same, the highest `version` counts. Begins with org_id. */
  readonly key: readonly string[];
  /** The date or instant by whose month both are partitioned. */
  readonly partitionBy: string;
}

export function goldSpec({ partitionBy }: GoldTable, schema: Schema): PartitionSpec {
  const month = `${partitionBy}_month`;
  return {
    'spec-id': 0,
    fields: [
      { 'source-id': columnId(schema, 'org_id'), 'field-id': 1000, name: 'org_id', transform: 'identity' },
      { 'source-id': columnId(schema, partitionBy), 'field-id': 1001, name: month, transform: 'month' },
    ],
  };
}

/** 2026-03 of a month counted since 1970. */
export function monthText(month: number): string {
  return new Date(Date.UTC(1970, month, 1)).toISOString().slice(0, 7);
}

/** The first day of a month counted since 1970, in days since then. */
export function dayOfMonth(month: number): number {
  return Date.UTC(1970, month, 1) / 86_400_000;
}

/** The first day of a month counted since 1970. */
export function firstDayOf(month: number): string {
  return `${monthText(month)}-01`;
}
