// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this in YAML.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';

// "run --for" and signals while a server is waited for: one that refuses, and one that takes connections and says nothing.
const main = join(import.meta.dirname, '../../src/main.ts');
const dir = mkdtempSync(join(tmpdir(), 'paceline-run-for-'));
const sockets = new Set<Socket>();
let silent: Server;
let silentPort = 0;

beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.resume();
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  silentPort = (silent.address() as AddressInfo).port;
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  rmSync(dir, { recursive: true, force: true });
});

function start(settings: object, ...flags: string[]) {
  const config = join(dir, `${Math.random()}.yaml`);
  const free = { http: { port: 0 }, clickhouse: { port: 0 }, serving: { port: 0 } };
  writeFileSync(config, JSON.stringify({ ...free, data_directory: mkdtempSync(join(dir, 'data-')), ...settings }));
  const args = ['--disable-warning=ExperimentalWarning', main, 'run', '--config', config, ...flags];
  const env = { ...process.env, SERVER: `x://a:b@127.0.0.1:${silentPort}/x`, SECRET: 'something' };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  return { child, said: text(child.stderr!), ended: once(child, 'exit') };
}

const at = (port: number) => `127.0.0.1:${port}`;
const cases: readonly [name: string, settings: (port: number) => object, named: RegExp][] = [
  ['Kafka', (port) => ({ kafka: { brokers: [at(port)] } }), /Kafka and the schema registry/],
  ['Redis', () => ({ redis: { url: '${env:REDIS}' } }), /Redis/],
  ['ClickHouse', (port) => ({ clickhouse: { url: `http://${at(port)}`, password: '${env:SECRET}' } }), /ClickHouse/],
  [
    'the catalog of the lake',
    (port) => ({ bronze: { catalog: 'rest' }, iceberg_rest: { url: `http://${at(port)}` } }),
    /bronze|ClickHouse/,
  ],
];

for (const kind of ['refuses', 'says nothing'] as const)
  test.each(cases)(
    `--for ends in time, with 75 and a name, where %s ${kind}`,
    { timeout: 60_000 },
    async (...given) => {
      const [, settings, named] = given;
      const port = kind === 'refuses' ? 1 : silentPort;
      process.env.REDIS = `redis://${at(port)}`;
      const { said, ended } = start(settings(port), '--for', '4s');
      const [code] = await ended;
      const words = (await said)
        .split('\n')
        .filter((line) => !line.startsWith('{'))
        .join('\n');
      expect(words).toMatch(/^error [A-Z_]+: after 4000 ms it still (waits for|opens) /m);
      expect(words).toMatch(named);
      expect(words).not.toMatch(/bug|report/);
      expect(code).toBe(75);
    },
  );

test('an engine whose PostgreSQL says nothing runs for as long as it was told, and ends with 0', async () => {
  process.env.PG = `postgres://a:b@${at(silentPort)}/x`;
  const { said, ended } = start({ postgres: { url: '${env:PG}' } }, '--for', '20s');
  expect([(await ended)[0], await said]).toEqual([0, expect.stringMatching(/stopped: \d+ records, 0 dead letters/)]);
}, 60_000);

test('SIGTERM while a server says nothing ends the command at once with 0', async () => {
  const { child, said, ended } = start({ kafka: { brokers: [at(silentPort)] } });
  const connections = sockets.size;
  while (sockets.size === connections) await once(silent, 'connection');
  const sentMs = Date.now();
  child.kill('SIGTERM');
  expect([(await ended)[0], await said]).toEqual([0, expect.stringContaining('SIGTERM')]);
  // Its own patience with a broker is half a minute.
  expect(Date.now() - sentMs).toBeLessThan(10_000);
}, 60_000);

test('a second engine is told who holds the directory, however short it was to run', async () => {
  const data = mkdtempSync(join(dir, 'data-'));
  const first = start({ data_directory: data });
  while (!existsSync(join(data, 'engine.json'))) await setTimeout(50);
  const { said, ended } = start({ data_directory: data }, '--for', '1s');
  const [code] = await ended;
  first.child.kill('SIGKILL');
  expect([code, await said]).toEqual([73, expect.stringContaining('error DATA_DIR_LOCKED: ')]);
}, 120_000);

test('--until-end that does not come to its end in the time it was given says so', async () => {
  const settings = { kafka: { brokers: [at(silentPort)] } };
  const { said, ended } = start(settings, '--until-end', '--for', '1s');
  expect([(await ended)[0], await said]).toEqual([75, expect.stringContaining('after 1000 ms it still opens')]);
}, 60_000);

test.each([
  ['the front door alone', (pid: number) => process.kill(pid, 'SIGTERM')],
  ['all of the group, as service managers do', (pid: number) => process.kill(-pid, 'SIGTERM')],
])('SIGTERM to %s ends the engine in order', async (_, stop) => {
  const door = join(import.meta.dirname, '../../bin/paceline.js');
  const data = join(dir, `door-${stop.toString().length}`);
  const file = join(dir, 'door.yaml');
  writeFileSync(file, 'http: { port: 0 }\nclickhouse: { port: 0 }\nserving: { enabled: false }\n');
  const child = spawn(process.execPath, [door, 'run', '--config', file, '--data', data], { detached: true });
  const told: string[] = [];
  const started = Promise.withResolvers<void>();
  child.stderr.setEncoding('utf8').on('data', (lines: string) => {
    told.push(lines);
    if (lines.includes('engine.started')) started.resolve();
  });
  await started.promise;
  stop(child.pid!);
  const [code] = await once(child, 'exit');
  expect([code, told.join('')]).toEqual([0, expect.stringContaining('"state":"stopped"')]);
});
