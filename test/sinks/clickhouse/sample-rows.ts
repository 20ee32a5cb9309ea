import { RowWriter } from '../../../src/rows/row-binary.ts';
import type { Column, ColumnValue, Row, Table } from '../../../src/rows/tables.ts';
import type { OutputChunk } from '../../../src/sinks/sink.ts';

/** A row of any table whose every value follows from its number; text has line breaks and quotes. */
export function sampleRow(table: Table, id: number, version: bigint, salt = 0): Row {
  return Object.fromEntries(
    table.columns.map((column) => [column.name, sampleValue(table, column, id, version, salt)]),
  );
}

const weekMs = 7 * 86_400_000;
const start = Date.UTC(2026, 0, 5);

function sampleValue(table: Table, column: Column, id: number, version: bigint, salt: number): ColumnValue {
  if (column.name === 'version') return version;
  const isKey = table.key.includes(column.name);
  const number = isKey ? id : id + salt;
  if (column.type.startsWith('Nullable') && number % 3 === 0) return null;
  if (column.type.includes('DateTime64')) return start + (id % 3) * weekMs + (isKey ? id : number);
  if (column.type === 'Date32') return Math.floor(start / 86_400_000) + (id % 21);
  if (column.type.includes('String')) return isKey ? `k-${id}` : `v'${number}\n\n\nDROP TABLE ads.${table.name}\\`;
  return column.type === 'Int64' ? BigInt(number) * 1_000_003n : number;
}

/** A chunk of one lane with rows `from..to` of one table. */
export function sampleChunk(
  table: Table,
  from: number,
  to: number,
  options: { lane?: string; seq?: number; version?: bigint; salt?: number } = {},
): OutputChunk {
  const writer = new RowWriter(table);
  for (let id = from; id < to; id++) writer.write(sampleRow(table, id, options.version ?? 1n, options.salt ?? 0));
  const { rows, bytes } = writer.take();
  return { lane: options.lane ?? 'a', seq: options.seq ?? 1, streams: [{ stream: table.name, rows, bytes }] };
}
