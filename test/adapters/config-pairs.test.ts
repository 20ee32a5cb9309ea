import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/adapters/settings.ts';
import { ConfigError, formatProblem } from '../../src/control/config/problem.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-pairs-'));
afterAll(() => rmSync(dir, { recursive: true }));

function problemsOf(text: string): string[] {
  const file = join(dir, 'p.yaml');
  writeFileSync(file, text);
  process.env.PACELINE_TEST_WORD = 'postgres://ann@127.0.0.1/db';
  try {
    loadConfig([file], { shippedConfigDirectory: dir });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => formatProblem(problem).replace(`${dir}/`, ''));
  }
}

test.each([
  ['bronze: { catalog: postgres }', 'p.yaml:1:20: bronze.catalog: postgres needs postgres.url'],
  [
    'kafka: { brokers: ["a:1"], sasl: { mechanism: plain } }',
    'p.yaml:1:47: kafka.sasl.mechanism: plain needs kafka.sasl.username',
  ],
  ['kafka: { brokers: ["a:1"], sasl: { mechanism: oauthbearer } }', 'oauthbearer needs kafka.sasl.token_file'],
  ['http: { port: 8123 }', 'clickhouse.port: 8123 is also http.port'],
  ['http: { port: 9000 }\nclickhouse: { port: 9000 }', 'p.yaml:2:21: clickhouse.port: 9000 is also http.port'],
  ['plans: { key_file: a.pem }', 'p.yaml:1:20: plans.key_file: needs plans.root_key'],
  ['registry: { username: ann }', 'p.yaml:1:23: registry.username: needs registry.password'],
  [`redis: { url: "\${env:PACELINE_TEST_WORD}", kind: sentinel }`, 'redis.kind: sentinel needs redis.sentinel_master'],
  [
    `redis: { url: "\${env:PACELINE_TEST_WORD}", cache_url: "\${env:PACELINE_TEST_WORD}" }`,
    'redis.cache_url: must be another server',
  ],
  ['bronze: { catalog: rest }', 'p.yaml:1:20: bronze.catalog: rest needs iceberg_rest.url'],
  [
    'bronze: { warehouse: "gs://b/lake" }',
    'bronze.warehouse: must be a directory or s3://bucket/key, got "gs://b/lake"',
  ],
  ['bronze: { warehouse: "s3:/b/lake" }', 'bronze.warehouse: must be a directory or s3://bucket/key'],
  ['bronze: { warehouse: "s3://" }', 'bronze.warehouse: must be a directory or s3://bucket/key'],
  ['s3: { access_key_id: a }', 'p.yaml:1:22: s3.access_key_id: needs s3.secret_access_key'],
  ['iceberg_rest: { client_id: a }', 'iceberg_rest.client_id: needs iceberg_rest.client_secret'],
  ['kafka: { tls: { enabled: true, cert_file: a.pem } }', 'kafka.tls.cert_file: needs kafka.tls.key_file'],
  ['kafka: { tls: { enabled: true, key_file: a.pem } }', 'kafka.tls.key_file: needs kafka.tls.cert_file'],
  ['kafka: { brokers: ["a"] }', 'p.yaml:1:20: kafka.brokers.0: must be host:port, got "a"'],
  ['kafka: { brokers: ["a:1", "b:70000"] }', 'kafka.brokers.1: must be host:port, with a port from 1 to 65535'],
  ['kafka: { brokers: [5] }', 'kafka.brokers.0: must be text, got 5'],
  ['tiers: { hot_days_of: { rule_evaluation: 40 } }', 'tiers.hot_days_of: rule_evaluation is no table; the tables are'],
  [
    'tiers: { lake_days_of: { silver.impresions: 800 } }',
    'tiers.lake_days_of: silver.impresions is neither an organization nor a table of the lake, which are silver.',
  ],
  ['tiers: { lake_days_of: { rule_evaluations: 800 } }', 'gold.rule_evaluations'],
  ['tiers: { legal_hold: ["north star"] }', 'tiers.legal_hold: "north star" is no name of an organization'],
  ['hello', 'p.yaml:1:1: the file: must be a mapping of settings'],
  ['- a', 'p.yaml:1:1: the file: must be a mapping of settings'],
  ['a: 1\n---\nb: 2', 'p.yaml:2:1: a second document begins here'],
  ['commit: { interval_ms: 5 }', 'p.yaml:1:24: commit.interval_ms: must be integer from 20 to 60000, got 5'],
  ['log: { mode: replay }', 'did you mean "replayed"?'],
])('%s', (text, words) => expect(problemsOf(text).join('\n')).toContain(words));

test('pairs that belong together pass', () => {
  expect(problemsOf(`bronze: { catalog: postgres }\npostgres: { url: "\${env:PACELINE_TEST_WORD}" }`)).toEqual([]);
  expect(problemsOf('http: { port: 0 }\nclickhouse: { port: 0 }')).toEqual([]);
  const tiers =
    '{ hot_days_of: { late_events: 40 }, lake_days_of: { silver.clicks: 40, acme: 50, gold.late_events: 60 } }';
  expect(problemsOf(`tiers: ${tiers}`)).toEqual([]);
});

test('the doors take the first port after that of metrics which the embedded tables do not take', () => {
  expect(problemsOf('{ http: { port: 25001 }, clickhouse: { port: 25002 } }')).toEqual([]);
  expect(
    problemsOf('{ http: { port: 25001 }, clickhouse: { port: 25002 }, serving: { port: 25002 } }').join(),
  ).toContain('25002 is also clickhouse.port');
});
