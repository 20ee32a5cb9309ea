import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { credentials } from '../../scripts/stack/credentials.ts';
import { portDefaults } from '../../scripts/stack/ports.ts';
import { registryPath } from '../../scripts/stack/registry.ts';
import { loadConfig } from '../../src/adapters/settings.ts';

const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');

test('the shipped files are good, and the printed one changes nothing', () => {
  const defaults = loadConfig([], { shippedConfigDirectory }).config;
  for (const name of ['paceline.yaml', 'embedded.yaml'])
    expect(loadConfig([join(shippedConfigDirectory, name)], { shippedConfigDirectory }).config, name).toEqual(defaults);
});

test('the file for production names every server, and every secret by reference', () => {
  const env = {
    KAFKA_PASSWORD: 'k',
    REDIS_STATE_URL: 'redis://state:6379',
    REDIS_CACHE_URL: 'redis://cache:6379',
    POSTGRES_URL: 'postgres://engine:x@db/paceline',
    CLICKHOUSE_PASSWORD: 'c',
  };
  const world = { env, readFile: (path: string) => readFileSync(path, 'utf8') };
  const { config } = loadConfig([join(shippedConfigDirectory, 'production.yaml')], { shippedConfigDirectory, world });
  expect(config.kafka.brokers.length).toBeGreaterThan(0);
  for (const url of [config.registry.url, config.redis.url, config.postgres.url, config.clickhouse.url])
    expect(url).not.toBeNull();
});

test('the file for the local stack opens its doors with its keys, and needs nothing from outside', () => {
  const world = { env: {}, readFile: (path: string) => readFileSync(path, 'utf8') };
  const { config } = loadConfig([join(shippedConfigDirectory, 'local-stack.yaml')], { shippedConfigDirectory, world });
  const { kafkaScram, redis, postgres } = credentials;
  const at = (scheme: string, { user, password }: { user: string; password: string }, port: number) =>
    `${scheme}://${user}:${password}@127.0.0.1:${port}`;
  expect(config).toMatchObject({
    kafka: {
      brokers: [`127.0.0.1:${portDefaults['kafka-sasl']}`],
      sasl: { username: kafkaScram.user, password: kafkaScram.password },
    },
    registry: { url: `http://127.0.0.1:${portDefaults.registry}${registryPath}` },
    redis: {
      url: at('redis', redis, portDefaults['redis-state']),
      cache_url: at('redis', redis, portDefaults['redis-cache']),
    },
    postgres: { url: `${at('postgres', postgres, portDefaults.postgres)}/${postgres.database}` },
  });
});
