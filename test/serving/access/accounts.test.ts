import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { SqliteAccountsDatabase } from '../../../src/serving/access/store/sqlite/sqlite-accounts-database.ts';
import { by, examineAccounts } from '../../exams/accounts-exam.ts';

function temporary(): { path: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-accounts-'));
  return { path: join(directory, 'access.sqlite'), remove: () => rmSync(directory, { recursive: true }) };
}

examineAccounts('SQLite', async () => {
  const { path, remove } = temporary();
  return {
    open: async (nowMs) => new SqliteAccountsDatabase(path, nowMs),
    addOrganizations: async (ids) => {
      const database = new SqliteAccountsDatabase(path, () => 0);
      await database.keepOrganizations(by, ids);
      await database.close();
    },
    [Symbol.asyncDispose]: async () => remove(),
  };
});

test('the file is readable by its owner alone, and a newer one is refused', async () => {
  const { path, remove } = temporary();
  await new SqliteAccountsDatabase(path, () => 0).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const db = new DatabaseSync(path);
  db.exec("INSERT INTO migrations VALUES (99, 'later', 'x')");
  db.close();
  expect(() => new SqliteAccountsDatabase(path, () => 0)).toThrow(expect.objectContaining({ code: 'STATE_FORMAT' }));
  remove();
});

test('a change that fails leaves nothing, and the next one goes on', async () => {
  const database = new SqliteAccountsDatabase(':memory:', () => 0);
  const add = (id: string) =>
    `INSERT INTO paceline.users (id, email, name, created_at) VALUES ('${id}', '${id}@x', 'n', 0)`;
  await expect(
    database.write(by, async (run) => {
      await run(add('a'));
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await expect(database.read('SELECT nothing FROM paceline.users')).rejects.toMatchObject({
    code: 'ACCESS_UNAVAILABLE',
  });
  await database.write(by, (run) => run(add('b')));
  expect(await database.read('SELECT id FROM paceline.users')).toEqual([{ id: 'b' }]);
  expect(await database.read('SELECT row_key FROM paceline.audit_logs')).toEqual([{ row_key: 'b' }]);
  await expect(database.read('DELETE FROM paceline.audit_logs')).rejects.toThrow('append-only');
  await database.close();
});
