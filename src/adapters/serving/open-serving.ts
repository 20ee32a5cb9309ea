import { randomBytes, randomUUID } from 'node:crypto';
import { describePortHolder } from '../../control/http/port-holder.ts';
import { type Logger, makeLogger } from '../../control/logs/logger.ts';
import type { Metrics } from '../../control/metrics/metrics.ts';
import type { QueryEndpoint } from '../../control/query-client.ts';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { isProcedure } from '../../serving/connect/connect-paths.ts';
import { ConsoleDoor } from '../../serving/console/console-door.ts';
import { readConsoleFiles } from '../../serving/console/console-files.ts';
import type { CallFacts } from '../../serving/http/door.ts';
import { LateDoor } from '../../serving/http/late-door.ts';
import { type CallEnd, type ServingServer, startServingServer } from '../../serving/http/serving-server.ts';
import type { AccessDesk, EngineView } from '../../serving/ports.ts';
import { openApiDocument } from '../../serving/rest/openapi.ts';
import { RestDoor } from '../../serving/rest/rest-door.ts';
import { Service } from '../../serving/service.ts';
import type { Source } from '../../sources/source.ts';
import { tablesAlone } from '../explain/tables-alone.ts';
import { AddressedLog } from '../records/event-log.ts';
import type { Config } from '../settings.ts';
import { ClickHouseTables, hotDaysOf } from './clickhouse-tables.ts';
import { forgetEndedHourly } from './forget-ended.ts';
import { type Access, openAccess } from './open-access.ts';
import { openAuthDoor } from './open-auth-door.ts';
import { openGraphqlDoor } from './open-graphql-door.ts';
import { openRules } from './open-rules.ts';
import { openTls } from './open-tls.ts';
import { OperatorToken } from './operator-token.ts';
import { SealedCursors } from './sealed-cursors.ts';
import { servingPort } from './serving-place.ts';

interface ServingContext {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Of the tables, for reading. */
  readonly endpoint: QueryEndpoint;
  /** Null where no engine runs. */
  readonly engine: EngineView | null;
  /** Appends to the log, where this process is its writer; null = others are, or everybody may. */
  readonly writer: Pick<Source, 'append'> | null;
  /** Token of the operator, as engine.json has it. */
  readonly operatorToken: () => string;
}

interface OpenedServing extends ServingServer {
  /** Throws while the tables do not answer. */
  check(): Promise<void>;
}

/** Opens the doors of this configuration over tables and plans. */
export async function openServing(config: Config, context: ServingContext): Promise<OpenedServing> {
  const { serving } = config;
  const { clock, log, version } = context;
  await using stack = new AsyncDisposableStack();
  const tables = stack.use(openTables(config, context));
  const access = stack.adopt(openAccess(config, context), (opened) => opened.close());
  stack.use(
    forgetEndedHourly({
      ...{ ...access, log, days: serving.access.forget_after_days },
      replaysDays: serving.access.forget_replays_after_days,
    }),
  );
  const rules = stack.adopt(openRules(config), (opened) => opened.close());
  const events = stack.use(new AddressedLog(config, context));
  const service = new Service({
    ports: {
      tables,
      rules,
      access: deskOf(access),
      engine: context.engine,
      past: tablesAlone(config, clock),
      log: events,
      newId: () => randomUUID(),
      cursors: new SealedCursors(serving.cursor_key === null ? randomBytes(32) : Buffer.from(serving.cursor_key)),
      now: () => clock.wallMs(),
    },
    authenticator: new OperatorToken(context.operatorToken, access.authenticator),
    limiter: access.limiter,
    cache: access.answers,
  });
  const onTrouble = (error: unknown, requestId: string) =>
    log.error('serving.failed', { error: asError(error), request_id: requestId });
  const openApi = JSON.stringify(openApiDocument(version));
  const lines = serving.access_log ? makeLogger({ level: config.logging.level, clock, isRecord: true }) : null;
  const server = await startServingServer({
    tls: openTls(serving.tls),
    ...{ host: serving.host, port: servingPort(config), hosts: serving.hosts, connectionsMax: serving.connections_max },
    doors: [
      new RestDoor(service, openApi),
      new LateDoor('connect', isProcedure, async () => {
        const { ConnectDoor } = await import('../../serving/connect/connect-door.ts');
        return new ConnectDoor({ service, onTrouble });
      }),
      ...openGraphqlDoor(serving.graphql, service, onTrouble),
      await openAuthDoor(config, access, context.metrics),
      new ConsoleDoor(readConsoleFiles()),
    ],
    now: () => clock.wallMs(),
    newRequestId: () => randomUUID(),
    onCall: (call) => {
      count(context.metrics, call);
      lines?.info('serving.call', lineOf(call));
    },
    onTrouble,
  }).catch((error: unknown) => {
    throw nameHolder(error, servingPort(config));
  });
  stack.defer(() => server.close());
  const opened = stack.move();
  const check = async (): Promise<void> => {
    await tables.dataVersion();
  };
  return { url: server.url, port: server.port, check, close: () => opened.disposeAsync() };
}

function deskOf({ accounts, issueKey, signIn }: Access): AccessDesk {
  return { accounts, issueKey, invite: (by, invited) => signIn.invite(by, invited) };
}

/** The doors say that they cannot listen; we can say because of whom. */
function nameHolder(cause: unknown, port: number): unknown {
  if (!(cause instanceof EngineError) || cause.code !== 'PORT_TAKEN') return cause;
  if ((cause.cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') return cause;
  const message = `port ${port} is held by ${describePortHolder(port)}; set serving.port (0 takes a free one)`;
  return new EngineError('PORT_TAKEN', message, { cause });
}

function openTables(
  config: Pick<Config, 'clickhouse' | 'serving' | 'tiers'>,
  { endpoint, clock, log }: ServingContext,
): ClickHouseTables {
  const { serving, clickhouse, tiers } = config;
  return new ClickHouseTables({
    ...{ endpoint, clock, database: clickhouse.url === null ? 'ads' : clickhouse.database },
    ...{ isEmbedded: clickhouse.url === null, cluster: clickhouse.cluster },
    ...{ queriesMax: serving.queries_max, waitingMax: serving.waiting_max },
    ...{ timeoutMs: serving.query_timeout_ms, freshnessMs: serving.freshness_ms, hotDaysOf: hotDaysOf(tiers) },
    onTrouble: (error) => log.warn('serving.system_tables_refused', { error }),
  });
}

function count(metrics: Metrics, { door, operation, status, ms }: CallFacts & CallEnd): void {
  metrics.add('paceline_serving_calls_total', { door, operation, status: `${Math.floor(status / 100)}xx` });
  metrics.observe('paceline_serving_call_duration_seconds', { door, operation }, ms / 1_000);
}

function lineOf({
  requestId,
  method,
  path,
  address,
  status,
  ms,
  door,
  operation,
  orgId,
  actor,
  error,
  traceId,
}: CallFacts & CallEnd) {
  const call = {
    request_id: requestId,
    method,
    path: path.slice(0, 256),
    address,
    status,
    ms: Math.round(ms * 10) / 10,
  };
  const trace = traceId === null ? {} : { trace_id: traceId };
  return { ...call, door, operation, org_id: orgId, actor, code: error, ...trace };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
