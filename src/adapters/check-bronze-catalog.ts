import { type CheckResult, failed, notReached, ok } from '../model/finding.ts';
import { bronzeTableName, openPostgresCatalog } from './bronze-catalog.ts';
import type { Config } from './settings.ts';

/** The catalog of bronze in PostgreSQL: it answers, has its tables, and we may read them. */
export async function checkBronzeCatalog(config: Config): Promise<CheckResult[]> {
  const id = 'bronze.catalog';
  try {
    const pointer = await openPostgresCatalog(config);
    await pointer.close();
    if (!pointer.isLaid) return [failed(id, 'the tables of the catalog are not there', 'Run "paceline migrate".')];
    const { catalogName, namespace, table } = bronzeTableName;
    return [ok(id, `PostgreSQL names ${catalogName}.${namespace}.${table}`)];
  } catch (error) {
    return [notReached(id, error)];
  }
}
