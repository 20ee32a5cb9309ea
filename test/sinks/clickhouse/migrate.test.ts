import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { lateEvents, tables } from '../../../src/rows/tables.ts';
import { accessOf } from '../../../src/sinks/clickhouse/access.ts';
import { createDistributed, createLedger, createTable } from '../../../src/sinks/clickhouse/ddl.ts';
import { migrate, migrationsOf } from '../../../src/sinks/clickhouse/migrate.ts';
import { createView, views } from '../../../src/sinks/clickhouse/views.ts';
import { openTestEngine, type TestEngine } from '../../embedded-clickhouse/embedded.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.close());

test('migrations run once, note themselves, and refuse tables of another shape', async () => {
  const client = createClient({ url: engine.engine.url, password: engine.engine.writeToken });
  const options = { database: 'ads', tables, buckets: 1, cluster: null, withAccess: false, clock: systemClock };
  await migrate(client, options);
  await migrate(client, options);
  const ledger = await engine.ask('SELECT number, name, length(checksum) FROM ads.schema_migrations FORMAT CSV');
  expect(ledger.text).toBe('1,"tables",64\n');
  await expect(migrate(client, { ...options, buckets: 8 })).rejects.toMatchObject({ code: 'SINK_REJECTED' });
  await client.close();
});

test('a cut-off migration is repeated', async () => {
  const client = createClient({ url: engine.engine.url, password: engine.engine.writeToken });
  const options = { database: 'ads_cut', tables, buckets: 8, cluster: null, withAccess: false, clock: systemClock };
  await engine.ask('CREATE DATABASE ads_cut ENGINE = Atomic');
  await engine.ask(createTable(tables[0], options));
  await migrate(client, options);
  const { text } = await engine.ask(
    "SELECT count() FROM system.tables WHERE database = 'ads_cut' AND engine LIKE '%Replacing%'",
  );
  expect(text).toBe(`${tables.length + 1}\n`);
  await client.close();
});

test('on servers, organizations are split by hash and then by week', () => {
  expect(createTable(lateEvents, { database: 'ads', buckets: 8, cluster: null })).toContain(
    'PARTITION BY (cityHash64(org_id) % 8, toMonday(log_time))',
  );
});

/** The parser of the real engine; what needs Keeper or users cannot be run by the embedded one. */
async function syntaxErrorOf(statement: string): Promise<string | null> {
  const { status, text } = await engine.ask(`EXPLAIN AST ${statement}`);
  return status === 200 ? null : text;
}

test('every statement for a cluster, and every role and policy, is ClickHouse to its own parser', async () => {
  const options = { database: 'ads', buckets: 8, cluster: 'main' };
  const statements = [
    ...migrationsOf(tables, options).flatMap((migration) => migration.statements),
    createLedger('ads', 'main'),
    ...views.map((view) => createView(view, 'ads', 'main')),
    ...accessOf(tables, views, options),
    ...accessOf(tables, views, { database: 'ads', cluster: null }),
  ];
  for (const statement of statements) expect(await syntaxErrorOf(statement), statement).toBeNull();
  expect(await syntaxErrorOf('CREATE ROW POLICY ON x USING')).not.toBeNull();
});

test('a tenant is held to its organization at the table that stores the rows, with or without a cluster', () => {
  for (const [cluster, suffix] of [
    [null, ''],
    ['main', '_local'],
  ] as const) {
    const statements = accessOf(tables, views, { database: 'ads', cluster });
    for (const { name } of tables) {
      const policies = statements.filter((each) => each.includes(` ON ads.${name}${suffix} USING`));
      expect(
        policies.filter((each) => each.includes("org_id = getSetting('SQL_org_id') TO paceline_tenant")),
      ).toHaveLength(1);
      expect(policies.filter((each) => each.endsWith('TO ALL EXCEPT paceline_tenant'))).toHaveLength(1);
    }
    expect(statements.at(-1)).toContain("readonly = 1, SQL_org_id = '' CHANGEABLE_IN_READONLY");
  }
});

test('all versions of a row meet in one shard', () => {
  const distributed = createDistributed(tables[0], 'ads', 'main');
  expect(distributed).toContain('Distributed(main, ads, campaign_metrics_daily_local, cityHash64(org_id))');
  for (const { key } of tables) expect(key[0]).toBe('org_id');
});
