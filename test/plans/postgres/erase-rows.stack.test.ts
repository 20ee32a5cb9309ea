import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../src/plans/postgres/config.ts';
import { eraseRows } from '../../../src/plans/postgres/erase-rows.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from './server.ts';

let database: TestDatabase;
let service: PostgresSettings;
const actor = 'paceline erase';

beforeAll(async () => {
  database = await makeDatabase();
  service = await database.login('paceline_service');
  await asLogin(service, async (client) => {
    const add = async (email: string, orgs: readonly string[]) => {
      const { rows } = await client.query<{ id: string }>(
        'INSERT INTO paceline.users (email, name) VALUES ($1, $1) RETURNING id',
        [email],
      );
      for (const org of orgs)
        await client.query("INSERT INTO paceline.org_memberships (org_id, user_id, role) VALUES ($1, $2, 'admin')", [
          org,
          rows[0].id,
        ]);
      return rows[0].id;
    };
    for (const org of ['acme', 'bolt']) {
      await client.query('INSERT INTO paceline.organizations (id) VALUES ($1)', [org]);
      await client.query("INSERT INTO paceline.pipelines (org_id, id) VALUES ($1, 'main')", [org]);
      await client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, 'marker-rule', $2)", [
        org,
        ruleText('marker-rule'),
      ]);
      for (const number of [1, 2])
        await client.query(
          `INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, body, state, log_offset)
           VALUES ($1, 'c/t', 't', 0, $2, $3, $4, 'appended', $2)`,
          [org, number, createHash('sha256').update(`${number}`).digest('hex'), `{"marker":${number}}`],
        );
    }
    const ann = await add('ann@marker.example', ['acme']);
    await client.query(
      "INSERT INTO paceline.sessions (org_id, user_id, token_hash, expires_at) VALUES ('acme', $1, sha256('a'), now() + interval '1 h')",
      [ann],
    );
    for (const org of ['acme', 'bolt']) {
      await client.query(
        `INSERT INTO paceline.replays (org_id, topic, partition, log_offset, replay_id, created_by, sha256, is_mended,
           to_partition, from_offset) VALUES ($1, 'marker', 0, 7, gen_random_uuid(), 'user:marker', repeat('ab', 32), 0, 0, 1)`,
        [org],
      );
      await client.query(
        `INSERT INTO paceline.idempotent_calls (key_hash, org_id, request_hash, created_at)
         VALUES (sha256($1::text::bytea), $1, sha256('marker'), now())`,
        [org],
      );
    }
    await add('both@marker.example', ['acme', 'bolt']);
    const root = await add('root@marker.example', ['acme']);
    await client.query('INSERT INTO paceline.operators (user_id) VALUES ($1)', [root]);
  });
});
afterAll(() => database[Symbol.asyncDispose]());

test('an organization goes with those whom nobody else knows, and what was noted of it becomes hashes', async () => {
  const audit = () =>
    asLogin(service, async (client) => {
      const { rows } = await client.query<Record<string, string | null>>(
        `SELECT org_id, id::text, at::text, action, table_name, row_key, before::text, after::text,
           encode(sha256(convert_to(after::text, 'UTF8')), 'hex') AS hash
         FROM paceline.audit_logs ORDER BY id`,
      );
      return rows;
    });
  const before = await audit();
  const planned = await eraseRows(service, 'acme', { actor, isDryRun: true });
  expect(planned).toMatchObject({
    organizations: 1,
    rules: 1,
    pipelines: 1,
    org_memberships: 3,
    sessions: 1,
    users: 1,
  });
  expect(await audit()).toEqual(before);

  const erased = await eraseRows(service, 'acme', { actor, isDryRun: false });
  expect(erased).toMatchObject({ organizations: 1, rules: 1, pipelines: 1, org_memberships: 3, users: 1 });
  await asLogin(service, async (client) => {
    const { rows: people } = await client.query('SELECT email FROM paceline.users ORDER BY email');
    expect(people).toEqual([{ email: 'both@marker.example' }, { email: 'root@marker.example' }]);
    // Whatever table names organizations: who adds one must say what becomes of it here.
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT DISTINCT table_name AS name FROM information_schema.columns JOIN pg_class ON relname = table_name
       WHERE table_schema = 'paceline' AND column_name = 'org_id' AND NOT relispartition AND relkind IN ('r', 'p')`,
    );
    const left: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query(`SELECT FROM paceline.${name} WHERE org_id = 'acme'`);
      if (rows.length > 0) left.push(name);
    }
    expect(tables.length).toBeGreaterThan(10);
    expect(left.sort()).toEqual(['audit_logs', 'plans']);
    const { rows: plans } = await client.query('SELECT org_id, number FROM paceline.plans ORDER BY 1, 2');
    expect(plans).toEqual([
      { org_id: 'acme', number: '2' },
      { org_id: 'bolt', number: '1' },
      { org_id: 'bolt', number: '2' },
    ]);
  });
  const after = await audit();
  const ofAcme = after.filter((row) => row.org_id === 'acme');
  expect(ofAcme.length).toBeGreaterThan(before.filter((row) => row.org_id === 'acme').length);
  for (const row of ofAcme) expect(`${row.row_key} ${row.before} ${row.after}`).not.toMatch(/marker|acme/);
  // Every row is where it was, and whoever has its words can prove them.
  for (const row of before) {
    const now = after.find(({ id }) => id === row.id);
    expect(now).toMatchObject({ org_id: row.org_id, at: row.at, action: row.action, table_name: row.table_name });
    if (row.org_id === 'acme') expect(JSON.parse(now?.after ?? '{}')).toEqual({ erased: true, sha256: row.hash });
    if (row.org_id === 'bolt') expect(now).toEqual(row);
  }
  expect(after.some((row) => `${row.before} ${row.after}`.includes('ann@marker.example'))).toBe(false);
  expect(after.some((row) => `${row.before} ${row.after}`.includes('both@marker.example'))).toBe(true);
  expect(await eraseRows(service, 'acme', { actor, isDryRun: false })).toEqual({});
});

test('nobody else changes the audit log, and what is everybody’s cannot be erased', async () => {
  const change = (statement: string) => asLogin(service, (client) => client.query(statement));
  await expect(
    change("SELECT set_config('paceline.redacts', 'yes', false); UPDATE paceline.audit_logs SET after = NULL"),
  ).rejects.toThrow('permission denied');
  await expect(change("SELECT paceline.redact_organization('_system', '{}')")).rejects.toThrow('no organization');
  const owner = (statement: string) => asLogin(database.settings, (client) => client.query(statement));
  await expect(owner('UPDATE paceline.audit_logs SET after = NULL')).rejects.toThrow('append-only');
});
