import { createHash } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import type { Table } from '../../rows/tables.ts';
import { accessOf } from './access.ts';
import { asEngineError } from './clickhouse-failure.ts';
import { createDistributed, createLedger, createTable, type DdlOptions, onCluster } from './ddl.ts';
import { createView, views } from './views.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  /** Each may run again: a migration that was cut off is repeated from its start. */
  readonly statements: readonly string[];
}

/** Every change of the stored shape, in order. A released one never changes; a new shape is a new one. */
export function migrationsOf(tables: readonly Table[], options: DdlOptions): readonly Migration[] {
  const { database, cluster } = options;
  const local = tables.map((table) => createTable(table, options));
  const ways = cluster === null ? [] : tables.map((table) => createDistributed(table, database, cluster));
  return [{ number: 1, name: 'tables', statements: [...local, ...ways] }];
}

export function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.statements.join(';\n')).digest('hex');
}

interface MigrateOptions extends DdlOptions {
  readonly tables: readonly Table[];
  readonly clock: Clock;
  /** Also make the roles and row policies (access.ts); the embedded engine knows neither. */
  readonly withAccess: boolean;
}

/**
 * Brings the database to the present shape: missing migrations in order, each noted in
 * `schema_migrations`, then the views, which hold no data and are simply replaced. Throws
 * SINK_REJECTED when an applied migration differs from ours: the tables are then of another shape
 * than the rows that we would send.
 */
export async function migrate(client: ClickHouseClient, options: MigrateOptions): Promise<void> {
  const { database, cluster, clock } = options;
  const ledger = `${database}.schema_migrations`;
  const command = async (query: string): Promise<void> => {
    await client.command({ query, clickhouse_settings: { wait_end_of_query: 1 } });
  };
  try {
    await command(`CREATE DATABASE IF NOT EXISTS ${database}${onCluster(cluster)} ENGINE = Atomic`);
    await command(createLedger(database, cluster));
    const applied = await readLedger(client, ledger);
    for (const migration of migrationsOf(options.tables, options)) {
      if (isApplied(migration, applied, ledger)) continue;
      for (const statement of migration.statements) await command(statement);
      await client.insert({
        table: ledger,
        format: 'JSONEachRow',
        values: [{ ...nameOf(migration), checksum: checksumOf(migration), applied_at: clock.wallMs() }],
        clickhouse_settings: { async_insert: 0 },
      });
    }
    for (const view of views) await command(createView(view, database, cluster));
    for (const statement of options.withAccess ? accessOf(options.tables, views, options) : [])
      await command(statement);
  } catch (error) {
    throw asEngineError(error, `migration of ${database}`);
  }
}

function nameOf({ number, name }: Migration): { number: number; name: string } {
  return { number, name };
}

async function readLedger(client: ClickHouseClient, ledger: string): Promise<ReadonlyMap<number, string>> {
  const answer = await client.query({ query: `SELECT number, checksum FROM ${ledger} FINAL`, format: 'JSONEachRow' });
  const rows = await answer.json<{ number: number; checksum: string }>();
  return new Map(rows.map(({ number, checksum }) => [number, checksum]));
}

function isApplied(migration: Migration, applied: ReadonlyMap<number, string>, ledger: string): boolean {
  const found = applied.get(migration.number);
  if (found === undefined) return false;
  if (found === checksumOf(migration)) return true;
  throw new EngineError(
    'SINK_REJECTED',
    `migration ${migration.number} (${migration.name}) was applied with other statements than this version has (${ledger} says ${found.slice(0, 12)}, ours is ${checksumOf(migration).slice(0, 12)}): the tables were made by another version or with another number of buckets. Use the version that made them, or a new database.`,
  );
}
