import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { PostgresRows } from '../../../src/lakehouse/catalog/postgres-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { randomIds } from '../../../src/lakehouse/storage/id-source.ts';
import { LocalFileIO, localUri } from '../../../src/lakehouse/storage/local-file-io.ts';
import { connectionOptions } from '../../../src/plans/postgres/database.ts';
import { catalogExam } from '../../exams/catalog-exam.ts';
import { makeDatabase, type TestDatabase } from '../../plans/postgres/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'paceline-catalog-'));
let database: TestDatabase | undefined;
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

catalogExam('PostgreSQL', async () => {
  database = await makeDatabase({ isMigrated: false });
  const connection = connectionOptions(database.settings);
  return {
    namespace: 'exam.of_tables',
    location: localUri(folder),
    open: () =>
      new SqlCatalog({
        rows: new CatalogRows(new PostgresRows(connection), 'paceline'),
        io: new LocalFileIO(),
        ids: randomIds,
        nowMs: () => Date.now(),
      }),
  };
});
