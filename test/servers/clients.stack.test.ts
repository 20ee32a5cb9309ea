import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { examples } from '../../scripts/events-doc/examples.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { dayMs } from '../../src/model/time.ts';
import { pythonWithKafka, runToEnd } from './clients/python.ts';
import { EngineBench, eventually, impression } from './engine-bench.ts';
import { paceline, writeSettings } from './server-stage.ts';

// Clients that are not ours, on librdkafka: confluent-kafka for Python with its Avro serializer, and kcat.
const root = join(import.meta.dirname, '../..');
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'paceline-clients-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The example of docs/events.md that holds `sign`, for the servers of this test. */
function exampleWith(bench: EngineBench, sign: string): string {
  const page = readFileSync(join(root, 'docs/events.md'), 'utf8');
  const blocks = [...page.matchAll(/```(?:python|sh)\n([\s\S]*?)```/g)].map(([, text]) => text);
  const text = blocks.find((block) => block.includes(sign));
  if (text === undefined) throw new Error(`docs/events.md has no example with ${sign}`);
  const { name } = bench.names;
  const { registry, kafka } = bench.stack.addresses;
  return text
    .replaceAll('http://localhost:8081', registry.url)
    .replaceAll('localhost:9092', kafka.plaintext)
    .replaceAll('ads.events.v1', `${name}.events`)
    .replaceAll('ads.alerts.v1', `${name}.alerts`)
    .replaceAll('ads.dead-letters.v1', `${name}.dead-letters`)
    .replaceAll('alert-reader', `${name}.reader`)
    .replaceAll('consumer.poll(20)', 'consumer.poll(8)');
}

/** An example of docs/events.md as if it had happened yesterday. */
function recent(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const days = Math.floor(Date.now() / dayMs) - 1 - Math.floor(Date.UTC(2026, 2, 2) / dayMs);
  const dates = ['applies_to', 'start_local', 'end_local'];
  const moved = ([name, value]: [string, unknown]): [string, unknown] => {
    if (typeof value !== 'number') return [name, value];
    if (dates.includes(name)) return [name, value + days];
    return [name, value > 1e12 ? value + days * dayMs : value];
  };
  return Object.fromEntries(Object.entries(fields).map(moved));
}

/** Rows of a table as a consumer of its topic has them, in one order. */
function sorted(rows: readonly string[]): string[] {
  return [...rows].sort();
}

test('what confluent-kafka sends with its Avro serializer counts exactly: all kinds, codecs, transactions', async ({
  skip,
}) => {
  const python = pythonWithKafka();
  if (python === null) return skip('python3 is missing, so confluent-kafka was NOT tried');
  await using bench = await EngineBench.open(2);
  const engine = await bench.start();
  const job = {
    codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    each: 3_000,
    impression: { ...recent(examples.impression), batch_count: 2 },
    events: Object.entries(examples)
      .filter(([kind]) => kind !== 'impression')
      .map(([kind, fields]) => ({ kind, fields: recent(fields) })),
  };
  const path = join(directory, 'events.json');
  writeFileSync(path, JSON.stringify(job));
  const script = join(import.meta.dirname, 'clients', 'produce_events.py');
  const { kafka, registry } = bench.stack.addresses;
  runToEnd(python, [script, kafka.plaintext, registry.url, bench.topic, path]);
  // Five codecs and the transaction that was committed; a report of the examples says 18,200, a correction -120.
  const sent = 2 * job.each * (job.codecs.length + 1);
  const counted =
    'SELECT toInt32(sum(impressions)) AS impressions, toInt32(sum(clicks)) AS clicks FROM campaign_metrics_daily FINAL';
  await eventually(async () => {
    await engine.drain();
    expect(await bench.rows(counted)).toEqual([{ impressions: sent + 18_200 - 120, clicks: 1 + 96 }]);
  });
  expect(engine.status()).toMatchObject({ dead_letters: 0, failure: null });
  expect(await bench.rows('SELECT reason, detail FROM dead_letters FINAL')).toEqual([]);
});

test.for(['avro', 'json'] as const)(
  'a Python consumer reads the results as %s, each row of the tables',
  async (format, { skip }) => {
    const python = pythonWithKafka();
    if (python === null) return skip('python3 is missing, so confluent-kafka was NOT tried');
    await using bench = await EngineBench.open(2, { log: { mode: 'replayed' }, kafka: { results_format: format } });
    const config = writeSettings(join(directory, `${format}.yaml`), {
      log: { topic: bench.topic, partitions: 2, mode: 'replayed' },
      kafka: { brokers: [bench.stack.addresses.kafka.plaintext], group_id: bench.names.name },
      registry: { url: bench.stack.addresses.registry.url },
    });
    const simulated = join(directory, `simulated-${format}`);
    await paceline(
      'simulate',
      '--out',
      simulated,
      '--seed',
      '3',
      '--days',
      '1',
      '--campaigns',
      '6',
      '--partitions',
      '2',
    );
    await paceline('produce', simulated, '--topic', eventsTopic, '--config', config);
    const engine = await bench.start({}, { isUntilEnd: true });
    await engine.drain();
    await engine.stop();
    const file = join(directory, `read-${format}.py`);
    writeFileSync(file, exampleWith(bench, 'AvroDeserializer'));
    const lines = runToEnd(python, [file]).trim().split('\n');
    const read = lines.map((line) => {
      const [topic, key, ...json] = line.split(' ');
      return { topic, key, record: JSON.parse(json.join(' ')) as Record<string, unknown> };
    });
    const of = (suffix: string) => read.filter(({ topic }) => topic === `${bench.names.name}.${suffix}`);
    const alerts = await bench.rows('SELECT org_id, alert_id, from_state, to_state FROM alert_events FINAL');
    const letters = await bench.rows(
      'SELECT org_id, toInt32(log_offset) AS log_offset, reason FROM dead_letters FINAL',
    );
    expect(Math.min(alerts.length, letters.length)).toBeGreaterThan(3);
    const alertsRead = of('alerts').map(
      ({ key, record }) => `${key} ${record.alert_id} ${record.from_state} ${record.to_state}`,
    );
    expect(sorted(alertsRead)).toEqual(
      sorted(alerts.map((row) => `${row.org_id} ${row.alert_id} ${row.from_state} ${row.to_state}`)),
    );
    const lettersRead = of('dead-letters').map(({ key, record }) => `${key} ${record.log_offset} ${record.reason}`);
    expect(sorted(lettersRead)).toEqual(sorted(letters.map((row) => `${row.org_id} ${row.log_offset} ${row.reason}`)));
  },
);

test('the kcat example of docs/events.md sends a click that counts and reads what was refused', async ({ skip }) => {
  if (spawnSync('kcat', ['-V']).status !== 0)
    return skip('kcat is missing (apt-get install kcat), so it was NOT tried; librdkafka was, by confluent-kafka');
  await using bench = await EngineBench.open(8);
  const engine = await bench.start();
  await bench.produce([impression('acme', 2), { org: 'acme', value: Buffer.from('{"type":"click"}') }]);
  await eventually(async () => {
    await engine.drain();
    expect(engine.status().dead_letters).toBe(1);
  });
  const read = runToEnd('bash', ['-ec', exampleWith(bench, 'kcat -P')])
    .trim()
    .split('\n');
  expect(read).toHaveLength(1);
  const [, key, json] = /^(\S+) (.*)$/.exec(read[0]) ?? [];
  expect(key).toBe('acme');
  expect(JSON.parse(json)).toMatchObject({ org_id: 'acme', topic: bench.topic, reason: expect.any(String) });
  await eventually(async () => {
    await engine.drain();
    const clicks = await bench.rows('SELECT toInt32(sum(clicks)) AS clicks FROM campaign_metrics_daily FINAL');
    expect(clicks).toEqual([{ clicks: 1 }]);
  });
  // librdkafka's default partitioner is another: what it puts elsewhere is refused, and says so.
  const orgs = Array.from({ length: 24 }, (_, index) => `org-${index}`);
  const values = orgs.map((org) => `${org}|${JSON.stringify({ ...impression(org).value, campaign_id: 'other' })}`);
  const { kafka } = bench.stack.addresses;
  runToEnd('kcat', ['-P', '-b', kafka.plaintext, '-t', bench.topic, '-K', '|'], values.join('\n'));
  await eventually(async () => {
    await engine.drain();
    const [{ counted }] = await bench.rows(
      "SELECT toInt32(count()) AS counted FROM campaign_metrics_daily FINAL WHERE campaign_id = 'other'",
    );
    const refused = await bench.rows("SELECT reason FROM dead_letters FINAL WHERE reason != 'bad_field'");
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['wrong_partition']));
    expect(Number(counted) + refused.length).toBe(orgs.length);
  });
});
