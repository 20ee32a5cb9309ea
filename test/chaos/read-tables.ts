import type { QueryEndpoint } from '../../src/control/query-client.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { deadLetters, type Row, type Table, tables } from '../../src/rows/tables.ts';
import { emptyRows, type TableName, type TableRows } from '../oracle/rows.ts';

/** What FINAL shows of every table, with every column in the type that the oracle uses. */
export async function readTables(endpoint: QueryEndpoint): Promise<TableRows> {
  const rows: Record<TableName, Row[]> = emptyRows();
  for (const table of tables) {
    const columns = table.columns.map(({ name }) => name).join(', ');
    const bytes = await ask(endpoint, `SELECT ${columns} FROM ${table.name} FINAL FORMAT RowBinary`);
    rows[table.name as TableName] = decodeRows(table, bytes, table === deadLetters ? ['key', 'raw'] : []);
  }
  return rows;
}

/** Rows with the same key and version but other bytes: FINAL would show whichever merged last. */
export async function countAmbiguous(endpoint: QueryEndpoint): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) counts[table.name] = await countIn(endpoint, table);
  return counts;
}

async function countIn(endpoint: QueryEndpoint, { name, key, columns }: Table): Promise<number> {
  const rest = columns.filter((column) => !key.includes(column.name)).map((column) => column.name);
  const same = [...key, 'version'].join(', ');
  const sql = `SELECT count() FROM (SELECT 1 FROM ${name} GROUP BY ${same}
    HAVING uniqExact(cityHash64(toString(tuple(${rest.join(', ')})))) > 1) FORMAT TSV`;
  return Number(Buffer.from(await ask(endpoint, sql)).toString());
}

async function ask(endpoint: QueryEndpoint, sql: string): Promise<Uint8Array> {
  const response = await fetch(endpoint.url, { method: 'POST', headers: { ...endpoint.headers }, body: sql });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${sql.slice(0, 60)}…: ${Buffer.from(bytes).toString().slice(0, 500)}`);
  return bytes;
}
