import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readMigrationFiles } from '../../src/model/migration-files.ts';

const source = join(import.meta.dirname, '..', '..', 'src');
const folders = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name === 'migrations')
  .map((entry) => join(entry.parentPath, entry.name));

test('there are migrations of every store', () => {
  expect(folders.length).toBeGreaterThanOrEqual(4);
});

test.each(folders)('%s: each number once, and none is left out', (folder) => {
  expect(readMigrationFiles(folder).length).toBeGreaterThan(0);
});

test.each([
  ['two of one number', ['0001_tables.sql', '0002_erase.sql', '0002_replays.sql']],
  ['one is missing', ['0001_tables.sql', '0003_replays.sql']],
])('%s: nothing is migrated', (_, names) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'paceline-migrations-')), 'migrations');
  mkdirSync(folder);
  for (const name of names) writeFileSync(join(folder, name), 'SELECT 1;');
  expect(() => readMigrationFiles(folder)).toThrow(/is migration/);
  rmSync(folder, { recursive: true });
});
