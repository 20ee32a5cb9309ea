import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/adapters/settings.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: { test: unknown; interval: string; retries: number };
  readonly deploy?: { resources?: { limits?: { cpus?: string; memory?: string } } };
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
}

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};

/** What is wrong with a service, in words; the rules that keep a stack repeatable and harmless. */
function findFaults(name: string, service: Service): string[] {
  const faults: string[] = [];
  const [, tag = ''] = /:([^:/]+)$/.exec(service.image ?? '') ?? [];
  if (!/^v?\d+\.\d+(\.\d+)+|^v?\d+\.\d+-/.test(tag)) faults.push(`${name}: "${tag}" is no exact tag`);
  if (!service.healthcheck?.test || !service.healthcheck.interval) faults.push(`${name}: no health check`);
  const limits = service.deploy?.resources?.limits;
  if (!limits?.cpus || !limits.memory) faults.push(`${name}: no limits`);
  for (const port of service.ports ?? [])
    if (!String(port).startsWith('127.0.0.1:')) faults.push(`${name}: port ${port} is open to the network`);
  for (const volume of service.volumes ?? []) {
    const [source] = volume.split(':');
    if (source.startsWith('.') ? !existsSync(join(root, source)) : !Object.hasOwn(compose.volumes, source))
      faults.push(`${name}: nothing at ${source}`);
  }
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    if (!Object.hasOwn(compose.services, other)) faults.push(`${name}: waits for ${other}, which is not there`);
    if (condition === 'service_started') faults.push(`${name}: does not wait until ${other} serves`);
  }
  return faults;
}

test('every service has an exact tag, a health check, limits, loopback ports and what it mounts', () => {
  for (const [name, service] of Object.entries(compose.services)) expect(findFaults(name, service)).toEqual([]);
});

test('the rules can fail', () => {
  const bad = {
    image: 'redis:latest',
    ports: ['6379:6379'],
    volumes: ['./nowhere:/x'],
    depends_on: { nobody: { condition: 'service_started' } },
  };
  expect(findFaults('bad', bad as unknown as Service)).toHaveLength(7);
  expect(findFaults('bad', { ...compose.services.postgres, image: 'postgres' })).toEqual(['bad: "" is no exact tag']);
});

test('the parts of production are there, each published once', () => {
  const names = ['kafka', 'registry', 'redis-state', 'redis-cache', 'postgres', 'clickhouse', 's3', 'paceline'];
  for (const name of [...names, 'prometheus', 'alertmanager', 'grafana'])
    expect(Object.keys(compose.services)).toContain(name);
  const ports = Object.values(compose.services).flatMap(({ ports }) => ports ?? []);
  const published = ports.map((port) => port.split(':')[1]);
  expect(new Set(published).size).toBe(published.length);
  for (const name of ['prometheus', 'alertmanager', 'grafana'])
    expect(compose.services[name].profiles).toEqual(['observability']);
});

test('state never forgets, the cache never refuses', () => {
  expect(compose.services['redis-state'].command).toContain('noeviction');
  expect(compose.services['redis-state'].command).toContain('everysec');
  expect(compose.services['redis-cache'].command).toContain('allkeys-lru');
});

test('the engine accepts the configuration that it gets there, and finds each server by its name', () => {
  const shippedConfigDirectory = join(root, 'config');
  const path = join(root, 'deploy/compose/paceline.yaml');
  const given = Object.entries(compose.services.paceline.environment!);
  const env = Object.fromEntries(given.map(([name, text]) => [name, text.replace(/\$\{\w+:-([^}]+)\}/, '$1')]));
  const world = { env, readFile: (file: string) => readFileSync(file, 'utf8') };
  const { config } = loadConfig([path], { shippedConfigDirectory, world });
  const { registry, redis, postgres, clickhouse, alertmanager } = config;
  const hosts = [registry.url, redis.url, redis.cache_url, postgres.url, clickhouse.url, ...alertmanager.urls];
  for (const url of hosts) expect(Object.keys(compose.services)).toContain(new URL(String(url)).hostname);
  for (const broker of config.kafka.brokers) expect(Object.keys(compose.services)).toContain(broker.split(':')[0]);
});

test('the image holds the sources, the lock and nothing else', () => {
  const dockerfile = read('Dockerfile');
  expect(dockerfile).toMatch(/^FROM node:\d+\.\d+\.\d+-bookworm-slim$/m);
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile).toContain('npm ci --omit=dev');
  const kept = read('.dockerignore').trim().split('\n');
  for (const [, source] of dockerfile.matchAll(/^COPY (?!--from)([\w.-]+)/gm)) expect(kept).toContain(`!${source}`);
});
