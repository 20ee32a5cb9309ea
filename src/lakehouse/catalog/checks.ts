import { EngineError } from '../../model/errors.ts';
import { type CheckResult, failed, ok } from '../../model/finding.ts';
import type { Catalog, TableName } from './catalog.ts';

/** The catalog answers, takes our login, and tells of the table, or that there is none yet. */
export async function checkRestCatalog(url: string, open: () => Catalog, name: TableName): Promise<CheckResult> {
  const id = 'iceberg.reachable';
  try {
    const catalog = open();
    try {
      const state = await catalog.table(name).load();
      return ok(id, `${new URL(url).origin}, ${state === null ? 'no bronze table yet' : state.metadata.location}`);
    } finally {
      await catalog.close();
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return failed(
      id,
      error.message,
      'Correct iceberg_rest.*, or the rights behind its login: tables must be made, read and changed.',
    );
  }
}
