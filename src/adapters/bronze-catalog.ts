import type { TableName } from '../lakehouse/catalog/catalog-pointer.ts';
import { PostgresPointer, postgresCatalogSetUp } from '../lakehouse/catalog/postgres-pointer.ts';
import { EngineError } from '../model/errors.ts';
import { connectionOptions, Database, describeDatabase } from '../plans/postgres/database.ts';
import { asControlError } from '../plans/postgres/postgres-failure.ts';
import type { Config } from './settings.ts';

export const bronzeTableName: TableName = { catalogName: 'paceline', namespace: 'bronze', table: 'events' };

/** True when the database of rules holds the catalog of bronze too. */
export function hasPostgresCatalog({ bronze }: Config): boolean {
  return bronze.enabled && bronze.catalog === 'postgres';
}

/**
 * The catalog in PostgreSQL, asked once. Throws CONTROL_REFUSED for what a person must mend, and
 * SINK_UNAVAILABLE while the server is away. In the middle of a run the table waits for either.
 */
export async function openPostgresCatalog({ postgres }: Config): Promise<PostgresPointer> {
  if (postgres.url === null)
    throw new EngineError('CONFIG_INVALID', 'bronze.catalog is postgres, but postgres.url names no database');
  const pointer = new PostgresPointer(connectionOptions(postgres), bronzeTableName);
  try {
    await pointer.location();
    return pointer;
  } catch (error) {
    await pointer.close();
    throw refusalOf(error, postgres);
  }
}

/** Makes the tables that are missing, where our login may; else it says who can. */
export async function completePostgresCatalog(pointer: PostgresPointer, { postgres }: Config): Promise<void> {
  try {
    await pointer.lay();
  } catch (error) {
    await pointer.close();
    throw refusalOf(error, postgres);
  }
}

function refusalOf(error: unknown, postgres: Config['postgres']): unknown {
  const { cause } = error as Error;
  const verdict = asControlError(cause, `the catalog of bronze in ${describeDatabase(postgres)}`);
  return verdict instanceof EngineError && verdict.code === 'CONTROL_REFUSED' ? verdict : error;
}

/** Makes the tables of the catalog, which an engine with rights of its own alone may not. */
export async function layPostgresCatalog({ postgres }: Config): Promise<void> {
  const database = new Database(postgres);
  try {
    await database.query(postgresCatalogSetUp('paceline_service'));
  } finally {
    await database.close();
  }
}
