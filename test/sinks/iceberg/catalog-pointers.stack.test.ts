import { afterAll } from 'vitest';
import { connectionOptions } from '../../../src/control/postgres/database.ts';
import { PostgresPointer } from '../../../src/sinks/iceberg/postgres-pointer.ts';
import { makeDatabase, type TestDatabase } from '../../control/postgres/server.ts';
import { catalogPointerExam } from '../../exams/catalog-pointer-exam.ts';

let database: TestDatabase | undefined;
afterAll(() => database?.[Symbol.asyncDispose]());

catalogPointerExam('PostgreSQL', async () => {
  database = await makeDatabase({ isMigrated: false });
  const connection = connectionOptions(database.settings);
  const name = { catalogName: 'paceline', namespace: 'bronze', table: 'events' };
  return () => new PostgresPointer(connection, name);
});
