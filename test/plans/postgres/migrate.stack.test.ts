import { describe, expect, test } from 'vitest';
import { Database } from '../../../src/plans/postgres/database.ts';
import { draftsOfRows } from '../../../src/plans/postgres/drafts-of-rows.ts';
import { migrateDatabase, readMigrations } from '../../../src/plans/postgres/migrate.ts';
import { readPlanRows } from '../../../src/plans/postgres/plan-rows.ts';
import { ruleText } from './rows.ts';
import { asLogin, makeDatabase } from './server.ts';

describe('migrations', () => {
  test('come up from empty, change nothing the second time, and name what they did', async () => {
    await using database = await makeDatabase({ isMigrated: false });
    const { settings } = database;
    const names = readMigrations().map(({ number, name }) => `${number} ${name}`);
    expect((await migrateDatabase({ settings })).applied).toEqual(names);
    expect(await migrateDatabase({ settings })).toEqual({
      applied: [],
      auditPartitionsMade: 0,
      auditPartitionsDropped: [],
    });
  });

  test('a database of the release before keeps its rows', async () => {
    await using database = await makeDatabase({ isMigrated: false });
    const { settings } = database;
    const before = readMigrations().filter(({ number }) => number <= 4);
    await migrateDatabase({ settings, migrations: before });
    await asLogin(settings, async (client) => {
      await client.query("INSERT INTO paceline.organizations (id) VALUES ('acme')");
      await client.query(
        "INSERT INTO paceline.pipelines (org_id, id, settings) VALUES ('acme', 'main', 'zone: Asia/Tokyo')",
      );
      await client.query("INSERT INTO paceline.rules (org_id, id, definition) VALUES ('acme', 'mine', $1)", [
        ruleText('mine'),
      ]);
    });
    expect((await migrateDatabase({ settings })).applied).toHaveLength(readMigrations().length - before.length);
    const opened = new Database(settings);
    const { drafts, refused } = draftsOfRows(await readPlanRows(opened));
    await opened.close();
    expect(refused).toEqual([]);
    expect(drafts.map(({ draft }) => [draft.org_id, draft.defaults.zone, draft.rules.length])).toEqual([
      ['_default', 'UTC', 0],
      ['acme', 'Asia/Tokyo', 1],
    ]);
  });

  test('run once however many processes try, and two at once do not collide', async () => {
    await using database = await makeDatabase({ isMigrated: false });
    const done = await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(database)));
    expect(done.map(({ applied }) => applied.length).sort()).toEqual([0, 0, 0, readMigrations().length]);
  });

  test('a changed one, and a newer one that we do not know, are refused', async () => {
    await using database = await makeDatabase();
    const { settings } = database;
    const ours = readMigrations();
    const changed = ours.map((each) => (each.number === 2 ? { ...each, checksum: 'f'.repeat(64) } : each));
    await expect(migrateDatabase({ settings, migrations: changed })).rejects.toMatchObject({
      code: 'CONTROL_REFUSED',
      message: expect.stringContaining('migration 2 (edits) was applied with other statements'),
    });
    await expect(migrateDatabase({ settings, migrations: ours.slice(0, -1) })).rejects.toMatchObject({
      code: 'CONTROL_REFUSED',
      message: expect.stringContaining('which this version does not know'),
    });
  });

  test('one that fails leaves nothing of itself, and those before it stay', async () => {
    await using database = await makeDatabase();
    const { settings } = database;
    const broken = {
      number: 99,
      name: 'broken',
      sql: 'CREATE TABLE half (a int); SELECT 1/0',
      checksum: 'b'.repeat(64),
    };
    await expect(migrateDatabase({ settings, migrations: [...readMigrations(), broken] })).rejects.toMatchObject({
      code: 'CONTROL_REFUSED',
    });
    await asLogin(settings, async (client) => {
      const { rows } = await client.query(
        "SELECT to_regclass('paceline.half') AS half, count(*)::int AS applied FROM paceline.schema_migrations",
      );
      expect(rows).toEqual([{ half: null, applied: readMigrations().length }]);
    });
  });

  test('need no superuser: a login that may make roles and owns the database is enough', async () => {
    await using database = await makeDatabase();
    await using other = await makeDatabase({ isMigrated: false });
    const login = await other.login('paceline_service');
    const name = new URL(login.url!).username;
    await asLogin(database.settings, async (client) => {
      await client.query(`ALTER ROLE ${name} CREATEROLE`);
      await client.query(`REVOKE paceline_service FROM ${name}`);
      await client.query(`ALTER DATABASE ${new URL(other.settings.url!).pathname.slice(1)} OWNER TO ${name}`);
    });
    try {
      expect((await migrateDatabase({ settings: login })).applied).toHaveLength(readMigrations().length);
    } finally {
      await asLogin(other.settings, (client) =>
        client.query(`ALTER DATABASE ${new URL(other.settings.url!).pathname.slice(1)} OWNER TO CURRENT_USER`),
      );
    }
  });

  test('wrong password and nobody there are two different errors, and neither tells the password', async () => {
    await using database = await makeDatabase({ isMigrated: false });
    const wrong = new URL(database.settings.url!);
    wrong.password = 'wrong-secret';
    const error = await migrateDatabase({ settings: { ...database.settings, url: wrong.href } }).catch((each) => each);
    expect(error).toMatchObject({ code: 'CONTROL_REFUSED', exitCode: 77 });
    expect(`${error.message} ${error.cause.message}`).not.toContain('wrong-secret');
    wrong.port = '1';
    await expect(migrateDatabase({ settings: { ...database.settings, url: wrong.href } })).rejects.toMatchObject({
      code: 'CONTROL_UNAVAILABLE',
      exitCode: 75,
    });
  });
});
