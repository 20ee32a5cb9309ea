import type { Logger } from '../control/logs/logger.ts';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import { permissionsOfRole } from '../serving/caller.ts';
import type { Operation, OperationContext } from '../serving/queries/operation.ts';
import type { OpenedTables } from './log/visits.ts';
import { ClickHouseTables, hotDaysOf } from './serving/clickhouse-tables.ts';
import type { Config } from './settings.ts';

// Operations of the API that a command runs in its own process.

/** The tables that `reading` opened; `trouble` names in the log that the server hides tables of its system. */
export function localTables(
  config: Config,
  { endpoint }: Pick<OpenedTables, 'endpoint'>,
  { clock, log, trouble }: { readonly clock: Clock; readonly log: Logger; readonly trouble: string },
): ClickHouseTables {
  const { clickhouse, serving } = config;
  const isEmbedded = clickhouse.url === null;
  return new ClickHouseTables({
    ...{ endpoint, database: isEmbedded ? 'ads' : clickhouse.database, isEmbedded, clock },
    ...{ cluster: clickhouse.cluster, queriesMax: 2, waitingMax: 64 },
    ...{ timeoutMs: serving.query_timeout_ms, freshnessMs: serving.freshness_ms },
    hotDaysOf: hotDaysOf(config.tiers),
    onTrouble: (error) => log.warn(trouble, { error }),
  });
}

/** Who has the files, or the passwords of the servers, may do what an operator may. */
export function localCaller(orgId: string, actor: string, requestId: string): OperationContext['caller'] {
  return {
    ...{ actor: { kind: 'local', id: actor }, orgId, role: 'operator', requestId },
    permissions: new Set(permissionsOfRole.operator),
  };
}

/** Throws REQUEST_INVALID, naming each member that is wrong. */
export function inputOf(operation: Operation, input: unknown): Record<string, unknown> {
  const read = operation.input.safeParse(input);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new EngineError('REQUEST_INVALID', problems.join('; '));
}
