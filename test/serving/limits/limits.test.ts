import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EngineError } from '../../../src/model/errors.ts';
import type { CacheServer } from '../../../src/serving/cache/cache-server.ts';
import { judge } from '../../../src/serving/limits/gcra.ts';
import { addressSubject, limitHeaders } from '../../../src/serving/limits/limit-headers.ts';
import { LocalRateLimiter } from '../../../src/serving/limits/local-rate-limiter.ts';
import { halved, RedisRateLimiter } from '../../../src/serving/limits/redis-rate-limiter.ts';
import { allowances, examineRateLimiter } from '../../exams/rate-limiter-exam.ts';

examineRateLimiter('this process', () => new LocalRateLimiter({ allowances, steadyMs: () => performance.now() }));

test('in any span, no more passes than the burst and what the span gives back', () => {
  const call = fc.record({ gap: fc.integer({ min: 0, max: 3_000_000 }), cost: fc.integer({ min: 1, max: 6 }) });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (calls, burst) => {
      const allowance = { burst, perSecond: 2 };
      let now = 0;
      let restedAt = Number.NEGATIVE_INFINITY;
      const passed: { at: number; cost: number }[] = [];
      for (const { gap, cost } of calls) {
        now += gap;
        const judged = judge(restedAt, now, cost, allowance);
        restedAt = judged.restedAt;
        if (judged.isAllowed) passed.push({ at: now, cost: Math.min(cost, burst) });
        else expect(judge(restedAt, now + judged.verdict.retryAfterMs * 1_000, cost, allowance).isAllowed).toBe(true);
      }
      for (let from = 0; from < passed.length; from++) {
        let sum = 0;
        for (let to = from; to < passed.length; to++) {
          sum += passed[to].cost;
          expect(sum).toBeLessThanOrEqual(burst + Math.ceil((passed[to].at - passed[from].at) / 500_000));
        }
      }
    }),
    { seed: 15 },
  );
});

test('a flood of names makes the limiter in memory stricter, never open', async () => {
  let now = 0;
  const limiter = new LocalRateLimiter({ allowances, steadyMs: () => now, subjectsMax: 10 });
  const login = (id: string) => limiter.take({ kind: 'login', id }, 1);
  for (let i = 0; i < 6; i++) await login('victim');
  for (let i = 0; i < 200_000; i++) await login(`flood-${i}`);
  expect((await login('victim')).isAllowed).toBe(false);
  expect(limiter.size).toBeLessThanOrEqual(10 + 4_096);
  expect((await login('one-more')).isAllowed).toBe(false);
  now += 600_000;
  expect((await login('one-more')).isAllowed).toBe(true);
  expect(limiter.size).toBe(1);
});

describe('while Redis is away', () => {
  const away = { prefix: 'p:', run: () => Promise.reject(new EngineError('CACHE_UNAVAILABLE', 'away')) };
  const makeTwin = () => new LocalRateLimiter({ allowances: halved(allowances), steadyMs: () => 0 });

  test('the twin takes over with half of the allowance', async () => {
    const limiter = new RedisRateLimiter({ server: away as unknown as CacheServer, allowances, twin: makeTwin() });
    let passed = 0;
    for (let i = 0; i < 50; i++) if ((await limiter.take({ kind: 'actor', id: 'a' }, 1)).isAllowed) passed += 1;
    expect(passed).toBe(5);
  });

  test('and it remembers what Redis allowed before', async () => {
    let run = () => Promise.resolve([1, 0, 0]) as Promise<never>;
    const server = { prefix: 'p:', run: () => run() } as unknown as CacheServer;
    const limiter = new RedisRateLimiter({ server, allowances, twin: makeTwin() });
    for (let i = 0; i < 8; i++) await limiter.take({ kind: 'actor', id: 'a' }, 1);
    run = away.run;
    expect(await limiter.take({ kind: 'actor', id: 'a' }, 1)).toMatchObject({ isAllowed: false });
    expect(await limiter.take({ kind: 'actor', id: 'b' }, 1)).toMatchObject({ isAllowed: true });
  });
});

test('headers say what is left in whole seconds, and how long to wait', async () => {
  const limiter = new LocalRateLimiter({ allowances, steadyMs: () => 0 });
  const subject = { kind: 'login', id: 'x' } as const;
  expect(limitHeaders(await limiter.take(subject, 5))).not.toHaveProperty('Retry-After');
  expect(limitHeaders(await limiter.take(subject, 1))).toEqual({
    'RateLimit-Limit': '5',
    'RateLimit-Remaining': '0',
    'RateLimit-Reset': '500',
    'Retry-After': '100',
  });
});

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('the address %s is counted as %s', (address, id) => {
  expect(addressSubject(address)).toEqual({ kind: 'address', id });
});
