import { fullName } from '../../lakehouse/catalog/catalog.ts';
import { type CheckResult, failed, notReached, ok } from '../../model/finding.ts';
import { bronzeTableName, catalogName, openPostgresCatalog } from '../lake/bronze-catalog.ts';
import type { Config } from '../settings.ts';

/** The catalog of bronze in PostgreSQL: it answers, has its tables, and we may read them. */
export async function checkBronzeCatalog(config: Config): Promise<CheckResult[]> {
  const id = 'bronze.catalog';
  try {
    const rows = await openPostgresCatalog(config);
    const isLaid = await rows.isLaid().finally(() => rows.close());
    if (!isLaid) return [failed(id, 'the tables of the catalog are not there', 'Run "paceline migrate".')];
    return [ok(id, `PostgreSQL names ${catalogName}.${fullName(bronzeTableName)}`)];
  } catch (error) {
    return [notReached(id, error)];
  }
}
