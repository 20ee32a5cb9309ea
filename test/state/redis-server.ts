import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisEndpoint } from '../../src/state/redis/redis-options.ts';

export const isRedisHere = spawnSync('redis-server', ['--version']).status === 0;
if (!isRedisHere) console.log('skipped: no redis-server on the PATH, so the state store in Redis was not tested');

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly endpoint: RedisEndpoint;
  /** A plain connection beside the store's. */
  readonly admin: Redis;
  /** kill -9; what was not on the disk is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export function endpointOf(port: number, more: Partial<RedisEndpoint> = {}): RedisEndpoint {
  return { url: `redis://127.0.0.1:${port}`, kind: 'single', sentinelMaster: null, nodes: [], ca: null, ...more };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A server of our own on loopback, with its data in a new directory. `args` are settings, as `--name value`. */
export async function startRedisServer(args: readonly string[] = [], password?: string): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-redis-'));
  const port = await freePort();
  const endpoint = endpointOf(port);
  const access = password === undefined ? {} : { password };
  const admin = new Redis({ ...access, port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 20 });
  // It is away while the server is.
  admin.on('error', () => undefined);
  let child: ChildProcess | null = null;
  const server: RedisServer = {
    port,
    directory,
    endpoint,
    admin,
    async start() {
      const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
      child = spawn('redis-server', [...own, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
      // Between our look for a free port and now somebody else may have taken it, another Redis among them.
      await waitFor(async () => {
        if (child?.exitCode !== null) throw new Error(`redis-server ended with ${child?.exitCode}`);
        return /^process_id:(\d+)/m.exec(await admin.info('server'))?.[1] === String(child.pid);
      });
    },
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    async [Symbol.asyncDispose]() {
      admin.disconnect();
      await server.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Asks again until it is so; a failure counts as "not yet". */
export async function waitFor(isSo: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  let last: unknown = 'it was not so';
  while (performance.now() < endMs) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${deadlineMs} ms`, { cause: last });
}
