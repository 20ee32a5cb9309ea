import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import { openDataDirectory, readEngineInfo } from '../../src/state/sqlite/data-directory.ts';

const directories: string[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const dir of directories.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function newDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-data-'));
  directories.push(dir);
  return join(dir, 'data');
}

/** Sleeping moves the time; no test waits. */
class JumpingClock implements Clock {
  now = 0;
  wallMs(): WallTimeMs {
    return this.now as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }
  async sleep(ms: number): Promise<void> {
    this.now += ms;
  }
}

test('a directory that is new or empty is closed to others; one that holds anything keeps its rights', async () => {
  const modeAfter = async (prepare: (dir: string) => void): Promise<string> => {
    const dir = newDirectory();
    prepare(dir);
    (await openDataDirectory(dir, { clock: new JumpingClock() })).close();
    return (statSync(dir).mode & 0o777).toString(8);
  };
  expect(await modeAfter(() => {})).toBe('700');
  expect(await modeAfter((dir) => mkdirSync(dir, { mode: 0o755 }))).toBe('700');
  const kept = await modeAfter((dir) => {
    mkdirSync(dir);
    chmodSync(dir, 0o750);
    writeFileSync(join(dir, 'theirs'), '');
  });
  expect(kept).toBe('750');
});

test('a second engine waits, then is told who holds the directory', async () => {
  const dir = newDirectory();
  const clock = new JumpingClock();
  const first = await openDataDirectory(dir, { clock });
  await expect(openDataDirectory(dir, { clock })).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: expect.stringContaining(`in use by process ${process.pid} (`),
  });
  expect(clock.now).toBe(10_000);
  first.close();
  (await openDataDirectory(dir, { clock, waitMs: 0 })).close();
});

test('kill -9 frees the directory at once', async () => {
  const dir = newDirectory();
  const module = new URL('../../src/state/sqlite/data-directory.ts', import.meta.url).href;
  const script = `
    const { openDataDirectory } = await import(${JSON.stringify(module)});
    const clock = { wallMs: () => 0, steadyMs: () => 0, sleep: async () => {} };
    const data = await openDataDirectory(${JSON.stringify(dir)}, { clock });
    data.publishEngineInfo({ addresses: { http: 'http://127.0.0.1:1', clickhouse: null }, tokens: { http: 'x' } });
    console.log('held');
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  const clock = new JumpingClock();
  await expect(openDataDirectory(dir, { clock, waitMs: 200 })).rejects.toMatchObject({
    message: expect.stringContaining(`process ${child.pid} (`),
  });
  expect(readEngineInfo(dir)?.pid).toBe(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const data = await openDataDirectory(dir, { clock, waitMs: 0 });
  expect(readEngineInfo(dir)).toBeNull();
  data.close();
});

test('engine.json is for this user alone and goes with its engine', async () => {
  const dir = newDirectory();
  const data = await openDataDirectory(dir, { clock: new JumpingClock() });
  expect(readEngineInfo(dir)).toBeNull();
  data.publishEngineInfo({ addresses: { http: 'http://127.0.0.1:8080', clickhouse: null }, tokens: { write: 'w' } });
  expect(statSync(join(dir, 'engine.json')).mode & 0o777).toBe(0o600);
  expect(readEngineInfo(dir)).toMatchObject({ pid: process.pid, tokens: { write: 'w' } });
  data.close();
  expect(readEngineInfo(dir)).toBeNull();
});

test('a place where nothing can be written is refused in words, at once', async () => {
  const dir = newDirectory();
  writeFileSync(dir, 'a file');
  for (const [path, words] of [
    [dir, 'is a file, no directory'],
    [join(dir, 'below'), 'cannot write to the data directory'],
  ])
    await expect(openDataDirectory(path, { clock: new JumpingClock() }), path).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(words),
    });
});
