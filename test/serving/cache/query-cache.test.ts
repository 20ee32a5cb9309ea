import { expect, test } from 'vitest';
import { EngineError } from '../../../src/model/errors.ts';
import type { CacheServer } from '../../../src/serving/cache/cache-server.ts';
import { KeptAnswers } from '../../../src/serving/cache/kept-answers.ts';
import { answerName, SharedQueryCache } from '../../../src/serving/cache/shared-query-cache.ts';
import { examineQueryCache } from '../../exams/query-cache-exam.ts';

const inMemory = (bytesMax: number, server: CacheServer | null = null) =>
  new SharedQueryCache({ memory: new KeptAnswers(bytesMax), server, ttlMs: 60_000, answerBytesMax: 1_000 });

examineQueryCache('this process', () => inMemory(1_000_000));

test('memory holds no more bytes than it may, and lets go what nobody asked for longest', () => {
  const kept = new KeptAnswers(10_000);
  for (let i = 0; i < 100; i++) {
    kept.keep(String(i), new Uint8Array(700));
    kept.get('0');
    expect(kept.bytes).toBeLessThanOrEqual(10_000);
  }
  expect(kept.get('0')).not.toBeNull();
  expect(kept.get('99')).not.toBeNull();
  expect(kept.get('50')).toBeNull();
  kept.keep('large', new Uint8Array(20_000));
  expect(kept.get('large')).toBeNull();
  kept.keep('0', new Uint8Array(1));
  kept.keep('0', new Uint8Array(1));
  expect(kept.get('0')).toHaveLength(1);
});

const asked = { orgId: 'acme', dataVersion: '1', query: 'board', args: '{}' };

test('an answer that is too large is computed each time', async () => {
  const cache = inMemory(1_000_000);
  let computed = 0;
  const compute = async () => new Uint8Array(1_001 + ++computed);
  await cache.get(asked, compute);
  expect(await cache.get(asked, compute)).toHaveLength(1_003);
});

test('what stands under the wrong name in Redis is not handed out', async () => {
  const held = new Map<string, Uint8Array>();
  const server = {
    prefix: 'p:',
    getBytes: async (key: string) => held.get(key) ?? null,
    setBytes: async (key: string, bytes: Uint8Array) => void held.set(key, bytes),
  } as unknown as CacheServer;
  await inMemory(1_000_000, server).get({ ...asked, orgId: 'bolt' }, async () => new TextEncoder().encode('theirs'));
  const [[theirs, bytes]] = held;
  expect(theirs).toMatch(/^p:answer:bolt\/[0-9a-f]{64}$/);
  held.set(`p:answer:${answerName(asked)}`, bytes);
  const own = await inMemory(1_000_000, server).get(asked, async () => new TextEncoder().encode('ours'));
  expect(new TextDecoder().decode(own)).toBe('ours');
});

test('while Redis is away, answers are computed and kept in memory', async () => {
  const gone = () => Promise.reject(new EngineError('CACHE_UNAVAILABLE', 'away'));
  const cache = inMemory(1_000_000, { prefix: 'p:', getBytes: gone, setBytes: gone } as unknown as CacheServer);
  let computed = 0;
  const compute = async () => Uint8Array.of(++computed);
  expect([...(await cache.get(asked, compute)), ...(await cache.get(asked, compute))]).toEqual([1, 1]);
});
