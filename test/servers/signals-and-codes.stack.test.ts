import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { EngineBench, eventually } from './engine-bench.ts';
import { secretFile, writeSettings } from './server-stage.ts';

// The command as an operator's supervisor runs it: exit codes, signals, and what stands in the log.
const secret = 'not-the-password';
const main = join(import.meta.dirname, '../../src/main.ts');

function run(bench: EngineBench, redisUrl: string): ChildProcess {
  const { config } = bench.load();
  const { data_directory, log, kafka, registry } = config;
  const path = writeSettings(join(bench.directory, 'engine.yaml'), {
    data_directory,
    log: { topic: log.topic, partitions: log.partitions },
    kafka: { brokers: kafka.brokers, group_id: kafka.group_id },
    registry: { url: registry.url },
    redis: { url: secretFile(bench.directory, 'redis-url', redisUrl) },
    bronze: { enabled: false },
    http: { port: 0 },
    clickhouse: { port: 0 },
  });
  const flags = ['--disable-warning=ExperimentalWarning', main, 'run', '--config', path];
  return spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
}

test('SIGTERM while a server is waited for ends the command at once with 0', async () => {
  await using bench = await EngineBench.open();
  const child = run(bench, `redis://paceline:${secret}@127.0.0.1:1`);
  const ended = once(child, 'exit');
  let said = '';
  child.stderr!.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  try {
    await eventually(() => expect(said).toContain('engine.waiting'));
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(said).toContain('127.0.0.1:1');
    expect(said).not.toContain(secret);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a wrong password ends the command with 77 and what to do, and stands nowhere', async () => {
  await using bench = await EngineBench.open();
  const { port } = bench.stack.addresses.redisState;
  const child = run(bench, `redis://paceline:${secret}@127.0.0.1:${port}`);
  const [[code], out, errors] = await Promise.all([once(child, 'exit'), text(child.stdout!), text(child.stderr!)]);
  expect(code, errors).toBe(77);
  expect(errors).toMatch(/Correct the credentials/);
  expect(out + errors).not.toContain(secret);
});
