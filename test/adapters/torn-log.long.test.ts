import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/adapters/settings.ts';
import { type EngineOptions, startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';

// The end of the log of an embedded engine is lost: by a crash, or by the disk after it was acknowledged.
const data = mkdtempSync(join(tmpdir(), 'paceline-torn-'));
const partition = join(data, 'log', 'ads.events.v1', '0');
const log = makeLogger({ level: 'silent', clock: systemClock });
afterAll(() => rmSync(data, { recursive: true, force: true }));

async function start(options: Partial<EngineOptions> = {}) {
  const overrides = {
    data_directory: data,
    log: { partitions: 1 },
    http: { port: 0 },
    clickhouse: { port: 0 },
    serving: { port: 0 },
    bronze: { enabled: false },
  };
  const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
  return await startEngine(loadConfig([], { shippedConfigDirectory, overrides }), {
    version: 'test',
    clock: systemClock,
    log,
    ...options,
  });
}

type Engine = Awaited<ReturnType<typeof start>>;

let ids = 0;

async function click(engine: Engine): Promise<void> {
  ids += 1;
  const event_id = ids.toString(16).padStart(32, '0');
  const about = { event_id, org_id: 'acme', campaign_id: 'c1', event_time: Date.now(), source: 'adserver' };
  const value = { type: 'click', ...about, currency: 'EUR', cost_micros: 1_000 };
  const { log: records } = engine.parts.producer!;
  records.add(0, Date.now(), Buffer.from('acme'), Buffer.from(JSON.stringify(value)));
  await records.flush();
}

async function clicksOf(engine: Engine): Promise<number> {
  const sql = 'SELECT toInt32(sum(clicks)) AS clicks FROM campaign_metrics_daily FINAL';
  const [{ clicks }] = rowsOf(await askClickHouse(engine.parts.queries!, sql)) as [{ clicks: number }];
  return clicks;
}

function segment(): string {
  const [name] = readdirSync(partition).filter((each) => each.endsWith('.seg'));
  return join(partition, name);
}

test('a torn end is cut off and told; a lost end halts its lane, whatever comes after it, until a new generation', {
  timeout: 60_000,
}, async () => {
  const first = await start();
  for (let n = 0; n < 5; n++) await click(first);
  await first.drain();
  await first.stop();
  const whole = readFileSync(segment());
  writeFileSync(segment(), Buffer.concat([whole, Buffer.from('half a frame')]));
  const second = await start();
  expect(await second.metrics.print()).toMatch(/paceline_log_torn_total 1\n/);
  await click(second);
  await second.drain();
  expect(await clicksOf(second)).toBe(6);
  await second.stop();
  // Now a record that was acknowledged, and counted.
  const written = readFileSync(segment());
  written[written.length - 1] ^= 0xff;
  writeFileSync(segment(), written);
  for (const _ of ['as it starts', 'when others stand in its place']) {
    const third = await start();
    await vi.waitFor(() => expect(third.parts.whyNotReady()).toMatch(/waits \(halted\): .*(was cut|holds)/), 10_000);
    for (let n = 0; n < 3; n++) await click(third);
    await third.stop();
  }
  const last = await start({ isNewGeneration: true });
  await last.drain();
  // Five of the first engine and six of the third; that of the second is lost, or a tick behind it was.
  expect(await clicksOf(last)).toBeGreaterThanOrEqual(11);
  expect(readdirSync(partition).filter((name) => name.endsWith('.torn'))).toHaveLength(2);
  await last.stop();
});
