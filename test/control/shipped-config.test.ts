import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/control/config/load-config.ts';

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
