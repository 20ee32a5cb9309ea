import type pg from 'pg';
import { EngineError } from '../../model/errors.ts';
import { inSpan } from '../../model/spans.ts';
import type { PostgresSettings } from '../../plans/postgres/config.ts';
import { Database } from '../../plans/postgres/database.ts';
import type { AccountsDatabase, RunSql } from '../../serving/access/store/accounts-database.ts';

/** The server's doors ask at once; the engine's own pool is another. */
const connectionsMax = 8;

/** Accounts in PostgreSQL. What belongs to one organization is read with the rights of its people. */
export function postgresAccountsDatabase(settings: PostgresSettings): AccountsDatabase {
  const database = new Database(settings, { connectionsMax });
  return {
    name: database.name,
    ms: (column) => `round(extract(epoch FROM ${column}) * 1000)::float8`,
    instant: (parameter) => `to_timestamp(${parameter}::float8 / 1000)`,
    micros: (column) => `round(extract(epoch FROM ${column}) * 1000000)::float8`,
    instantOfMicros: (parameter) => `to_timestamp(${parameter}::float8 / 1000000)`,
    read: (text, values = []) => coded('read', () => database.query(text, values)),
    readOf: (orgId) => (text, values) =>
      coded('read', () => database.transaction((connection) => asPeopleOf(connection, orgId, text, values))),
    write: (by, work) =>
      coded('write', () =>
        database.transaction((connection) => work(runOn(connection)), { actor: by.actor, requestId: by.requestId }),
      ),
    admitOrganization: () => Promise.resolve(),
    close: () => database.close(),
  };
}

function runOn(connection: pg.PoolClient): RunSql {
  return async <Row extends object>(text: string, values: readonly unknown[] = []) =>
    (await connection.query<Row & pg.QueryResultRow>(text, [...values])).rows;
}

/** The service signs a pass, gives its own rights up, and asks: row-level security does the rest. */
async function asPeopleOf<Row extends object>(
  connection: pg.PoolClient,
  orgId: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  await connection.query(
    "SELECT set_config('paceline.org_id', $1, true), set_config('paceline.org_pass', paceline.tenant_pass($1, '1 minute'), true)",
    [orgId],
  );
  await connection.query('SET LOCAL ROLE paceline_tenant');
  return (await connection.query<Row & pg.QueryResultRow>(text, [...values])).rows;
}

/** Callers wait or give up; whether it is the server or its rights is the log's to say. */
async function coded<T>(verb: 'read' | 'write', work: () => Promise<T>): Promise<T> {
  const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': verb };
  try {
    return await inSpan(`accounts ${verb}`, { kind: 'client', attributes }, work);
  } catch (error) {
    if (error instanceof EngineError && (error.code === 'CONTROL_UNAVAILABLE' || error.code === 'CONTROL_REFUSED'))
      throw new EngineError('ACCESS_UNAVAILABLE', error.message, { cause: error });
    throw error;
  }
}
