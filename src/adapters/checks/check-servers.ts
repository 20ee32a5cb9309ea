import type { Logger } from '../../control/logs/logger.ts';
import { type CheckResult, failed } from '../../model/finding.ts';
import type { Clock } from '../../model/time.ts';
import { inspectPostgres } from '../../plans/postgres/inspect-postgres.ts';
import { hasPostgresCatalog } from '../bronze-catalog.ts';
import { hasKafka, inspectKafkaLog } from '../kafka-log.ts';
import type { Config } from '../settings.ts';
import { checkAlertmanager } from './check-alertmanager.ts';
import { checkBronzeCatalog } from './check-bronze-catalog.ts';
import { checkClickHouse } from './check-clickhouse.ts';
import { checkRedis } from './check-redis.ts';
import { checkRegistry } from './check-registry.ts';
import { checkS3, s3Places } from './check-s3.ts';
import { notReached } from './findings.ts';

export interface ServerCheckContext {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Longer than any server that is well takes, short enough to wait for. */
export const serverCheckMaxMs = 20_000;

/**
 * Asks every server that the configuration names, all at once, each for at most `serverCheckMaxMs`.
 * Changes nothing. What keeps us from asking is a finding too.
 */
export async function checkServers(
  config: Config,
  context: ServerCheckContext,
  maxMs = serverCheckMaxMs,
): Promise<CheckResult[]> {
  const { clock } = context;
  const asked: [string, Promise<CheckResult[]> | null][] = [
    ['kafka', hasKafka(config) ? inspectKafkaLog(config, context) : null],
    ['registry', config.registry.url === null ? null : checkRegistry(config, clock)],
    ['redis', config.redis.url === null ? null : checkRedis(config)],
    ['postgres', config.postgres.url === null ? null : checkPostgres(config, clock)],
    ['clickhouse', config.clickhouse.url === null ? null : checkClickHouse(config, clock)],
    ['s3', s3Places(config).length === 0 ? null : checkS3(config)],
    ['alertmanager', config.alertmanager.urls.length === 0 ? null : checkAlertmanager(config)],
  ];
  const results = await Promise.all(
    asked.map(([server, answer]) => (answer === null ? [] : within(server, answer, clock, maxMs))),
  );
  return results.flat();
}

async function checkPostgres(config: Config, clock: Clock): Promise<CheckResult[]> {
  const results = await inspectPostgres(config.postgres, clock);
  // A server that is away is told once.
  const isReached = results[0].status === 'ok';
  return isReached && hasPostgresCatalog(config) ? [...results, ...(await checkBronzeCatalog(config))] : results;
}

async function within(
  server: string,
  answer: Promise<CheckResult[]>,
  clock: Clock,
  maxMs: number,
): Promise<CheckResult[]> {
  const id = server === 's3' ? 's3.writable' : `${server}.reachable`;
  const ending = new AbortController();
  const late = clock.sleep(maxMs, ending.signal).then(
    () => [failed(id, `no whole answer within ${maxMs / 1_000} s`, 'Look at the server and at the way to it.')],
    () => [],
  );
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    return [notReached(id, error)];
  } finally {
    ending.abort();
  }
}
