import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../../src/lakehouse/catalog/sqlite-rows.ts';
import { randomIds } from '../../../src/lakehouse/storage/id-source.ts';
import { LocalFileIO, localUri } from '../../../src/lakehouse/storage/local-file-io.ts';
import { catalogExam } from '../../exams/catalog-exam.ts';

const folder = mkdtempSync(join(tmpdir(), 'paceline-catalog-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

catalogExam('SQLite', async () => ({
  namespace: 'exam.of_tables',
  location: localUri(join(folder, 'lake')),
  open: () =>
    new SqlCatalog({
      rows: new CatalogRows(new SqliteRows(join(folder, 'catalog.sqlite')), 'paceline'),
      io: new LocalFileIO(),
      ids: randomIds,
      nowMs: () => Date.now(),
    }),
}));
