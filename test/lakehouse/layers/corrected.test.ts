import { afterAll, expect, test } from 'vitest';
import { queryLake } from '../../../src/adapters/lake/query-lake.ts';
import { writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { makeEventCodec } from '../../../src/adapters/log/event-codec.ts';
import { foldCorrected } from './corrected-fold.ts';
import { SilverWorld } from './silver-world.ts';
import { silent } from './worked-directory.ts';

const folder = process.cwd();
afterAll(() => process.chdir(folder));

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const seed = 35;

test(`corrected silver is events and the corrections of them, as a fold of the log has it (seed ${seed})`, async () => {
  using world = await SilverWorld.make({ seed, days: 2, encoding: 'binary' });
  const clock = (await world.closedThrough()) + hourMs;
  const day = Math.floor(clock / dayMs) * dayMs - dayMs;
  const { encoder } = makeEventCodec('binary');
  let sent = 0;
  const record = (kind: 'spend' | 'metric_correction' | 'impression' | 'tick', fields: Record<string, unknown>) => {
    const event = {
      event_id: Buffer.alloc(16, ++sent),
      org_id: 'views',
      campaign_id: 'c',
      event_time: day,
      source: 'dsp',
    };
    return {
      partition: 0,
      logTimeMs: clock + sent,
      key: 'views',
      value: encoder.encode(kind, { ...event, ...fields }),
    };
  };
  const money = { currency: 'EUR', basis: 'MEDIA' };
  const report = (from: number, hours: number, amount: number, seq: number, cumulative = true) =>
    record('spend', {
      ...{ ...money, cumulative, amount_micros: amount, source_seq: seq },
      ...{ period_start: day + from * hourMs, period_end: day + (from + hours) * hourMs, as_of: day + 30 * hourMs },
    });
  await world.append([
    // An addition, an hour that is said twice, the day that holds both, and a word about the hour that comes too late.
    ...[
      report(1, 1, 5, 1, false),
      report(2, 1, 70, 2),
      report(2, 1, 80, 3),
      report(0, 12, 1_000, 4),
      report(2, 1, 90, 5),
    ],
    // Outside of it.
    ...[report(13, 1, 11, 6, false), report(14, 1, 22, 7), report(14, 1, 21, 6)],
    record('impression', { ...money, batch_count: 5 }),
    record('metric_correction', { applies_to: day / dayMs, deltas: { impressions: -7, clicks: 2 }, reason: '' }),
    record('metric_correction', { applies_to: day / dayMs, deltas: { impressions: 1, unheard_of: 2 }, reason: '' }),
    ...[0, 1].map((partition) => ({ ...record('tick', {}), partition, key: null, logTimeMs: clock + 2 * dayMs })),
  ]);
  await writeSilverLayer(world.config, { isDryRun: false, onProgress: () => {} });
  const expected = foldCorrected(await world.expected());
  expect(expected.overlapping).toBe(0);
  const text = new Date(day).toISOString().slice(0, 10);
  expect(expected.spend.get(`views/c/${text}/EUR/dsp/MEDIA`)).toEqual([1_033, 0]);
  expect(expected.counters.get(`views/c/${text}/impressions`)).toEqual([5, -7]);

  const ask = async (sql: string) => (await queryLake(world.config, { sql, atMs: null }, silent)).rows ?? [];
  const counters = await ask(
    'SELECT org_id, campaign_id, date, counter, from_events, from_corrections, value FROM silver.corrected_counters',
  );
  const found = new Map(counters.map((row) => [row.slice(0, 4).join('/'), [Number(row[4]), Number(row[5])]]));
  expect(found).toEqual(expected.counters);
  for (const row of counters) expect(Number(row[6])).toBe(Number(row[4]) + Number(row[5]));
  const spend = await ask(
    `SELECT org_id, campaign_id, date, currency, ifNull(source, ''), ifNull(basis, ''), reported_micros, adjustment_micros, spend_micros
     FROM silver.corrected_spend`,
  );
  expect(new Map(spend.map((row) => [row.slice(0, 6).join('/'), [Number(row[6]), Number(row[7])]]))).toEqual(
    expected.spend,
  );
  for (const row of spend) expect(Number(row[8])).toBe(Number(row[6]) + Number(row[7]));
  expect(expected.spend.size).toBeGreaterThan(10);
}, 180_000);
