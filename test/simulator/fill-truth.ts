import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Truth, writeTruth } from '../../src/simulator/write-simulation.ts';
import { foldDirectory } from '../chaos/compare-directory.ts';
import { type TableName, tableNamed } from '../oracle/rows.ts';

/** What the tables of a simulated log must hold, by the slow fold of the very log. */
export interface ExpectedTables {
  readonly generation: number;
  readonly records: number;
  /** Rows in order of their key, each as JSON with its columns in order; SHA-256 over the lines. */
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly sha256: string }>>;
}

/** Folds DIR/log by docs/semantics.md and writes the outcome into DIR/truth.json as `expected`. */
export async function fillTruth(directory: string, onProgress?: (records: number) => void): Promise<ExpectedTables> {
  const path = join(directory, 'truth.json');
  const truth = JSON.parse(readFileSync(path, 'utf8')) as Truth;
  const generation = 1;
  const { records, rows } = await foldDirectory(directory, { generation, ...(onProgress ? { onProgress } : {}) });
  const tables = Object.fromEntries(
    Object.entries(rows).map(([name, all]) => {
      const digest = createHash('sha256');
      for (const row of all) digest.update(`${lineOf(name as TableName, row)}\n`);
      return [name, { rows: all.length, sha256: digest.digest('hex') }];
    }),
  );
  const expected = { generation, records, tables };
  writeTruth(path, { ...truth, expected });
  return expected;
}

/** `dead_letters.detail` is prose for people and stays out. */
function lineOf(name: TableName, row: Readonly<Record<string, unknown>>): string {
  const columns = tableNamed(name).columns.filter((column) => column.name !== 'detail');
  return JSON.stringify(columns.map((column) => textOf(row[column.name])));
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}
