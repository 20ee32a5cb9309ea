import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { openRecordedLog } from '../../src/sources/recorded/recorded-log.ts';

// A sector of the disk goes bad under the log of an embedded engine.
const dir = mkdtempSync(join(tmpdir(), 'paceline-damaged-'));
const data = join(dir, 'data');
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const topic = 'ads.events.v1';
afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeAll(async () => {
  mkdirSync(join(data, 'log'), { recursive: true });
  const where = { dir: join(data, 'log'), topic, partitions: 1, mode: 'live', encoding: 'binary' } as const;
  const written = await openRecordedLog({ ...where, clock: systemClock });
  const { encoder } = makeEventCodec('binary');
  for (let n = 0; n < 6; n++) {
    const event_time = Date.now();
    const about = {
      org_id: 'acme',
      campaign_id: 'c1',
      source: 'adserver',
      event_time,
      produced_at: event_time,
      test: false,
    };
    const click = { ...about, event_id: Buffer.alloc(16, n + 1), currency: 'EUR', cost_micros: 1_000 + n };
    await written.append(0, Buffer.from('acme'), encoder.encode('click', click));
  }
  await written.close();
  const [name] = readdirSync(join(data, 'log', topic, '0'));
  const path = join(data, 'log', topic, '0', name);
  const bytes = readFileSync(path);
  // Of six frames of a size the third and the fourth.
  bytes.fill(0xee, Math.floor(bytes.length / 3), Math.floor((2 * bytes.length) / 3));
  writeFileSync(path, bytes);
});

async function run<T>(
  on_damaged_batch: 'report' | 'stop',
  look: (ask: (sql: string) => Promise<unknown[]>) => Promise<T>,
) {
  const overrides = {
    data_directory: data,
    http: { port: 0 },
    clickhouse: { port: 0 },
    serving: { port: 0 },
    log: { on_damaged_batch },
  };
  const loaded = loadConfig([], { shippedConfigDirectory, overrides });
  const engine = await startEngine(loaded, { version: 'test', clock: systemClock, log, isUntilEnd: true });
  try {
    await engine.drain();
    expect(await engine.metrics.print()).toMatch(/paceline_records_lost_total\{[^}]*\} 2/);
    expect(engine.parts.bronze()?.records).toBe(5);
    return await look(async (sql) => rowsOf(await askClickHouse(engine.parts.queries!, sql)));
  } finally {
    await engine.stop();
  }
}

test('"stop": the run ends at the damage and says where', { timeout: 60_000 }, async () => {
  await expect(run('stop', async () => {})).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    message: expect.stringContaining('(offset 2)'),
  });
});

test('"report": one dead letter with its range, counted as lost, and all else is exact', {
  timeout: 60_000,
}, async () => {
  await run('report', async (ask) => {
    expect(await ask('SELECT clicks, spend_micros FROM campaign_metrics_daily FINAL')).toEqual([
      { clicks: '4', spend_micros: '4010' },
    ]);
    const letters = await ask('SELECT reason, log_offset, detail FROM dead_letters FINAL');
    expect(letters).toEqual([
      {
        reason: 'damaged_batch',
        log_offset: '2',
        detail: expect.stringContaining('offsets 2 to 3 cannot be read'),
      },
    ]);
  });
});
