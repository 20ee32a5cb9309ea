import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from './errors.ts';

/** A change of a stored shape. A released one never changes; a new shape is a new file. */
export interface MigrationFile {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** The files `NNNN_name.sql` of a directory, in the order of their numbers, which count from 1. */
export function readMigrationFiles(directory: string): MigrationFile[] {
  const files = readdirSync(directory).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name));
  return files.sort().map((file, index) => {
    const number = Number(file.slice(0, 4));
    // Two of one number would each be taken for the other, or applied twice.
    assert(number === index + 1, `${file} is migration ${index + 1}`);
    return { number, name: file.slice(5, -4), sql: readFileSync(join(directory, file), 'utf8') };
  });
}
