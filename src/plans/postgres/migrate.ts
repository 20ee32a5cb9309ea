import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { EngineError } from '../../model/errors.ts';
import { type MigrationFile, readMigrationFiles } from '../../model/migration-files.ts';
import type { PostgresSettings } from './config.ts';
import { connectionOptions, describeDatabase, type Queryable } from './database.ts';
import { GuardedClient } from './guarded-client.ts';
import { asControlError } from './postgres-failure.ts';

export interface DatabaseMigration extends MigrationFile {
  readonly checksum: string;
}

const directory = join(import.meta.dirname, 'migrations');
/** Making indexes may take long on tables that are in use. */
const migrationTimeoutMs = 10 * 60_000;
/** Somebody's open transaction is in the way for longer than that only when it was forgotten. */
const migrationLockTimeoutMs = 20_000;
/** Partitions of the audit log that stand ready beyond the present month. */
export const auditMonthsAhead = 3;

/** Every change of the stored shape, in order. A released one never changes; a new shape is a new one. */
export function readMigrations(): DatabaseMigration[] {
  return readMigrationFiles(directory).map((file) => ({
    ...file,
    checksum: createHash('sha256').update(file.sql).digest('hex'),
  }));
}

export interface MigrateDatabaseOptions {
  readonly settings: PostgresSettings;
  /** Keep this many whole months of the audit log beside the present one; absent = drop nothing. */
  readonly auditRetentionMonths?: number;
  /** Who the audit log names. */
  readonly actor?: string;
  /** Absent = those of this version; tests bring others. */
  readonly migrations?: readonly DatabaseMigration[];
}

export interface MigratedDatabase {
  /** Migrations applied now, as `3 audit`; empty = it was up to date. */
  readonly applied: readonly string[];
  readonly auditPartitionsMade: number;
  readonly auditPartitionsDropped: readonly string[];
}

/**
 * Brings the database to the present shape, each missing migration in a transaction of its own, one
 * migrating process at a time. Throws CONTROL_REFUSED when the ledger names a migration that differs
 * from ours or that we do not know, and for a login that may not do this; CONTROL_UNAVAILABLE when
 * PostgreSQL is away.
 */
export async function migrateDatabase(options: MigrateDatabaseOptions): Promise<MigratedDatabase> {
  const { settings, migrations = readMigrations() } = options;
  const client = new GuardedClient({
    ...connectionOptions(settings),
    statement_timeout: migrationTimeoutMs,
    query_timeout: 2 * migrationTimeoutMs,
    // What waits for a lock holds up all who come after it: better to give up, and say so.
    lock_timeout: migrationLockTimeoutMs,
  });
  // A connection that breaks between two statements; the next statement reports the same.
  client.on('error', (error) => error.message);
  try {
    await client.connect();
    await client.query("SELECT pg_advisory_lock(hashtext('paceline migrations'))");
    await inTransaction(client, () => client.query(readFileSync(join(directory, 'bootstrap.sql'), 'utf8')));
    const missing = missingMigrations(migrations, await readLedger(client));
    for (const migration of missing) await applyMigration(client, migration);
    return {
      applied: missing.map(({ number, name }) => `${number} ${name}`),
      ...(await tendAuditLog(client, options)),
    };
  } catch (error) {
    throw asControlError(error, `migration of ${describeDatabase(settings)}`);
  } finally {
    await client.end();
  }
}

/** Migrations that `migrateDatabase` would apply, as `3 audit`; changes nothing. */
export async function planDatabase(settings: PostgresSettings): Promise<string[]> {
  const client = new GuardedClient(connectionOptions(settings));
  client.on('error', (error) => error.message);
  try {
    await client.connect();
    return missingMigrations(readMigrations(), await readLedger(client)).map(({ number, name }) => `${number} ${name}`);
  } catch (error) {
    throw asControlError(error, `migration of ${describeDatabase(settings)}`);
  } finally {
    await client.end();
  }
}

async function applyMigration(client: pg.Client, { number, name, sql, checksum }: DatabaseMigration): Promise<void> {
  await inTransaction(client, async () => {
    await client.query('SET LOCAL ROLE paceline_owner');
    await client.query('SET LOCAL search_path = paceline, pg_temp');
    await client.query(sql);
    await client.query('INSERT INTO paceline.schema_migrations (number, name, checksum) VALUES ($1, $2, $3)', [
      number,
      name,
      checksum,
    ]);
  });
}

async function tendAuditLog(
  client: pg.Client,
  { auditRetentionMonths, actor }: MigrateDatabaseOptions,
): Promise<Pick<MigratedDatabase, 'auditPartitionsMade' | 'auditPartitionsDropped'>> {
  return await inTransaction(client, async () => {
    await client.query('SET LOCAL ROLE paceline_owner');
    if (actor !== undefined) await client.query("SELECT set_config('paceline.actor', $1, true)", [actor]);
    const made = await client.query<{ made: number }>('SELECT paceline.make_audit_partitions($1) AS made', [
      auditMonthsAhead,
    ]);
    const auditPartitionsMade = made.rows[0].made;
    if (auditRetentionMonths === undefined) return { auditPartitionsMade, auditPartitionsDropped: [] };
    const dropped = await client.query<{ dropped: string[] }>('SELECT paceline.drop_audit_partitions($1) AS dropped', [
      auditRetentionMonths,
    ]);
    return { auditPartitionsMade, auditPartitionsDropped: dropped.rows[0].dropped };
  });
}

async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // The connection ends with the failure, so the transaction is gone whether or not this arrives.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

export type MigrationLedger = ReadonlyMap<number, { readonly name: string; readonly checksum: string }>;

/** Empty when the database was never migrated. */
export async function readLedger(database: Queryable): Promise<MigrationLedger> {
  const found = await database.query<{ oid: string | null }>(
    "SELECT to_regclass('paceline.schema_migrations')::text AS oid",
  );
  if (found.rows[0].oid === null) return new Map();
  const ledger = await database.query<{ number: number; name: string; checksum: string }>(
    'SELECT number, name, checksum FROM paceline.schema_migrations ORDER BY number',
  );
  return new Map(ledger.rows.map(({ number, name, checksum }) => [number, { name, checksum }]));
}

/** What is still to be applied. Throws CONTROL_REFUSED for a ledger that this version cannot continue. */
export function missingMigrations(
  migrations: readonly DatabaseMigration[],
  ledger: MigrationLedger,
): readonly DatabaseMigration[] {
  for (const [number, held] of ledger) {
    const ours = migrations.find((each) => each.number === number);
    if (ours === undefined)
      throw new EngineError(
        'CONTROL_REFUSED',
        `the database has migration ${number} (${held.name}), which this version does not know: a newer paceline made it. Use that version.`,
      );
    if (ours.checksum !== held.checksum)
      throw new EngineError(
        'CONTROL_REFUSED',
        `migration ${number} (${held.name}) was applied with other statements than this version has (${held.checksum.slice(0, 12)}, ours is ${ours.checksum.slice(0, 12)}). Use the version that applied it, or restore its file.`,
      );
  }
  return migrations.filter(({ number }) => !ledger.has(number));
}
