import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachStack } from '../../scripts/stack/stack.ts';
import type { WholeErasure } from '../../src/adapters/erase-organization.ts';
import { writeGoldLayer, writeSilverLayer } from '../../src/adapters/lake/write-layers.ts';
import type { LoadedConfig } from '../../src/adapters/settings.ts';
import type { Engine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { tables } from '../../src/rows/tables.ts';
import { EngineBench, eventually } from './engine-bench.ts';
import { secretFile, writeSettings } from './server-stage.ts';

// An organization is erased from Kafka's consumers, Redis, PostgreSQL, ClickHouse and the lake, while the engine goes on.
const org = 'acme-marker';
const other = 'bolt';
const marker = 'marker';
const day = 86_400_000;
/** Money may come so late, and its week is closed: gold has it at once. */
const longAgo = Math.floor(Date.now() / day) * day - 20 * day;
const silent = makeLogger({ level: 'silent', clock: systemClock });
const main = join(import.meta.dirname, '../../src/main.ts');
const dieAtStep = join(import.meta.dirname, '../lakehouse/jobs/die-at-step.ts');
let bench: EngineBench;
let loaded: LoadedConfig;
let engine: Engine;
let folders: { readonly lake: string; readonly snapshots: string };
let file: string;
let database: string;
let state: Redis;
let cache: Redis;
let sent = 0;

function record(of: string, fields: Record<string, unknown>) {
  sent += 1;
  const event_id = sent.toString(16).padStart(32, '0');
  const own = { event_id, org_id: of, campaign_id: `${of}-campaign`, source: 'adserver', currency: 'EUR' };
  return { org: of, value: { ...own, ...fields } };
}

const impression = (of: string, campaign_id = `${of}-campaign`) =>
  record(of, { type: 'impression', campaign_id, event_time: Date.now(), cost_micros: 1_000, cost_basis: 'MEDIA' });

const spendOfLongAgo = (of: string) =>
  record(of, {
    ...{ type: 'spend', event_time: longAgo, amount_micros: 5_000_000, basis: 'MEDIA' },
    ...{ period_start: longAgo, period_end: longAgo + day },
  });

function paceline(args: readonly string[], env: Record<string, string> = {}) {
  const words = ['--disable-warning=ExperimentalWarning', main, ...args, '--config', file, '--json'];
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  // The engine is in this process, and goes on meanwhile.
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = execFile(process.execPath, words, options, (_, stdout, stderr) =>
    resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr }),
  );
  return promise;
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Keys of this engine that tell of a text, by what they hold. */
async function keysWith(client: Redis, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const key of await client.keys(`${bench.names.keyPrefix}*`)) {
    const values = await valuesOf(client, key);
    if (key.includes(text) || values.some((value) => value.includes(text))) found.push(key);
  }
  return found;
}

async function valuesOf(client: Redis, key: string): Promise<Buffer[]> {
  switch (await client.type(key)) {
    case 'string':
      return [(await client.getBuffer(key)) ?? Buffer.alloc(0)];
    case 'hash':
      return Object.values(await client.hgetallBuffer(key));
    default:
      return [];
  }
}

/** What a snapshot of the state says: after its magic, records of {length, 13 bytes, zstd}. One may be growing. */
function textOfSnapshot(path: string): Buffer {
  const file = readFileSync(path);
  const texts: Buffer[] = [];
  for (let at = 8; at + 17 <= file.length; ) {
    const end = at + 17 + file.readUInt32LE(at);
    if (end > file.length) break;
    texts.push(zstdDecompressSync(file.subarray(at + 17, end)));
    at = end;
  }
  return Buffer.concat(texts);
}

/** Snapshots that tell of a text. */
function snapshotsWith(text: string): string[] {
  return readdirSync(folders.snapshots, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => textOfSnapshot(path).includes(text));
}

/** Files below a folder that tell of a text; receipts aside. */
function filesWith(folder: string, text: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/erasures'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.includes(text) || readFileSync(path).includes(text));
}

async function asOwner<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function rowsOf(of: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const { name, key } of tables)
    found[name] = await bench.rows(`SELECT * FROM ${name} FINAL WHERE org_id = '${of}' ORDER BY ${key.join(', ')}`);
  return found;
}

interface AuditRow {
  readonly id: string;
  readonly org_id: string | null;
  readonly at: string;
  readonly action: string;
  readonly table_name: string;
  readonly row_key: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly hash: string | null;
}

const audit = () =>
  asOwner(async (client) => {
    const { rows } = await client.query<AuditRow>(
      `SELECT org_id, id::text, at::text, action, table_name, row_key, before::text, after::text,
         encode(sha256(convert_to(after::text, 'UTF8')), 'hex') AS hash FROM paceline.audit_logs ORDER BY id`,
    );
    return rows;
  });

async function addPeople(): Promise<void> {
  await asOwner(async (client) => {
    for (const of of [org, other]) {
      await client.query('INSERT INTO paceline.organizations (id) VALUES ($1) ON CONFLICT DO NOTHING', [of]);
      const { rows } = await client.query<{ id: string }>(
        'INSERT INTO paceline.users (email, name) VALUES ($1, $1) RETURNING id',
        [`ann@${of}.example`],
      );
      await client.query("INSERT INTO paceline.org_memberships (org_id, user_id, role) VALUES ($1, $2, 'admin')", [
        of,
        rows[0].id,
      ]);
    }
  });
}

const conversionOfLongAgo = (of: string) =>
  record(of, { type: 'conversion', event_time: longAgo, conversion_time: longAgo, revenue_micros: 7_000_000 });

/** Too late to count, and told so. */
const lateImpression = (of: string) =>
  record(of, { type: 'impression', event_time: longAgo, cost_micros: 1_000, cost_basis: 'MEDIA' });

beforeAll(async () => {
  bench = await EngineBench.open();
  database = await bench.addDatabase();
  folders = { lake: join(bench.directory, 'lake'), snapshots: join(bench.directory, 'snapshots') };
  const { redisState, redisCache } = attachStack(['redis-state', 'redis-cache']).addresses;
  [state, cache] = [new Redis(redisState.url), new Redis(redisCache.url)];
  const changes = {
    redis: { cache_url: redisCache.url },
    bronze: {
      enabled: true,
      warehouse: folders.lake,
      catalog: 'postgres',
      commit_interval_ms: 1_000,
    },
    tiers: { views: false },
  };
  loaded = bench.load(changes);
  const { config } = loaded;
  const secret = (name: string, text: string | null) => secretFile(bench.directory, name, text ?? '');
  file = writeSettings(join(bench.directory, 'engine.yaml'), {
    data_directory: config.data_directory,
    log: { topic: config.log.topic, partitions: 1 },
    kafka: {
      ...{ brokers: config.kafka.brokers, group_id: config.kafka.group_id },
      ...{ alerts_topic: config.kafka.alerts_topic, dead_letters_topic: config.kafka.dead_letters_topic },
    },
    registry: { url: config.registry.url },
    redis: {
      url: secret('redis-url', redisState.url),
      cache_url: secret('cache-url', redisCache.url),
      key_prefix: config.redis.key_prefix,
    },
    postgres: { url: secret('postgres-url', database) },
    snapshots: { directory: join(bench.directory, 'snapshots'), interval_ms: 1_000 },
    clickhouse: {
      url: config.clickhouse.url,
      password: secret('clickhouse-password', config.clickhouse.password),
      ...{ roles: false, buckets: 1 },
    },
    bronze: changes.bronze,
    tiers: changes.tiers,
    http: { port: 0 },
  });
  await addPeople();
  const both = [org, other];
  await bench.produce(Array.from({ length: 24 }, () => both.map((of) => impression(of))).flat());
  await bench.produce([spendOfLongAgo, conversionOfLongAgo, lateImpression].flatMap((make) => both.map(make)));
  await bench.produce([{ org, value: Buffer.from('{"type":"marker"') }]);
  engine = await bench.start(changes);
  await cache.set(`${bench.names.keyPrefix}cache:answer:${org}/x`, 'marker');
  await cache.set(`${bench.names.keyPrefix}cache:answer:${other}/x`, 'bolt');
  await eventually(async () => {
    await engine.drain();
    expect(await bench.impressions()).toBe(48);
    expect(engine.parts.bronze()?.records ?? 0).toBeGreaterThan(54);
  }, 60_000);
  await writeSilverLayer(config, { isDryRun: false, onProgress: () => {} });
  await writeGoldLayer(config, { isDryRun: false, onProgress: () => {} }, silent);
}, 240_000);
afterAll(async () => {
  state?.disconnect();
  cache?.disconnect();
  await bench?.[Symbol.asyncDispose]();
});

test('an organization goes from every server while the engine works, also when the command is killed', async () => {
  await eventually(() => expect(snapshotsWith(marker).length).toBeGreaterThan(0), 30_000);
  expect((await keysWith(state, marker)).length).toBeGreaterThan(0);
  expect(await keysWith(cache, marker)).toHaveLength(1);
  expect(filesWith(folders.lake, marker).map((path) => path.slice(folders.lake.length + 1).split('/')[0])).toEqual(
    expect.arrayContaining(['bronze', 'silver', 'gold']),
  );
  const auditBefore = await audit();
  expect(JSON.stringify(auditBefore)).toContain(`ann@${org}.example`);
  const others = await rowsOf(other);

  const planned = JSON.parse((await paceline(['erase', org, '--dry-run'])).stdout) as WholeErasure;
  expect(planned).toMatchObject({ closed: null, log: { kind: 'kafka' }, accounts: { org_memberships: 1, users: 1 } });
  const told = planned.lake.map(({ table }) => table);
  expect(told).toEqual(
    expect.arrayContaining(['bronze.events', 'silver.spend', 'silver.days', expect.stringMatching(/^gold\.[a-z_]+_/)]),
  );
  expect(planned.clickhouse.map(({ table }) => table)).toContain('campaign_metrics_daily');

  for (const step of ['waiting for the lane', 'erasing accounts', 'erasing ClickHouse']) {
    const killed = await paceline(['erase', org, '--confirm'], {
      PACELINE_DIE_AT: step,
      NODE_OPTIONS: `--import ${dieAtStep}`,
    });
    expect(killed.signal, `${step}: ${killed.stderr}`).toBe('SIGKILL');
  }
  const run = await paceline(['erase', org, '--confirm', '--wait', '2m']);
  expect(run.code, run.stderr).toBe(0);
  const report = JSON.parse(run.stdout) as WholeErasure;
  expect(report).toMatchObject({ log: { kind: 'kafka', topic: bench.topic, partition: 0, from: 0 }, state: null });

  // Redis, its cache, the snapshots of its state.
  expect(await keysWith(state, `${marker}-campaign`)).toEqual([]);
  expect(await keysWith(cache, marker)).toEqual([]);
  expect(await cache.get(`${bench.names.keyPrefix}cache:answer:${other}/x`)).toBe('bolt');
  await eventually(() => expect(snapshotsWith(`${marker}-campaign`)).toEqual([]), 60_000);

  // ClickHouse and every layer of the lake, each with all of the other's.
  for (const [name, rows] of Object.entries(await rowsOf(org))) {
    const left = (rows as { reason?: string }[]).filter(({ reason }) => reason !== 'organization_closed');
    expect(left, name).toEqual([]);
  }
  // Of the other, what time alone does not change.
  const still = await rowsOf(other);
  for (const name of ['campaign_metrics_daily', 'conversions_daily', 'late_events'])
    expect(still[name], name).toEqual(others[name]);
  expect(filesWith(folders.lake, `${marker}-campaign`)).toEqual([]);
  expect(filesWith(folders.lake, `org_id=${org}`)).toEqual([]);
  for (const layer of ['bronze', 'silver', 'gold'])
    expect(filesWith(join(folders.lake, layer), `org_id=${other}`).length, layer).toBeGreaterThan(0);

  // The receipt, in the lake and in the audit log, of which every row is where it was and can be proved.
  const receipt = JSON.parse(readFileSync(new URL(report.receipt ?? ''), 'utf8')) as WholeErasure;
  expect(receipt).toMatchObject({ org, lake: report.lake, closed: report.closed });
  for (const path of receipt.lake.flatMap(({ files }) => files)) expect(existsSync(new URL(path)), path).toBe(false);
  const auditAfter = await audit();
  for (const row of auditBefore) {
    const now = auditAfter.find(({ id }) => id === row.id);
    expect(now).toMatchObject({ org_id: row.org_id, at: row.at, action: row.action, table_name: row.table_name });
    if (row.org_id === org && row.after !== null)
      expect(JSON.parse(now?.after ?? '{}')).toEqual({ erased: true, sha256: row.hash });
    if (row.org_id === other) expect(now).toEqual(row);
  }
  expect(JSON.stringify(auditAfter)).not.toContain(`ann@${org}.example`);
  expect(auditAfter.filter(({ action, org_id }) => action === 'erased' && org_id === org).length).toBeGreaterThan(0);

  const again = await paceline(['erase', org, '--confirm', '--wait', '2m']);
  expect(again.code, again.stderr).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ lake: [], clickhouse: [], untrusted: 0, cached: 0 });
}, 400_000);

test('what comes after is refused without a byte, and the others are counted on', async () => {
  await bench.produce([impression(org, 'marker-after'), impression(other)]);
  await eventually(async () => {
    await engine.drain();
    const days = await bench.rows(
      `SELECT toInt64(sum(impressions)) AS total FROM campaign_metrics_daily FINAL WHERE org_id = '${other}'`,
    );
    expect(days).toEqual([{ total: '25' }]);
    const letters = await bench.rows(
      `SELECT reason, raw FROM dead_letters FINAL WHERE org_id = '${org}' AND reason = 'organization_closed'`,
    );
    expect(letters).toMatchObject([{ reason: 'organization_closed', raw: '' }]);
  }, 60_000);
  expect(await keysWith(state, 'marker-after')).toEqual([]);
}, 120_000);
