import type { Logger } from '../../control/logs/logger.ts';
import type { Clock } from '../../model/time.ts';
import { migrateDatabase, planDatabase } from '../../plans/postgres/migrate.ts';
import { hasPostgresCatalog, layPostgresCatalog } from '../lake/bronze-catalog.ts';
import { refreshHistoryViews } from '../lake/history-views.ts';
import { logPlaceOf } from '../log/log-place.ts';
import { openRegistry } from '../log/schema-registry.ts';
import { migrateDataDirectory } from '../migrate-data-directory.ts';
import type { Config } from '../settings.ts';
import { createServerSink, serverEndpoint } from '../tables.ts';

export interface MigrateOptions {
  /** Of topics that are made new. */
  readonly replicationFactor: number;
  /** Keep this many whole months of the audit log; absent = drop nothing. */
  readonly auditRetentionMonths?: number;
  readonly actor: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told before each part, as people wait for it. */
  readonly onPart: (part: string) => void;
  /** Told after each part: it stays done when a later one fails. */
  readonly onDone?: (done: MigratedPart) => void;
  /** Say what would be done, and change nothing. */
  readonly isDryRun: boolean;
}

export interface MigratedPart {
  readonly part: 'postgres' | 'kafka' | 'registry' | 'clickhouse' | 'data';
  /** What was made or found, a line each. */
  readonly lines: readonly string[];
}

/**
 * Brings every server that the configuration names, and the data directory where it holds something, to
 * the shape that this version works with. Each part may run again; the first that fails stops the rest,
 * and what was done before it stays done.
 */
export async function migrateServers(config: Config, options: MigrateOptions): Promise<MigratedPart[]> {
  const { migrate: migrateLog } = logPlaceOf(config);
  const parts: [MigratedPart['part'], (() => Promise<string[]>) | null][] = [
    ['postgres', config.postgres.url === null ? null : () => migratePostgres(config, options)],
    ['registry', config.registry.url === null ? null : () => registerSchemas(config, options)],
    ['kafka', migrateLog === null ? null : () => migrateLog(options)],
    ['clickhouse', config.clickhouse.url === null ? null : () => makeTables(config, options)],
    ['data', () => migrateDataDirectory(config, options)],
  ];
  const done: MigratedPart[] = [];
  for (const [part, migrate] of parts) {
    if (migrate === null) continue;
    options.onPart(part);
    const migrated = { part, lines: await migrate() };
    if (migrated.lines.length === 0) continue;
    done.push(migrated);
    options.onDone?.(migrated);
  }
  return done;
}

async function migratePostgres(config: Config, options: MigrateOptions): Promise<string[]> {
  const { auditRetentionMonths, actor, isDryRun } = options;
  if (isDryRun) {
    const missing = await planDatabase(config.postgres);
    return missing.length === 0 ? ['tables are up to date'] : missing.map((each) => `would apply migration ${each}`);
  }
  const { applied, auditPartitionsMade, auditPartitionsDropped } = await migrateDatabase({
    settings: config.postgres,
    actor,
    ...(auditRetentionMonths === undefined ? {} : { auditRetentionMonths }),
  });
  return [
    applied.length === 0 ? 'tables are up to date' : `applied ${applied.join(', ')}`,
    `audit log: ${auditPartitionsMade} partitions made, ${auditPartitionsDropped.length} dropped`,
    ...(await migrateCatalog(config)),
  ];
}

async function migrateCatalog(config: Config): Promise<string[]> {
  if (!hasPostgresCatalog(config)) return [];
  await layPostgresCatalog(config);
  return ['catalog of bronze in place'];
}

async function registerSchemas(config: Config, { clock, isDryRun }: MigrateOptions): Promise<string[]> {
  const registry = openRegistry(config, clock)!;
  if (isDryRun) {
    const { missing, unfit } = await registry.compare();
    return [
      ...(missing.length === 0 ? ['it holds all our schemas'] : missing.map((name) => `would register ${name}`)),
      ...unfit.map(({ subject, reason }) => `${subject} does not fit what is registered: ${reason}`),
    ];
  }
  const ids = await registry.register('BACKWARD');
  return [`${ids.byKind.size} schemas under their newest versions, compatibility BACKWARD`];
}

async function makeTables(config: Config, { clock, isDryRun, onPart }: MigrateOptions): Promise<string[]> {
  const { database, cluster, roles } = config.clickhouse;
  const where = cluster === null ? database : `${database} on cluster ${cluster}`;
  const sink = createServerSink(config, clock);
  try {
    if (isDryRun) {
      const missing = await sink.missingMigrations();
      if (missing.length === 0) return [`tables of ${where} are up to date`];
      return missing.map(({ number, name }) => `would apply migration ${number} ${name} to ${where}`);
    }
    const applied = await sink.migrate(({ number, name }) => onPart(`clickhouse: migration ${number} ${name}`));
    await sink.check();
    await refreshHistoryViews(config, serverEndpoint(config, 'change'));
    return [
      ...applied.map(({ number, name }) => `applied migration ${number} ${name}`),
      `tables and views of ${where} in place${roles ? ', roles and row policies too' : ''}`,
    ];
  } finally {
    await sink.close();
  }
}
