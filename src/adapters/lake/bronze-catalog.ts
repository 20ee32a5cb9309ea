import type { TableName } from '../../lakehouse/catalog/catalog.ts';
import { PostgresRows, postgresCatalogSetUp } from '../../lakehouse/catalog/postgres-rows.ts';
import { EngineError } from '../../model/errors.ts';
import { connectionOptions, Database, describeDatabase } from '../../plans/postgres/database.ts';
import { asControlError } from '../../plans/postgres/postgres-failure.ts';
import type { Config } from '../settings.ts';

/** Under which all our tables stand in a SQL catalog: other tools open it by this name. */
export const catalogName = 'paceline';
export const bronzeTableName: TableName = { namespace: 'bronze', table: 'events' };

/** True when the database of rules holds the catalog of bronze too. */
export function hasPostgresCatalog({ bronze }: Pick<Config, 'bronze'>): boolean {
  return bronze.enabled && bronze.catalog === 'postgres';
}

/**
 * The catalog in PostgreSQL, asked once. Throws CONTROL_REFUSED for what a person must mend, and
 * SINK_UNAVAILABLE while the server is away. In the middle of a run the table waits for either.
 */
export async function openPostgresCatalog({ postgres }: Pick<Config, 'postgres'>): Promise<PostgresRows> {
  if (postgres.url === null)
    throw new EngineError('CONFIG_INVALID', 'bronze.catalog is postgres, but postgres.url names no database');
  const rows = new PostgresRows(connectionOptions(postgres));
  try {
    await rows.isLaid();
    return rows;
  } catch (error) {
    await rows.close();
    throw refusalOf(error, postgres);
  }
}

/** Makes the tables that are missing, where our login may; else it says who can. */
export async function completePostgresCatalog(
  rows: PostgresRows,
  { postgres }: Pick<Config, 'postgres'>,
): Promise<void> {
  try {
    await rows.lay();
  } catch (error) {
    await rows.close();
    throw refusalOf(error, postgres);
  }
}

function refusalOf(error: unknown, postgres: Config['postgres']): unknown {
  const { cause } = error as Error;
  const verdict = asControlError(cause, `the catalog of bronze in ${describeDatabase(postgres)}`);
  return verdict instanceof EngineError && verdict.code === 'CONTROL_REFUSED' ? verdict : error;
}

/** Makes the tables of the catalog, which an engine with rights of its own alone may not. */
export async function layPostgresCatalog({ postgres }: Pick<Config, 'postgres'>): Promise<void> {
  const database = new Database(postgres);
  try {
    await database.query(postgresCatalogSetUp('paceline_service'));
  } finally {
    await database.close();
  }
}
