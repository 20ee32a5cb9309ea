import { expect, test } from 'vitest';
import { forgetOnce } from '../../../src/adapters/serving/forget-ended.ts';
import { dayMs } from '../../../src/model/time.ts';

test('what is due is forgotten piece by piece until nothing is left, and told once', async () => {
  const asked: number[] = [];
  const told: unknown[] = [];
  const pieces = [500, 500, 7, 0, 0, 0, 0, 0];
  const store = {
    forget: (_: unknown, before: number) => {
      asked.push(before);
      return Promise.resolve(pieces.shift()!);
    },
  };
  const now = 2_000 * dayMs;
  await forgetOnce({
    accounts: { sessions: store, invitations: store, keys: store, replays: store, calls: store } as never,
    nowMs: () => now,
    days: 90,
    replaysDays: 1_100,
    log: { info: (event: string, facts: object) => void told.push([event, facts]) } as never,
  });
  expect(asked).toEqual([...new Array(6).fill(1_910 * dayMs), 900 * dayMs, 1_999 * dayMs]);
  expect(told).toEqual([['access.forgotten', { what: 'sessions', rows: 1_007 }]]);
});
