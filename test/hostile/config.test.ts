// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileProblems } from '../../src/adapters/config-files.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { ConfigError, formatProblem } from '../../src/control/config/problem.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-config-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** What `check` says of a configuration; empty = all good. */
function check(text: string): string[] {
  const file = join(dir, 'p.yaml');
  writeFileSync(file, text);
  const plain = (problems: ConfigError['problems']) =>
    problems.map((problem) => formatProblem(problem).replaceAll(`${dir}/`, ''));
  try {
    const { config, origins } = loadConfig([file], { shippedConfigDirectory: dir });
    return plain(fileProblems(config, origins).problems);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return plain(error.problems);
  }
}

process.env.PACELINE_TEST_SECRET = '/root';
process.env.PACELINE_TEST_REDIS = 'redis://:100%@h:1';
process.env.PACELINE_TEST_POSTGRES = 'postgres://ann:50%zz@h:1/db';

test.each([
  // References that are none, which would be taken as they stand.
  ['data_directory: ${HOME}/data', '1:17: ${HOME} is no reference: write ${env:HOME}'],
  ['data_directory: ${env:HOME', '1:17: ${env:HOME is never closed'],
  ['data_directory: "${file:/run/x"', '1:17: ${file:/run/x is never closed'],
  [
    'data_directory: ~/data',
    '1:17: ~ is a word of shells and would be a directory of that name: write ${env:HOME}/data',
  ],
  ['plans: { rules: "~ann/rules" }', '1:17: ~ is a word of shells and would be a directory of that name'],
  ['data_directory: ${HOME:-/x}', '1:17: ${HOME:-/x} is no reference: write ${env:NAME}'],
  ['data_directory: ${vault:a/b}', '1:17: ${vault:a/b} is no reference'],
  ['data_directory: ${file:/nowhere}', '1:17: there is no /nowhere'],
  ['data_directory: ${file:/tmp}', '1:17: /tmp is a folder, not a file'],
  ['http: { port: ${env:PORT} }', '1:15: inside { } and [ ] put a reference between quotes: "${env:NAME}"'],
  // Truths of YAML 1.1, numbers that are none.
  ['bronze: { enabled: yes }', '1:20: bronze.enabled: must be boolean, got "yes"; did you mean "true"?'],
  ['bronze: { enabled: Off }', '1:20: bronze.enabled: must be boolean, got "Off"; did you mean "false"?'],
  ['http: { port: .inf }', '1:15: http.port: must be integer from 0 to 65535, got Infinity'],
  ['http: { port: 8_686 }', '1:15: http.port: must be integer from 0 to 65535, got "8_686"'],
  ['commit: { interval_ms: 1m30s }', '1:24: commit.interval_ms: must be integer from 20 to 60000, got "1m30s"'],
  // Shapes.
  ['http: {port: 8686', '1:18: a { or [ before this is not closed'],
  ['http.port: 1', '1:1: unknown setting "http.port"; settings are nested: write http: { port: … }'],
  ['http:\n\tport: 1', '2:1: YAML indents with spaces'],
  ['"htt\\u0070": { port: 1 }\nhttp: {}', '2:1: key "http" stands here twice'],
  // Names and addresses that nobody can use.
  ['log: { topic: ".." }', '1:15: log.topic: must be 1 to 249 of'],
  ['http: { host: "not a host!" }', '1:15: http.host: must be a host name or an address'],
  ['http: { host: 999.1.1.1 }', '1:15: http.host: must be a host name or an address'],
  ['registry: { url: "h:8081" }', '1:18: registry.url: must be a URL that begins with http://'],
  ['alertmanager: { urls: ["http://a:1", "a:2"] }', '1:38: alertmanager.urls.1: must be a URL that begins with'],
  ['kafka: { brokers: ["a"] }', '1:20: kafka.brokers.0: must be host:port, got "a"'],
  ['redis: { url: "${env:PACELINE_TEST_SECRET}" }', '1:15: redis.url must begin with redis://'],
  ['redis: { url: "${env:PACELINE_TEST_REDIS}" }', '1:15: redis.url must begin with redis://'],
  ['postgres: { url: "${env:PACELINE_TEST_SECRET}" }', '1:18: postgres.url must begin with postgres://'],
  ['postgres: { url: "${env:PACELINE_TEST_POSTGRES}" }', '1:18: postgres.url must begin with postgres://'],
  ['"ht\\e[2Jtp\\u202e": 1', '1:1: unknown setting "ht\\u001b[2Jtp\\u202e"; known here'],
  // What excludes each other.
  ['kafka: { alerts_topic: ads.events.v1 }', '1:24: kafka.alerts_topic: ads.events.v1 is also log.topic'],
  [
    'kafka: { alerts_topic: x, dead_letters_topic: x }',
    '1:47: kafka.dead_letters_topic: x is also kafka.alerts_topic; each needs a topic of its own',
  ],
  ['serving: { enabled: true, tls: { cert_file: a.pem } }', '1:45: serving.tls.cert_file: needs serving.tls.key_file'],
])('%s', (text, message) => {
  const problems = check(text);
  expect(problems).toEqual([expect.stringContaining(`p.yaml:${message}`)]);
  expect(problems.join()).not.toMatch(/ENOENT|Invalid|100%|50%/);
});

test('what people mean is read', () => {
  expect(check('%YAML 1.2\n---\n"http": { "port": 0x21EE, host: "::1" }\nlog: { topic: a..b }\n')).toEqual([]);
  expect(check('data_directory: "a b/${env:PACELINE_TEST_SECRET}/${env:NOWHERE:-c}/$x"\n')).toEqual([]);
});
