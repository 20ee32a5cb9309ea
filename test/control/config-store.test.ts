// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
import { expect, test } from 'vitest';
import { loadConfig, settingsSchema } from '../../src/adapters/settings.ts';
import { ConfigStore, type ReloadOutcome } from '../../src/control/config/config-store.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';

function open(text: string) {
  const file = { text };
  let wall = 1_000;
  let polls = 0;
  const abort = new AbortController();
  const clock: Clock = {
    wallMs: () => wall as WallTimeMs,
    steadyMs: () => wall,
    async sleep(ms) {
      wall += ms;
      polls += 1;
      if (polls > 3) abort.abort();
      abort.signal.throwIfAborted();
    },
  };
  const world = { env: { TOKEN: 'a-secret-of-16-chars' } as Record<string, string>, readFile: () => file.text };
  const load = () => loadConfig(['/p.yaml'], { world, shippedConfigDirectory: '/s' });
  const outcomes: ReloadOutcome[] = [];
  const store = new ConfigStore(load(), {
    settings: settingsSchema.settings,
    load,
    clock,
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  return { store, file, outcomes, world, watch: () => store.watch(abort.signal) };
}

test('a live field changes at once, another is named and waits', () => {
  const { store, file } = open('logging: {level: info}\nhttp: {port: 1}');
  const heard: string[] = [];
  store.onChange((config) => heard.push(config.logging.level));
  file.text = 'logging: {level: warn}\nhttp: {port: 2}';
  expect(store.reload()).toEqual({
    result: 'applied',
    applied: [{ name: 'logging.level', before: '"info"', after: '"warn"' }],
    waitingForRestart: [{ name: 'http.port', before: '1', after: '2' }],
  });
  expect(heard).toEqual(['warn']);
  expect(store.config.http.port).toBe(1);
  expect(store.reload()).toEqual({ result: 'unchanged' });
});

test('a bad file keeps the last good configuration, is counted and told once', () => {
  const { store, file, outcomes } = open('logging: {level: warn}');
  file.text = 'logging: {level: wrn}';
  store.reload();
  store.reload();
  expect(store.config.logging.level).toBe('warn');
  expect(store.counts).toMatchObject({ rejected: 1, isLastSuccessful: false });
  expect(outcomes).toHaveLength(1);
  file.text = 'logging: {level: error}';
  expect(store.reload().result).toBe('applied');
  expect(store.counts.isLastSuccessful).toBe(true);
});

test('a rotated secret is taken and shown as stars', () => {
  const { store, world } = open('http: {token: "${env:TOKEN}"}');
  world.env.TOKEN = 'another-secret-of-16';
  const outcome = store.reload();
  expect(JSON.stringify(outcome)).not.toContain('secret-of');
  expect(store.config.http.token).toBe('another-secret-of-16');
});

test('polling finds a change without a signal and ends when aborted', async () => {
  const { store, file, outcomes, watch } = open('logging: {level: info}');
  file.text = 'logging: {level: debug}';
  await watch();
  expect(store.config.logging.level).toBe('debug');
  expect(outcomes).toHaveLength(1);
});
