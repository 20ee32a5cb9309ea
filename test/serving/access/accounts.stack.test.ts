import { expect, test } from 'vitest';
import { postgresAccountsDatabase } from '../../../src/adapters/serving/postgres-accounts.ts';
import { examineAccounts } from '../../exams/accounts-exam.ts';
import { asLogin, makeDatabase } from '../../plans/postgres/server.ts';

examineAccounts('PostgreSQL', async () => {
  const made = await makeDatabase();
  const service = await made.login('paceline_service');
  return {
    open: async () => postgresAccountsDatabase(service),
    addOrganizations: async (ids) => {
      await asLogin(service, async (client) => {
        for (const id of ids) await client.query('INSERT INTO paceline.organizations (id) VALUES ($1)', [id]);
      });
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
});

test('what is read for an organization is held to it by the server, whatever the statement says', async () => {
  await using made = await makeDatabase();
  const service = await made.login('paceline_service');
  await asLogin(service, async (client) => {
    await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme'), ('bolt')");
    await client.query(
      "INSERT INTO paceline.configurations (org_id, name, version, document, created_by) VALUES ('acme', 'a', 1, '{}', 'x'), ('bolt', 'b', 1, '{}', 'x')",
    );
  });
  const database = postgresAccountsDatabase(service);
  const all = 'SELECT org_id FROM paceline.configurations ORDER BY 1';
  expect(await database.readOf('acme')(all)).toEqual([{ org_id: 'acme' }]);
  expect(await database.read(all)).toEqual([{ org_id: 'acme' }, { org_id: 'bolt' }]);
  // The connection that was lent comes back with the service's rights.
  expect(await database.read('SELECT current_user = session_user AS own')).toEqual([{ own: true }]);
  for (const hidden of [
    'SELECT token_hash FROM paceline.sessions',
    'SELECT key_hash FROM paceline.api_keys',
    'SELECT token_hash FROM paceline.invitations',
    'SELECT * FROM paceline.credentials',
    'SELECT * FROM paceline.operators',
    "UPDATE paceline.configurations SET document = 'null'",
  ])
    await expect(database.readOf('acme')(hidden), hidden).rejects.toMatchObject({ code: 'ACCESS_UNAVAILABLE' });
  await database.close();
});
