import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Isolation, isolate } from '../../scripts/stack/isolate.ts';
import { attachStack, type Stack } from '../../scripts/stack/stack.ts';
import { eventually } from './engine-bench.ts';
import { secretFile, writeSettings } from './server-stage.ts';

// What the README promises to who knows nothing else: its lines, one after the other, as they stand there.
const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/main.ts');
const directory = mkdtempSync(join(tmpdir(), 'paceline-readme-'));
let stack: Stack;
let own: Isolation;
/** Names and ports of the test's own, over the file that the README copies. */
let ours = '';

beforeAll(async () => {
  stack = attachStack(['kafka', 'registry', 'redis-state', 'redis-cache', 'postgres']);
  own = isolate(stack, 'readme');
  const { name, keyPrefix } = own;
  ours = writeSettings(join(directory, 'own.yaml'), {
    data_directory: join(directory, 'data'),
    log: { topic: `${name}.events`, partitions: 2 },
    kafka: { group_id: name, alerts_topic: `${name}.alerts`, dead_letters_topic: `${name}.dead-letters` },
    redis: { key_prefix: keyPrefix },
    postgres: { url: secretFile(directory, 'postgres-url', await own.createDatabase()) },
    http: { port: 0 },
    clickhouse: { port: 0 },
  });
});
afterAll(async () => {
  await own?.dispose();
  rmSync(directory, { recursive: true });
});

function readmeLines(): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, section] = readme.split('## From zero to production in ten lines');
  return section.split('```')[1].trim().split('\n').slice(1);
}

/** The words of `npm run paceline -- …`, with the file that the README copies and ours over it. */
function wordsOf(line: string): string[] {
  const [, call] = /^npm run paceline -- (.*?)\s*(?:#|$)/.exec(line)!;
  const copied = join(root, 'config/local-stack.yaml');
  return call.split(/\s+/).flatMap((word) => (word === 'my.yaml' ? [copied, '--config', ours] : [word]));
}

const flags = ['--disable-warning=ExperimentalWarning', main];

/** Runs the engine until it is ready, looks at it as the README does, and stops it in order. */
async function lookAt(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr!.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const ended = once(child, 'exit');
  const url = await eventually(() => {
    const [, found] = /"event":"engine\.started","http":"([^"]+)"/.exec(said) ?? [];
    expect(found, said).toBeDefined();
    return found;
  }, 60_000);
  await eventually(async () => expect(await (await fetch(`${url}/readyz`)).text()).toBe('ok\n'));
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('paceline_build_info{');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said).not.toMatch(/"level":"(warn|error)"|Warning/);
}

test('the ten lines of the README bring an engine to work on the local stack', async () => {
  const lines = readmeLines();
  expect(lines).toHaveLength(10);
  expect(lines[1]).toMatch(/^cp config\/local-stack\.yaml my\.yaml/);
  const calls = lines.filter((line) => line.startsWith('npm run paceline')).map(wordsOf);
  expect(calls.map(([word]) => word)).toEqual(['check', 'migrate', 'doctor', 'apply', 'run']);
  try {
    for (const words of calls) {
      if (words[0] === 'run')
        await lookAt(spawn(process.execPath, [...flags, ...words], { stdio: ['ignore', 'ignore', 'pipe'] }));
      // A command that ends with another code than 0 rejects, with all that it said.
      else await promisify(execFile)(process.execPath, [...flags, ...words]);
    }
  } finally {
    await own.removeTopics();
  }
});
