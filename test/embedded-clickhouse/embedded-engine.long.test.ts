import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../src/embedded-clickhouse/start-embedded-clickhouse.ts';

const modules = join(import.meta.dirname, '../../src');

test('the child ends with its parent, however that dies, and the next engine takes over', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-orphan-'));
  const program = `
    const { startEmbeddedClickHouse } = await import('${modules}/embedded-clickhouse/start-embedded-clickhouse.ts');
    const { systemClock } = await import('${modules}/control/system-clock.ts');
    const engine = await startEmbeddedClickHouse({ dir: ${JSON.stringify(directory)}, port: 0, clock: systemClock });
    console.log(engine.pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  expect(Number(line)).toBeGreaterThan(0);
  parent.kill('SIGKILL');
  const next = await startEmbeddedClickHouse({ dir: directory, port: 0, clock: systemClock });
  expect(next.pid).not.toBe(Number(line));
  await next.stop();
  await next.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('a taken port is named as such', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-port-'));
  const first = await startEmbeddedClickHouse({ dir: join(directory, 'a'), port: 0, clock: systemClock });
  const port = Number(new URL(first.url).port);
  const second = startEmbeddedClickHouse({ dir: join(directory, 'b'), port, clock: systemClock });
  await expect(second).rejects.toMatchObject({ code: 'PORT_TAKEN' });
  await first.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('a directory that another engine holds is refused with the name of its holder', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-lock-'));
  const holder = await startEmbeddedClickHouse({ dir: directory, port: 0, clock: systemClock });
  const second = startEmbeddedClickHouse({ dir: directory, port: 0, clock: systemClock });
  await expect(second).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: expect.stringContaining(String(holder.pid)),
  });
  await holder.stop();
  rmSync(directory, { recursive: true, force: true });
});
