import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkClock, checkDisk, checkNode, checkPort, checkWritable } from '../../src/cli/doctor/checks.ts';
import { checkDataDirectory } from '../../src/cli/doctor/data-checks.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { openDataDirectory } from '../../src/state/sqlite/data-directory.ts';

test('an old Node is named with the fix', () => {
  expect(checkNode('24.12.0').status).toBe('ok');
  expect(checkNode('26.1.0').status).toBe('ok');
  expect(checkNode('24.11.9')).toMatchObject({
    id: 'node.version',
    status: 'failed',
    fix: expect.stringContaining('24.12'),
  });
  expect(checkNode('20.20.2').status).toBe('failed');
});

test('looking at a directory leaves nothing behind', () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-doctor-test-'));
  try {
    expect(checkWritable(join(directory, 'not', 'yet', 'there'))).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('will be made'),
    });
    expect(checkDisk(join(directory, 'not'))).toMatchObject({ id: 'data.disk' });
    expect(checkClock(directory).status).toBe('ok');
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a state that cannot be looked at is said, and is left as it is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-doctor-test-'));
  try {
    mkdirSync(join(directory, 'log', 'ads'), { recursive: true });
    const stream = { format: 1, clusterId: 'a', topicId: 'b', partitions: 2, mode: 'live', encoding: 'binary' };
    writeFileSync(join(directory, 'log', 'ads', 'stream.json'), JSON.stringify(stream));
    const generation = async () =>
      (await checkDataDirectory(directory, 'ads')).results.find(({ id }) => id === 'data.generation');
    expect(await generation()).toMatchObject({ status: 'ok', detail: 'live stream of 2 partitions, not started yet' });
    expect(readdirSync(directory)).toEqual(['log']);
    writeFileSync(join(directory, 'state.sqlite'), 'no database at all, and long enough to be looked at');
    expect(await generation()).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/^live stream of 2 partitions; the state cannot be looked at: .*state\.sqlite/),
    });
    expect(readdirSync(directory).sort()).toEqual(['log', 'state.sqlite']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a taken port is a failure unless the running engine holds it', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    expect(await checkPort('port.http', '127.0.0.1', port, false)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(`127.0.0.1:${port} is held by`),
    });
    expect(await checkPort('port.http', '127.0.0.1', port, true)).toMatchObject({ status: 'ok' });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  expect(await checkPort('port.http', '127.0.0.1', port, false)).toMatchObject({ status: 'ok' });
  expect(await checkPort('port.http', '127.0.0.1', 0, false)).toMatchObject({ status: 'ok' });
});

test('each port at which the engine of the directory answers is its own', async () => {
  const server = createHttpServer((_, response) => response.end(JSON.stringify({ pid: process.pid })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const directory = mkdtempSync(join(tmpdir(), 'paceline-doctor-test-'));
  const owned = await openDataDirectory(directory, { clock: systemClock });
  try {
    const addresses = {
      http: `http://127.0.0.1:${port}`,
      clickhouse: 'http://127.0.0.1:8123',
      api: 'http://127.0.0.1:8412',
    };
    owned.publishEngineInfo({ addresses, tokens: {} });
    const { served } = await checkDataDirectory(directory, null);
    expect(served).toEqual(Object.values(addresses));
  } finally {
    owned.close();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  }
});
