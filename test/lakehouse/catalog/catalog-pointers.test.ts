import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { SqlitePointer } from '../../../src/lakehouse/catalog/sqlite-pointer.ts';
import { catalogPointerExam } from '../../exams/catalog-pointer-exam.ts';

const folder = mkdtempSync(join(tmpdir(), 'paceline-catalog-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

catalogPointerExam('SQLite', async () => {
  const name = { catalogName: 'paceline', namespace: 'bronze', table: 'events' };
  return () => new SqlitePointer(join(folder, 'catalog.sqlite'), name);
});
