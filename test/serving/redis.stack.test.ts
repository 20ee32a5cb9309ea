import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRedisCacheServer } from '../../src/adapters/serving/redis-cache-server.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { SqliteAccountsDatabase } from '../../src/serving/access/store/sqlite/sqlite-accounts-database.ts';
import { RedisTokenCache } from '../../src/serving/access/token-cache.ts';
import type { CacheServer } from '../../src/serving/cache/cache-server.ts';
import { KeptAnswers } from '../../src/serving/cache/kept-answers.ts';
import { SharedQueryCache } from '../../src/serving/cache/shared-query-cache.ts';
import { LocalRateLimiter } from '../../src/serving/limits/local-rate-limiter.ts';
import { halved, RedisRateLimiter } from '../../src/serving/limits/redis-rate-limiter.ts';
import { by } from '../exams/accounts-exam.ts';
import { examineQueryCache } from '../exams/query-cache-exam.ts';
import { allowances, examineRateLimiter } from '../exams/rate-limiter-exam.ts';
import { type RedisServer, startRedisServer, waitFor } from '../state/redis-server.ts';
import { makeAccessBench, reading, withBearer, withSession } from './access/access-bench.ts';

let redis: RedisServer;
const servers: CacheServer[] = [];
const prefix = 'paceline:cache:';
let states: boolean[] = [];

function openServer(): CacheServer {
  const server = openRedisCacheServer({ endpoint: redis.endpoint, prefix, onState: (isThere) => states.push(isThere) });
  servers.push(server);
  return server;
}
const answers = (server: CacheServer) => waitFor(async () => (await server.getBytes('none')) === null);

beforeAll(async () => {
  redis = await startRedisServer();
  await answers(openServer());
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await redis[Symbol.asyncDispose]();
});

const makeLimiter = () =>
  new RedisRateLimiter({
    server: servers[0],
    allowances,
    twin: new LocalRateLimiter({ allowances: halved(allowances), steadyMs: () => performance.now() }),
  });
examineRateLimiter('Redis', makeLimiter);

const makeCache = () =>
  new SharedQueryCache({ memory: new KeptAnswers(0), server: servers[0], ttlMs: 60_000, answerBytesMax: 1_000_000 });
examineQueryCache('Redis', makeCache);

test('two processes count together and answer each other', async () => {
  const subject = { kind: 'organization', id: randomUUID() } as const;
  const verdicts = await Promise.all(
    Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? first : second).take(subject, 1)),
  );
  expect(verdicts.filter(({ isAllowed }) => isAllowed)).toHaveLength(100);
  const key = { orgId: 'acme', dataVersion: randomUUID(), query: 'q', args: '{}' };
  await makeCache().get(key, async () => Uint8Array.of(1));
  expect(await makeCache().get(key, async () => Uint8Array.of(2))).toEqual(Buffer.of(1));
  expect((await redis.admin.keys('*')).every((name) => name.startsWith(prefix))).toBe(true);
});
const first = { take: (...args: Parameters<RedisRateLimiter['take']>) => makeLimiter().take(...args) };
const second = first;

describe('sessions that Redis keeps', () => {
  /** Two processes over the same accounts and the same Redis. */
  async function twoProcesses(ttlMs = 60_000) {
    const directory = mkdtempSync(join(tmpdir(), 'paceline-access-'));
    const path = join(directory, 'access.sqlite');
    const open = async () => {
      const server = openServer();
      await answers(server);
      const database = new SqliteAccountsDatabase(path, () => Date.parse('2026-11-30T12:00:00Z'));
      await database.keepOrganizations(by, ['acme', 'bolt']);
      const cache = new RedisTokenCache({ server, clock: systemClock, ttlMs, newId: randomUUID });
      return await makeAccessBench({ cache, database });
    };
    return { one: await open(), two: await open(), remove: () => rmSync(directory, { recursive: true }) };
  }

  test('are found there, and a change of the truth holds everywhere when it is reported as done', async () => {
    const { one, two, remove } = await twoProcesses();
    const { id } = await one.addUser('ann@acme.example', { acme: 'viewer' });
    const token = await one.logIn('ann@acme.example');
    const ask = () => two.authenticator.authenticate(withSession(token), reading('acme'));
    expect(await ask()).toMatchObject({ role: 'viewer' });
    // Behind the store's back, nothing changes: the answer is the kept one.
    await one.database.read(`UPDATE paceline.org_memberships SET role = 'admin'`);
    expect(await ask()).toMatchObject({ role: 'viewer' });
    await one.accounts.people.setRole(by, 'acme', id, 'editor');
    expect(await ask()).toMatchObject({ role: 'editor' });
    const told: string[] = [];
    two.cache.onDropped((hashes) => told.push(...hashes));
    await one.accounts.sessions.revokeAllOf(by, id);
    await expect(ask()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await waitFor(async () => told.length === 1);
    const { key, id: keyId } = await one.addKey('acme', ['pacing.read']);
    await two.authenticator.authenticate(withBearer(key), reading('acme'));
    await one.accounts.keys.revoke(by, 'acme', keyId);
    await expect(two.authenticator.authenticate(withBearer(key), reading('acme'))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    remove();
  });

  test('an answer that was read before a change is never kept after it', async () => {
    const { one, two, remove } = await twoProcesses();
    const hash = randomBytes(32);
    const look = await two.cache.look(hash, 'acme');
    const lease = (look as { lease: string }).lease;
    await one.cache.drop([hash]);
    await two.cache.fill(hash, 'acme', lease, '"old"');
    const after = (await two.cache.look(hash, 'acme')) as { lease: string };
    expect(after.lease).not.toBe(lease);
    await two.cache.fill(hash, 'acme', after.lease, '"new"');
    await two.cache.fill(hash, 'bolt', after.lease, '"there"');
    expect(await one.cache.look(hash, 'acme')).toEqual({ kept: '"new"' });
    expect(await one.cache.look(hash, 'bolt')).toEqual({ kept: '"there"' });
    for (let i = 0; i < 200; i++) await two.cache.fill(hash, `org-${i}`, after.lease, '"more"');
    expect(await redis.admin.hlen(`${prefix}token:${hash.toString('hex')}`)).toBeLessThanOrEqual(65);
    expect(await redis.admin.pttl(`${prefix}token:${hash.toString('hex')}`)).toBeGreaterThan(0);
    remove();
  });

  test('with random interleavings of reading, keeping and changing, nothing old is ever answered after a change', async () => {
    const { one, two, remove } = await twoProcesses();
    const seed = 15;
    let state = seed;
    const next = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 16) % below;
    };
    const hash = randomBytes(32);
    let truth = 0;
    const underWay: { lease: string; read: number }[] = [];
    for (let step = 0; step < 2_000; step++) {
      const { cache } = next(2) === 0 ? one : two;
      const what = next(10);
      if (what === 0) {
        truth += 1;
        await cache.drop([hash]);
      } else if (what < 5) {
        const look = await cache.look(hash, 'acme');
        if ('kept' in look) expect(Number(look.kept), `seed ${seed}, step ${step}`).toBe(truth);
        else underWay.push({ lease: look.lease!, read: truth });
      } else if (underWay.length > 0) {
        const [{ lease, read }] = underWay.splice(next(underWay.length), 1);
        await cache.fill(hash, 'acme', lease, String(read));
      }
    }
    expect(truth).toBeGreaterThan(50);
    remove();
  });

  test('Redis goes and comes back: answers come from the store, limits from the twin, and nothing opens', async () => {
    const { one, two, remove } = await twoProcesses(300);
    await one.addUser('ann@acme.example', { acme: 'viewer' });
    const token = await one.logIn('ann@acme.example');
    const ask = () => two.authenticator.authenticate(withSession(token), reading('acme'));
    await ask();
    const subject = { kind: 'actor', id: randomUUID() } as const;
    const limiter = makeLimiter();
    for (let i = 0; i < 4; i++) expect(await limiter.take(subject, 1)).toMatchObject({ isAllowed: true });
    states = [];
    await redis.kill();
    await waitFor(async () => states.includes(false));
    expect(await ask()).toMatchObject({ role: 'viewer' });
    expect(await limiter.take(subject, 1)).toMatchObject({ isAllowed: true, limit: 5 });
    expect(await limiter.take(subject, 1)).toMatchObject({ isAllowed: false });
    let computed = 0;
    await makeCache().get({ orgId: 'acme', dataVersion: '1', query: 'q', args: '' }, async () =>
      Uint8Array.of(++computed),
    );
    expect(computed).toBe(1);
    await expect(
      two.authenticator.authenticate(withSession(`pls_${'A'.repeat(43)}`), reading('acme')),
    ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await redis.start();
    await answers(servers[0]);
    expect(await limiter.take(subject, 1)).toMatchObject({ limit: 10 });
    const told: string[] = [];
    two.cache.onDropped((hashes) => told.push(...hashes));
    await waitFor(async () => {
      await one.cache.drop([randomBytes(32)]);
      return told.length > 0;
    });
    remove();
  });

  test('a revocation while Redis is away from the one who revokes is reported when nothing is left to outlive it', async () => {
    const { one, remove } = await twoProcesses(200);
    let elapsed = 0;
    const sleep = async (ms: number) => {
      elapsed += ms;
    };
    const clock = { ...systemClock, steadyMs: () => elapsed, sleep };
    const away = openRedisCacheServer({ endpoint: { ...redis.endpoint, url: 'redis://127.0.0.1:1' }, prefix });
    servers.push(away);
    const cache = new RedisTokenCache({ server: away, clock, ttlMs: 200, newId: randomUUID });
    await cache.drop([randomBytes(32)]);
    expect(elapsed).toBeGreaterThanOrEqual(15_200);
    await one.accounts.close();
    remove();
  });

  test('an idle line stays open', async () => {
    await answers(servers[0]);
    states = [];
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(states).toEqual([]);
  });
});
