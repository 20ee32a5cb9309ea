import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeEventCodec } from '../src/adapters/log/event-codec.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { startEngine } from '../src/app.ts';
import { makeLogger } from '../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../src/control/query-client.ts';
import { systemClock } from '../src/control/system-clock.ts';
import { releasedIds } from '../src/decoders/event-schemas.ts';
import { frameValue } from '../src/events/avro/encode.ts';
import { partitionOfKey } from '../src/model/hash.ts';
import { tables } from '../src/rows/tables.ts';
import { openRecordedLog } from '../src/sources/recorded/recorded-log.ts';
import { compareDirectory, foldDirectory, isExact, printFindings } from './chaos/compare-directory.ts';

// Every kind of bad record between good ones, through the whole embedded engine.
const partitions = 4;
const partitionOf = (org: string) => partitionOfKey(Buffer.from(org), 0, org.length, partitions);
const home = partitionOf('acme');
const start = Date.UTC(2026, 2, 2, 9);
const { encoder } = makeEventCodec('binary');

function click(number: number, fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    event_id: number.toString(16).padStart(32, '0'),
    org_id: 'acme',
    campaign_id: 'spring-sale',
    event_time: start,
    source: 'adserver',
    currency: 'EUR',
    cost_micros: 1_000_000,
    ...fields,
  };
}
const avro = (value: Record<string, unknown>) => encoder.encode('click', value as never);
const json = (value: Record<string, unknown>) => Buffer.from(JSON.stringify({ type: 'click', ...value }));
/** Bytes that mean nothing, the same in every run. */
const noise = (name: string) => createHash('shake256', { outputLength: 300 }).update(name).digest();

/** What our own producers write clicks with. */
const clickId = releasedIds().get('click');

interface Bad {
  readonly name: string;
  readonly value: Uint8Array;
  readonly key?: string;
  readonly partition?: number;
  readonly reason: string;
  readonly detail: RegExp;
  readonly schemaId?: number | undefined;
}

/** An organization that lives elsewhere. */
const stranger = ['a', 'b', 'c', 'd', 'e'].find((org) => partitionOf(org) !== home)!;
const whole = avro(click(100));
const bad: readonly Bad[] = [
  {
    name: 'Avro cut in the middle',
    value: whole.subarray(0, 30),
    reason: 'truncated',
    detail: /ends inside/,
    schemaId: clickId,
  },
  {
    name: 'Avro with more behind it',
    value: Buffer.concat([whole, whole]),
    reason: 'trailing_bytes',
    detail: /bytes follow/,
    schemaId: clickId,
  },
  {
    name: 'an unknown schema id',
    value: frameValue(4_711, whole.subarray(5)),
    reason: 'unknown_schema',
    detail: /4711/,
    schemaId: 4_711,
  },
  {
    name: 'the key of another organization',
    value: avro(click(101)),
    key: 'zeta',
    reason: 'key_mismatch',
    detail: /not the organization "acme"/,
    schemaId: clickId,
  },
  {
    name: 'the wrong partition',
    value: avro(click(102, { org_id: stranger })),
    key: stranger,
    reason: 'wrong_partition',
    detail: /murmur2/,
    schemaId: clickId,
  },
  {
    name: 'an event from the future',
    value: avro(click(103, { event_time: start + 3_600_000 })),
    reason: 'from_the_future',
    detail: /ahead of the lane clock/,
    schemaId: clickId,
  },
  {
    name: 'letters that are not UTF-8',
    value: Buffer.from(json(click(130, { device: 'caf\u00e9' })).toString('utf8'), 'latin1'),
    reason: 'bad_json',
    detail: /not UTF-8/,
  },
  {
    name: 'a report of a counter that does not exist',
    value: json(
      click(131, {
        type: 'performance_report',
        period_start: start - 3_600_000,
        period_end: start,
        counts: { happiness: 7 },
      }),
    ),
    reason: 'unknown_metric',
    detail: /"happiness" is not a counter that a report may name/,
  },
  {
    name: 'a correction of nothing',
    value: json(click(132, { type: 'metric_correction', applies_to: '2026-03-01', deltas: {} })),
    reason: 'bad_field',
    detail: /deltas name no counter/,
  },
  {
    name: 'a ledger version below zero',
    value: json(click(133, { type: 'budget_changed', budget_micros: 1, effective_at: start, ledger_version: -1 })),
    reason: 'bad_field',
    detail: /ledger_version must be not negative/,
  },
  {
    name: 'money as a float',
    value: json(click(104, { cost_micros: 1.5 })),
    reason: 'bad_field',
    detail: /cost_micros must be integer micros, it is 1\.5/,
  },
  {
    name: 'money as text',
    value: json(click(105, { cost_micros: '1.50' })),
    reason: 'bad_field',
    detail: /cost_micros must be integer micros, it is "1\.50"/,
  },
  {
    name: 'money beyond 2^53',
    value: json(click(106, { cost_micros: 2 ** 60 })),
    reason: 'money_out_of_range',
    detail: /cost_micros/,
  },
  {
    name: 'event time in seconds, JSON',
    value: json(click(107, { event_time: start / 1_000 })),
    reason: 'bad_time',
    detail: /event_time .* looks like seconds/,
  },
  {
    name: 'event time in seconds, Avro',
    value: avro(click(108, { event_time: start / 1_000 })),
    reason: 'bad_time',
    detail: /event_time .* looks like seconds/,
    schemaId: clickId,
  },
  {
    name: 'a record of 10 MB',
    value: Buffer.alloc(10_000_000, '{'),
    reason: 'too_large',
    detail: /10000000 bytes, at most 1048576/,
  },
  { name: 'binary noise', value: noise('a'), reason: 'bad_framing', detail: /zero byte/ },
  { name: 'noise that looks like Avro', value: frameValue(2, noise('b')), reason: '*', detail: /./, schemaId: 2 },
  {
    name: 'noise that looks like JSON',
    value: Buffer.concat([Buffer.from('{'), noise('c')]),
    reason: 'bad_json',
    detail: /not UTF-8/,
  },
  { name: 'no value at all', value: new Uint8Array(0), reason: 'empty_value', detail: /no value/ },
];

const shippedConfigDirectory = join(import.meta.dirname, '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });

/** Good and bad records in turn; where `withBad` is false, a tick stands in the place of each bad one. */
async function writeLog(data: string, withBad: boolean): Promise<void> {
  const dir = join(data, 'log');
  const topic = 'ads.events.v1';
  const recorded = await openRecordedLog({
    dir,
    topic,
    partitions,
    mode: 'replayed',
    encoding: 'binary',
    clock: systemClock,
  });
  for (const [index, { value, key = 'acme' }] of bad.entries()) {
    const at = start + 1_000 * index;
    recorded.add(home, at, Buffer.from('acme'), avro(click(index)));
    if (withBad) recorded.add(home, at, Buffer.from(key), value);
    else recorded.add(home, at, null, encoder.encode('tick', {}));
  }
  await recorded.flush();
  await recorded.close();
}

async function run(data: string) {
  const overrides = { data_directory: data, http: { port: 0 }, clickhouse: { port: 0 } };
  const loaded = loadConfig([], { shippedConfigDirectory, overrides });
  const engine = await startEngine(loaded, { version: 'test', clock: systemClock, log, isUntilEnd: true });
  try {
    await engine.drain();
    const rows: Record<string, Record<string, unknown>[]> = {};
    for (const { name, key } of tables)
      rows[name] = rowsOf(
        await askClickHouse(engine.parts.queries!, `SELECT * FROM ${name} FINAL ORDER BY ${key.join(', ')}`),
      );
    const findings = await compareDirectory(data, await foldDirectory(data, { generation: 1 }), {
      endpoint: engine.parts.queries!,
      withBronze: true,
    });
    return { rows, findings };
  } finally {
    await engine.stop();
  }
}

describe('bad records between good ones', () => {
  let directory = '';
  let withBad: Awaited<ReturnType<typeof run>>;
  let without: Awaited<ReturnType<typeof run>>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'paceline-bad-'));
    await writeLog(join(directory, 'bad'), true);
    withBad = await run(join(directory, 'bad'));
    await writeLog(join(directory, 'good'), false);
    without = await run(join(directory, 'good'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each(bad.map((each, index) => ({ ...each, offset: 2 * index + 1 })))(
    '$name becomes a dead letter with its address',
    ({ value, reason, detail, schemaId = -1, offset }) => {
      const found = withBad.rows.dead_letters.filter((row) => Number(row.log_offset) === offset);
      expect(found).toHaveLength(1);
      const [row] = found;
      expect(row).toMatchObject({ topic: 'ads.events.v1', partition: home, schema_id: schemaId });
      expect(Number(row.raw_length)).toBe(value.length);
      expect(row.raw_sha256).toBe(createHash('sha256').update(value).digest('hex'));
      if (reason !== '*') expect(row.reason).toBe(reason);
      expect(row.detail).toMatch(detail);
    },
  );

  test('nothing else became one, and every other row is as if they had never been', () => {
    expect(withBad.rows.dead_letters).toHaveLength(bad.length);
    expect(without.rows.dead_letters).toEqual([]);
    for (const { name } of tables)
      if (name !== 'dead_letters') expect(withBad.rows[name], name).toEqual(without.rows[name]);
    expect(withBad.rows.campaign_metrics_daily).toMatchObject([
      { campaign_id: 'spring-sale', clicks: String(bad.length) },
    ]);
  });

  test('bronze keeps every byte of them, and the oracle agrees', () => {
    expect(isExact(withBad.findings), printFindings(withBad.findings)).toBe(true);
    expect(withBad.findings.bronze.compared).toBe(2 * bad.length);
  });
});
