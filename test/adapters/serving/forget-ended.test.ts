import { expect, test } from 'vitest';
import { forgetOnce } from '../../../src/adapters/serving/forget-ended.ts';
import { dayMs } from '../../../src/model/time.ts';

test('what is due is forgotten piece by piece until nothing is left, and told once', async () => {
  const asked: number[] = [];
  const told: unknown[] = [];
  const pieces = [500, 500, 7, 0, 0];
  const store = {
    forget: (_: unknown, before: number) => {
      asked.push(before);
      return Promise.resolve(pieces.shift()!);
    },
  };
  const now = 100 * dayMs;
  await forgetOnce({
    accounts: { sessions: store, invitations: store } as never,
    nowMs: () => now,
    days: 90,
    log: { info: (event: string, facts: object) => void told.push([event, facts]) } as never,
  });
  expect(asked).toEqual(Array.from({ length: 5 }, () => 10 * dayMs));
  expect(told).toEqual([['access.forgotten', { what: 'sessions', rows: 1_007 }]]);
});
