import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { settingsSchema } from '../../src/adapters/settings.ts';
import { commands } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { startHttpServer } from '../../src/control/http/http-server.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { EngineError } from '../../src/model/errors.ts';
import { redact } from '../../src/model/redact.ts';
import { fakeTerminal } from '../cli/terminal-double.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-redact-'));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  ['http://ann:s3cret@host:8081/path', 'http://***@host:8081/path'],
  ['redis://:s3cret@host', 'redis://***@host'],
  ['postgres://ann:s3@cret@host/db, and more', 'postgres://***@host/db, and more'],
  ['https://host/x?user=ann&password=s3cret&z=1', 'https://host/x?user=ann&password=***&z=1'],
  ['https://host/?access_token=s3cret', 'https://host/?access_token=***'],
  ['https://host/?X-Amz-Signature=s3cret#a', 'https://host/?X-Amz-Signature=***#a'],
  ['-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----', '*** private key ***'],
  ['mail ann@host or http://host/a@b', 'mail ann@host or http://host/a@b'],
])('%s', (text, shown) => expect(redact(text)).toBe(shown));

const url = 'http://ann:s3cret@127.0.0.1:1/path?password=s3cret';

test('what leaves by errors, logs and the open port holds no password', async () => {
  const error = new EngineError('REGISTRY_UNAVAILABLE', `waiting for ${url}`, { cause: new Error(`connect ${url}`) });
  expect(error.message).not.toContain('s3cret');
  const lines: string[] = [];
  const log = makeLogger({
    level: 'info',
    clock: systemClock,
    destination: { write: (line) => void lines.push(line) },
  });
  log.warn('engine.waiting', { error, after: JSON.stringify(url), urls: [url] });
  expect(lines.join()).toContain('127.0.0.1:1');
  expect(lines.join()).not.toContain('s3cret');
  const surface = {
    metrics: async () => '',
    whyNotLive: () => url,
    whyNotReady: () => `waiting for ${url}`,
    status: () => ({ waiting_for: url }),
    reload: () => ({ reason: url }),
    apply: async () => url,
    append: async () => url,
    token: () => 'x',
  };
  const server = await startHttpServer({ host: '127.0.0.1', port: 0 }, surface);
  try {
    for (const path of ['/livez', '/readyz', '/-/status']) {
      const text = await (await fetch(`${server.url}${path}`)).text();
      expect(text, path).toContain('***@127.0.0.1:1');
      expect(text, path).not.toContain('s3cret');
    }
  } finally {
    await server.close();
  }
});

/** YAML with one setting. The shipped rules with all their tests would be read again each time. */
function configWith(path: readonly string[], value: unknown): string {
  const own = path.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
  const rules = join(dir, 'rules');
  mkdirSync(rules, { recursive: true });
  cpSync(join(import.meta.dirname, '../../config/rules/ended.yaml'), join(rules, 'ended.yaml'));
  const { plans = {}, ...others } = own as { plans?: object };
  return JSON.stringify({ plans: { rules, ...plans }, ...others });
}

/** Everything that a setting can be given: an address that works, and some that do not. */
const values = [url, `x${url}`, `["${url}"]`, `${url} `];
const walked = settingsSchema.settings.filter(({ type, secret }) => secret !== true && /string|any|array/.test(type));

test.each(walked.map(({ name }) => name))(
  'a password in %s is printed by no command',
  { timeout: 60_000 },
  async (name) => {
    for (const value of values) {
      const file = join(dir, 'config.yaml');
      writeFileSync(file, configWith(name.split('.'), value.startsWith('[') ? JSON.parse(value) : value));
      for (const args of [
        ['check', '--offline'],
        ['check', '--offline', '--json'],
      ]) {
        const { terminal, texts } = fakeTerminal();
        await runCommandLine([...args, '--config', file], commands, terminal);
        expect(`${texts.out}${texts.notes}`, `${args.join(' ')}: ${value}`).not.toContain('s3cret');
      }
    }
  },
);
