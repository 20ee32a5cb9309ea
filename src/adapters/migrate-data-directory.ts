import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedClickHouse } from '../embedded-clickhouse/start-embedded-clickhouse.ts';
import { createClickHouseSink } from '../sinks/clickhouse/clickhouse-sink.ts';
import { openDataDirectory } from '../state/sqlite/data-directory.ts';
import { EmbeddedStateStore } from '../state/sqlite/embedded-state-store.ts';
import { planStateMigration } from '../state/sqlite/migrate-state.ts';
import type { MigrateOptions } from './servers/migrate-servers.ts';
import type { Config } from './settings.ts';
import { embeddedTablesDirectory } from './tables.ts';

/**
 * Brings what the data directory holds to the present shape, as the next start would; a line for each
 * migration. Nothing for a directory that holds no state and no tables. Throws DATA_DIR_LOCKED while an
 * engine runs there, and STATE_FORMAT or SINK_REJECTED when a newer paceline wrote it.
 */
export async function migrateDataDirectory(config: Config, options: MigrateOptions): Promise<string[]> {
  const dir = config.data_directory;
  const tablesDir = embeddedTablesDirectory(dir);
  const hasTables = config.clickhouse.url === null && existsSync(tablesDir);
  const statePath = join(dir, 'state.sqlite');
  const hasState = config.redis.url === null && existsSync(statePath);
  if (!hasTables && !hasState) return [];
  const directory = await openDataDirectory(dir, { clock: options.clock });
  try {
    return [
      ...(hasState ? await migrateStateFile(statePath, options) : []),
      ...(hasTables ? await migrateTables(tablesDir, options) : []),
    ];
  } finally {
    directory.close();
  }
}

async function migrateStateFile(path: string, { isDryRun }: MigrateOptions): Promise<string[]> {
  const missing = planStateMigration(path);
  if (!isDryRun) await new EmbeddedStateStore(path).close();
  return linesOf(missing, path, isDryRun);
}

async function migrateTables(dir: string, { clock, isDryRun, onPart }: MigrateOptions): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const server = await startEmbeddedClickHouse({ dir, port: 0, clock });
  stack.defer(() => server.stop());
  const sink = createClickHouseSink({ url: server.url, password: server.writeToken, buckets: 1, clock });
  stack.defer(() => sink.close());
  if (isDryRun) return linesOf(await sink.missingMigrations(), dir, true);
  const applied = await sink.migrate(({ number, name }) => onPart(`data: migration ${number} ${name} of the tables`));
  await sink.check();
  return linesOf(applied, dir, false);
}

function linesOf(migrations: readonly { number: number; name: string }[], path: string, isDryRun: boolean): string[] {
  if (migrations.length === 0) return [`${path} is up to date`];
  const verb = isDryRun ? 'would apply' : 'applied';
  return migrations.map(({ number, name }) => `${verb} migration ${number} ${name} to ${path}`);
}
