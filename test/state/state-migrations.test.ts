import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readMigrationFiles } from '../../src/model/migration-files.ts';

test('a released migration of the state file is what it was: its checksum stands in files', () => {
  const files = readMigrationFiles(join(import.meta.dirname, '../../src/state/sqlite/migrations'));
  // A line here never changes; a new migration is a new line.
  expect(files.map(({ number, name, sql }) => `${number} ${name} ${sha256(sql).slice(0, 16)}`)).toEqual([
    '1 tables 5d7da7699bae95ac',
    '2 ledger 349d8850e7106894',
    '3 leader_epochs 7686b90f1bd68cba',
  ]);
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
