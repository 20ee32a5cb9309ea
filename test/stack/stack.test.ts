import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hideAddresses } from '../../scripts/stack/install.ts';
import { readParts } from '../../scripts/stack/parts.ts';
import { checkPortFree, portDefaults, readPorts } from '../../scripts/stack/ports.ts';
import { attachStack } from '../../scripts/stack/stack.ts';
import { withLock } from '../../scripts/stack/stack-state.ts';

// What the stack's own heart decides without a server.
let dir = '';
afterEach(() => {
  if (dir) rmSync(dir, { recursive: true, force: true });
  dir = '';
});

test('ports are read over the defaults; an unknown name, no number and a clash are named', () => {
  expect(readPorts(['kafka=29092'])).toEqual({ ...portDefaults, kafka: 29092 });
  expect(() => readPorts(['kafak=1'])).toThrow('there is no port "kafak"');
  expect(() => readPorts(['kafka=70000'])).toThrow('names no port');
  expect(() => readPorts([`kafka=${portDefaults.postgres}`])).toThrow('cannot both listen');
});

test('a taken port is refused, and the next step is named', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  await expect(checkPortFree('kafka', port, 0)).rejects.toThrow(/is taken by .*--port kafka=PORT/);
  await new Promise((resolve) => server.close(resolve));
  await checkPortFree('kafka', port, 0);
});

test('parts are read in starting order, and redis means both', () => {
  expect(readParts(['kafka', 'redis'])).toEqual(['redis-state', 'redis-cache', 'kafka']);
  expect(() => readParts(['mysql'])).toThrow('there is no part "mysql"');
});

test('one process at a time steers a stack, and the lock of a dead one is taken over', async () => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-lock-'));
  writeFileSync(join(dir, 'stack.lock'), JSON.stringify({ pid: process.pid, born: 'at another time' }));
  const told: string[] = [];
  const work = (name: string) =>
    withLock(dir, async () => {
      told.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      told.push(`${name} ends`);
    });
  await Promise.all([work('a'), work('b')]);
  const [first] = told[0];
  const second = first === 'a' ? 'b' : 'a';
  expect(told).toEqual([`${first} begins`, `${first} ends`, `${second} begins`, `${second} ends`]);
});

test('attaching to nothing says what to do', () => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-none-'));
  expect(() => attachStack(['kafka'], dir)).toThrow('not running: kafka; start it with "npm run stack"');
});

test('what a package client says keeps its sense and loses its addresses', () => {
  const said = 'Could not find artifact a:b:1 in central (https://example.org/maven2): 404';
  expect(hideAddresses(said)).toBe('Could not find artifact a:b:1 in central (<address>): 404');
});
