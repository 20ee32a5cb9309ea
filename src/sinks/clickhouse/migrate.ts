import type { ClickHouseClient } from '@clickhouse/client';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { latestTables, tables } from '../../rows/tables.ts';
import { accessOf } from './access.ts';
import { asEngineError } from './clickhouse-failure.ts';
import { createLedger, type DdlOptions, onCluster } from './ddl.ts';
import { type Migration, migrationsOf } from './migrations.ts';
import { createView, historyViews, views } from './views.ts';

/** Asks one query; the rows of its answer as objects. */
export type Ask = <Answer>(query: string) => Promise<Answer[]>;

interface MigrateOptions extends DdlOptions {
  readonly clock: Clock;
  /** Also make the roles and row policies (access.ts); the embedded engine knows neither. */
  readonly withAccess: boolean;
  /** Told before each migration: one that copies tables may take long. */
  readonly onMigration?: (migration: Pick<Migration, 'number' | 'name'>) => void;
}

/**
 * Brings the database to the present shape: missing migrations in order, each noted in
 * `schema_migrations`, then the views, which hold no data and are simply replaced. Returns what was
 * missing. Throws SINK_REJECTED when the ledger names a migration that differs from ours or that we do
 * not know: the tables are then of another shape than the rows that we would send.
 */
export async function migrate(client: ClickHouseClient, options: MigrateOptions): Promise<readonly Migration[]> {
  const { database, cluster } = options;
  const command = commandOf(client);
  try {
    await command(`CREATE DATABASE IF NOT EXISTS ${database}${onCluster(cluster)} ENGINE = Atomic`);
    await command(createLedger(database, cluster));
    const missing = missingMigrations(migrationsOf(options), await readLedger(askOf(client), database), database);
    for (const migration of missing) await apply(client, migration, options);
    for (const view of views) await command(createView(view, database, cluster));
    // Whoever moves months writes them; they begin anew where columns may have come.
    for (const view of historyViews)
      if (missing.length > 0 || !(await hasView(client, database, view.name)))
        await command(createView(view, database, cluster));
    for (const statement of options.withAccess ? accessOf([...tables, ...latestTables], views, tables, options) : [])
      await command(statement);
    return missing;
  } catch (error) {
    throw asEngineError(error, `migration of ${database}`);
  }
}

/** What `migrate` would apply, asked without changing anything. */
export async function planMigration(ask: Ask, options: DdlOptions): Promise<readonly Migration[]> {
  const { database } = options;
  return missingMigrations(migrationsOf(options), await readLedger(ask, database), database);
}

async function apply(client: ClickHouseClient, migration: Migration, options: MigrateOptions): Promise<void> {
  const { number, name, checksum, statements } = migration;
  const command = commandOf(client);
  options.onMigration?.({ number, name });
  for (const { sql, onlyIf } of statements) if (onlyIf === null || (await isTrue(client, onlyIf))) await command(sql);
  await client.insert({
    table: `${options.database}.schema_migrations`,
    format: 'JSONEachRow',
    values: [{ number, name, checksum, applied_at: options.clock.wallMs() }],
    clickhouse_settings: { async_insert: 0 },
  });
}

function commandOf(client: ClickHouseClient): (query: string) => Promise<void> {
  return async (query) => {
    await client.command({ query, clickhouse_settings: { wait_end_of_query: 1 } });
  };
}

async function isTrue(client: ClickHouseClient, query: string): Promise<boolean> {
  const answer = await client.query({ query, format: 'JSONCompactEachRow' });
  const [[value] = ['0']] = await answer.json<[unknown]>();
  return Number(value) !== 0;
}

async function hasView(client: ClickHouseClient, database: string, name: string): Promise<boolean> {
  return await isTrue(client, `SELECT count() FROM system.tables WHERE database = '${database}' AND name = '${name}'`);
}

/** Checksums of applied migrations by number; empty when the database was never migrated. */
async function readLedger(ask: Ask, database: string): Promise<ReadonlyMap<number, string>> {
  const [{ found }] = await ask<{ found: string }>(
    `SELECT toString(count()) AS found FROM system.tables WHERE database = '${database}' AND name = 'schema_migrations'`,
  );
  if (found === '0') return new Map();
  const rows = await ask<{ number: number; checksum: string }>(
    `SELECT number, checksum FROM ${database}.schema_migrations FINAL`,
  );
  return new Map(rows.map(({ number, checksum }) => [number, checksum]));
}

function askOf(client: ClickHouseClient): Ask {
  return async (query) => (await client.query({ query, format: 'JSONEachRow' })).json();
}

/** What is still to be applied. Throws SINK_REJECTED for a ledger that this version cannot continue. */
function missingMigrations(
  ours: readonly Migration[],
  applied: ReadonlyMap<number, string>,
  database: string,
): readonly Migration[] {
  const newest = Math.max(0, ...applied.keys());
  const known = ours.at(-1)?.number ?? 0;
  if (newest > known)
    throw new EngineError(
      'SINK_REJECTED',
      `the tables of ${database} have migration ${newest}, this version knows up to ${known}: a newer paceline made them. Use that version, or a new database.`,
    );
  for (const { number, name, checksum } of ours) {
    const found = applied.get(number);
    if (found === undefined || found === checksum) continue;
    throw new EngineError(
      'SINK_REJECTED',
      `migration ${number} (${name}) was applied with other statements than this version has (${database}.schema_migrations says ${found.slice(0, 12)}, ours is ${checksum.slice(0, 12)}): the tables were made by another version or with another number of buckets. Use the version that made them, or a new database.`,
    );
  }
  return ours.filter(({ number }) => !applied.has(number));
}
