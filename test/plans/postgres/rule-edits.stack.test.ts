import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../../src/plans/postgres/database.ts';
import { RuleEdits } from '../../../src/plans/postgres/rule-edits.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from './server.ts';

// Rules as people edit them through the API: with the login of the service, and the rights of a tenant.
let server: TestDatabase;
let database: Database;
let edits: RuleEdits;
const by = { actor: 'user:ann', requestId: 'request-1' };

beforeAll(async () => {
  server = await makeDatabase();
  const service = await server.login('paceline_service');
  await asLogin(service, async (client) => {
    for (const org of ['acme', 'bolt'])
      await client.query('INSERT INTO paceline.organizations (id) VALUES ($1)', [org]);
    const rule = 'INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, $2, $3)';
    await client.query(rule, ['_default', 'everyone', ruleText('everyone')]);
    await client.query(rule, ['bolt', 'bolts', ruleText('bolts')]);
  });
  database = new Database(service);
  edits = new RuleEdits(database);
});
afterAll(async () => {
  await database.close();
  await server[Symbol.asyncDispose]();
});

test('a rule is made, seen with its version, changed by who saw it, and removed; each with its audit', async () => {
  const made = await edits.write('acme', { id: 'mine', text: ruleText('mine') }, null, by);
  expect(made).toMatchObject({ orgId: 'acme', id: 'mine', managedBy: 'database', version: '1' });
  expect((await edits.list('acme')).map(({ id, orgId }) => `${orgId} ${id}`)).toEqual([
    '_default everyone',
    'acme mine',
  ]);
  // Said again, as after an answer that got lost: nothing changes, whatever version was seen.
  expect(await edits.write('acme', { id: 'mine', text: ruleText('mine') }, null, by)).toEqual(made);
  const text = `${ruleText('mine')}# changed\n`;
  await expect(edits.write('acme', { id: 'mine', text }, null, by)).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
  const changed = await edits.write('acme', { id: 'mine', text }, '1', by);
  expect(changed).toMatchObject({ version: '2', definition: text });
  await expect(edits.remove('acme', 'mine', '1', by)).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
  await edits.remove('acme', 'mine', '2', by);
  await expect(edits.remove('acme', 'mine', '2', by)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const audit = await database.query<{ actor: string; action: string; request_id: string }>(
    "SELECT actor, action, request_id FROM paceline.audit_logs WHERE org_id = 'acme' AND table_name = 'rules' ORDER BY at, id",
  );
  expect(audit).toEqual(
    ['insert', 'update', 'delete'].map((action) => ({ actor: 'user:ann', action, request_id: 'request-1' })),
  );
});

test('what would make no plan is refused before it is written, with the place of each mistake', async () => {
  const write = (id: string, text: string, org = 'acme') => edits.write(org, { id, text }, null, by);
  await expect(write('x', 'id: x\nname: X\nwarning: { when: "p.osi_pc < 3.0" }\n')).rejects.toMatchObject({
    code: 'RULE_INVALID',
    message: expect.stringMatching(/postgres rules\(acme, x\)\.definition:3:\d+: warning\.when: .*osi_pc/),
  });
  await expect(write('x', ruleText('y'))).rejects.toThrow('the definition says "y"');
  await expect(write('everyone', ruleText('everyone'))).rejects.toThrow('also used by a rule of _default');
  await expect(write('x', `${ruleText('x')}organizations: [bolt]\n`)).rejects.toThrow('remove the key');
  await expect(write('x', ruleText('x'), 'nobody')).rejects.toMatchObject({ code: 'EDIT_REFUSED' });
  expect(await edits.list('acme')).toHaveLength(1);
});

test('nobody edits the rules of another, of everyone, or of files', async () => {
  await expect(edits.remove('acme', 'bolts', '1', by)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(edits.remove('acme', 'everyone', '1', by)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await database.transaction(
    (connection) => connection.query("UPDATE paceline.rules SET managed_by = 'files' WHERE id = 'bolts'"),
    { manager: 'files' },
  );
  const text = `${ruleText('bolts')}# changed\n`;
  await expect(edits.write('bolt', { id: 'bolts', text }, '2', by)).rejects.toMatchObject({
    code: expect.stringMatching(/EDIT_REFUSED|EDIT_CONFLICT/),
  });
  const [held] = (await edits.list('bolt')).filter(({ id }) => id === 'bolts');
  expect(held).toMatchObject({ definition: ruleText('bolts'), managedBy: 'files' });
});
