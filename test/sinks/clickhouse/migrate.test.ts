import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { lateEvents, tables } from '../../../src/model/tables.ts';
import { createTable } from '../../../src/sinks/clickhouse/ddl.ts';
import { migrate } from '../../../src/sinks/clickhouse/migrate.ts';
import { openTestEngine, type TestEngine } from './embedded.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.close());

test('migrations run once, note themselves, and refuse tables of another shape', async () => {
  const client = createClient({ url: engine.engine.url, password: engine.engine.writeToken });
  const options = { database: 'ads', tables, buckets: 1, clock: systemClock };
  await migrate(client, options);
  await migrate(client, options);
  const ledger = await engine.ask('SELECT number, name, length(checksum) FROM ads.schema_migrations FORMAT CSV');
  expect(ledger.text).toBe('1,"tables",64\n');
  await expect(migrate(client, { ...options, buckets: 8 })).rejects.toMatchObject({ code: 'SINK_REJECTED' });
  await client.close();
});

test('a cut-off migration is repeated', async () => {
  const client = createClient({ url: engine.engine.url, password: engine.engine.writeToken });
  const options = { database: 'ads_cut', tables, buckets: 8, clock: systemClock };
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
  expect(createTable(lateEvents, { database: 'ads', buckets: 8 })).toContain(
    'PARTITION BY (cityHash64(org_id) % 8, toMonday(log_time))',
  );
});
