import type { Logger } from '../../control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../control/query-client.ts';
import { checkCollector } from '../../control/tracing/checks.ts';
import type { TracingSettings } from '../../control/tracing/config.ts';
import { checkRegistry } from '../../decoders/registry/checks.ts';
import { checkRestCatalog } from '../../lakehouse/catalog/checks.ts';
import { checkPlace } from '../../lakehouse/storage/checks.ts';
import { type CheckResult, failed, notReached } from '../../model/finding.ts';
import type { Clock } from '../../model/time.ts';
import { inspectPostgres } from '../../plans/postgres/inspect-postgres.ts';
import { checkClickHouse } from '../../sinks/clickhouse/checks.ts';
import { checkCacheAlone, checkRedis } from '../../state/redis/checks.ts';
import { bronzeTableName, hasPostgresCatalog } from '../lake/bronze-catalog.ts';
import { openRestCatalog } from '../lake/open-lake.ts';
import { isS3, openStorage } from '../lake/open-storage.ts';
import { logPlaceOf } from '../log/log-place.ts';
import { openRegistry } from '../log/schema-registry.ts';
import { cacheEndpoint, stateEndpoint } from '../open-state.ts';
import { collectorAuthorities } from '../open-tracing.ts';
import type { Config } from '../settings.ts';
import { sinkKinds } from '../sinks.ts';
import { createServerSink, serverEndpoint } from '../tables.ts';
import { checkBronzeCatalog } from './check-bronze-catalog.ts';
import { readPem } from './pem.ts';

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
    ['kafka', logPlaceOf(config).inspect?.(context) ?? null],
    ['registry', config.registry.url === null ? null : askRegistry(config, clock)],
    ['redis', askRedis(config)],
    ['postgres', config.postgres.url === null ? null : checkPostgres(config, clock)],
    ['clickhouse', config.clickhouse.url === null ? null : askTables(config, clock)],
    ['s3', askStorage(config)],
    ['tracing', config.tracing.endpoint === null ? null : askCollector(config.tracing)],
    ['iceberg', askCatalog(config)],
    ...Object.keys(sinkKinds).map((name) => [name, askSink(config, name)] as [string, Promise<CheckResult[]> | null]),
  ];
  const results = await Promise.all(
    asked.map(([server, answer]) => (answer === null ? [] : within(server, answer, clock, maxMs))),
  );
  return results.flat();
}

// Asynchronous, so that a setting that cannot be used is a finding and no exception.
async function askRegistry(config: Config, clock: Clock): Promise<CheckResult[]> {
  return await checkRegistry(openRegistry(config, clock)!, config.registry.url!);
}

/** Null where none is configured. */
function askRedis(config: Config): Promise<CheckResult[]> | null {
  const { url, cache_url } = config.redis;
  if (url === null && cache_url === null) return null;
  return (async () => {
    const [state, cache] = [stateEndpoint(config), cacheEndpoint(config)];
    return state === null ? await checkCacheAlone(cache!) : await checkRedis(state, cache);
  })();
}

async function askTables(config: Config, clock: Clock): Promise<CheckResult[]> {
  const endpoint = serverEndpoint(config);
  const ask = async (sql: string) => rowsOf(await askClickHouse(endpoint, sql));
  const sink = createServerSink(config, clock);
  try {
    return await checkClickHouse({ settings: config.clickhouse, sink, ask });
  } finally {
    await sink.close();
  }
}

/** The settings that name places in the object store; null when none does. */
function askStorage(config: Config): Promise<CheckResult[]> | null {
  const { bronze } = config;
  const places = [bronze.enabled ? bronze.warehouse : null].filter(
    (place) => place !== null && isS3(place),
  ) as string[];
  if (places.length === 0) return null;
  return Promise.all(places.map((place) => checkPlace(place, () => openStorage(place, config))));
}

/** Null where the catalog is a file or a database. */
function askCatalog(config: Config): Promise<CheckResult[]> | null {
  const { bronze, iceberg_rest } = config;
  if (!bronze.enabled || bronze.catalog !== 'rest') return null;
  return Promise.all([checkRestCatalog(iceberg_rest.url ?? '', () => openRestCatalog(config), bronzeTableName)]);
}

async function askCollector(tracing: TracingSettings): Promise<CheckResult[]> {
  return [await checkCollector(tracing, collectorAuthorities(tracing))];
}

function askSink(config: Config, name: string): Promise<CheckResult[]> | null {
  const kind = sinkKinds[name];
  const settings: unknown = config[name as keyof Config];
  return kind.isConfigured(settings) ? kind.check(settings, readPem) : null;
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
