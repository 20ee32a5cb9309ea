import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { onFact } from '../../src/model/facts.ts';
import { applyEdits } from '../../src/plans/postgres/apply-edits.ts';
import type { PostgresSettings } from '../../src/plans/postgres/config.ts';
import { Database } from '../../src/plans/postgres/database.ts';
import { migrateDatabase } from '../../src/plans/postgres/migrate.ts';
import type { PlanItem } from '../../src/plans/postgres/plan-items.ts';
import { EditWatcher } from '../../src/plans/postgres/watch-edits.ts';
import { writeFileItems } from '../../src/plans/postgres/write-items.ts';
import { RecordedPlans } from '../plans/postgres/recorded-plans.ts';
import { ruleText } from '../plans/postgres/rows.ts';
import { asLogin, makeDatabase, type TestDatabase } from '../plans/postgres/server.ts';

/** A tenant of the database does its worst with its own login: others' edits and the engine go on. */
describe('a tenant in PostgreSQL', () => {
  let made: TestDatabase;
  let service: PostgresSettings;
  let tenant: PostgresSettings;
  let database: Database;
  const log = new RecordedPlans();
  const target = { stream: 'hostile', topic: 'ads.events.v1', log };

  beforeAll(async () => {
    made = await makeDatabase();
    service = await made.login('paceline_service');
    tenant = await made.login('paceline_tenant');
    database = new Database(service);
    await asService("INSERT INTO paceline.organizations (id) VALUES ('acme'), ('bolt')");
  });
  afterAll(async () => {
    await database.close();
    await made[Symbol.asyncDispose]();
  });

  const asService = (sql: string, values: unknown[] = []) =>
    asLogin(service, async (client) => {
      await client.query("SET statement_timeout = '5s'");
      return await client.query(sql, values);
    });

  /** Runs `work` as the people of acme. */
  async function asAcme<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const pass = (await asService("SELECT paceline.tenant_pass('acme', '1 hour') AS pass")).rows[0].pass as string;
    return await asLogin(tenant, async (client) => {
      await client.query(
        "SELECT set_config('paceline.org_id', 'acme', false), set_config('paceline.org_pass', $1, false)",
        [pass],
      );
      return await work(client);
    });
  }

  async function editOfBoltArrives(): Promise<void> {
    const before = log.numbersOf('bolt').length;
    await asService("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('bolt', $1, $2)", [
      `r${before}`,
      ruleText(`r${before}`),
    ]);
    expect((await applyEdits(database, target, { isForced: false })).kind).toBe('applied');
    expect(log.numbersOf('bolt')).toHaveLength(before + 1);
  }

  test.each(['rules', 'pipelines', 'organizations', 'plans', 'audit_logs', 'organization_edits', 'writers'])(
    'cannot lock the table %s',
    async (table) => {
      await asAcme(async (client) => {
        for (const mode of ['ACCESS EXCLUSIVE', 'EXCLUSIVE', 'SHARE ROW EXCLUSIVE', 'SHARE'])
          await expect(
            client.query(`ROLLBACK; BEGIN; LOCK TABLE paceline.${table} IN ${mode} MODE`),
          ).rejects.toMatchObject({
            code: '42501',
          });
      });
    },
  );

  test('holds up nobody with an edit that it does not commit', async () => {
    await asService("UPDATE paceline.organizations SET managed_by = 'files' WHERE id IN ('acme', 'bolt')");
    await asAcme(async (client) => {
      await client.query('BEGIN');
      await client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', 'open', $1)", [
        ruleText('open'),
      ]);
      await editOfBoltArrives();
      const item = (orgId: string): PlanItem => ({
        kind: 'settings',
        orgId,
        id: '',
        text: 'zone: Asia/Tokyo',
        value: { zone: 'Asia/Tokyo' },
        problem: null,
        managedBy: null,
        origin: 'organizations.yaml',
      });
      const { written, held } = await writeFileItems(database, [item('acme'), item('bolt')], 'test');
      expect([written.map(({ orgId }) => orgId), held]).toEqual([['bolt'], ['acme']]);
      await client.query('ROLLBACK');
    });
    await asService("SET paceline.manager = 'files'; UPDATE paceline.organizations SET managed_by = 'database'");
  });

  test('takes no lock that we need', async () => {
    await asAcme(async (client) => {
      for (const name of ['paceline items', 'paceline plans hostile', 'paceline migrations'])
        await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0)), pg_advisory_lock(hashtext($1))', [name]);
      await client.query("SELECT pg_advisory_lock(hashtext('paceline audit partitions'))");
      await editOfBoltArrives();
      await asService('SELECT paceline.make_audit_partitions(5)');
    });
  });

  test('holds up no new month of the audit log by reading it', async () => {
    await asAcme(async (client) => {
      await client.query('BEGIN; SELECT * FROM paceline.audit_logs');
      expect((await asService('SELECT paceline.make_audit_partitions(9) AS made')).rows[0].made).toBeGreaterThan(0);
      await editOfBoltArrives();
    });
  });

  test('may not fill the memory of the engine', async () => {
    const text = ruleText('mine').replace('# Why it exists.', `# ${'x'.repeat(60_000)}`);
    await asAcme(async (client) => {
      const insert = (from: number, to: number, definition: string) =>
        client.query(
          "INSERT INTO paceline.rules (org_id, id, definition) SELECT 'acme', 'r' || n, $1 FROM generate_series($2::int, $3::int) AS n",
          [definition, from, to],
        );
      await expect(insert(1, 15_000, text)).rejects.toMatchObject({ code: 'PLQ01' });
      await expect(insert(1, 1_025, 'x')).rejects.toMatchObject({ code: 'PLQ01' });
      await insert(1, 60, text);
      await expect(insert(61, 80, text)).rejects.toMatchObject({ code: 'PLQ01' });
      await expect(client.query('UPDATE paceline.rules SET definition = definition || definition')).rejects.toThrow();
      await client.query("SELECT paceline.delete_rule('r' || n) FROM generate_series(1, 60) AS n");
      await insert(1, 60, text);
      await client.query("SELECT paceline.delete_rule('r' || n) FROM generate_series(1, 60) AS n");
    });
    await editOfBoltArrives();
  });

  test('with more rules than are read, from before there was a quota, gets no new plan; others do', async () => {
    await asLogin(made.settings, (client) =>
      client.query(
        `ALTER TABLE paceline.rules DISABLE TRIGGER count_insert;
         INSERT INTO paceline.rules (org_id, id, definition) SELECT 'acme', 'r' || n, 'x' FROM generate_series(1, 15000) AS n`,
      ),
    );
    await asService("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('bolt', 'more', $1)", [
      ruleText('more'),
    ]);
    const outcome = await applyEdits(database, target, { isForced: false });
    expect(outcome).toMatchObject({ kind: 'applied', refused: [{ orgId: 'acme' }] });
    const [{ problems }] = (outcome as { refused: readonly { problems: readonly { message: string }[] }[] }).refused;
    expect(problems[0].message).toContain('acme has more than 1024 rules');
    await asService("DELETE FROM paceline.rules WHERE org_id = 'acme'");
  });

  test('may notify without an end, and nobody looks more often for it', async () => {
    const seen = { passes: 0, applied: 0 };
    const stops = [
      onFact('control.reached', () => {
        seen.passes += 1;
      }),
      onFact('plans.applied', ({ plans }) => {
        seen.applied += plans;
      }),
    ];
    const watched = { ...target, stream: 'flooded', log: new RecordedPlans() };
    const failed = (error: unknown) => expect(error).toBe(null);
    const watcher = new EditWatcher({ settings: service, target: watched, clock: systemClock, onFailure: failed });
    watcher.start();
    await expect.poll(() => seen.applied, { timeout: 20_000 }).toBeGreaterThan(0);
    await asAcme(async (client) => {
      const [before, startMs] = [seen.passes, performance.now()];
      for (let n = 0; n < 1_000; n++) await client.query("SELECT pg_notify('paceline_edits', $1)", ['x'.repeat(7_000)]);
      await client.query(
        "SELECT pg_notify('paceline_edits', n || repeat('x', 900)) FROM generate_series(1, 20000) AS n",
      );
      expect(seen.passes - before).toBeLessThan(5 + (performance.now() - startMs) / 50);
      const numbers = watched.log.numbersOf('bolt').length;
      await asService("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('bolt', 'flooded', $1)", [
        ruleText('flooded'),
      ]);
      await expect.poll(() => watched.log.numbersOf('bolt').length, { timeout: 5_000 }).toBe(numbers + 1);
    });
    await watcher.stop();
    for (const stop of stops) stop();
  });

  // Whose it is not, what it may not run, and what is larger than a text of people.
  test.each([
    ["INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', 'big', repeat('x', 70000))", '23514'],
    ["INSERT INTO paceline.rules (org_id, id, definition) VALUES ('bolt', 'mine', 'x')", '42501'],
    ["INSERT INTO paceline.rules (org_id, id, definition) VALUES ('_default', 'mine', 'x')", '42501'],
    ["INSERT INTO paceline.rules (org_id, id, definition, managed_by) VALUES ('acme', 'f', 'x', 'files')", '42501'],
    ["UPDATE paceline.pipelines SET org_id = 'bolt'", '42501'],
    ["UPDATE paceline.organizations SET id = 'evil'", '42501'],
    ['SELECT * FROM paceline.organizations FOR UPDATE', '42501'],
    ['DELETE FROM paceline.rules', '42501'],
    ['TRUNCATE paceline.rules', '42501'],
    ['SELECT * FROM paceline.edits', '42501'],
    ['SELECT * FROM paceline.organization_edits', '42501'],
    ['SELECT password_hash FROM paceline.users', '(42501|42703)'],
    ['SELECT * FROM paceline.api_keys', '42501'],
    ["SELECT paceline.tenant_pass('bolt', '1 hour')", '42501'],
    ["SELECT paceline.redact_organization('bolt', '{}')", '42501'],
    ['SELECT paceline.make_audit_partitions(9)', '42501'],
    ['CREATE TRIGGER t BEFORE INSERT ON paceline.rules FOR EACH ROW EXECUTE FUNCTION paceline.note_edit()', '42501'],
    ['CREATE FUNCTION paceline.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', '42501'],
    ['CREATE TABLE paceline.x ()', '42501'],
    ['CREATE INDEX ON paceline.rules (definition)', '42501'],
    ['CREATE RULE r AS ON INSERT TO paceline.rules DO INSTEAD NOTHING', '42501'],
    ['ALTER TABLE paceline.rules DISABLE TRIGGER ALL', '42501'],
    ['ALTER TABLE paceline.rules DISABLE ROW LEVEL SECURITY', '42501'],
    ['COMMENT ON TABLE paceline.rules IS NULL', '42501'],
    ['SET ROLE paceline_owner', '42501'],
    ['SET ROLE paceline_service', '42501'],
    ['SET SESSION AUTHORIZATION paceline_owner', '42501'],
    ['SET session_replication_role = replica', '42501'],
    ['SET row_security = off; SELECT * FROM paceline.rules', '42501'],
    ["COPY paceline.rules TO PROGRAM 'cat'", '42501'],
    ["COPY paceline.rules FROM '/etc/passwd'", '42501'],
    ["SELECT pg_read_file('/etc/passwd')", '42501'],
    ["SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paceline'", '42501'],
    ["SELECT lo_import('/etc/passwd')", '42501'],
    ["BEGIN; SELECT 1; PREPARE TRANSACTION 'kept'", '55000'],
  ])('may not: %s', async (sql, code) => {
    await asAcme(async (client) => {
      const outcome = await client.query(sql).then(
        () => 'taken',
        (error: { code?: string }) => error.code,
      );
      expect(outcome).toMatch(new RegExp(`^${code}$`));
    });
  });

  test('cannot put functions and tables of its own in the way of ours', async () => {
    await asAcme(async (client) => {
      await client.query(`CREATE TEMPORARY TABLE rules (org_id text, id text, managed_by text);
        CREATE TEMPORARY TABLE organization_edits (org_id text, edit bigint);
        SET search_path = pg_temp, public`);
      await client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', 'shadow', $1)", [
        ruleText('shadow'),
      ]);
      const before = log.numbersOf('acme').length;
      expect((await applyEdits(database, target, { isForced: false })).kind).toBe('applied');
      expect(log.numbersOf('acme')).toHaveLength(before + 1);
      expect((await client.query("SELECT paceline.delete_rule('shadow') AS done")).rows).toEqual([{ done: true }]);
      // Another's pass, a pass of its own making, and none: it sees nothing.
      for (const pass of ['', 'x', '9999999999.abc', 'null']) {
        await client.query(
          "SELECT set_config('paceline.org_id', 'bolt', false), set_config('paceline.org_pass', $1, false)",
          [pass],
        );
        const seen = await client.query('SELECT * FROM paceline.rules').then(
          ({ rows }) => rows,
          (error: { code?: string }) => error.code,
        );
        expect(['[]', '"42501"', '"28000"', '"22023"', '"28P01"']).toContain(JSON.stringify(seen));
      }
    });
  });

  test('that leaves a transaction open ends a migration with words, not a wait for ever', async () => {
    await asAcme(async (client) => {
      await client.query('BEGIN; SELECT * FROM paceline.plans');
      const sql = 'SET LOCAL lock_timeout = 200; ALTER TABLE plans ADD COLUMN extra int';
      const migration = { number: 99, name: 'extra', sql, checksum: 'e'.repeat(64) };
      const { readMigrations } = await import('../../src/plans/postgres/migrate.ts');
      await expect(
        migrateDatabase({ settings: made.settings, migrations: [...readMigrations(), migration] }),
      ).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE', message: expect.stringContaining('lock timeout') });
    });
  });

  test('a server that freezes is told within 15 s, and holds up no stop', async () => {
    const way = new FreezingWay(service.url!);
    await way.open();
    const failed: number[] = [];
    const applied: unknown[] = [];
    const stops = [
      onFact('control.failed', () => failed.push(performance.now())),
      onFact('plans.applied', (fact) => applied.push(fact)),
    ];
    const settings = { ...service, url: service.url!.replace(/:\d+\//, `:${way.port}/`) };
    const watcher = new EditWatcher({
      settings,
      target: { ...target, stream: 'frozen', log: new RecordedPlans() },
      clock: systemClock,
      onFailure: (error) => expect(error).toBe(null),
    });
    watcher.start();
    await expect.poll(() => applied.length, { timeout: 20_000 }).toBe(1);
    way.isFrozen = true;
    const frozenAt = performance.now();
    await expect.poll(() => failed.length, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(failed[0] - frozenAt).toBeLessThan(15_000);
    await sleep(500);
    const stopAt = performance.now();
    await watcher.stop();
    expect(performance.now() - stopAt).toBeLessThan(5_000);
    for (const stop of stops) stop();
    await way.close();
  });
});

/** A way to the server that can go silent without closing: what a half-open link looks like from here. */
class FreezingWay {
  isFrozen = false;
  port = 0;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  async open(): Promise<void> {
    this.#server = createServer((near) => {
      const far = connect(Number(this.#target.port), this.#target.hostname);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.add(from);
        from.on('data', (bytes) => {
          if (!this.isFrozen) to.write(bytes);
        });
        from.on('error', () => to.destroy());
        from.on('close', () => {
          if (!this.isFrozen) to.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => this.#server!.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server!.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}
