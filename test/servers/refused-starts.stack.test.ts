import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkServers } from '../../src/adapters/servers/check-servers.ts';
import type { Engine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { EngineError } from '../../src/model/errors.ts';
import { collectFacts } from '../model/collect-facts.ts';
import { makeDatabase } from '../plans/postgres/server.ts';
import { startProxy } from '../state/tcp-proxy.ts';
import { EngineBench, eventually, impression } from './engine-bench.ts';

// What an engine says when servers are not there yet, or do not let it in.
const secret = 'not-the-password';
let bench: EngineBench;
beforeAll(async () => {
  bench = await EngineBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** A port on which nobody answers until somebody opens it. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function refusal(starting: Promise<Engine>): Promise<EngineError> {
  const error = await starting.then(
    () => 'it started',
    (reason: unknown) => reason,
  );
  if (!(error instanceof EngineError)) throw new Error(`no refusal: ${String(error)}`, { cause: error });
  return error;
}

/** Starts while a part is away; resolves with the address of health and the start that still goes on. */
async function startWaiting(sections: Parameters<EngineBench['start']>[0], signal?: AbortSignal) {
  let url = '';
  const onServing = (address: string) => {
    url = address;
  };
  const starting = bench.start(sections, { onServing, ...(signal === undefined ? {} : { signal }) });
  // Looked at by whoever awaits it; until then it may fail.
  starting.catch(() => undefined);
  await eventually(() => expect(url).not.toBe(''));
  return { url, starting };
}

test.each([
  ['Kafka', (port: number) => ({ kafka: { brokers: [`127.0.0.1:${port}`] } })],
  ['Redis', (port: number) => ({ redis: { url: `redis://127.0.0.1:${port}` } })],
  ['the schema registry', (port: number) => ({ registry: { url: `http://127.0.0.1:${port}/apis/ccompat/v7` } })],
] as const)('an engine that is there before %s waits, says so, and runs as soon as it comes', async (part, at) => {
  const port = await closedPort();
  const { url, starting } = await startWaiting(at(port));
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toMatch(new RegExp(`^waiting for .*${part}.*127\\.0\\.0\\.1:${port}`, 'i'));
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const { kafka, redisState, registry } = bench.stack.addresses;
  const targets = {
    Kafka: Number(kafka.plaintext.split(':')[1]),
    Redis: redisState.port,
    'the schema registry': Number(new URL(registry.url).port),
  };
  await using _proxy = await startProxy(targets[part], port);
  const engine = await starting;
  await bench.produce([impression('late', 3)]);
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  await engine.drain();
  await engine.stop();
  expect(engine.status()).toMatchObject({ state: 'stopped', failure: null });
});

test('PostgreSQL is not waited for: lanes run, and its rules come when it comes', async () => {
  const url = new URL(await bench.addDatabase());
  const port = await closedPort();
  const target = Number(url.port);
  url.port = String(port);
  using failed = collectFacts('control.failed');
  using appended = collectFacts('plan.appended');
  const engine = await bench.start({ postgres: { url: url.href } });
  await eventually(() => expect(failed.facts.length).toBeGreaterThan(0));
  expect(failed.facts[0].error).toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
  await bench.produce([impression('late', 5)]);
  await eventually(async () => {
    await engine.drain();
    const ready = await (await fetch(`${engine.addresses.http}/readyz`)).text();
    expect(ready).toMatch(/^edits wait, and the rules in force stay in force: PostgreSQL 127\.0\.0\.1/);
  });
  expect(appended.facts).toEqual([]);
  await using _proxy = await startProxy(target, port);
  await eventually(() => expect(appended.facts).toMatchObject([{ orgId: '_default', number: 1 }]));
  await eventually(async () => {
    expect(await (await fetch(`${engine.addresses.http}/readyz`)).text()).toBe('ok\n');
  });
  await engine.stop();
});

test('told to stop while it waits, it ends at once with the reason it was given', async () => {
  const stop = new AbortController();
  const { url, starting } = await startWaiting(
    { redis: { url: `redis://127.0.0.1:${await closedPort()}` } },
    stop.signal,
  );
  const reason = new Error('told to stop');
  stop.abort(reason);
  await expect(starting).rejects.toBe(reason);
  await expect(fetch(`${url}/readyz`)).rejects.toThrow();
});

test('a wrong Redis password, a wrong Kafka password and an unknown topic are refused, and no secret is told', async () => {
  const { kafka, redisState } = bench.stack.addresses;
  const wrongRedis = `redis://paceline:${secret}@127.0.0.1:${redisState.port}`;
  const sasl = { mechanism: 'scram-sha-256', username: 'paceline', password: secret };
  const refusals = [
    await refusal(bench.start({ redis: { url: wrongRedis } })),
    await refusal(bench.start({ kafka: { brokers: [kafka.sasl], sasl } })),
    await refusal(bench.start({ log: { topic: `${bench.names.name}.nowhere` } })),
  ];
  expect(refusals.map(({ code }) => code)).toEqual(['STATE_REFUSED', 'SOURCE_REFUSED', 'SOURCE_REFUSED']);
  const [redis, broker, topic] = refusals.map(({ message, next }) => `${message} ${next}`);
  expect(redis).toContain(`127.0.0.1:${redisState.port}`);
  expect(broker).toContain(kafka.sasl);
  for (const said of [redis, broker]) expect(said).toMatch(/correct .*(credentials|password)/i);
  expect(topic).toMatch(/nowhere does not exist at .*"paceline migrate" makes it/);
  for (const error of refusals) {
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      expect(`${at.message} ${JSON.stringify(at)} ${at.stack}`).not.toContain(secret);
  }
});

test('a database that lets us in but not at the catalog of bronze ends the start, and migrate mends it', async () => {
  await using database = await makeDatabase();
  const service = await database.login('paceline_service');
  const changes = (url: string | null) => ({
    postgres: { url: url! },
    bronze: { enabled: true, catalog: 'postgres', warehouse: join(bench.directory, 'lake') },
  });
  const context = { clock: systemClock, log: makeLogger({ level: 'silent', clock: systemClock }) };
  const finding = async () => {
    const results = await checkServers(bench.load(changes(service.url)).config, context);
    return results.find(({ id }) => id === 'bronze.catalog');
  };
  expect(await finding()).toMatchObject({ status: 'failed', fix: 'Run "paceline migrate".' });
  expect(await refusal(bench.start(changes(service.url)))).toMatchObject({
    code: 'CONTROL_REFUSED',
    message: expect.stringMatching(/the catalog of bronze in PostgreSQL .*permission denied/),
    next: expect.stringContaining('paceline migrate'),
  });
  const wrong = new URL(service.url!);
  wrong.password = secret;
  const said = await refusal(bench.start(changes(wrong.href)));
  expect(said).toMatchObject({ code: 'CONTROL_REFUSED', message: expect.stringMatching(/password authentication/) });
  expect(`${said.message} ${said.stack} ${JSON.stringify(said)}`).not.toContain(secret);
  await bench.migrate(changes(database.settings.url));
  expect(await finding()).toMatchObject({ status: 'ok' });
  const engine = await bench.start(changes(service.url));
  await bench.produce([impression('late', 2)]);
  await eventually(async () => {
    await engine.drain();
    expect(engine.parts.bronze()).toMatchObject({ records: expect.any(Number) });
  });
  await engine.stop();
  expect(engine.status()).toMatchObject({ state: 'stopped', failure: null });
});
