import { afterAll } from 'vitest';
import { PostgresPointer } from '../../../src/lakehouse/catalog/postgres-pointer.ts';
import { connectionOptions } from '../../../src/plans/postgres/database.ts';
import { catalogPointerExam } from '../../exams/catalog-pointer-exam.ts';
import { makeDatabase, type TestDatabase } from '../../plans/postgres/server.ts';

let database: TestDatabase | undefined;
afterAll(() => database?.[Symbol.asyncDispose]());

catalogPointerExam('PostgreSQL', async () => {
  database = await makeDatabase({ isMigrated: false });
  const connection = connectionOptions(database.settings);
  const name = { catalogName: 'paceline', namespace: 'bronze', table: 'events' };
  return () => new PostgresPointer(connection, name);
});
