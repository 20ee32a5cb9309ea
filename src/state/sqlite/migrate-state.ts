import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../../model/errors.ts';
import { type MigrationFile, readMigrationFiles } from '../../model/migration-files.ts';

interface StateMigration extends MigrationFile {
  readonly checksum: string;
}

const directory = join(import.meta.dirname, 'migrations');

/** Every change of the state file, in order. A released one never changes; a new shape is a new file. */
function readStateMigrations(): StateMigration[] {
  return readMigrationFiles(directory).map((file) => ({
    ...file,
    checksum: createHash('sha256').update(file.sql).digest('hex'),
  }));
}

/**
 * Brings an open state file to the present shape, inside the caller's transaction. `format` holds the
 * number of the newest migration, which every version ever released reads; `migrations` their checksums.
 * Throws STATE_FORMAT for a file of a newer paceline, or of other statements than ours.
 */
export function migrateState(db: DatabaseSync, path: string, migrations = readStateMigrations()): void {
  const missing = missingMigrations(db, path, migrations);
  if (missing.length === 0) return;
  for (const { sql } of missing) db.exec(sql);
  const note = db.prepare('INSERT OR REPLACE INTO migrations VALUES (?, ?, ?)');
  for (const { number, name, checksum } of migrations) note.run(number, name, checksum);
  db.exec('DELETE FROM format');
  db.prepare('INSERT INTO format VALUES (?)').run(migrations.at(-1)!.number);
}

/** What the next start would apply to the state file; nothing is written. A file that is not there lacks nothing. */
export function planStateMigration(path: string): readonly StateMigration[] {
  if (!existsSync(path)) return [];
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return missingMigrations(db, path, readStateMigrations());
  } finally {
    db.close();
  }
}

function missingMigrations(
  db: DatabaseSync,
  path: string,
  migrations: readonly StateMigration[],
): readonly StateMigration[] {
  const has = (table: string) =>
    db.prepare('SELECT 1 FROM sqlite_schema WHERE type = ? AND name = ?').get('table', table) !== undefined;
  const format = Number((has('format') ? db.prepare('SELECT number FROM format').get() : undefined)?.number ?? 0);
  const known = migrations.at(-1)!.number;
  if (format > known)
    throw new EngineError('STATE_FORMAT', `${path} has the format ${format}; this paceline knows ${known}`);
  const ledger = has('migrations') ? db.prepare('SELECT number, name, checksum FROM migrations').all() : [];
  for (const held of ledger) {
    const ours = migrations.find(({ number }) => number === held.number);
    if (ours?.checksum !== held.checksum)
      throw new EngineError(
        'STATE_FORMAT',
        `${path}: migration ${String(held.number)} (${String(held.name)}) was applied with other statements than this version has; use the version that applied it`,
      );
  }
  return migrations.filter(({ number }) => number > format);
}
