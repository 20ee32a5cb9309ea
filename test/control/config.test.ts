// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
import { expect, test } from 'vitest';
import { loadConfig, settingsSchema } from '../../src/adapters/settings.ts';
import { ConfigError } from '../../src/control/config/problem.ts';

function load(files: Record<string, string>, env: Record<string, string> = {}, overrides = {}) {
  const readFile = (path: string): string => {
    if (!Object.hasOwn(files, path)) throw new Error('ENOENT');
    return files[path];
  };
  const named = Object.keys(files).filter((name) => name.endsWith('.yaml'));
  return loadConfig(named, { world: { env, readFile }, overrides, shippedConfigDirectory: '/shipped' });
}

function problemsOf(files: Record<string, string>, env: Record<string, string> = {}): string[] {
  try {
    load(files, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('an empty file means the defaults', () => {
  const { config } = load({ '/etc/p.yaml': '' });
  expect(config.http).toEqual({ host: '127.0.0.1', port: 8686, token: null });
  expect(config.plans.rules).toBe('/shipped/rules');
});

test('every mistake is named at once, with its place and the nearest known key', () => {
  const text = 'htpp: 1\nhttp:\n  prot: 8686\n  host: 3\nlog: {partitions: 0, encoding: binray}\ncommit: fast\n';
  expect(problemsOf({ 'p.yaml': text })).toEqual([
    'p.yaml:1:1: unknown setting "htpp"; did you mean "http"?',
    'p.yaml:3:3: unknown setting "http.prot"; did you mean "port"?',
    'p.yaml:4:9: http.host: must be string, got 3',
    'p.yaml:5:19: log.partitions: must be integer from 1 to 1024, got 0',
    'p.yaml:5:32: log.encoding: must be binary | jsonl, got "binray"; did you mean "binary"?',
    'p.yaml:6:9: commit: must be a mapping of settings',
  ]);
});

test('syntax errors and duplicate keys have a place', () => {
  expect(problemsOf({ 'p.yaml': 'http:\n  port: [1\n' })[0]).toMatch(/^p\.yaml:3:1: /);
  expect(problemsOf({ 'p.yaml': 'http: {}\nhttp: {}\n' })[0]).toBe('p.yaml:2:1: key "http" stands here twice');
});

test('at most twenty problems are spelt out', () => {
  const text = Array.from({ length: 30 }, (_, i) => `wrong_key_${i}: 1`).join('\n');
  const lines = problemsOf({ 'p.yaml': text });
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('and 10 more');
});

test('later files win, setting by setting, and paths start at their own file', () => {
  const { config, origins } = load({
    '/a/base.yaml': 'http:\n  port: 1000\n  host: 0.0.0.0\ndata_directory: store\n',
    '/b/local.yaml': 'http:\n  port: 2000\nclickhouse:\n',
  });
  expect(config.http.port).toBe(2000);
  expect(config.http.host).toBe('0.0.0.0');
  expect(config.data_directory).toBe('/a/store');
  expect(origins.get('http.port')).toEqual({ file: '/b/local.yaml', line: 2, column: 9 });
});

test('flags win over files', () => {
  expect(load({ '/a/p.yaml': 'data_directory: x' }, {}, { data_directory: '/flag' }).config.data_directory).toBe(
    '/flag',
  );
});

test('references are expanded in scalars only, after parsing', () => {
  const env = { PORT: '9000', EVIL: 'x\nhttp:\n  port: 1', TEXT: '12' };
  const files = {
    'p.yaml': 'http:\n  port: ${env:PORT}\nlog:\n  partitions: ${env:NONE:-4}\ndata_directory: "/d/${env:EVIL}"\n',
  };
  const { config } = load(files, env);
  expect(config.http.port).toBe(9000);
  expect(config.log.partitions).toBe(4);
  expect(config.data_directory).toBe('/d/x\nhttp:\n  port: 1');
  expect(problemsOf({ 'p.yaml': 'http:\n  port: "${env:TEXT}"' }, env)).toEqual([
    'p.yaml:2:9: http.port: must be integer from 0 to 65535, got "12"',
  ]);
  expect(problemsOf({ 'p.yaml': 'http:\n  host: ${env:GONE}' })).toEqual([
    'p.yaml:2:9: environment variable GONE is not set; set it or write ${env:GONE:-default}',
  ]);
  expect(problemsOf({ 'p.yaml': 'http:\n  token: ${file:/gone}' })[0]).toMatch(
    'p.yaml:2:10: /gone cannot be read: ENOENT',
  );
});

test('a secret comes by reference only and is never shown', () => {
  expect(problemsOf({ 'p.yaml': 'http:\n  token: correct-horse-battery' })).toEqual([
    'p.yaml:2:10: http.token is a secret: write ${env:NAME} or ${file:path}',
  ]);
  const { config } = load({ 'p.yaml': 'http:\n  token: ${file:/run/t}', '/run/t': '1234567890123456\n' });
  expect(config.http.token).toBe('1234567890123456');
  expect(JSON.stringify(settingsSchema.maskSecrets(config))).not.toContain('1234567890123456');
  expect(problemsOf({ 'p.yaml': 'http:\n  token: ${env:SHORT}' }, { SHORT: 'hunter2' }).join()).not.toContain(
    'hunter2',
  );
});

test('an empty section says nothing, however deep it stands', () => {
  const { config } = load({ 'p.yaml': 'kafka:\n  tls:\n  sasl:\nredis:\n' });
  expect(config).toEqual(load({}).config);
  const layers = { 'a.yaml': 'kafka:\n  tls: {enabled: true}\n', 'b.yaml': 'kafka:\n  tls:\n' };
  expect(load(layers).config.kafka.tls.enabled).toBe(true);
});

test('a plain secret and a lost reference hide no other mistake', () => {
  const text = 'http:\n  token: correct-horse-battery\n  prot: 1\n  port: ${env:GONE}\n';
  expect(problemsOf({ 'p.yaml': text })).toEqual([
    'p.yaml:2:10: http.token is a secret: write ${env:NAME} or ${file:path}',
    'p.yaml:3:3: unknown setting "http.prot"; did you mean "port"?',
    'p.yaml:4:9: environment variable GONE is not set; set it or write ${env:GONE:-default}',
  ]);
});

test('a key named __proto__ is refused', () => {
  expect(problemsOf({ 'p.yaml': '__proto__:\n  port: 1\n' })).toHaveLength(1);
});

test('every field has a sentence and a reload class', () => {
  expect(settingsSchema.settings.length).toBeGreaterThan(12);
  for (const setting of settingsSchema.settings) expect(setting.doc, setting.name).toMatch(/\.$/);
  expect(settingsSchema.knownKeysAt(['http'])).toEqual(['host', 'port', 'token']);
});
