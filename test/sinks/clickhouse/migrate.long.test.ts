import { readFileSync } from 'node:fs';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { deadLetters, tables } from '../../../src/rows/tables.ts';
import { accessOf, guardOf, unguardOf } from '../../../src/sinks/clickhouse/access.ts';
import { createClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.ts';
import { createLedger } from '../../../src/sinks/clickhouse/ddl.ts';
import { migrate } from '../../../src/sinks/clickhouse/migrate.ts';
import { migrationsOf } from '../../../src/sinks/clickhouse/migrations.ts';
import { createView, views } from '../../../src/sinks/clickhouse/views.ts';
import { openTestEngine, type TestEngine } from '../../embedded-clickhouse/embedded.ts';
import { sampleChunk } from './sample-rows.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.close());

function optionsOf(database: string, buckets: number, cluster: string | null = null) {
  return { database, buckets, cluster, withAccess: false, clock: systemClock };
}

test('migrations run once, note themselves, and refuse tables of another shape', async () => {
  await using client = createClient({ url: engine.engine.url, password: engine.engine.writeToken });
  const told: number[] = [];
  const options = { ...optionsOf('ads', 1), onMigration: ({ number }: { number: number }) => told.push(number) };
  await migrate(client, options);
  expect(await migrate(client, options)).toEqual([]);
  expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  const ledger = await engine.ask(
    'SELECT number, name, length(checksum) FROM ads.schema_migrations ORDER BY number FORMAT CSV',
  );
  expect(ledger.text).toBe(
    '1,"tables",64\n2,"months",64\n3,"latest",64\n4,"unplanned_spend",64\n5,"other_revenue",64\n6,"conversions_by_type",64\n7,"alert_words",64\n8,"money_at_risk",64\n9,"goals",64\n10,"flight_dates",64\n11,"orders",64\n12,"rollover",64\n13,"advertisers",64\n',
  );
  await expect(migrate(client, { ...options, buckets: 8 })).rejects.toMatchObject({ code: 'SINK_REJECTED' });
  await engine.ask("INSERT INTO ads.schema_migrations VALUES (14, 'forecasts', 'x', 0)");
  const newer = {
    code: 'SINK_REJECTED',
    message: expect.stringContaining('migration 14, this version knows up to 13'),
  };
  await expect(migrate(client, options)).rejects.toMatchObject(newer);
  await expect(engine.sinkAt().check()).rejects.toMatchObject(newer);
});

const clusterShapes = [optionsOf('ads', 1), optionsOf('ads', 8), optionsOf('ads', 8, 'main')];

test('a released migration is what it was: its checksum stands in databases', () => {
  // Migration 1 as version 0.1 ran it. A number here never changes; a new migration is a new line.
  expect(clusterShapes.map((options) => migrationsOf(options).map(({ checksum }) => checksum.slice(0, 16)))).toEqual([
    [
      '1713c86ce6a0adb6',
      '26dd5eb64fb73d8b',
      'df710360b5cfc263',
      '4b2e7ab35e64736a',
      '04bb1a812d52b28b',
      '2de31f5735f6d1e1',
      'b1c5876722cecaf9',
      '3ee99dc0a566a84c',
      '108c2b090aad0260',
      '3b817151f22a6f53',
      '8590c17c7406f078',
      '0afde830b0195bf2',
      'f46edc7a7829ec14',
    ],
    [
      '14cce3908975506b',
      '7cf49f4e56cf92b2',
      'df710360b5cfc263',
      'b875775d446a18ed',
      '38dfa0770a054039',
      '92e3fa75cb65fcec',
      'b1c5876722cecaf9',
      '3ee99dc0a566a84c',
      '108c2b090aad0260',
      '3b817151f22a6f53',
      '4b7cc85d9dba3382',
      '0afde830b0195bf2',
      'f46edc7a7829ec14',
    ],
    [
      '25efd74a4d9904c0',
      '5125e0f5ac6aecf0',
      '632afb11c6691c1c',
      '63e729e208b7f264',
      'cdfc7912df927861',
      '59c1619a15bf4691',
      '3a5f812e8b465a60',
      '83fd55bc5f6fa051',
      'c37ba21156db33d8',
      '965bbf435ae275d9',
      'ecb6067bee37b2a9',
      '4fa7b7b981ef8fdd',
      '938b8e40a9e10e85',
    ],
  ]);
});

test('a migration that is cut off anywhere is repeated, and no row is lost', async () => {
  await using client = createClient({ url: engine.engine.url, password: engine.engine.writeToken });
  const { statements } = migrationsOf(optionsOf('ads_cut', 8))[1];
  const ofLetters = statements.flatMap(({ sql }, index) => (sql.includes('dead_letters') ? [index] : []));
  const sink = createClickHouseSink({
    ...{ url: engine.engine.url, password: engine.engine.writeToken, database: 'ads_cut', buckets: 8 },
    clock: systemClock,
  });
  for (const cut of [...ofLetters, statements.length]) {
    const options = optionsOf('ads_cut', 8);
    await engine.ask('DROP DATABASE IF EXISTS ads_cut SYNC');
    await engine.ask('CREATE DATABASE ads_cut ENGINE = Atomic');
    const [first, second] = migrationsOf(options);
    for (const { sql } of first.statements) await engine.ask(sql);
    const chunk = sampleChunk(deadLetters, 0, 30);
    await sink.deliver([chunk]);
    for (const { sql, onlyIf } of second.statements.slice(0, cut)) {
      if (onlyIf === null || (await engine.ask(onlyIf)).text !== '0\n')
        expect((await engine.ask(sql)).status, sql).toBe(200);
    }
    await migrate(client, options);
    await sink.check();
    const { text } = await engine.ask(
      "SELECT partition_key FROM system.tables WHERE database = 'ads_cut' AND engine LIKE 'Repl%' AND name != 'schema_migrations' AND name NOT LIKE '%_latest'",
    );
    expect(
      text
        .trim()
        .split('\n')
        .map((key) => key.includes('toYYYYMM')),
    ).toEqual(tables.map(() => true));
    expect((await engine.ask('SELECT count() FROM ads_cut.dead_letters FINAL')).text).toBe('30\n');
  }
  await sink.close();
}, 120_000);

test('a part of a server that lacks a migration says which command applies it', async () => {
  const options = optionsOf('ads_old', 1);
  await engine.ask('CREATE DATABASE ads_old ENGINE = Atomic');
  for (const { sql } of migrationsOf(options)[0].statements) await engine.ask(sql);
  const sink = createClickHouseSink({
    ...{ url: engine.engine.url, password: engine.engine.writeToken, database: 'ads_old', buckets: 1 },
    clock: systemClock,
  });
  await expect(sink.check()).rejects.toThrow('lack migration 1 (tables); "paceline migrate" applies it');
  expect(await sink.missingMigrations()).toEqual([
    { number: 1, name: 'tables' },
    { number: 2, name: 'months' },
    { number: 3, name: 'latest' },
    { number: 4, name: 'unplanned_spend' },
    { number: 5, name: 'other_revenue' },
    { number: 6, name: 'conversions_by_type' },
    { number: 7, name: 'alert_words' },
    { number: 8, name: 'money_at_risk' },
    { number: 9, name: 'goals' },
    { number: 10, name: 'flight_dates' },
    { number: 11, name: 'orders' },
    { number: 12, name: 'rollover' },
    { number: 13, name: 'advertisers' },
  ]);
  await sink.migrate();
  await engine.ask('ALTER TABLE ads_old.late_events ADD COLUMN theirs String');
  await sink.check();
  await engine.ask('ALTER TABLE ads_old.late_events DROP COLUMN late_by_ms');
  await expect(sink.check()).rejects.toThrow('table ads_old.late_events lacks the column late_by_ms');
  await sink.close();
});

/** The parser of the real engine; what needs Keeper or users cannot be run by the embedded one. */
async function syntaxErrorOf(statement: string): Promise<string | null> {
  const { status, text } = await engine.ask(`EXPLAIN AST ${statement}`);
  return status === 200 ? null : text;
}

test('every statement for a cluster, and every role and policy, is ClickHouse to its own parser', async () => {
  const options = { database: 'ads', buckets: 8, cluster: 'main' };
  const statements = [
    ...migrationsOf(options).flatMap(({ statements }) => statements.map(({ sql }) => sql)),
    createLedger('ads', 'main'),
    ...views.map((view) => createView(view, 'ads', 'main')),
    ...accessOf(tables, views, tables, options),
    ...accessOf(tables, views, tables, { database: 'ads', cluster: null }),
    ...guardOf('alert_events_leaving_202603_0a1b2c3d', { database: 'ads', cluster: null }),
    ...unguardOf('alert_events_leaving_202603_0a1b2c3d', 'ads'),
  ];
  for (const statement of statements) expect(await syntaxErrorOf(statement), statement).toBeNull();
  expect(await syntaxErrorOf('CREATE ROW POLICY ON x USING')).not.toBeNull();
});

test('a tenant is held to its organization at the table that stores the rows, with or without a cluster', () => {
  for (const [cluster, suffix] of [
    [null, ''],
    ['main', '_local'],
  ] as const) {
    const statements = accessOf(tables, views, tables, { database: 'ads', cluster });
    for (const { name } of tables) {
      const policies = statements.filter((each) => each.includes(` ON ads.${name}${suffix} USING`));
      expect(
        policies.filter((each) => each.includes("org_id = getSetting('SQL_org_id') TO paceline_tenant")),
      ).toHaveLength(1);
      expect(policies.filter((each) => each.endsWith('TO ALL EXCEPT paceline_tenant'))).toHaveLength(1);
      // The table of gold has policies of its own: the view of all times reads with the rights of whoever asks.
      expect(statements.filter((each) => each.includes(` ON ads.gold_${name} USING`))).toHaveLength(2);
      expect(
        statements.filter((each) => / SELECT ON ads\.(gold|all)_/.test(each) && each.includes(`_${name} TO`)),
      ).toHaveLength(2);
    }
    // A tenant that could change it would read anybody's rows: it is the user's, made by a person.
    expect(statements.at(-1)).toContain("SETTINGS readonly = 1 CONST, SQL_org_id = '' CONST TO paceline_tenant");
    expect(statements.join()).not.toMatch(/CHANGEABLE|WRITABLE/);
  }
});

test('the login of a tenant, as the documentation tells it, is ClickHouse to its own parser', async () => {
  const page = readFileSync(new URL('../../../docs/sql.md', import.meta.url), 'utf8');
  const statements = page.match(/^(CREATE USER|GRANT paceline_tenant)[^;]*/gm) ?? [];
  expect(statements).toHaveLength(2);
  for (const statement of statements) expect(await syntaxErrorOf(statement), statement).toBeNull();
  expect(statements[0]).toMatch(/SETTINGS SQL_org_id = 'acme' CONST, readonly = 1 CONST$/);
});

test('all versions of a row meet in one shard and one partition', () => {
  const all = migrationsOf({ database: 'ads', buckets: 8, cluster: 'main' }).flatMap(({ statements }) => statements);
  const sqls = all.map(({ sql }) => sql);
  const of =
    (name: string, ...words: string[]) =>
    (sql: string) =>
      sql.includes(name) && words.every((word) => sql.includes(word));
  for (const { name, key, partitionBy } of tables) {
    expect(
      sqls.filter(of(`ads.${name}_local`, `Distributed(main, ads, ${name}_local, cityHash64(org_id))`)),
    ).toHaveLength(1);
    const partition = `PARTITION BY (cityHash64(org_id) % 8, toYYYYMM(${partitionBy}))`;
    // The first tables were partitioned by week, and came to months by a copy.
    const whole = `ORDER BY (${key.join(', ')})`;
    // Columns may have joined the key since, at its end.
    const grown = sqls.some(of(`ads.${name}_local`, `MODIFY ${whole}`));
    const orders = key.map((_, at) => `ORDER BY (${key.slice(0, at + 1).join(', ')})`);
    const made = sqls.filter(of(`ads.${name}`, '_local', partition));
    expect(made.filter((sql) => (grown ? orders : [whole]).some((order) => sql.includes(order)))).toHaveLength(1);
    expect(key[0]).toBe('org_id');
    expect(key).toContain(partitionBy);
  }
});
