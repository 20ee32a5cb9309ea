import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../scripts/stack/certificate.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { inspectRedis } from '../../src/state/redis/inspect-redis.ts';
import { openRedisStateStore } from '../../src/state/redis/open-redis-state-store.ts';
import type { RedisEndpoint } from '../../src/state/redis/redis-options.ts';
import { fillLane } from './lane-commits.ts';
import { endpointOf, freePort, isRedisHere, type RedisServer, startRedisServer } from './redis-server.ts';

const secret = 'hunter2-never-shown';

describe.skipIf(!isRedisHere)('Redis over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-redis-tls-'));
  const file = (name: string) => join(directory, name);
  const read = (name: string) => readFileSync(file(name), 'utf8');
  let server: RedisServer;
  let port = 0;
  beforeAll(async () => {
    makeCertificate(file('server.pem'), file('ca.pem'));
    makeCertificate(file('other-server.pem'), file('other-ca.pem'));
    port = await freePort();
    const pem = ['--tls-cert-file', file('server.pem'), '--tls-key-file', file('server.pem')];
    const tls = ['--tls-port', String(port), ...pem, '--tls-ca-cert-file', file('ca.pem'), '--tls-auth-clients', 'no'];
    server = await startRedisServer([...tls, '--requirepass', secret], secret);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const endpoint = (more: Partial<RedisEndpoint> = {}) =>
    endpointOf(port, { url: `rediss://:${secret}@127.0.0.1:${port}`, ca: read('ca.pem'), ...more });

  const open = (to: RedisEndpoint) =>
    openRedisStateStore({
      endpoint: to,
      keyPrefix: 'tls:',
      cache: null,
      snapshots: { directory: file('snapshots'), intervalMs: 60_000 },
      hasHistory: async () => false,
      clock: systemClock,
      commandTimeoutMs: 1_000,
    });

  test('the store works, and the doctor sees the server', async () => {
    const store = await open(endpoint());
    await fillLane(store, 'ads:0', 'a', 3);
    expect((await store.claim('ads:0', 'b')).meta).toMatchObject({ seq: 3 });
    await store.close();
    expect(await inspectRedis(endpoint())).toMatchObject([{ address: `127.0.0.1:${port}`, mode: 'standalone' }]);
  });

  test.each([
    ['another authority', () => endpoint({ ca: read('other-ca.pem') }), /certificate.*redis\.ca_file/],
    ["the system's authorities", () => endpoint({ ca: null }), /certificate.*redis\.ca_file/],
    [
      'a wrong password',
      () => endpoint({ url: `rediss://:wrong-${secret}@127.0.0.1:${port}` }),
      /correct user and password/,
    ],
  ])('%s is refused at once, with what to do', async (_, to, says) => {
    for (const kind of ['single', 'cluster'] as const)
      await expect(open({ ...to(), kind }), kind).rejects.toMatchObject({
        code: 'STATE_REFUSED',
        message: expect.stringMatching(says),
      });
  });

  test('TLS on one side alone looks like a server that hangs up or is silent, and is waited for by name', async () => {
    for (const url of [`redis://:${secret}@127.0.0.1:${port}`, `rediss://:${secret}@127.0.0.1:${server.port}`])
      await expect(open(endpoint({ url }))).rejects.toMatchObject({
        code: 'STATE_UNAVAILABLE',
        message: expect.stringContaining(new URL(url).host),
      });
  });
});
