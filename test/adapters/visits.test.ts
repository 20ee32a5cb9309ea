import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openTablesForReading } from '../../src/adapters/log/visits.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { embeddedTablesDirectory, openEmbeddedTables } from '../../src/adapters/tables.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';

const data = mkdtempSync(join(tmpdir(), 'paceline-visits-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const { config } = loadConfig([], { shippedConfigDirectory, overrides: { data_directory: data } });
const context = { clock: systemClock, log: makeLogger({ level: 'silent', clock: systemClock }) };

test('a directory without a log and without tables holds no data', async () => {
  await expect(openTablesForReading(config, context)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('holds no data of paceline yet'),
  });
});

test('tables are opened where there is no log of ours, as beside an engine that reads Kafka', async () => {
  const place = { dir: embeddedTablesDirectory(data), port: 0, readers: null };
  await (await openEmbeddedTables(place, context)).close();
  const { endpoint, close } = await openTablesForReading(config, context);
  const answer = await askClickHouse(endpoint, 'SELECT count() AS days FROM campaign_metrics_daily FINAL');
  await close();
  expect(rowsOf(answer as never)).toMatchObject([{ days: expect.anything() }]);
}, 60_000);
