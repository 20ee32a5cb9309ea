import type { Logger } from '../control/logs/logger.ts';
import type { Clock } from '../model/time.ts';
import { migrateDatabase } from '../plans/postgres/migrate.ts';
import { hasPostgresCatalog, layPostgresCatalog } from './bronze-catalog.ts';
import { hasKafka, migrateKafka } from './kafka-log.ts';
import { openRegistry } from './schema-registry.ts';
import type { Config } from './settings.ts';
import { createServerSink } from './tables.ts';

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
}

export interface MigratedPart {
  readonly part: 'postgres' | 'kafka' | 'registry' | 'clickhouse';
  /** What was made or found, a line each. */
  readonly lines: readonly string[];
}

/**
 * Brings every server that the configuration names to the shape that this version works with. Each part
 * may run again; the first that fails stops the rest, and what was done before it stays done.
 */
export async function migrateServers(config: Config, options: MigrateOptions): Promise<MigratedPart[]> {
  const parts: [MigratedPart['part'], (() => Promise<string[]>) | null][] = [
    ['postgres', config.postgres.url === null ? null : () => migratePostgres(config, options)],
    ['registry', config.registry.url === null ? null : () => registerSchemas(config, options)],
    ['kafka', hasKafka(config) ? () => makeTopics(config, options) : null],
    ['clickhouse', config.clickhouse.url === null ? null : () => makeTables(config, options)],
  ];
  const done: MigratedPart[] = [];
  for (const [part, migrate] of parts) {
    if (migrate === null) continue;
    options.onPart(part);
    const migrated = { part, lines: await migrate() };
    done.push(migrated);
    options.onDone?.(migrated);
  }
  return done;
}

async function migratePostgres(config: Config, options: MigrateOptions): Promise<string[]> {
  const { auditRetentionMonths, actor } = options;
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

async function registerSchemas(config: Config, { clock }: MigrateOptions): Promise<string[]> {
  const ids = await openRegistry(config, clock)!.register('BACKWARD');
  return [`${ids.byKind.size} schemas under their newest versions, compatibility BACKWARD`];
}

async function makeTopics(config: Config, { log, clock, replicationFactor }: MigrateOptions): Promise<string[]> {
  const reports = await migrateKafka(config, { log, clock }, replicationFactor);
  return reports.map(({ topic, outcome, partitions }) => `topic ${topic} ${outcome}, ${partitions} partitions`);
}

async function makeTables(config: Config, { clock }: MigrateOptions): Promise<string[]> {
  const sink = createServerSink(config, clock);
  try {
    await sink.migrate();
    await sink.check();
  } finally {
    await sink.close();
  }
  const { database, cluster, roles } = config.clickhouse;
  const where = cluster === null ? database : `${database} on cluster ${cluster}`;
  return [`tables and views of ${where} in place${roles ? ', roles and row policies too' : ''}`];
}
