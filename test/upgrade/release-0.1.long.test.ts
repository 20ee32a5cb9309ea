import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createClient } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { campaignMetricsDaily, tables } from '../../src/rows/tables.ts';
import { createClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { openTestEngine } from '../embedded-clickhouse/embedded.ts';
import { sampleChunk } from '../sinks/clickhouse/sample-rows.ts';
import { expectUpgraded } from './expect-upgraded.ts';
import { live, readFixture, runCommand, unpackRelease } from './release.ts';

test('a data directory of 0.1 with rows in its outbox goes on, killed while it is upgraded', async () => {
  using release = unpackRelease();
  const { data } = release;
  const kills = [/"tables.migrating".*"number":2/, /"lane.claimed".*:0"/, /"lane.claimed".*:1"/];
  for (const killAt of kills) {
    const { code, log } = await live(data, { killAt });
    expect(code, log).toBeNull();
  }
  const { code, log } = await live(data);
  expect(code, log).toBe(0);
  expect(existsSync(join(data, 'state.sqlite'))).toBe(true);
  await expectUpgraded(data);
}, 120_000);

test('migrate brings a directory along, and a dry run only says so', async () => {
  using release = unpackRelease();
  const migrate = async (...flags: string[]) => {
    const { code, out } = await runCommand(release.data, 'migrate', ...flags);
    expect(code, out).toBe(0);
    return out;
  };
  const due = [/would apply migration 2 ledger to .*state\.sqlite/, /would apply migration 2 months to .*clickhouse/];
  for (let times = 0; times < 2; times++) {
    const out = await migrate('--dry-run');
    for (const line of due) expect(out).toMatch(line);
  }
  expect(await migrate()).toMatch(/applied migration 2 ledger.*applied migration 2 months/s);
  expect(await migrate('--dry-run')).toMatch(/state\.sqlite is up to date.*clickhouse is up to date/s);
  expect((await live(release.data)).code).toBe(0);
  await expectUpgraded(release.data);
}, 60_000);

test('a state of a newer paceline says why this one cannot go on', async () => {
  using release = unpackRelease();
  rmSync(join(release.data, 'clickhouse'), { recursive: true });
  expect((await live(release.data)).code).toBe(0);
  const db = new DatabaseSync(join(release.data, 'state.sqlite'));
  db.exec('UPDATE format SET number = 99');
  db.close();
  const { code, log } = await live(release.data);
  expect(code).toBe(78);
  expect(log).toContain('has the format 99; this paceline knows');
}, 60_000);

test('the tables that 0.1 made on a server keep their rows and take ours', async () => {
  const engine = await openTestEngine();
  try {
    const statements = readFixture('clickhouse-server.sql')
      .toString('utf8')
      .split(/;\s*(?:\n|$)/);
    for (const statement of statements.filter((text) => text.trim() !== ''))
      expect((await engine.ask(statement)).status, statement).toBe(200);
    const old = createClient({ url: engine.engine.url, password: engine.engine.writeToken, database: 'ads' });
    const row = { org_id: 'acme', campaign_id: 'c', date: '2026-03-01', impressions: '7', version: '3' };
    await old.insert({ table: campaignMetricsDaily.name, format: 'JSONEachRow', values: [row] });
    await old.close();
    const sink = createClickHouseSink({
      ...{ url: engine.engine.url, password: engine.engine.writeToken, buckets: 8 },
      clock: systemClock,
    });
    await expect(sink.check()).rejects.toThrow(/"paceline migrate" (applies|adds) it/);
    await sink.migrate();
    await sink.check();
    for (const table of tables) await sink.deliver([sampleChunk(table, 0, 5)]);
    await sink.close();
    const { text } = await engine.ask(
      "SELECT impressions FROM ads.campaign_metrics_daily FINAL WHERE campaign_id = 'c'",
    );
    expect(text).toBe('7\n');
  } finally {
    await engine.close();
  }
}, 60_000);
