import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { RowWriter } from '../../../src/rows/row-binary.ts';
import { latestTables, type Row, type Table } from '../../../src/rows/tables.ts';
import { createClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.ts';
import { migrationsOf } from '../../../src/sinks/clickhouse/migrations.ts';
import type { OutputChunk } from '../../../src/sinks/sink.ts';
import { openTestEngine, type TestEngine } from '../../embedded-clickhouse/embedded.ts';
import { sampleRow } from './sample-rows.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.close());

const start = Date.UTC(2026, 0, 5);

function sinkOf(database: string) {
  const place = { url: engine.engine.url, password: engine.engine.writeToken, database, buckets: 1 };
  return createClickHouseSink({ ...place, clock: systemClock });
}

/** Rows of three things, `count` a thing, each an hour after the one before. */
function rowsOf(table: Table, from: number, count: number): Row[] {
  return Array.from({ length: count * 3 }, (_, index) => {
    const hour = from + Math.floor(index / 3);
    const evaluated_at = start + hour * 3_600_000;
    const names = { org_id: 'acme', campaign_id: `c-${index % 3}`, flight_id: 'f', fingerprint: `p-${index % 3}` };
    const ids = { alert_id: `a-${index % 3}-${hour}`, as_of: evaluated_at - 60_000, evaluated_at };
    const row = { ...sampleRow(table, index, BigInt(hour)), ...names, ...ids, plan_number: hour };
    return Object.fromEntries(table.columns.map(({ name }) => [name, (row as Row)[name]]));
  });
}

function chunkOf(table: Table, rows: readonly Row[]): OutputChunk {
  const writer = new RowWriter(table);
  for (const row of rows) writer.write(row);
  const taken = writer.take();
  return { lane: 'a', seq: 1, streams: [{ stream: table.name, rows: taken.rows, bytes: taken.bytes }] };
}

const ask = async (sql: string) => {
  const { status, text } = await engine.ask(sql);
  expect(status, text).toBe(200);
  return text;
};

test.each(latestTables)('$name is the newest row of each thing, whatever is said again', async (latest) => {
  const sink = sinkOf('ads');
  await sink.migrate();
  await sink.deliver([chunkOf(latest.of, rowsOf(latest.of, 0, 4))]);
  await sink.deliver([chunkOf(latest.of, rowsOf(latest.of, 4, 3))]);
  // What an outbox sends again after a crash is older than what is there.
  await sink.deliver([chunkOf(latest.of, rowsOf(latest.of, 2, 2))]);
  await sink.close();
  const newest = `SELECT * FROM ads.${latest.of.name} FINAL ORDER BY evaluated_at DESC LIMIT 1 BY ${latest.key}`;
  const wanted = await ask(`SELECT * FROM (${newest}) ORDER BY ${latest.key} FORMAT JSONEachRow`);
  expect(await ask(`SELECT * FROM ads.${latest.name} FINAL ORDER BY ${latest.key} FORMAT JSONEachRow`)).toBe(wanted);
  expect(wanted.match(/"plan_number":6/g)).toHaveLength(3);
});

test('the newest of each alert says what people were told, of those before this was kept that the state says it', async () => {
  const options = { database: 'ads_words', buckets: 1, cluster: null };
  const migrations = migrationsOf(options);
  await ask('CREATE DATABASE ads_words ENGINE = Atomic');
  for (const { name, statements } of migrations)
    if (name !== 'alert_words') for (const { sql } of statements) await ask(sql);
  await ask(
    "INSERT INTO ads_words.alert_events (org_id, alert_id, fingerprint, evaluated_at) VALUES ('acme', 'a', 'f', 1)",
  );
  for (const { sql } of migrations.find(({ name }) => name === 'alert_words')!.statements) await ask(sql);
  const toldOf = () => ask('SELECT told, labels, notified, withheld FROM ads_words.alert_latest FINAL');
  expect(await toldOf()).toBe('as_state\t{}\t1\t\n');
  await ask(
    `INSERT INTO ads_words.alert_events (org_id, alert_id, fingerprint, evaluated_at, told, labels, notified, withheld) VALUES ('acme', 'b', 'f', 2, 'critical', '{"a":"b"}', 0, 'cool_down')`,
  );
  expect(await toldOf()).toBe('critical\t{"a":"b"}\t0\tcool_down\n');
});

test('tables of an older version are filled from what they held, also by a migration that is repeated', async () => {
  const options = { database: 'ads_before', buckets: 1, cluster: null };
  const migrations = migrationsOf(options);
  const latest = migrations.find(({ name }) => name === 'latest')!;
  await ask('CREATE DATABASE ads_before ENGINE = Atomic');
  for (const { statements } of migrations.slice(0, 1)) for (const { sql } of statements) await ask(sql);
  // Rows of today have columns that came later.
  for (const name of ['alert_words', 'money_at_risk', 'goals', 'flight_dates', 'rollover'])
    await ask(migrations.find((each) => each.name === name)!.statements[0].sql);
  for (const later of ['orders', 'advertisers'])
    for (const { sql } of migrations.find(({ name }) => name === later)!.statements)
      if (sql.startsWith('ALTER TABLE ads_before.alert_events')) await ask(sql);
  const sink = sinkOf('ads_before');
  for (const { of } of latestTables) await sink.deliver([chunkOf(of, rowsOf(of, 0, 5))]);
  // Cut off in its middle, then from its start.
  for (const { sql } of latest.statements.slice(0, 3)) await ask(sql);
  await sink.migrate();
  await sink.close();
  for (const { name } of latestTables)
    expect(await ask(`SELECT plan_number, count() FROM ads_before.${name} FINAL GROUP BY plan_number`)).toBe('4\t3\n');
});

test('the history of a period looks 31 days back and no further, and shows one organization', async () => {
  const sink = sinkOf('history');
  await sink.migrate();
  const { of } = latestTables.find(({ name }) => name === 'alert_latest')!;
  const day = 86_400_000;
  const rows = [-40, -20, -1, 1, 2].flatMap((days) =>
    ['acme', 'globex'].map((org_id, index) => {
      const at = start + days * day;
      const names = { org_id, fingerprint: 'p', alert_id: `a${days + 50}`, as_of: at, evaluated_at: at };
      return { ...rowsOf(of, 0, 1)[index], ...names } as Row;
    }),
  );
  await sink.deliver([chunkOf(of, rows)]);
  await sink.close();
  const history = (since: string, until: string) =>
    ask(
      `SELECT org_id, alert_id, state_before_ms FROM history.v_org_alert_history(org = 'acme', since = '${since}', until = '${until}') ORDER BY evaluated_at FORMAT TSV`,
    );
  expect(await history('2026-01-04 00:00:00', '2026-01-07 00:00:00')).toBe(
    `acme\ta49\t${19 * day}\nacme\ta51\t${2 * day}\n`,
  );
  expect(await history('2025-12-10 00:00:00', '2026-01-01 00:00:00')).toBe(`acme\ta30\t${20 * day}\n`);
  expect(await history('2026-01-01 00:00:00', '2026-01-05 00:00:00')).toBe(`acme\ta49\t${19 * day}\n`);
});
