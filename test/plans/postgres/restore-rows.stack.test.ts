import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyEdits } from '../../../src/plans/postgres/apply-edits.ts';
import { Database } from '../../../src/plans/postgres/database.ts';
import { readEdits } from '../../../src/plans/postgres/read-edits.ts';
import { restoreRows } from '../../../src/plans/postgres/restore-rows.ts';
import type { PlanDraft } from '../../../src/rules/plan.ts';
import { RecordedPlans } from './recorded-plans.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from './server.ts';

// An earlier plan again, by way of the rows that it was made of.
let server: TestDatabase;
let database: Database;
const target = { stream: 'stream-1', topic: 'ads.events.v1', log: new RecordedPlans() };
const by = { actor: 'ann by paceline rules rollback', isDryRun: false };

const sql = (text: string, values: unknown[] = []) =>
  database.transaction((connection) => connection.query(text, values), { actor: 'user:bob' });
const rows = async () =>
  (
    await database.query<{ id: string; definition: string }>(
      "SELECT id, definition FROM paceline.rules WHERE org_id = 'acme' ORDER BY id",
    )
  ).map(({ id, definition }) => [id, definition]);

/** What the log has as the newest plan of the organization. */
async function apply(): Promise<PlanDraft & { number: number }> {
  expect((await applyEdits(database, target, { isForced: false })).kind).toBe('applied');
  const [row] = await database.query<{ body: string }>(
    "SELECT body FROM paceline.plans WHERE org_id = 'acme' ORDER BY number DESC LIMIT 1",
  );
  return JSON.parse(row.body);
}

beforeAll(async () => {
  server = await makeDatabase();
  const service = await server.login('paceline_service');
  await asLogin(service, (client) => client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')"));
  database = new Database(service);
});
afterAll(async () => {
  await database.close();
  await server[Symbol.asyncDispose]();
});

test('the rows become what they were, with their comments, and make the same plan under a new number', async () => {
  const add = 'INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, $2, $3)';
  const first = `# as ann wrote it\n${ruleText('mine')}`;
  await sql(add, ['acme', 'mine', first]);
  await sql(add, ['acme', 'gone', ruleText('gone')]);
  const { number, ...draft } = await apply();
  const before = await rows();
  await sql("UPDATE paceline.rules SET definition = $1 WHERE id = 'mine'", [
    `${ruleText('mine')}# changed\nmode: shadow\n`,
  ]);
  await sql("DELETE FROM paceline.rules WHERE id = 'gone'");
  await sql(add, ['acme', 'young', ruleText('young')]);
  await sql("INSERT INTO paceline.pipelines (org_id, id, settings) VALUES ('acme', 'main', 'zone: Europe/Berlin')");
  await apply();
  const about = { orgId: 'acme', number, topic: target.topic, draft };
  const tried = await restoreRows(database, about, { ...by, isDryRun: true });
  expect(await rows()).not.toEqual(before);
  const done = await restoreRows(database, about, by);
  expect(done).toEqual(tried);
  expect(done.written.toSorted()).toEqual(['acme/gone', 'acme/mine']);
  expect(done.removed.toSorted()).toEqual(['acme/main', 'acme/young']);
  expect(done.left).toEqual([]);
  expect(await rows()).toEqual(before);
  const { number: newer, ...again } = await apply();
  expect(newer).toBe(number + 2);
  expect(again).toEqual(draft);
  const actors = (await readEdits(database, ['acme'])).map(({ actor }) => actor);
  expect(new Set(actors)).toEqual(new Set([expect.any(String), 'user:bob', by.actor]));
});

test("what everyone's rules say since then stays, and is told; files keep their rows", async () => {
  const { number, ...draft } = await apply().catch(async () => {
    await sql("UPDATE paceline.rules SET definition = definition || '# touched' WHERE org_id = 'acme' AND id = 'mine'");
    return await apply();
  });
  await sql('INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, $2, $3)', [
    '_default',
    'everyone',
    ruleText('everyone'),
  ]);
  await apply();
  const about = { orgId: 'acme', number, topic: target.topic, draft };
  const { left } = await restoreRows(database, about, { ...by, isDryRun: true });
  expect(left).toMatchObject([{ kind: 'rule', id: 'everyone', what: 'added' }]);
  await expect(restoreRows(database, { ...about, number: 4_000 }, by)).rejects.toMatchObject({ code: 'EDIT_REFUSED' });
});
