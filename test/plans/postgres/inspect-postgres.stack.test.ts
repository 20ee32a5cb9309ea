import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import type { Clock, WallTimeMs } from '../../../src/model/time.ts';
import { inspectPostgres } from '../../../src/plans/postgres/inspect-postgres.ts';
import { asLogin, makeDatabase, queueIsFull } from './server.ts';

describe('what doctor says of PostgreSQL', () => {
  test('all is well for the service login of a migrated database', async () => {
    await using database = await makeDatabase();
    const results = await inspectPostgres(await database.login('paceline_service'), systemClock);
    expect(results.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'postgres.reachable ok',
      'postgres.version ok',
      'postgres.clock ok',
      'postgres.login ok',
      'postgres.migrations ok',
      'postgres.row_security ok',
      'postgres.privileges ok',
      'postgres.audit_partitions ok',
      'postgres.notify_queue ok',
      'postgres.tenant_logins ok',
    ]);
  });

  test('a tenant whose login has no bounds, and a queue of notifications that somebody fills', async () => {
    await using database = await makeDatabase();
    const tenant = new URL((await database.login('paceline_tenant')).url!).username;
    const service = await database.login('paceline_service');
    const of = async (id: string) => (await inspectPostgres(service, systemClock)).find((each) => each.id === id);
    expect(await of('postgres.tenant_logins')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining(`${tenant} has no CONNECTION LIMIT and idle_in_transaction_session_timeout`),
    });
    await asLogin(database.settings, async (client) => {
      await client.query(`ALTER ROLE ${tenant} CONNECTION LIMIT 10`);
      await client.query(`ALTER ROLE ${tenant} SET idle_in_transaction_session_timeout = '1min'`);
    });
    expect((await of('postgres.tenant_logins'))?.detail).not.toContain(tenant);
    expect((await of('postgres.notify_queue'))?.status).toBe('ok');
    await asLogin(database.settings, (client) => client.query(queueIsFull));
    expect(await of('postgres.notify_queue')).toMatchObject({
      status: 'warning',
      detail: '93.0 % of the queue of notifications is taken: edits are found by the poll alone',
    });
  });

  test('each thing that is not well has its line and a fix', async () => {
    await using database = await makeDatabase();
    const tenant = await database.login('paceline_tenant');
    const early: Clock = { wallMs: () => 0 as WallTimeMs, steadyMs: () => 0, sleep: async () => {} };
    await asLogin(database.settings, async (client) => {
      await client.query('ALTER TABLE paceline.rules NO FORCE ROW LEVEL SECURITY');
      const months = await client.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'paceline.audit_logs'::regclass ORDER BY 1",
      );
      for (const { name } of months.rows.slice(1)) await client.query(`DROP TABLE ${name}`);
    });
    const asSuper = await inspectPostgres(database.settings, early);
    const found = asSuper.filter(({ status }) => status !== 'ok');
    expect(found.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'postgres.clock warning',
      'postgres.login warning',
      'postgres.row_security failed',
      'postgres.audit_partitions warning',
      'postgres.tenant_logins warning',
    ]);
    expect(found.every(({ fix }) => fix !== null && fix.length > 0)).toBe(true);
    const asTenant = await inspectPostgres(tenant, systemClock);
    // A tenant cannot even see what was migrated.
    expect(asTenant.at(-1)).toMatchObject({ id: 'postgres.reachable', status: 'failed' });
  });

  test('nobody there, a wrong password, a database without our tables', async () => {
    await using database = await makeDatabase({ isMigrated: false });
    const { settings } = database;
    const url = new URL(settings.url!);
    url.password = 'wrong-secret';
    const [wrong] = await inspectPostgres({ ...settings, url: url.href }, systemClock);
    expect(wrong).toMatchObject({ id: 'postgres.reachable', status: 'failed' });
    expect(JSON.stringify(wrong)).not.toContain('wrong-secret');
    url.port = '1';
    expect((await inspectPostgres({ ...settings, url: url.href }, systemClock))[0]).toMatchObject({ status: 'failed' });
    const [odd] = await inspectPostgres({ ...settings, url: 'mysql://a:hunter2@b/c' }, systemClock);
    expect(odd.status).toBe('failed');
    expect(JSON.stringify(odd)).not.toContain('hunter2');
    expect((await inspectPostgres(settings, systemClock)).at(-1)).toMatchObject({
      id: 'postgres.migrations',
      status: 'failed',
      fix: 'Run "paceline migrate".',
    });
  });
});
