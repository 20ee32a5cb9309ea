import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Allowances } from '../../src/serving/limits/local-rate-limiter.ts';
import type { LimitSubject, RateLimiter } from '../../src/serving/limits/rate-limiter.ts';

/** Slow enough that nothing comes back while a test runs, but for `address`: one each 20 ms. */
export const allowances: Allowances = {
  organization: { burst: 100, perSecond: 0.01 },
  actor: { burst: 10, perSecond: 0.01 },
  address: { burst: 2, perSecond: 50 },
  login: { burst: 5, perSecond: 0.01 },
};

/** The exam of every limiter; `makeLimiter` gives another process's view of the same counts. */
export function examineRateLimiter(name: string, makeLimiter: () => RateLimiter): void {
  describe(`limits by ${name}`, () => {
    const fresh = (kind: LimitSubject['kind']): LimitSubject => ({ kind, id: randomUUID() });
    const count = async (limiter: RateLimiter, subject: LimitSubject, calls: number, cost = 1) => {
      const verdicts = await Promise.all(Array.from({ length: calls }, () => limiter.take(subject, cost)));
      return verdicts.filter(({ isAllowed }) => isAllowed).length;
    };

    test('just the burst passes, however many come at once', async () => {
      const limiter = makeLimiter();
      expect(await count(limiter, fresh('organization'), 500)).toBe(100);
      expect(await count(limiter, fresh('organization'), 100, 7)).toBe(14);
    });

    test('subjects and kinds do not share', async () => {
      const limiter = makeLimiter();
      const { id } = fresh('actor');
      expect(await count(limiter, { kind: 'actor', id }, 20)).toBe(10);
      expect(await count(limiter, { kind: 'login', id }, 20)).toBe(5);
      expect(await count(limiter, { kind: 'actor', id: `${id}:x` }, 20)).toBe(10);
    });

    test('says what is left, when it is whole again, and when the same call would pass', async () => {
      const limiter = makeLimiter();
      const subject = fresh('login');
      expect(await limiter.take(subject, 1)).toMatchObject({
        isAllowed: true,
        limit: 5,
        remaining: 4,
        retryAfterMs: 0,
      });
      const last = await limiter.take(subject, 4);
      expect(last).toMatchObject({ isAllowed: true, remaining: 0 });
      expect(last.resetMs).toBeGreaterThan(499_000);
      expect(last.resetMs).toBeLessThanOrEqual(500_000);
      const refused = await limiter.take(subject, 2);
      expect(refused).toMatchObject({ isAllowed: false, remaining: 0 });
      expect(refused.retryAfterMs).toBeGreaterThan(199_000);
      expect(refused.retryAfterMs).toBeLessThanOrEqual(200_000);
      // What was refused took nothing.
      expect((await limiter.take(subject, 1)).retryAfterMs).toBeLessThanOrEqual(100_000);
    });

    test('a call dearer than the burst passes a rested subject, and takes all of it', async () => {
      const limiter = makeLimiter();
      const subject = fresh('login');
      expect(await limiter.take(subject, 50)).toMatchObject({ isAllowed: true, remaining: 0 });
      expect(await limiter.take(subject, 1)).toMatchObject({ isAllowed: false });
    });

    test('what was taken comes back with time', async () => {
      const limiter = makeLimiter();
      const subject = fresh('address');
      expect(await count(limiter, subject, 3)).toBe(2);
      const startMs = performance.now();
      let passed = 0;
      while (performance.now() - startMs < 400) {
        if ((await limiter.take(subject, 1)).isAllowed) passed += 1;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const elapsedMs = performance.now() - startMs;
      expect(passed).toBeLessThanOrEqual(Math.ceil(elapsedMs / 20) + 2);
      expect(passed).toBeGreaterThan(5);
    });
  });
}
