// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { type Engine, startEngine } from '../../../src/app.ts';
import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/run-command-line.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { fakeTerminal } from '../../cli/terminal-double.ts';
import { ruleText } from './rows.ts';
import { makeDatabase, type TestDatabase } from './server.ts';

// "paceline apply" where an engine with a log of its own follows the rows: the command says what that appended.
const shippedConfigDirectory = join(import.meta.dirname, '../../../config');
const log = makeLogger({ level: 'silent', clock: systemClock });
let held: TestDatabase;
let dir: string;

beforeEach(async () => {
  held = await makeDatabase();
  process.env.TEST_POSTGRES_URL = (await held.login('paceline_service')).url!;
  dir = mkdtempSync(join(tmpdir(), 'paceline-beside-'));
  cpSync(shippedConfigDirectory, dir, { recursive: true });
  organizations('{ acme: {}, calm: {} }');
  const settings = [
    'postgres: { url: "${env:TEST_POSTGRES_URL}" }',
    'plans: { organizations: organizations.yaml, rules: rules }',
    'log: { partitions: 2 }',
    'http: { port: 0 }',
    'clickhouse: { port: 0 }',
    'serving: { port: 0 }',
    'bronze: { enabled: false }',
    'data_directory: data',
  ];
  writeFileSync(join(dir, 'pg.yaml'), settings.join('\n'));
});
afterEach(async () => {
  delete process.env.TEST_POSTGRES_URL;
  await held[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

function organizations(text: string): void {
  const file = join(dir, 'organizations.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/\norganizations:[\s\S]*/, `\norganizations: ${text}\n`));
}

async function apply(...flags: string[]): Promise<{ exit: number; out: string }> {
  const { terminal, texts } = fakeTerminal();
  const exit = await runCommandLine(['apply', ...flags, '--config', join(dir, 'pg.yaml')], commands, terminal);
  return { exit, out: texts.out + (exit === 0 ? '' : texts.notes) };
}

async function withEngine(work: (engine: Engine) => Promise<void>, isUntilEnd = false): Promise<void> {
  const loaded = loadConfig([join(dir, 'pg.yaml')], { shippedConfigDirectory });
  const engine = await startEngine(loaded, { version: 'test', clock: systemClock, log, isUntilEnd });
  try {
    await work(engine);
  } finally {
    await engine.stop();
  }
}

test('what the running engine made of the rows is named with number, partition and offset', async () => {
  await withEngine(async () => {
    const first = await apply();
    expect(first.exit, first.out).toBe(0);
    expect(first.out).toMatch(/^acme: plan 1 at partition \d, offset \d+$/m);
    expect(first.out).toMatch(/^calm: plan 1 at partition \d, offset \d+$/m);
    expect(first.out).toMatch(/^\d+ plans appended by the running engine \(pid \d+\), 0 unchanged$/m);
    writeFileSync(join(dir, 'rules', 'own.yaml'), `${ruleText('own')}organizations: [acme]\n`);
    const second = JSON.parse((await apply('--json')).out);
    expect(second).toMatchObject({ appended: 1, engine_pid: process.pid, left_to_engine: false });
    const [made] = second.plans.filter(({ offset }: { offset: number | null }) => offset !== null);
    expect(made).toMatchObject({ orgId: 'acme', number: 2 });
    const again = await apply();
    expect(again.out).toMatch(/^0 rows written, 0 removed\n0 plans appended by the running engine/);
  });
});

test('an engine that makes no plans is said to, after a while', async () => {
  await withEngine(async () => {
    const { exit, out } = await apply();
    expect(exit).toBe(0);
    expect(out).toMatch(/^\d+ rows written, 0 removed\nno engine has made plans of the rows yet: its log says why/);
  }, true);
});
