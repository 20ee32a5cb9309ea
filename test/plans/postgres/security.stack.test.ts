import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresSettings } from '../../../src/plans/postgres/config.ts';

import { migrateDatabase } from '../../../src/plans/postgres/migrate.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from './server.ts';

const tenantTables = [
  'organizations',
  'org_memberships',
  'permissions',
  'sessions',
  'pipelines',
  'rules',
  'plans',
  'audit_logs',
  'users',
  'api_keys',
  'api_key_uses',
  'configurations',
  'credentials',
  'idempotent_calls',
  'identities',
  'invitations',
  'operator_visits',
  'operators',
  'replays',
];

describe('tenants', () => {
  let database: TestDatabase;
  let service: PostgresSettings;
  let tenant: PostgresSettings;

  beforeAll(async () => {
    database = await makeDatabase();
    service = await database.login('paceline_service');
    tenant = await database.login('paceline_tenant');
    await asLogin(service, async (client) => {
      for (const org of ['acme', 'bolt']) {
        await client.query('INSERT INTO paceline.organizations (id) VALUES ($1)', [org]);
        await client.query('INSERT INTO paceline.pipelines (org_id, id) VALUES ($1, $2)', [org, 'main']);
        await client.query('INSERT INTO paceline.rules (org_id, id, definition) VALUES ($1, $2, $3)', [
          org,
          'mine',
          ruleText('mine'),
        ]);
        const user = await client.query<{ id: string }>(
          'INSERT INTO paceline.users (email, name) VALUES ($1, $1) RETURNING id',
          [`ann@${org}.example`],
        );
        await client.query("INSERT INTO paceline.org_memberships (org_id, user_id, role) VALUES ($1, $2, 'admin')", [
          org,
          user.rows[0].id,
        ]);
        await client.query(
          "INSERT INTO paceline.permissions (org_id, user_id, action) VALUES ($1, $2, 'rules.write')",
          [org, user.rows[0].id],
        );
        await client.query(
          "INSERT INTO paceline.sessions (org_id, user_id, token_hash, expires_at) VALUES ($1, $2, sha256($3::bytea), now() + interval '1 h')",
          [org, user.rows[0].id, org],
        );
        await client.query(
          "INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, body) VALUES ($1, 's', 't', 0, 1, $2, '{}')",
          [org, '0'.repeat(64)],
        );
      }
    });
  });
  afterAll(() => database[Symbol.asyncDispose]());

  const passFor = (org: string, ttl = '1 hour') =>
    asLogin(
      service,
      async (client) =>
        (await client.query('SELECT paceline.tenant_pass($1, $2) AS pass', [org, ttl])).rows[0].pass as string,
    );

  async function asTenant<T>(org: string, pass: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    return await asLogin(tenant, async (client) => {
      await client.query(
        "SELECT set_config('paceline.org_id', $1, false), set_config('paceline.org_pass', $2, false)",
        [org, pass],
      );
      return await work(client);
    });
  }

  test('see their own rows and no others, in every table', async () => {
    const pass = await passFor('acme');
    await asTenant('acme', pass, async (client) => {
      for (const table of ['org_memberships', 'permissions', 'pipelines', 'rules', 'plans']) {
        const { rows } = await client.query(`SELECT org_id FROM paceline.${table}`);
        expect(rows, table).toEqual([{ org_id: 'acme' }]);
      }
      expect((await client.query('SELECT id FROM paceline.organizations')).rows).toEqual([{ id: 'acme' }]);
      expect((await client.query('SELECT email FROM paceline.users')).rows).toEqual([{ email: 'ann@acme.example' }]);
      const audit = await client.query('SELECT DISTINCT org_id FROM paceline.audit_logs');
      expect(audit.rows).toEqual([{ org_id: 'acme' }]);
      await expect(client.query('SELECT * FROM paceline.sessions')).rejects.toMatchObject({ code: '42501' });
    });
  });

  test('without an organization, a pass, the right pass or a fresh pass, nothing is visible', async () => {
    const good = await passFor('acme');
    const forged = good.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    const later = `${Number(good.split(':')[0]) + 3_600}:${good.split(':')[1]}`;
    const old = await passFor('acme', '-1 second');
    for (const [org, pass] of [
      ['', good],
      ['acme', ''],
      ['acme', forged],
      ['acme', later],
      ['acme', old],
      ['bolt', good],
    ]) {
      const rows = await asTenant(
        org,
        pass,
        async (client) => (await client.query('SELECT * FROM paceline.rules')).rows,
      );
      expect(rows, `${org} ${pass}`).toEqual([]);
    }
    expect(await asLogin(tenant, async (client) => (await client.query('SELECT * FROM paceline.rules')).rows)).toEqual(
      [],
    );
  });

  test('crafted SQL reaches no other organization', async () => {
    const pass = await passFor('acme');
    const smuggled = [
      // Another organization's name, in the same statement, in the session, in another transaction.
      "SELECT set_config('paceline.org_id', 'bolt', false), (SELECT count(*) FROM paceline.rules WHERE org_id = 'bolt') AS n",
      "SET paceline.org_id = 'bolt'; SELECT * FROM paceline.rules",
      "COMMIT; BEGIN; SET LOCAL paceline.org_id = 'bolt'; SELECT * FROM paceline.rules WHERE org_id = 'bolt'",
      // A cheap function that sees rows before the policy would, were the policy not a barrier.
      "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$; SELECT * FROM paceline.rules WHERE pg_temp.leak(org_id) AND org_id = 'bolt'",
      'SET row_security = off; SELECT * FROM paceline.rules',
      'SET ROLE paceline_service; SELECT * FROM paceline.rules',
      'SET ROLE paceline_owner; SELECT * FROM paceline.rules',
      "SELECT paceline.tenant_pass('bolt', '1 hour')",
      "SELECT paceline.tenant_mac('bolt', 9999999999)",
      'SELECT secret FROM paceline.tenant_key',
      'ALTER TABLE paceline.rules DISABLE ROW LEVEL SECURITY',
      'DROP POLICY tenant_reads ON paceline.rules',
      // A function of the tenant's own in the way of ours.
      "CREATE FUNCTION pg_temp.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT 'bolt' $$; SET search_path = pg_temp, pg_catalog; SELECT * FROM paceline.rules WHERE org_id = 'bolt'",
      "INSERT INTO paceline.rules (org_id, id, definition) VALUES ('bolt', 'theirs', 'x')",
      "INSERT INTO paceline.rules (org_id, id, definition) VALUES ('_default', 'all', 'x')",
      "INSERT INTO paceline.rules (org_id, id, definition, managed_by) VALUES ('acme', 'x', 'x', 'files')",
      "UPDATE paceline.rules SET org_id = 'bolt'",
      "UPDATE paceline.rules SET definition = 'taken' WHERE org_id = 'bolt' RETURNING *",
      "DELETE FROM paceline.rules WHERE org_id = 'bolt' RETURNING *",
      "UPDATE paceline.pipelines SET source_topic = 'theirs'",
      'UPDATE paceline.edits SET revision = 0',
      'TRUNCATE paceline.rules',
      `SELECT * FROM paceline.audit_logs_${new Date().toISOString().slice(0, 7).replace('-', '_')}`,
    ];
    for (const sql of smuggled) {
      const notices: string[] = [];
      const seen = await asTenant('acme', pass, async (client) => {
        client.on('notice', ({ message }) => notices.push(message ?? ''));
        try {
          const answers = await client.query(sql);
          return JSON.stringify((Array.isArray(answers) ? answers : [answers]).flatMap(({ rows }) => rows));
        } catch (error) {
          return (error as { code: string }).code;
        }
      });
      expect(seen, sql).toMatch(/^(\[\]|\[{"set_config":"bolt","n":"0"}\]|42501|22023|3F000|55000)$/);
      expect(
        notices.filter((notice) => notice.includes('bolt')),
        sql,
      ).toEqual([]);
    }
    const rows = await asLogin(
      service,
      async (client) => (await client.query('SELECT org_id, id, definition FROM paceline.rules ORDER BY 1, 2')).rows,
    );
    expect(rows).toEqual(['acme', 'bolt'].map((org_id) => ({ org_id, id: 'mine', definition: ruleText('mine') })));
  });

  test('may edit their own rules, but not what files manage', async () => {
    const pass = await passFor('bolt');
    await asTenant('bolt', pass, async (client) => {
      await client.query('BEGIN');
      await client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('bolt', 'new', 'x')");
      const updated = await client.query(
        "UPDATE paceline.rules SET definition = 'y' WHERE id = 'new' RETURNING version",
      );
      expect(updated.rows).toEqual([{ version: 2 }]);
      const deleted = await client.query(
        "SELECT paceline.delete_rule('new') AS new, paceline.delete_rule('none') AS none",
      );
      expect(deleted.rows).toEqual([{ new: true, none: false }]);
      await client.query('ROLLBACK');
    });
    await asLogin(service, (client) =>
      client.query("UPDATE paceline.rules SET managed_by = 'files' WHERE org_id = 'bolt'"),
    );
    await asTenant('bolt', pass, async (client) => {
      await client.query("SET paceline.manager = 'files'");
      expect((await client.query("UPDATE paceline.rules SET definition = 'y'")).rowCount).toBe(0);
      expect((await client.query("SELECT paceline.delete_rule('mine') AS gone")).rows).toEqual([{ gone: false }]);
    });
    await asLogin(service, async (client) => {
      await expect(client.query("DELETE FROM paceline.rules WHERE org_id = 'bolt'")).rejects.toMatchObject({
        message: 'rules is managed by files',
      });
      await client.query("SET paceline.manager = 'files'");
      await client.query("UPDATE paceline.rules SET managed_by = 'database' WHERE org_id = 'bolt'");
    });
  });

  test('row-level security is forced on every tenant table, the owner not excepted', async () => {
    await asLogin(database.settings, async (client) => {
      const { rows } = await client.query<{ relname: string }>(
        "SELECT relname FROM pg_class WHERE relnamespace = 'paceline'::regnamespace AND relrowsecurity AND relforcerowsecurity",
      );
      expect(rows.map(({ relname }) => relname).sort()).toEqual([...tenantTables].sort());
      await client.query('SET ROLE paceline_owner');
      for (const table of tenantTables)
        expect((await client.query(`SELECT * FROM paceline.${table}`)).rows, table).toEqual([]);
    });
  });

  test('every index of a tenant table begins with its organization, but for people, and ids and tokens that are unique of themselves', async () => {
    const { rows } = await asLogin(database.settings, (client) =>
      client.query<{ name: string }>(
        `SELECT index.relname AS name FROM pg_index JOIN pg_class index ON index.oid = indexrelid JOIN pg_class base ON base.oid = indrelid
         JOIN pg_attribute first ON first.attrelid = base.oid AND first.attnum = indkey[0]
         WHERE base.relnamespace = 'paceline'::regnamespace AND base.relrowsecurity AND first.attname <> 'org_id' ORDER BY 1`,
      ),
    );
    expect(rows.map(({ name }) => name)).toEqual([
      'api_keys_prefix_once',
      'credentials_pkey',
      'idempotent_calls_oldest',
      'idempotent_calls_pkey',
      'identities_of_user',
      'identities_pkey',
      'invitations_token_once',
      'operators_pkey',
      'org_memberships_of_user',
      'organizations_pkey',
      'sessions_of_person',
      'sessions_token_once',
      'users_email_once',
      'users_pkey',
    ]);
  });

  test('ids, references and states are checked', async () => {
    const refusals: [string, string][] = [
      ["INSERT INTO paceline.organizations (id) VALUES ('with space')", '23514'],
      ["INSERT INTO paceline.organizations (id) VALUES ('_mine')", '23514'],
      ["INSERT INTO paceline.rules (org_id, id, definition) VALUES ('nobody', 'x', 'x')", '23503'],
      ["INSERT INTO paceline.pipelines (org_id, id) VALUES ('acme', 'second')", '23505'],
      ["DELETE FROM paceline.organizations WHERE id = 'acme'", '23503'],
      ["UPDATE paceline.plans SET state = 'appended'", '23514'],
      [
        "INSERT INTO paceline.plans (org_id, stream, topic, partition, number, hash, body) VALUES ('acme', 's', 't', 0, 2, repeat('0', 64), '{}')",
        '23505',
      ],
      ['DELETE FROM paceline.plans', '42501'],
    ];
    for (const [sql, code] of refusals)
      await asLogin(service, (client) => expect(client.query(sql), sql).rejects.toMatchObject({ code }));
  });
});

describe('audit log', () => {
  test('says who changed what, before and after, without secrets', async () => {
    await using database = await makeDatabase();
    const service = await database.login('paceline_service');
    const login = new URL(service.url!).username;
    const read = await asLogin(service, async (client) => {
      await client.query("SET paceline.actor = 'ann@acme.example'");
      await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')");
      await client.query("UPDATE paceline.organizations SET name = 'Acme' WHERE id = 'acme'");
      await client.query('RESET paceline.actor');
      const user = await client.query("INSERT INTO paceline.users (email, name) VALUES ('a@b', 'A') RETURNING id");
      await client.query("INSERT INTO paceline.org_memberships (org_id, user_id, role) VALUES ('acme', $1, 'admin')", [
        user.rows[0].id,
      ]);
      await client.query(
        "INSERT INTO paceline.sessions (org_id, user_id, token_hash, expires_at) VALUES ('acme', $1, sha256('token'), now() + interval '1 h')",
        [user.rows[0].id],
      );
      await client.query("DELETE FROM paceline.organizations WHERE id = 'acme'");
      return (
        await client.query(
          "SELECT org_id, actor, login, action, table_name, row_key, before, after FROM paceline.audit_logs WHERE row_key <> '_default' ORDER BY at, id",
        )
      ).rows;
    });
    expect(
      read.map(({ action, table_name, actor }) => `${actor === login ? 'login' : actor} ${action} ${table_name}`),
    ).toEqual([
      'ann@acme.example insert organizations',
      'ann@acme.example update organizations',
      'login insert users',
      'login insert org_memberships',
      'login insert sessions',
      'login delete organizations',
      'login delete org_memberships',
    ]);
    expect(read[1]).toMatchObject({
      org_id: 'acme',
      row_key: 'acme',
      before: { name: '' },
      after: { name: 'Acme', version: 2 },
    });
    expect(read[2]).toMatchObject({ org_id: '_system' });
    expect(read[4].after).not.toHaveProperty('token_hash');
    expect(read[4].after).toHaveProperty('expires_at');
    expect(new Set(read.map((each) => each.login))).toEqual(new Set([login]));
  });

  test('is append-only for everyone, the owner included', async () => {
    await using database = await makeDatabase();
    const service = await database.login('paceline_service');
    const changes = [
      "UPDATE paceline.audit_logs SET actor = 'x'",
      'DELETE FROM paceline.audit_logs',
      'TRUNCATE paceline.audit_logs',
    ];
    for (const sql of [
      ...changes,
      "INSERT INTO paceline.audit_logs (org_id, actor, action, table_name, row_key) VALUES ('a', 'a', 'insert', 'a', 'a')",
    ])
      await asLogin(service, (client) => expect(client.query(sql), sql).rejects.toMatchObject({ code: '42501' }));
    await asLogin(database.settings, async (client) => {
      const months = await client.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'paceline.audit_logs'::regclass",
      );
      await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')");
      const [month] = months.rows.map(({ name }) => name).sort();
      // A superuser passes row-level security; the trigger still stands in the way, on each month as well.
      for (const sql of [...changes, ...changes.map((each) => each.replace('paceline.audit_logs', month))])
        await expect(client.query(sql), sql).rejects.toMatchObject({ code: 'PLA01' });
    });
  });

  test('retention drops whole months, the present ones stay, and says so in the log itself', async () => {
    await using database = await makeDatabase();
    await asLogin(database.settings, async (client) => {
      await client.query('SET ROLE paceline_owner');
      for (const [from, to] of [
        ['2020-01', '2020-02'],
        ['2020-02', '2020-03'],
      ])
        await client.query(
          `CREATE TABLE paceline.audit_logs_${from.replace('-', '_')} PARTITION OF paceline.audit_logs FOR VALUES FROM ('${from}-01 00:00:00+00') TO ('${to}-01 00:00:00+00')`,
        );
    });
    const options = { settings: database.settings, auditRetentionMonths: 24, actor: 'ops' };
    expect((await migrateDatabase(options)).auditPartitionsDropped).toEqual([
      'audit_logs_2020_01',
      'audit_logs_2020_02',
    ]);
    expect((await migrateDatabase({ ...options, auditRetentionMonths: 1 })).auditPartitionsDropped).toEqual([]);
    const { rows } = await asLogin(database.settings, (client) =>
      client.query("SELECT org_id, actor, before FROM paceline.audit_logs WHERE action = 'retention'"),
    );
    expect(rows).toEqual([{ org_id: '_system', actor: 'ops', before: ['audit_logs_2020_01', 'audit_logs_2020_02'] }]);
  });

  test('an edit makes its month when nobody made it ahead', async () => {
    await using database = await makeDatabase();
    await asLogin(database.settings, async (client) => {
      const months = await client.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'paceline.audit_logs'::regclass",
      );
      for (const { name } of months.rows) await client.query(`DROP TABLE ${name}`);
      await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')");
      expect((await client.query('SELECT row_key FROM paceline.audit_logs')).rows).toEqual([{ row_key: 'acme' }]);
    });
  });
});
