import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attachStack } from '../../scripts/stack/stack.ts';
import { checkServers } from '../../src/adapters/servers/check-servers.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';

const { addresses } = attachStack(['kafka', 'registry', 'redis-state', 'redis-cache', 'postgres']);
const shippedConfigDirectory = join(import.meta.dirname, '../../config');

async function check(overrides: Record<string, unknown>, maxMs?: number) {
  const { config } = loadConfig([], { shippedConfigDirectory, overrides });
  const log = makeLogger({ level: 'silent', clock: systemClock });
  return await checkServers(config, { clock: systemClock, log }, maxMs);
}

const wrongUrl = (url: string) => {
  const wrong = new URL(url);
  [wrong.username, wrong.password] = ['paceline', 'not-the-password'];
  return wrong.href;
};

test('a wrong password is found out at every server at once, and never repeated', async () => {
  const results = await check({
    kafka: {
      brokers: [addresses.kafka.sasl],
      sasl: { mechanism: 'scram-sha-256', username: 'paceline', password: 'not-the-password' },
    },
    redis: { url: wrongUrl(addresses.redisState.url) },
    postgres: { url: wrongUrl(addresses.postgres.url) },
  });
  expect(results.map(({ id, status }) => `${id} ${status}`)).toEqual([
    'kafka.reachable failed',
    'redis.reachable failed',
    'postgres.reachable failed',
  ]);
  for (const { fix } of results) expect(fix).toMatch(/credentials/);
  expect(JSON.stringify(results)).not.toContain('not-the-password');
});

test('one Redis for both roles, and one that evicts, are named with what to do', async () => {
  const [state, cache] = [addresses.redisState.url, addresses.redisCache.url];
  // The very same text is refused before anybody is asked; another database of one server is still that server.
  await expect(check({ redis: { url: state, cache_url: state } })).rejects.toThrow('must be another server');
  const both = await check({ redis: { url: state, cache_url: `${state}/1` } });
  expect(both.find(({ id }) => id === 'redis.cache')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('the same server'),
  });
  const evicting = await check({ redis: { url: cache } });
  expect(evicting.find(({ id }) => id === 'redis.policy')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('set noeviction'),
  });
  const apart = await check({ redis: { url: state, cache_url: cache } });
  expect(apart.filter(({ status }) => status === 'failed')).toEqual([]);
});

test('servers that are away are findings, and none is waited for longer than its bound', async () => {
  const away = 'http://127.0.0.1:1';
  const results = await check({
    kafka: { brokers: ['127.0.0.1:1'] },
    registry: { url: away },
    redis: { url: 'redis://127.0.0.1:1' },
    postgres: { url: 'postgres://a@127.0.0.1:1/b' },
    clickhouse: { url: away },
    alertmanager: { urls: [away] },
  });
  expect(results.map(({ id, status }) => `${id} ${status}`)).toEqual(
    ['kafka', 'registry', 'redis', 'postgres', 'clickhouse', 'alertmanager'].map((name) => `${name}.reachable failed`),
  );
  const [late] = await check({ kafka: { brokers: ['127.0.0.1:1'] } }, 1);
  expect(late).toMatchObject({ id: 'kafka.reachable', detail: 'no whole answer within 0.001 s' });
});
