import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkServers } from '../../../src/adapters/servers/check-servers.ts';
import { type Access, openAccess } from '../../../src/adapters/serving/open-access.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { Metrics } from '../../../src/control/metrics/metrics.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { by } from '../../exams/accounts-exam.ts';
import { asLogin, makeDatabase, type TestDatabase } from '../../plans/postgres/server.ts';
import { type RedisServer, startRedisServer, waitFor } from '../../state/redis-server.ts';
import { goodPassword, reading, visit, withBearer, withSession } from './access-bench.ts';

// Two servers of one installation, as the configuration makes them: PostgreSQL for the truth, Redis for copies.
let database: TestDatabase;
let redis: RedisServer;
let one: Access;
let two: Access;
const metrics = new Metrics();
const password = 'of-the-cache-redis';

beforeAll(async () => {
  database = await makeDatabase();
  redis = await startRedisServer(['--requirepass', password], password);
  const service = await database.login('paceline_service');
  await asLogin(service, (client) => client.query("INSERT INTO paceline.organizations (id) VALUES ('acme'), ('bolt')"));
  const { config } = loadConfig([], {
    shippedConfigDirectory: '/none',
    overrides: {
      postgres: { url: service.url },
      redis: { cache_url: `redis://:${password}@127.0.0.1:${redis.port}` },
      serving: { access: { remembered_ms: 1_000 } },
    },
  });
  const log = makeLogger({ level: 'silent', clock: systemClock });
  one = openAccess(config, { clock: systemClock, log, metrics: null });
  two = openAccess(config, { clock: systemClock, log, metrics });
  await waitFor(async () => metrics.value('paceline_cache_up', {}) === 1);
});
afterAll(async () => {
  await one.close();
  await two.close();
  await redis[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

async function enter(email: string): Promise<{ id: string; token: string }> {
  const { id } = await one.accounts.people.add(by, { email, name: email });
  await one.accounts.people.setPassword(by, id, await one.passwords.choose(goodPassword, email));
  await one.accounts.people.setRole(by, 'acme', id, 'viewer');
  const { token } = await one.signIn.byPassword({ email, password: goodPassword }, visit);
  return { id, token };
}

test('what one server changes holds in the other when it is done: roles, sessions, keys, people', async () => {
  const { id, token } = await enter('ann@acme.example');
  const ask = (org = 'acme') => two.authenticator.authenticate(withSession(token), reading(org));
  for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject({ role: 'viewer' });
  expect(metrics.value('paceline_access_checks_total', { outcome: 'kept' })).toBe(2);
  await expect(ask('bolt')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await one.accounts.people.setRole(by, 'bolt', id, 'admin');
  expect(await ask('bolt')).toMatchObject({ role: 'admin' });
  await one.accounts.people.removeMember(by, 'acme', id);
  await expect(ask()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  const issued = await one.issueKey(by, { orgId: 'acme', name: 'k', scopes: ['pacing.read'], expiresMs: null });
  const askByKey = () => two.authenticator.authenticate(withBearer(issued.key), reading('acme'));
  expect(await askByKey()).toMatchObject({ actor: { kind: 'key' } });
  await one.accounts.keys.revoke(by, 'acme', issued.made.id);
  await expect(askByKey()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await one.accounts.people.setDisabled(by, id, true);
  await expect(ask('bolt')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('while Redis is away, both go on by PostgreSQL, and a revocation holds in both', async () => {
  const { id, token } = await enter('bob@acme.example');
  const ask = (access: Access) => access.authenticator.authenticate(withSession(token), reading('acme'));
  expect(await ask(two)).toMatchObject({ role: 'viewer' });
  await redis.kill();
  await waitFor(async () => metrics.value('paceline_cache_up', {}) === 0);
  expect(await ask(two)).toMatchObject({ role: 'viewer' });
  const revoking = one.accounts.sessions.revokeAllOf(by, id);
  // Done in the truth at once; reported when no copy can be left in a Redis that we do not reach.
  await waitFor(async () => (await ask(two).catch((error: { code: string }) => error.code)) === 'UNAUTHENTICATED');
  await redis.start();
  expect(await revoking).toBe(1);
  await waitFor(async () => metrics.value('paceline_cache_up', {}) === 1);
  await expect(ask(two)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('doctor asks the cache also where the state is not in Redis', async () => {
  const log = makeLogger({ level: 'silent', clock: systemClock });
  const found = async (cache_url: string) => {
    const { config } = loadConfig([], { shippedConfigDirectory: '/none', overrides: { redis: { cache_url } } });
    return (await checkServers(config, { clock: systemClock, log })).map(({ id, status }) => [id, status]);
  };
  expect(await found(`redis://:${password}@127.0.0.1:${redis.port}`)).toEqual([['redis.cache', 'ok']]);
  expect(await found('redis://127.0.0.1:1')).toEqual([['redis.cache', 'warning']]);
  expect(await found(`redis://:wrong@127.0.0.1:${redis.port}`)).toEqual([['redis.cache', 'failed']]);
});

test('what PostgreSQL does not tell lets nobody in', async () => {
  const { token } = await enter('eve@acme.example');
  await asLogin(database.settings, (client) =>
    client.query('REVOKE SELECT ON paceline.sessions FROM paceline_service'),
  );
  await expect(two.authenticator.authenticate(withSession(token), reading('acme'))).rejects.toMatchObject({
    code: 'ACCESS_UNAVAILABLE',
  });
  await asLogin(database.settings, (client) => client.query('GRANT SELECT ON paceline.sessions TO paceline_service'));
  expect(await two.authenticator.authenticate(withSession(token), reading('acme'))).toMatchObject({ role: 'viewer' });
});
